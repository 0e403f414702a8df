"""What the roles may do is what they do: calls of a whole run, compared with the module's policies.

The local AWS records every decision of IAM. It calls functions and starts executions in its own
name, and writes their logs itself: what only AWS's services would do with a role stands in
UNSEEN with its reason, and so does what is granted for a day that this run does not have.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local import client, paths
from local.aws.server import LocalAws
from local.stack import Stack, apply, configured
from measure.load.remake import Remakes
from tests.local.laboratory import wait_for
from tests.local.pictures import photograph
from tests.terraform.policies import Statement, may, role_policies, statements
from tests.terraform.roots import read
from upload_workflow.job.document import timestamp
from upload_workflow.job.keys import status_key
from upload_workflow.job.transitions import seed

NAME = "watched"
PATIENCE_SECONDS = 60

LOGS = "Lambda's own process writes the log; the local AWS does it in its own name."
# role without the instance's name and the region, statement, action: why no call was seen.
UNSEEN: dict[tuple[str, str, str], str] = {
    ("convert-image", "WriteLog", "logs:CreateLogStream"): LOGS,
    ("convert-image", "WriteLog", "logs:PutLogEvents"): LOGS,
    ("record-failure", "WriteLog", "logs:CreateLogStream"): LOGS,
    ("record-failure", "WriteLog", "logs:PutLogEvents"): LOGS,
    ("issue-upload", "WriteLog", "logs:CreateLogStream"): LOGS,
    ("issue-upload", "WriteLog", "logs:PutLogEvents"): LOGS,
    ("convert-image", "TellMissingFromDenied", "s3:ListBucket"): "Never called: with it S3 answers "
    "404 instead of 403 for an object that is not there.",
    ("record-failure", "TellMissingFromDenied", "s3:ListBucket"): "As for convert-image.",
    ("record-failure", "SeeWhichVersionIsTheNewest", "s3:GetObject"): "Asked only where neither "
    "document nor event tells an order: an old version that fails after a redrive of a new one.",
    ("record-failure", "KeepWhatCouldNotBeRecorded", "sqs:SendMessage"): "Lambda sends what it "
    "gave up on; the local AWS does it in its own name.",
    ("workflow", "RunTheFunctions", "lambda:InvokeFunction"): "Step Functions runs the functions "
    "in the local AWS's own name.",
    ("workflow", "AnnounceResults", "events:PutEvents"): "As for the functions.",
    **{
        (role, "DeliverLogs", f"logs:{action}"): "Step Functions sets its log up in the "
        "local AWS's own name; the actions are those of its developer guide."
        for role in ("workflow", "remake")
        for action in (
            "CreateLogDelivery",
            "DeleteLogDelivery",
            "DescribeLogGroups",
            "DescribeResourcePolicies",
            "GetLogDelivery",
            "ListLogDeliveries",
            "PutResourcePolicy",
            "UpdateLogDelivery",
        )
    },
    **{
        ("remake", sid, action): "Step Functions lists, runs batches and writes the report in the "
        "local AWS's own name; the actions are those of its developer guide."
        for sid, actions in {
            "RunTheFunctions": ["lambda:InvokeFunction"],
            "AnnounceResults": ["events:PutEvents"],
            "ListUploads": ["s3:ListBucket"],
            "ReadLists": ["s3:GetObject"],
            "WriteReports": [
                "s3:AbortMultipartUpload",
                "s3:ListMultipartUploadParts",
                "s3:PutObject",
            ],
            "StartBatches": ["states:StartExecution"],
            "FollowBatches": ["states:DescribeExecution", "states:StopExecution"],
            "RunBatchesAgain": ["states:RedriveExecution"],
        }.items()
        for action in actions
    },
    ("start-execution", "StartExecution", "states:StartExecution"): "EventBridge starts executions "
    "in the local AWS's own name.",
}


@dataclass(frozen=True)
class Call:
    """One request that IAM decided on."""

    role: str
    action: str
    resource: str
    allowed: bool


@dataclass(frozen=True)
class Run:
    """Everything that was called, and what each role was granted; roles by their short names."""

    calls: frozenset[Call]
    granted: dict[str, list[Statement]]
    applied: frozenset[Call]  # what Terraform called, by nobody's role


@pytest.fixture(scope="module")
def run(
    variant: Callable[[str], AbstractContextManager[LocalAws]],
    package_file: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Run]:
    """The module on an AWS that records, after one upload of each outcome."""
    data = tmp_path_factory.mktemp("watched")
    variables = {
        "name": NAME,
        "package_file": package_file,
        "uploads": {"delete_on_success": True},
        "workflow": {"remake": {}},
        "monitoring": None,
    }
    with variant("recording") as aws, configured(aws, data, variables) as root:
        before = len((aws.folder / "calls").read_text().splitlines())
        stack = apply(aws, root)
        applied = frozenset(of_others(aws.folder / "calls", before))
        live(stack)
        # The announcement is the last thing that a failure makes anybody do.
        calls = aws.folder / "calls"
        wait_for("the announcement", lambda: '"events:PutEvents"' in calls.read_text())
        made = role_policies(read(data))
        names = {role: short(role, aws.region) for role in made}
        yield Run(
            frozenset(recorded(calls, names)),
            {names[role]: statements for role, statements in made.items()},
            applied,
        )


def short(role: str, region: str) -> str:
    return role.removeprefix(f"{NAME}-").removesuffix(f"-{region}")


def recorded(file: Path, names: dict[str, str]) -> Iterator[Call]:
    """The calls that roles of the module made."""
    for line in file.read_text(encoding="utf-8").splitlines():
        call = json.loads(line)
        # arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION
        role = call["principal"].split("/")[1] if ":assumed-role/" in call["principal"] else ""
        if role in names:
            yield Call(names[role], call["action"], call["resource"], call["allowed"])


def of_others(file: Path, first: int) -> Iterator[Call]:
    """The calls from a line on of whoever applies, without those that make the tests' signer."""
    for line in file.read_text(encoding="utf-8").splitlines()[first:]:
        call = json.loads(line)
        if ":user/" in call["principal"] and ":user/" not in call["resource"]:
            yield Call("", call["action"], call["resource"], call["allowed"])


