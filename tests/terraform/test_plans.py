"""What a plan changes: nothing the second time, and only what depends on it otherwise."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local import paths
from tests.support import workflow_file
from tests.terraform.cases import CASES
from tests.terraform.conftest import PACKAGE
from tests.terraform.roots import Applied, Cloud, calling, unpacked

Apply = Callable[[str], Applied]

Replanned = Callable[..., dict[str, list[str]]]


def changes(cloud: Cloud, folder: Path) -> dict[str, list[str]]:
    """By address below the module: what a plan would do; nothing for what stays as it is."""
    cloud.run(folder, "plan", "-input=false", "-out=plan")
    plan = json.loads(cloud.run(folder, "show", "-json", "plan"))
    changed = [*plan.get("resource_changes", []), *plan.get("resource_drift", [])]
    return {
        change["address"].removeprefix("module.called.module."): change["change"]["actions"]
        for change in changed
        if change["change"]["actions"] != ["no-op"]
    }


def test_a_second_plan_changes_nothing(cloud: Cloud, applied: Apply) -> None:
    assert changes(cloud, applied("surrounded").folder) == {}


def test_a_plan_of_somebody_else_somewhere_else_changes_nothing(
    cloud: Cloud, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A module that was fetched lies below the root, and its zip in it: the path is the same
    # wherever the root is.
    here, there = scratch / "here", scratch / "home" / "somebody" / "there"
    module = unpacked(here / "module", PACKAGE)
    cloud.apply(calling(module, here / "root", {}))
    shutil.copytree(here, there, ignore=shutil.ignore_patterns(".terraform"))
    monkeypatch.setenv("HOME", str(there))
    monkeypatch.setenv("USER", "somebody")
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    root = there / "root"
    cloud.run(root, "init", "-input=false")
    assert changes(cloud, root) == {}


@pytest.fixture
def replanned(cloud: Cloud, applied: Apply, tmp_path: Path) -> Replanned:
    """What changes in the default case when a variable is given another value."""

    def plan(**variables: Any) -> dict[str, list[str]]:
        state = applied("default").folder / "terraform.tfstate"
        shutil.copy(state, tmp_path)
        calling(paths.REPOSITORY, tmp_path, {"package_file": str(PACKAGE), **variables})
        cloud.run(tmp_path, "init", "-input=false")
        return changes(cloud, tmp_path)

    return plan


CONVERTER = 'conversion.aws_lambda_function.workflow["convert_image"]'
RECORDER = 'conversion.aws_lambda_function.workflow["record_failure"]'


def test_a_rendition_changes_the_converter_and_nothing_else(replanned: Replanned) -> None:
    renditions = {"thumbnail": {"width_px": 320, "format": "webp"}}
    assert replanned(renditions=renditions) == {CONVERTER: ["update"]}


def test_a_new_package_changes_the_functions_and_nothing_else(
    replanned: Replanned, tmp_path: Path
) -> None:
    package = tmp_path / "package.zip"
    package.write_bytes(b"another one")
    both = {CONVERTER: ["update"], RECORDER: ["update"]}
    assert replanned(package_file=str(package)) == both


def test_a_pause_changes_the_rules_target_and_nothing_else(replanned: Replanned) -> None:
    target = "trigger.aws_cloudwatch_event_target.execution"
    assert replanned(workflow={"paused": True}) == {target: ["update"]}


def test_another_retention_keeps_every_bucket(replanned: Replanned) -> None:
    changed = replanned(uploads={"retention_days": 14})
    rules = 'storage.aws_s3_bucket_lifecycle_configuration.made["uploads"]'
    assert changed.pop(rules) == ["update"]
    # Alarms speak of it.
    assert all(address.startswith("monitoring[") for address in changed), changed


def test_terraform_renders_the_workflow_as_the_contract_tests_do(applied: Apply) -> None:
    state = applied("default")
    functions = {
        function.values["function_name"].removeprefix("upload-workflow-"): function.values
        for function in state.of("aws_lambda_function")
    }
    values: dict[str, str | int] = {
        **workflow_file.VALUES,
        "convert_image_arn": functions["convert-image"]["arn"],
        "record_failure_arn": functions["record-failure"]["arn"],
        "convert_image_timeout_seconds": functions["convert-image"]["timeout"] + 5,
        "record_failure_timeout_seconds": functions["record-failure"]["timeout"] + 5,
    }
    (machine,) = state.of("aws_sfn_state_machine")
    assert machine.values["definition"] == workflow_file.rendered(values)


def test_instances_live_side_by_side(cloud: Cloud, scratch: Path) -> None:
    folder = calling(paths.REPOSITORY, scratch / "siblings", {"package_file": str(PACKAGE)})
    root = json.loads((folder / "main.tf.json").read_text(encoding="utf-8"))
    root["module"]["called"] |= {"for_each": {"photos": "1", "scans": "2"}, "name": "${each.key}"}
    (folder / "main.tf.json").write_text(json.dumps(root), encoding="utf-8")
    state = cloud.apply(folder)
    names = {
        (resource.type, resource.values[key])
        for resource in state.resources
        for key in ("bucket", "function_name", "name", "alarm_name", "dashboard_name")
        if not resource.type.startswith("data.") and resource.values.get(key)
    }
    of_photos = {(kind, name) for kind, name in names if "photos" in name}
    of_scans = {(kind, name) for kind, name in names if "scans" in name}
    assert {(kind, name.replace("photos", "scans")) for kind, name in of_photos} == of_scans
    # A policy inside a role and an authorizer inside an API are named within it.
    assert {kind for kind, _ in names - of_photos - of_scans} <= {"aws_iam_role_policy"}


def test_the_region_argument_moves_everything(applied: Apply) -> None:
    region = CASES["other_region"].variables["region"]
    for resource in applied("other_region").resources:
        if "region" in resource.values and not resource.type.startswith("data."):
            assert resource.values["region"] == region, resource.address


@pytest.mark.parametrize("case", CASES)
def test_names_are_no_longer_than_aws_accepts(applied: Apply, case: str) -> None:
    longest = {
        "aws_iam_role": ("name", 64),
        "aws_lambda_function": ("function_name", 64),
        "aws_s3_bucket": ("bucket", 63),
        "aws_cloudwatch_event_rule": ("name", 64),
        "aws_sfn_state_machine": ("name", 80),
        "aws_sqs_queue": ("name", 80),
    }
    # The longest name that is accepted and the longest region there is.
    growth = 27 - len("upload-workflow") + 14 - len(CASES[case].region)
    for resource in applied(case).of(*longest):
        key, most = longest[resource.type]
        assert len(resource.values[key]) + growth <= most, resource.address


def test_an_environment_fits_into_a_function(applied: Apply) -> None:
    (function,) = [
        function
        for function in applied("default").of("aws_lambda_function")
        if "RENDITIONS" in function.values["environment"][0]["variables"]
    ]
    given = function.values["environment"][0]["variables"]
    longest = {
        "RENDITIONS": 3400,
        "RESULTS_BUCKET": 63,
        "RESULTS_PREFIX": 256,
        "WORKFLOW_NAME": 27,
        # Each of six numbers may have four more digits.
        "LIMITS": len(given["LIMITS"]) + 24,
        "URL_LIFE_SECONDS": 6,
        "LEASE_SECONDS": 3,
    }
    assert longest.keys() == given.keys()
    # Lambda gives all variables of a function 4096 bytes together.
    assert sum(len(name) + size for name, size in longest.items()) <= 4096
