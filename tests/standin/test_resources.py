"""Every resource type goes the whole way: made, unchanged, changed, drifted, imported, gone.

The estate has two sides, chosen by `var.other`: everything that can change in place differs between
them. So the second side is also the drift that a state of the first side has to notice.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.aws.server import LocalAws
from local.terraform.standin import facts, schema
from local.terraform.standin.cloud import Aws
from local.terraform.standin.kinds import CRUD
from tests.standin.conftest import Workspace, terraform_environment

ESTATE = Path(__file__).parent / "estate"

Plan = dict[str, Any]
Changes = dict[str, set[str]]

# The id that `terraform import` takes, where it is not the attribute `id`.
IMPORT_ID: dict[str, Callable[[dict[str, Any]], str]] = {
    "aws_apigatewayv2_authorizer": lambda s: f"{s['api_id']}/{s['id']}",
    "aws_apigatewayv2_integration": lambda s: f"{s['api_id']}/{s['id']}",
    "aws_apigatewayv2_route": lambda s: f"{s['api_id']}/{s['id']}",
    "aws_apigatewayv2_stage": lambda s: f"{s['api_id']}/{s['name']}",
    "aws_cloudwatch_event_target": lambda s: f"{s['rule']}/{s['target_id']}",
    "aws_cloudwatch_query_definition": lambda s: str(s["arn"]),
    "aws_lambda_permission": lambda s: (
        f"{s['function_name']}{':' + s['qualifier'] if s['qualifier'] else ''}/{s['statement_id']}"
    ),
}

# Configurable, not ForceNew, and all the same not changed by the estate.
UNCHANGED = {
    "aws_apigatewayv2_authorizer": {"authorizer_type": "would be another authorizer"},
    "aws_apigatewayv2_integration": {
        "connection_id": "of a VPC link",
        "passthrough_behavior": "of a WebSocket API",
    },
    "aws_apigatewayv2_route": {
        "api_key_required": "of a WebSocket API",
        "authorizer_id": "one authorizer of tokens is enough",
        "target": "one integration is enough",
    },
    "aws_apigatewayv2_stage": {"deployment_id": "the stage deploys itself"},
    "aws_cloudwatch_event_connection": {"authorization_type": "one kind of secret is enough"},
    "aws_cloudwatch_log_group": {
        "deletion_protection_enabled": "destroy would refuse",
        "kms_key_id": "MiniStack has no AssociateKmsKey",
        "skip_destroy": "would be left behind",
    },
    "aws_iam_role": {"managed_policy_arns": "deprecated; read as it is"},
    "aws_lambda_function": {
        "code_sha256": "computed from the package",
        "image_uri": "no images here",
        "layers": "no layers here",
        "publish": "would stop making versions",
        "s3_bucket": "one bucket with code is enough",
        "s3_key": "as above",
        "s3_object_version": "as above",
        "skip_destroy": "would be left behind",
        "use_resource_timeout_for_propagation": "waiting for AWS, nothing else",
    },
    "aws_s3_bucket_public_access_block": {"skip_destroy": "would be left behind"},
    "aws_s3_bucket_notification": {
        "lambda_function": "as queue",
        "topic": "as queue",
    },
    "aws_s3_bucket_versioning": {"mfa": "needs a device"},
    "aws_sfn_state_machine": {"publish": "would stop making versions"},
    "aws_sns_topic_subscription": {
        "delivery_policy": "of HTTP endpoints",
        "replay_policy": "of an archived topic",
        "subscription_role_arn": "of Firehose",
    },
    "aws_kms_key": {"bypass_policy_lockout_safety_check": "guards AWS's own check"},
}


def changes(plan: Plan, action: str) -> Changes:
    """The attributes that differ, by type, of the resources with this one action."""
    found: Changes = defaultdict(set)
    for resource in plan["resource_changes"]:
        change = resource["change"]
        if change["actions"] == [action]:
            before, after, unknown = change["before"], change["after"], change["after_unknown"]
            found[resource["type"]] |= {
                name
                for name in after
                if before[name] != after[name] and not _any(unknown.get(name))
            }
    return found


def _any(unknown: Any) -> bool:
    """Whether something in a mark of unknown values is marked."""
    if isinstance(unknown, dict | list):
        return any(map(_any, unknown.values() if isinstance(unknown, dict) else unknown))
    return bool(unknown)


def describe(plan: Plan) -> str:
    """Everything that would change, one attribute a line."""
    return "\n".join(
        f"{r['address']}.{name}: {r['change']['before'][name]!r} -> {after!r}"
        for r in plan["resource_changes"]
        if r["change"]["actions"] == ["update"]
        for name, after in r["change"]["after"].items()
        if r["change"]["before"][name] != after
    )


def only_updates(plan: Plan) -> None:
    """Nothing is made, replaced or destroyed."""
    wrong = [
        f"{r['address']}: {r['change']['actions']} {r['change'].get('replace_paths')}"
        for r in plan["resource_changes"]
        if not set(r["change"]["actions"]) <= {"no-op", "update", "read"}
    ]
    assert not wrong, wrong


def unread(type_name: str) -> set[str]:
    return {*facts.of(type_name).kept, *facts.gaps(type_name)}


@pytest.fixture(scope="module")
def estate(
    tmp_path_factory: pytest.TempPathFactory,
    reattach: str,
    packages: dict[str, str],
    code_bucket: str,
) -> Workspace:
    folder = tmp_path_factory.mktemp("estate")
    shutil.copytree(ESTATE, folder, dirs_exist_ok=True)
    workspace = Workspace(folder, terraform_environment(reattach))
    workspace.variables = {"zip": packages, "code_bucket": code_bucket}
    return workspace.init()


@pytest.fixture(scope="module")
def made(estate: Workspace) -> Plan:
    """The first side is there; the plan that follows."""
    estate.apply().must()
    shutil.copy(estate.folder / "terraform.tfstate", estate.folder / "first.tfstate")
    return estate.planned()


@pytest.fixture(scope="module")
def to_the_other_side(estate: Workspace, made: Plan) -> Plan:
    return estate.planned(other=True)


@pytest.fixture(scope="module")
def changed(estate: Workspace, to_the_other_side: Plan) -> Plan:
    """The second side is there; the plan that follows."""
    estate.apply(other=True).must()
    shutil.copy(estate.folder / "terraform.tfstate", estate.folder / "last.tfstate")
    return estate.planned(other=True)


@pytest.fixture(scope="module")
def resources(changed: Plan) -> list[dict[str, Any]]:
    found = changed["planned_values"]["root_module"]["resources"]
    return [resource for resource in found if resource["mode"] == "managed"]


def test_every_type_that_has_crud_is_in_the_estate(made: Plan) -> None:
    assert {resource["type"] for resource in made["resource_changes"]} == CRUD.keys()


def test_a_second_plan_is_empty(made: Plan) -> None:
    only_updates(made)
    assert not changes(made, "update"), describe(made)


def test_a_refresh_tells_no_news(made: Plan) -> None:
    """Null and false are one thing, so a reading does not turn one into the other."""
    news = {
        f"{r['type']}.{name}"
        for r in made.get("resource_drift", [])
        for name, after in r["change"]["after"].items()
        if r["change"]["before"][name] != after
    }
    assert news == {  # what a resource of another type has set
        "aws_sns_topic.policy",
        "aws_sqs_queue.policy",
    }


def test_everything_that_can_change_does_so_in_place(to_the_other_side: Plan) -> None:
    only_updates(to_the_other_side)
    done, missing, needless = changes(to_the_other_side, "update"), {}, {}
    for name in sorted(CRUD):
        block, known = schema.load().resources[name], facts.of(name)
        fixed = {path.partition(".")[0] for path in known.force_new} | {*known.refused}
        fixed |= {"id", "region", "tags_all", "timeouts"}
        changeable = {n for n, a in block.attributes.items() if a.required or a.optional}
        changeable |= block.blocks.keys()
        excused = UNCHANGED.get(name, {}).keys()
        missing[name] = changeable - fixed - excused - done[name]
        needless[name] = (excused & done[name]) | (excused - (changeable - fixed))
    assert {name: found for name, found in missing.items() if found} == {}
    assert {name: found for name, found in needless.items() if found} == {}


def test_the_plan_after_a_change_is_empty(changed: Plan) -> None:
    only_updates(changed)
    assert not changes(changed, "update"), describe(changed)


def test_drift_of_every_attribute_is_seen(
    estate: Workspace, to_the_other_side: Plan, changed: Plan
) -> None:
    """The first side's state finds the second side's world."""
    drift = changes(estate.planned("-state=first.tfstate"), "update")
    wanted = changes(to_the_other_side, "update")
    missed = {name: attributes - drift[name] - unread(name) for name, attributes in wanted.items()}
    assert not any(missed.values()), {name: found for name, found in missed.items() if found}


def test_a_gap_on_the_record_is_a_gap(
    aws: LocalAws, resources: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the local AWS gives an attribute back, its line in the table has to go."""
    keys = aws.credentials
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint_url)
    config = {"access_key": keys.access_key_id, "secret_key": keys.secret_access_key}
    there = Aws.configure({"region": aws.region, **config})
    for gap in facts.GAPS:
        states = [r["values"] for r in resources if r["type"] == gap.type_name]
        seen = [(s[gap.attribute], CRUD[gap.type_name].read(there, s)) for s in states]
        assert any(read and read[gap.attribute] != mine for mine, read in seen), gap


def test_what_is_imported_is_what_is_there(
    estate: Workspace, resources: list[dict[str, Any]]
) -> None:
    blocks = (
        f'import {{\n  to = {r["address"]}\n  id = "{_import_id(r)}"\n}}\n' for r in resources
    )
    estate.write("".join(blocks), "imports.tf")
    plan = estate.planned("-state=none.tfstate", other=True)
    (estate.folder / "imports.tf").unlink()
    only_updates(plan)
    strange = {name: found - unread(name) for name, found in changes(plan, "update").items()}
    assert not any(strange.values()), describe(plan)


def _import_id(resource: dict[str, Any]) -> str:
    values: dict[str, Any] = resource["values"]
    take = IMPORT_ID.get(resource["type"])
    return take(values) if take else str(values["id"])


def test_destroy_leaves_nothing(estate: Workspace, resources: list[dict[str, Any]]) -> None:
    estate.destroy(other=True).must()
    plan = estate.planned("-refresh-only", "-state=last.tfstate", other=True)
    gone = {r["address"] for r in plan["resource_drift"] if r["change"]["actions"] == ["delete"]}
    assert {resource["address"] for resource in resources} - gone == set()