def live(stack: Stack) -> None:
    """A success whose rendition is fetched, a rejection, a job by version and a failure."""
    good = issue(stack)
    upload(good, photograph(800, 600))
    document = end(good)
    assert document["state"] == "SUCCEEDED"
    client.fetch(document["renditions"][0])

    s3, uploads, results = (
        stack.aws.client("s3"),
        stack.outputs["uploads"],
        stack.outputs["results"],
    )
    # Its original goes after its result is there, and with it every version.
    place = {"Bucket": uploads["bucket"], "Prefix": good["job"]["key"]}
    wait_for("its going", lambda: not s3.list_object_versions(**place).get("Versions"))

    bad = issue(stack)
    upload(bad, b"no image")
    assert end(bad)["state"] == "REJECTED"

    states = stack.aws.client("stepfunctions")
    machine = stack.outputs["state_machine"]["arn"]
    event = started_with(states, machine, bad["job"]["key"])
    # The local AWS's events leave out the version, which AWS's say; without it the etag pins.
    # Of a key that was issued and overwritten the first version is read, by its id.
    key = bad["job"]["key"]
    place = {"Bucket": results["bucket"], "Key": status_key(results["prefix"], key)}
    first = s3.head_object(Bucket=uploads["bucket"], Key=key)["VersionId"]
    s3.put_object(Bucket=uploads["bucket"], Key=key, Body=photograph(80, 60))
    wait_for("the second's end", lambda: ended(states, machine, key) == 2)
    now = datetime.now(UTC)
    seeded = seed(uploads["bucket"], key, now, expires_at=timestamp(now + timedelta(hours=1)))
    s3.put_object(**place, Body=seeded.to_bytes())
    event["detail"]["object"]["version-id"] = first
    states.start_execution(stateMachineArn=machine, input=json.dumps(event))
    wait_for("its end", lambda: ended(states, machine, key) == 3)

    slow = issue(stack)
    upload(slow, photograph(6000, 4000))
    running = wait_for(
        "the execution",
        lambda: states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")[
            "executions"
        ],
    )
    states.stop_execution(executionArn=running[0]["executionArn"])
    assert end(slow)["state"] == "FAILED"

    # What is left of them, made anew: once as it is listed, once by its key alone.
    remakes = Remakes(stack)
    report = remakes.report(remakes.start({"prefix": uploads["prefix"]}))
    assert report.status == "SUCCEEDED" and report.outcomes["SUCCEEDED"]
    list_ = {"bucket": results["bucket"], "key": f"{remakes.reports['prefix']}keys.jsonl"}
    s3.put_object(
        Bucket=list_["bucket"],
        Key=list_["key"],
        Body=json.dumps({"key": slow["job"]["key"]}).encode(),
    )
    assert remakes.report(remakes.start({"keys": list_})).outcomes == {"UNCHANGED": 1}


