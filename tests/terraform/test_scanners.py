"""Other people's scanners: what they find is nothing, or has a reason here.

Every reason must still be needed: a finding that went away takes its reason with it.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from local import environments, paths
from tests.terraform.cases import CASES
from tests.terraform.policies import RESOURCE_POLICIES
from tests.terraform.roots import Applied

CHECKOV = {
    "CKV_AWS_18": "Access logs of the buckets: whoever wants them has a bucket for them and brings "
    "buckets that write there.",
    "CKV_AWS_115": "Reserved concurrency of issue_upload: the API's throttle bounds it.",
    "CKV_AWS_116": "Dead letters of issue_upload: it is invoked synchronously, a client hears of "
    "the failure.",
    "CKV_AWS_144": "Replication to another region: uploads and results are forgotten in days, and "
    "results can be made again.",
    "CKV_AWS_173": "A customer's key for the functions' environments: they hold names and numbers, "
    "no secrets.",
    "CKV_AWS_272": "Code signing: the package is pinned by its hash, which Terraform shows.",
    "CKV_AWS_338": "Logs are kept for 30 days; whoever must keep them for a year says so "
    "(log_retention_days).",
    "CKV_AWS_285": "Execution data in the log: keys and metadata of clients stay in the history.",
    "CKV_AWS_356": "What operators read of CloudWatch's alarms knows no resources.",
}

# It follows a number through modules or does not, by what else is to be followed.
SEEN_AT_TIMES = {"CKV_AWS_338"}

# Partitions that it does not know: it takes their ARNs for misspelt ones.
UNKNOWN_TO_PARLIAMENT = {"europe", "iso"}
PARLIAMENT = {
    # Reading alarms knows no resources.
    ("RESOURCE_STAR", "['cloudwatch:DescribeAlarms']"),
    # Of the formats that these two take, ours are those of executions of a STANDARD machine.
    (
        "RESOURCE_MISMATCH",
        "[{'action': 'states:DescribeExecution', "
        "'required_format': 'arn:*:states:*:*:express:*:*:*'}]",
    ),
    (
        "RESOURCE_MISMATCH",
        "[{'action': 'states:ListExecutions', 'required_format': 'arn:*:states:*:*:mapRun:*/*:*'}]",
    ),
    # The trust policy of a role has no Resource: the role is the resource.
    ("MALFORMED", "Statement contains neither Resource nor NotResource"),
    # Lambda attaches functions to a network with their own roles; what it makes has no name yet.
    (
        "RESOURCE_STAR",
        "['ec2:AssignPrivateIpAddresses', 'ec2:CreateNetworkInterface', "
        "'ec2:DeleteNetworkInterface', 'ec2:UnassignPrivateIpAddresses']",
    ),
    # Denials of everything with an old signature: two actions of S3 are never signed like that.
    (
        "UNKNOWN_CONDITION_FOR_ACTION",
        "Unknown condition s3:signatureversion for action s3:InitiateReplication",
    ),
    (
        "UNKNOWN_CONDITION_FOR_ACTION",
        "Unknown condition s3:signatureversion for action s3:PutAccessPointPublicAccessBlock",
    ),
    (
        "UNKNOWN_CONDITION_FOR_ACTION",
        "Unknown condition s3:signatureAge for action s3:InitiateReplication",
    ),
    (
        "UNKNOWN_CONDITION_FOR_ACTION",
        "Unknown condition s3:signatureAge for action s3:PutAccessPointPublicAccessBlock",
    ),
}


@pytest.fixture(scope="module")
def scanners() -> Path:
    """Interpreter of the environment that holds them: they pin what we use in other versions."""
    return environments.environment("scanners", "Setting up the scanners")


def test_checkov_finds_nothing_without_a_reason(scanners: Path) -> None:
    elsewhere = [
        "build",
        "dist",
        "tests",
        "local",
        "measure",
        "examples",
        "docs",
        ".venv",
        ".local",
    ]
    done = subprocess.run(
        [
            str(scanners),
            "-m",
            "checkov.main",
            "--directory=.",
            "--framework=terraform",
            "--output=json",
            "--compact",
            # It would ask its maker's server for texts otherwise.
            "--skip-download",
            *(f"--skip-path={folder}" for folder in elsewhere),
        ],
        cwd=paths.REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(done.stdout)
    # It did look: the module's resources, hundreds of checks.
    assert report["summary"]["resource_count"] > 40 and report["summary"]["passed"] > 200
    assert report["summary"]["parsing_errors"] == 0
    found = report["results"]["failed_checks"]
    without_reason = [
        f"{check['check_id']} {check['resource']}: {check['check_name']}"
        for check in found
        if check["check_id"] not in CHECKOV
    ]
    assert without_reason == []
    assert CHECKOV.keys() - {check["check_id"] for check in found} <= SEEN_AT_TIMES


def test_parliament_finds_nothing_without_a_reason(
    scanners: Path, applied: Callable[[str], Applied]
) -> None:
    known = CASES.keys() - UNKNOWN_TO_PARLIAMENT
    findings = judged(scanners, {k: v for case in known for k, v in policies(case, applied(case))})
    assert [finding for finding in findings if finding[1:] not in PARLIAMENT] == []
    assert {finding[1:] for finding in findings} == PARLIAMENT


def test_parliament_sees_a_wrong_action_and_a_wrong_resource(scanners: Path) -> None:
    def policy(action: str, resource: str) -> str:
        statement = {"Effect": "Allow", "Action": action, "Resource": resource}
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    wrong = {
        "misspelt": policy("s3:GetObjects", "arn:aws:s3:::media/*"),
        "mismatched": policy("s3:GetObject", "arn:aws:s3:::media"),
        "right": policy("s3:GetObject", "arn:aws:s3:::media/*"),
    }
    assert {finding[:2] for finding in judged(scanners, wrong)} == {
        ("misspelt", "UNKNOWN_ACTION"),
        ("mismatched", "RESOURCE_MISMATCH"),
    }


def policies(case: str, applied: Applied) -> list[tuple[str, str]]:
    """Every policy that the case made, with its address."""
    attributes = {
        "aws_iam_role": "assume_role_policy",
        "aws_iam_role_policy": "policy",
        **RESOURCE_POLICIES,
    }
    made = [
        (f"{case}: {resource.address}", resource.values[attributes[resource.type]])
        for resource in applied.of(*attributes)
    ]
    names = ("signer_policy_json", "reader_policy_json", "results_reader_policy_json")
    return [*made, *((f"{case}: {name}", applied.outputs["all"][name]) for name in names)]


def judged(scanners: Path, policies: dict[str, str]) -> list[tuple[str, str, str]]:
    done = subprocess.run(
        [str(scanners), "-W", "ignore", str(Path(__file__).with_name("judge_policies.py"))],
        input=json.dumps(policies),
        capture_output=True,
        text=True,
        check=True,
    )
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]
