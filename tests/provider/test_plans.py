"""What the real provider would do to a stack that runs, when one input is another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.provider.estate import Estate

OPEN: Mapping[str, Any] = {"upload_api": {"authorization": "NONE", "page": True}}
KEY = "arn:aws:kms:eu-central-1:000000000000:key/11111111-2222-3333-4444-555555555555"
NETWORK = {"subnet_ids": ["subnet-1a2b3c4d"], "security_group_ids": ["sg-1a2b3c4d"]}


@dataclass(frozen=True)
class Scenario:
    """An input, and what may be destroyed or replaced for it: types, as docs/operations.md says."""

    given: Mapping[str, Any]
    gone: frozenset[str] = field(default_factory=frozenset)


SCENARIOS: Mapping[str, Scenario] = {
    "a key": Scenario({"surroundings": {"kms_key_arn": KEY}}),
    "a network": Scenario({"surroundings": {"network": NETWORK}}),
    "EXPRESS": Scenario(
        {"workflow": {"type": "EXPRESS"}},
        frozenset(
            {
                "aws_sfn_state_machine",
                "aws_cloudwatch_event_rule",
                "aws_cloudwatch_event_target",
                "aws_lambda_permission",
                "aws_cloudwatch_metric_alarm",
            }
        ),
    ),
    "malware_scan": Scenario({"workflow": {"trigger": "malware_scan"}}),
    "a pause": Scenario({"workflow": {"paused": True}}),
    "arm64": Scenario({"conversion": {"architecture": "arm64"}}),
    "other prefixes": Scenario({"uploads": {"prefix": "in/"}, "results": {"prefix": "out/"}}),
    "other renditions": Scenario({"renditions": {"one": {"width_px": 100, "format": "webp"}}}),
    "everyday settings": Scenario(
        {
            "tags": {"team": "photos"},
            "uploads": {"retention_days": 3},
            "results": {"retention_days": 9},
            "allowed_origins": ["https://photos.example"],
            "log_retention_days": 7,
        }
    ),
    "signed requests": Scenario(
        {"upload_api": {"authorization": "IAM"}},
        # The page goes, and with it what let browsers in.
        frozenset(
            {
                "aws_apigatewayv2_route",
                "aws_lambda_permission",
                "aws_s3_bucket_cors_configuration",
            }
        ),
    ),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_an_input_changes_in_place_or_as_documented(
    estate: Estate, tmp_path: Path, name: str
) -> None:
    scenario = SCENARIOS[name]
    plan = estate.beside(tmp_path).calls(**{**OPEN, **scenario.given}).plan("-refresh=false")
    assert plan.changes, "the input changes nothing"
    gone = {each.type for each in plan.changes if "delete" in each.actions}
    assert gone == scenario.gone, plan.gone


def test_no_bucket_goes_with_another_name(estate: Estate, tmp_path: Path) -> None:
    plan = estate.beside(tmp_path).calls(**OPEN, name="renamed").plan("-refresh=false")
    assert {address for address in plan.gone if ".aws_s3_" in address} == set()
    assert any("aws_lambda_function" in address for address in plan.replaced)


def test_no_bucket_goes_because_something_the_module_waits_for_has_a_change(
    estate: Estate, tmp_path: Path
) -> None:
    # Data sources of the module are read after the change: account and region are not known.
    waits = {
        "resource": {"terraform_data": {"network": {"input": "changed"}}},
        "module": {"called": {**OPEN, "depends_on": ["terraform_data.network"]}},
    }
    plan = estate.beside(tmp_path).contains(waits).plan("-refresh=false")
    assert plan.made == {"terraform_data.network"}
    kept = ("aws_s3_", "aws_iam_", "aws_lambda_function", "aws_sfn_", "aws_sqs_queue.")
    assert {address for address in plan.gone if any(kind in address for kind in kept)} == set()


def test_nothing_of_a_bucket_goes_before_the_bucket(estate: Estate, tmp_path: Path) -> None:
    bucket = 'storage.aws_s3_bucket.made["uploads"]'
    address = 'module.called.module.storage.aws_s3_bucket.made["uploads"]'
    plan = estate.beside(tmp_path).calls(**OPEN).plan("-refresh=false", f"-replace={address}")
    # The new bucket comes first, and its name is taken.
    assert plan.gone == {bucket}
    assert {each.actions for each in plan.changes if each.address == bucket} == {
        ("create", "delete")
    }


def test_a_rule_that_is_made_anew_has_its_target_again(estate: Estate, tmp_path: Path) -> None:
    rule, target = (
        f"trigger.aws_cloudwatch_event_{each}" for each in ("rule.upload_ready", "target.execution")
    )
    replace = f"-replace=module.called.module.{rule}"
    plan = estate.beside(tmp_path).calls(**OPEN).plan("-refresh=false", replace)
    assert plan.replaced >= {rule, target}


def test_a_checkout_with_other_line_ends_changes_nothing(estate: Estate, tmp_path: Path) -> None:
    copy = tmp_path / "module"
    for file in [*estate.module.glob("*.tf"), *_files(estate.module)]:
        there = copy / file.relative_to(estate.module)
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_bytes(file.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    root = tmp_path / "root"
    root.mkdir()
    plan = estate.with_module(copy).beside(root).calls(**OPEN).plan("-refresh=false")
    assert plan.changes == ()


def _files(module: Path) -> list[Path]:
    folders = ("modules", "statemachine")
    return [file for name in folders for file in (module / name).rglob("*") if file.is_file()]


SENSITIVE: Mapping[str, Any] = {
    "uploads": {"bucket": {"name": '${sensitive("media")}'}, "prefix": '${sensitive("in/")}'},
    "results": {"bucket": {"name": '${sensitive("media")}'}, "prefix": "out/"},
    "allowed_origins": '${sensitive(["https://photos.example"])}',
    "upload_api": {
        "authorization": "JWT",
        "jwt": {
            "issuer": '${sensitive("https://login.photos.example")}',
            "audiences": '${sensitive(["photos"])}',
        },
    },
    "workflow": {"remake": {"inventory_bucket": '${sensitive("inventories")}'}},
    "surroundings": {
        "kms_key_arn": f'${{sensitive("{KEY}")}}',
        "permissions_boundary_arn": '${sensitive("arn:aws:iam::000000000000:policy/b")}',
        "network": {
            "subnet_ids": '${sensitive(["subnet-1a2b3c4d"])}',
            "security_group_ids": '${sensitive(["sg-1a2b3c4d"])}',
        },
    },
    "monitoring": {
        "topic": {"arn": '${sensitive("arn:aws:sns:eu-central-1:000000000000:on-call")}'},
        "email_addresses": ['${sensitive("on-call@photos.example")}'],
    },
}


def test_sensitive_inputs_can_be_planned(fresh: Estate) -> None:
    plan = fresh.calls(**SENSITIVE).plan()
    assert any("aws_apigatewayv2_authorizer" in address for address in plan.made)


def test_inputs_that_are_not_known_yet_can_be_planned(fresh: Estate) -> None:
    def unknown(value: str) -> str:
        return f"${{terraform_data.{value}.output}}"

    values = {
        "bucket": "media",
        "origin": "https://photos.example",
        "issuer": "https://login.photos.example",
        "key": KEY,
        "boundary": "arn:aws:iam::000000000000:policy/b",
        "subnet": "subnet-1a2b3c4d",
        "group": "sg-1a2b3c4d",
        "topic": "arn:aws:sns:eu-central-1:000000000000:on-call",
    }
    root = {
        "resource": {"terraform_data": {name: {"input": value} for name, value in values.items()}},
        "module": {
            "called": {
                "uploads": {"bucket": {"name": unknown("bucket")}, "prefix": "in/"},
                "results": {"bucket": {"name": unknown("bucket")}, "prefix": "out/"},
                "allowed_origins": [unknown("origin")],
                "upload_api": {
                    "authorization": "JWT",
                    "jwt": {"issuer": unknown("issuer"), "audiences": ["photos"]},
                },
                "surroundings": {
                    "kms_key_arn": unknown("key"),
                    "permissions_boundary_arn": unknown("boundary"),
                    "network": {
                        "subnet_ids": [unknown("subnet")],
                        "security_group_ids": [unknown("group")],
                    },
                },
                "monitoring": {"topic": {"arn": unknown("topic")}},
            }
        },
    }
    plan = fresh.contains(root).plan()
    assert any("aws_apigatewayv2_authorizer" in address for address in plan.made)