def ended(states: Any, machine: str, key: str) -> int:
    """How many executions of a key have ended."""
    listed = states.list_executions(stateMachineArn=machine)["executions"]
    inputs = (
        json.loads(states.describe_execution(executionArn=one["executionArn"])["input"])
        for one in listed
        if one["status"] != "RUNNING"
    )
    return sum(event["detail"]["object"]["key"] == key for event in inputs)


def started_with(states: Any, machine: str, key: str) -> dict[str, Any]:
    """The event of the execution that a key started."""
    for listed in states.list_executions(stateMachineArn=machine)["executions"]:
        described = states.describe_execution(executionArn=listed["executionArn"])
        event: dict[str, Any] = json.loads(described["input"])
        if event["detail"]["object"]["key"] == key:
            return event
    raise AssertionError(f"no execution for {key}")


def issue(stack: Stack) -> dict[str, Any]:
    """An upload form and a status URL, from the module's own API."""
    answer = client.request(
        "POST",
        f"{stack.outputs['upload_api']['url']}uploads",
        json.dumps({"content_type": "image/jpeg"}).encode(),
        {"Content-Type": "application/json"},
    )
    assert answer.status == 201, answer.body
    issued: dict[str, Any] = json.loads(answer.body)
    return issued


def upload(issued: dict[str, Any], data: bytes) -> None:
    client.send(issued["upload"], "photo.jpg", data)


def end(issued: dict[str, Any]) -> dict[str, Any]:
    return client.follow(issued["status_url"], PATIENCE_SECONDS)


def test_every_role_is_watched(run: Run) -> None:
    assert run.granted.keys() == {
        "convert-image",
        "record-failure",
        "issue-upload",
        "workflow",
        "start-execution",
        "remake",
    }
    assert {call.role for call in run.calls} == {"convert-image", "record-failure", "issue-upload"}


def test_nothing_is_refused(run: Run) -> None:
    assert [call for call in run.calls if not call.allowed] == []


def test_what_is_used_is_granted(run: Run) -> None:
    for call in run.calls:
        assert may(run.granted[call.role], call.action, call.resource), call


def test_what_an_apply_calls_is_granted_to_the_pipeline(run: Run) -> None:
    policy = (paths.REPOSITORY / "examples/ci/apply_policy.json").read_text(encoding="utf-8")
    for placeholder, value in {"${name}": NAME, "${partition}": "aws"}.items():
        policy = policy.replace(placeholder, value)
    granted = list(statements("apply", policy))
    assert {"iam:PutRolePolicy", "s3:PutBucketPolicy"} <= {call.action for call in run.applied}
    # The local AWS names what other services act on otherwise than AWS does.
    refused = {
        (call.action, call.resource)
        for call in run.applied
        if not any(
            may([statement], call.action, call.resource)
            if call.action.startswith(("s3:", "iam:"))
            else may([statement], call.action, statement.resources[0])
            for statement in granted
        )
    }
    assert refused == set()


def test_what_is_granted_is_used_or_has_a_reason(run: Run) -> None:
    unused = {
        (role, statement.sid, action)
        for role, statements in run.granted.items()
        for statement in statements
        for action in statement.actions
        if not any(
            call.role == role and may([statement], call.action, call.resource)
            for call in run.calls
            if call.action.lower() == action.lower()
        )
    }
    assert unused == UNSEEN.keys()
