"""What a plan changes: nothing the second time, and only what depends on it otherwise."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local import paths
from tests.support import workflow_file
from tests.terraform.cases import BOUNDARY, CASES, JWT, KEY, NETWORK, QUIET
from tests.terraform.conftest import PACKAGE
from tests.terraform.policies import statements
from tests.terraform.roots import REGION, Applied, Cloud, calling, unpacked
from upload_workflow.settings import IssueUploadSettings

Apply = Callable[[str], Applied]

Replanned = Callable[..., dict[str, list[str]]]


def changes(cloud: Cloud, folder: Path, *options: str) -> dict[str, list[str]]:
    """By address below the module: what a plan would do; nothing for what stays as it is."""
    cloud.run(folder, "plan", "-input=false", "-out=plan", *options)
    plan = json.loads(cloud.run(folder, "show", "-json", "plan"))
    changed = [*plan.get("resource_changes", []), *plan.get("resource_drift", [])]
    return {
        change["address"].removeprefix("module.called.module."): change["change"]["actions"]
        for change in changed
        if change["change"]["actions"] != ["no-op"]
    }


def test_a_second_plan_changes_nothing(cloud: Cloud, applied: Apply) -> None:
    assert changes(cloud, applied("surrounded").folder) == {}


@pytest.mark.parametrize(("case", "traced"), [("surrounded", True), ("default", False)])
def test_functions_and_executions_are_traced_where_asked_for(
    applied: Apply, case: str, traced: bool
) -> None:
    modes = [
        each.values["tracing_config"][0]["mode"] for each in applied(case).of("aws_lambda_function")
    ]
    machines = [
        each.values["tracing_configuration"][0]["enabled"]
        for each in applied(case).of("aws_sfn_state_machine")
    ]
    assert set(modes) == {"Active" if traced else "PassThrough"}
    assert machines == [traced]


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


ANEW = ["delete", "create"]


def of_kind(changed: dict[str, list[str]], kind: str) -> dict[str, list[str]]:
    return {address: what for address, what in changed.items() if f"{kind}." in address}


def test_roles_that_are_made_anew_take_their_policies_along(replanned: Replanned) -> None:
    changed = replanned(surroundings={"role_path": "/media/"})
    roles, policies = of_kind(changed, "aws_iam_role"), of_kind(changed, "aws_iam_role_policy")
    assert set(map(tuple, roles.values())) == {tuple(ANEW)}
    assert policies == {
        role.replace("aws_iam_role.lent", "aws_iam_role_policy.own"): ANEW for role in roles
    }
    assert len(policies) == 4


def test_a_plan_that_waits_for_something_else_makes_no_bucket_and_no_role_anew(
    cloud: Cloud, scratch: Path
) -> None:
    """Account and region are not known in it: they are read after what the module depends on."""
    folder = calling(paths.REPOSITORY, scratch / "waiting", {"package_file": str(PACKAGE)})
    root = json.loads((folder / "main.tf.json").read_text(encoding="utf-8"))
    root["module"]["called"]["depends_on"] = ["aws_sqs_queue.before"]
    root["resource"] = {"aws_sqs_queue": {"before": {"name": "before", "delay_seconds": 0}}}
    (folder / "main.tf.json").write_text(json.dumps(root), encoding="utf-8")
    cloud.apply(folder)
    root["resource"]["aws_sqs_queue"]["before"]["delay_seconds"] = 1
    (folder / "main.tf.json").write_text(json.dumps(root), encoding="utf-8")
    changed = changes(cloud, folder)
    # It did wait: policies that name the account are to be written again.
    assert of_kind(changed, "aws_iam_role_policy")
    gone = {address for address, what in changed.items() if "delete" in what}
    # A dashboard is a drawing: it may be drawn anew.
    assert gone <= {'monitoring["on"].aws_cloudwatch_dashboard.journey'}
    cloud.run(folder, "apply", "-auto-approve", "-input=false")
    assert changes(cloud, folder) == {}


def test_another_name_keeps_every_bucket_and_its_settings(replanned: Replanned) -> None:
    changed = replanned(name="pictures")
    assert any("delete" in what for what in changed.values())
    of_storage = {a: what for a, what in changed.items() if a.startswith("storage.")}
    assert not any("delete" in what for what in of_storage.values()), of_storage


def test_operators_are_granted_and_told_the_roles_that_there_are_after_another_name(
    cloud: Cloud, applied: Apply, tmp_path: Path
) -> None:
    """Roles keep their names: what is made of the new one is nobody's."""
    shutil.copy(applied("remake").folder / "terraform.tfstate", tmp_path)
    variables = {**CASES["remake"].variables, "package_file": str(PACKAGE), "name": "pictures"}
    calling(paths.REPOSITORY, tmp_path, variables)
    state = cloud.apply(tmp_path)
    roles = {role.values["arn"] for role in state.of("aws_iam_role")}
    (target,) = [
        each.values["role_arn"]
        for each in state.of("aws_cloudwatch_event_target")
        if each.values["target_id"] == "execution"
    ]
    (told,) = [
        variables["START_ROLE_ARN"]
        for function in state.of("aws_lambda_function")
        if "START_ROLE_ARN" in (variables := function.values["environment"][0]["variables"])
    ]
    granted = {
        statement.sid: set(statement.resources)
        for statement in statements("operator", state.outputs["all"]["operator_policy_json"])
    }
    assert "upload-workflow-start-execution" in target
    assert {told} == granted["HandTheRuleItsRole"] == {target}
    assert granted["CompareTheRoles"] == roles


@pytest.mark.parametrize("variables", [{}, {"region": "us-west-2"}], ids=["by hand", "elsewhere"])
def test_a_bucket_that_would_be_made_anew_is_refused_before_anything_is_lost(
    cloud: Cloud, applied: Apply, tmp_path: Path, variables: dict[str, Any]
) -> None:
    """Its name is kept, and is taken: S3 refuses the new bucket, and the old one is as it was."""
    shutil.copy(applied("default").folder / "terraform.tfstate", tmp_path)
    calling(paths.REPOSITORY, tmp_path, {"package_file": str(PACKAGE), **variables})
    cloud.run(tmp_path, "init", "-input=false")
    bucket = 'storage.aws_s3_bucket.made["uploads"]'
    changed = changes(cloud, tmp_path, f"-replace=module.called.module.{bucket}")
    assert changed[bucket] == ["create", "delete"]
    if not variables:
        assert [a for a, what in changed.items() if "delete" in what] == [bucket]


@pytest.mark.parametrize(
    ("function", "permission"),
    [
        (RECORDER, 'workflow.aws_lambda_permission.record_failure["STANDARD"]'),
        (
            'upload_api["api"].aws_lambda_function.issue_upload',
            'upload_api["api"].aws_lambda_permission.route["issue"]',
        ),
    ],
)
def test_a_function_that_is_made_anew_may_be_invoked_again(
    cloud: Cloud, applied: Apply, function: str, permission: str
) -> None:
    folder = applied("surrounded").folder
    changed = changes(cloud, folder, f"-replace=module.called.module.{function}")
    assert changed[function] == changed[permission] == ANEW


@pytest.mark.parametrize(
    ("rule", "target"),
    [
        (
            "trigger.aws_cloudwatch_event_rule.upload_ready",
            "trigger.aws_cloudwatch_event_target.execution",
        ),
        (
            'workflow.aws_cloudwatch_event_rule.execution_ended["STANDARD"]',
            'workflow.aws_cloudwatch_event_target.record_failure["STANDARD"]',
        ),
    ],
)
def test_a_rule_that_is_made_anew_has_its_target_again(
    cloud: Cloud, applied: Apply, rule: str, target: str
) -> None:
    folder = applied("surrounded").folder
    changed = changes(cloud, folder, f"-replace=module.called.module.{rule}")
    assert changed[rule] == changed[target] == ANEW


def test_a_route_leaves_its_authorizer_before_that_is_destroyed(
    cloud: Cloud, scratch: Path
) -> None:
    variables: dict[str, Any] = {"package_file": str(PACKAGE), **QUIET}
    with_tokens = {"upload_api": {"authorization": "JWT", "jwt": JWT}}
    folder = calling(paths.REPOSITORY, scratch / "tokens", {**variables, **with_tokens})
    cloud.apply(folder)
    calling(paths.REPOSITORY, folder, {**variables, "upload_api": {"authorization": "IAM"}})
    said = cloud.run(folder, "apply", "-auto-approve", "-input=false")
    left = said.index('aws_apigatewayv2_route.served["issue"]: Modifications complete')
    assert left < said.index('aws_apigatewayv2_authorizer.jwt["jwt"]: Destroying...')


def test_line_ends_of_a_checkout_change_nothing(cloud: Cloud, scratch: Path) -> None:
    module = unpacked(scratch / "unix" / "module", PACKAGE)
    folder = calling(module, scratch / "unix" / "root", dict(QUIET))
    cloud.apply(folder)
    files = [file for kind in ("*.tf", "*.json") for file in module.rglob(kind)]
    assert any(file.name == "convert_image.asl.json" for file in files)
    for file in files:
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert changes(cloud, folder) == {}


def test_what_is_a_secret_or_not_known_yet_can_be_an_input(cloud: Cloud, scratch: Path) -> None:
    """A module branches on whether something is there, never on its value."""
    made = {
        "uploads": {"bucket": {"name": "${aws_s3_bucket.brought.id}"}},
        "results": {"bucket": {"name": "${aws_s3_bucket.brought.id}"}},
        "allowed_origins": ["https://${aws_apigatewayv2_api.some.id}.example.com"],
        "upload_api": {
            "authorization": "JWT",
            "jwt": {"issuer": "https://${aws_apigatewayv2_api.some.id}", "audiences": ["uploads"]},
        },
        "surroundings": {
            "kms_key_arn": "${aws_kms_key.brought.arn}",
            "permissions_boundary_arn": "${aws_apigatewayv2_api.some.arn}",
            "network": {
                "subnet_ids": ["${aws_apigatewayv2_api.some.id}"],
                "security_group_ids": ["${aws_apigatewayv2_api.some.id}"],
            },
        },
        "workflow": {"remake": {"inventory_bucket": "${aws_s3_bucket.brought.id}"}},
        "monitoring": {"topic": {"arn": "${aws_sns_topic.brought.arn}"}},
    }
    secret = {
        "uploads": {"bucket": {"name": '${sensitive("media")}'}},
        "results": {"bucket": {"name": '${sensitive("shown")}'}},
        "allowed_origins": '${sensitive(["https://example.com"])}',
        "upload_api": {
            "authorization": "JWT",
            "jwt": {"issuer": '${sensitive("https://i.example/")}', "audiences": ["uploads"]},
        },
        "surroundings": {
            "kms_key_arn": f'${{sensitive("{KEY}")}}',
            "permissions_boundary_arn": f'${{sensitive("{BOUNDARY}")}}',
            "network": "${sensitive(" + json.dumps(NETWORK).replace(":", "=") + ")}",
        },
        "workflow": {"remake": {"inventory_bucket": '${sensitive("inventories")}'}},
        "monitoring": {
            "topic": {"arn": f'${{sensitive("arn:aws:sns:{REGION}:123456789012:on-call")}}'},
            "email_addresses": '${sensitive(["on-call@example.com"])}',
        },
    }
    brought: dict[str, Any] = {
        "aws_s3_bucket": {"brought": {"bucket": "brought"}},
        "aws_kms_key": {"brought": {}},
        "aws_sns_topic": {"brought": {"name": "brought"}},
        "aws_apigatewayv2_api": {"some": {"name": "some", "protocol_type": "HTTP"}},
    }
    for name, variables in (("made", made), ("secret", secret)):
        folder = calling(
            paths.REPOSITORY, scratch / name, {"package_file": str(PACKAGE), **variables}
        )
        root = json.loads((folder / "main.tf.json").read_text(encoding="utf-8"))
        root["output"]["all"]["sensitive"] = True
        root["resource"] = brought
        (folder / "main.tf.json").write_text(json.dumps(root), encoding="utf-8")
        cloud.apply(folder)
        assert changes(cloud, folder) == {}, name


def test_an_address_has_one_subscription_wherever_it_stands_in_the_list(
    cloud: Cloud, scratch: Path
) -> None:
    """One that is made anew would have to be confirmed again."""
    folder, first, second = scratch / "mailed", "a@photos.example", "b@photos.example"

    def called(*addresses: str) -> Path:
        variables = {"package_file": str(PACKAGE), "monitoring": {"email_addresses": addresses}}
        return calling(paths.REPOSITORY, folder, variables)

    state = cloud.apply(called(first, second, first))
    subscriptions = state.of("aws_sns_topic_subscription")
    assert sorted(one.values["endpoint"] for one in subscriptions) == [first, second]
    called(second)
    # Under another name the subscriptions that there are would be made anew.
    key = hashlib.sha256(first.encode()).hexdigest()[:8]
    gone = f'monitoring["on"].aws_sns_topic_subscription.email["{key}"]'
    assert changes(cloud, folder) == {gone: ["delete"]}


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


def test_the_remake_is_put_together_as_the_tests_read_it(applied: Apply) -> None:
    state = applied("remake")
    (function,) = [
        function.values["arn"]
        for function in state.of("aws_lambda_function")
        if function.values["function_name"].endswith("convert-image")
    ]
    (machine,) = [m for m in state.of("aws_sfn_state_machine") if "remake" in m.values["name"]]
    text = json.dumps(workflow_file.remake())
    for ours, theirs in {
        workflow_file.VALUES["convert_image_arn"]: function,
        "w-uploads": state.outputs["all"]["uploads"]["bucket"],
        "w-results": state.outputs["all"]["results"]["bucket"],
        "w-remakes": "upload-workflow-remakes",
    }.items():
        text = text.replace(str(ours), theirs)
    assert json.loads(machine.values["definition"]) == json.loads(text)


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


# What each thing is told apart by within an account and a region.
NAMED = {
    "aws_apigatewayv2_api": "name",
    "aws_cloudwatch_dashboard": "dashboard_name",
    "aws_cloudwatch_event_rule": "name",
    "aws_cloudwatch_log_group": "name",
    "aws_cloudwatch_metric_alarm": "alarm_name",
    "aws_cloudwatch_query_definition": "name",
    "aws_iam_role": "name",
    "aws_lambda_function": "function_name",
    "aws_s3_bucket": "bucket",
    "aws_sfn_state_machine": "name",
    "aws_sns_topic": "name",
    "aws_sqs_queue": "name",
}


def test_no_name_is_another_instances_whatever_that_is_called(applied: Apply) -> None:
    """Seen: the machine for remakes of `photos` had the name of an instance, `photos-remake`."""
    made = [
        (resource.type, resource.values[NAMED[resource.type]])
        for case in ("remake", "surrounded", "malware_scan", "deleting")
        for resource in applied(case).of(*NAMED)
    ]
    assert {kind for kind, _ in made} == NAMED.keys()
    around = {(kind, *name.split("upload-workflow", 1)) for kind, name in made}
    for kind, before, after in around:
        for other, other_before, other_after in around:
            if (kind, before) == (other, other_before) and after != other_after:
                # What another's name would have to go on with.
                rest = after.removesuffix(other_after) if after.endswith(other_after) else ""
                assert not re.fullmatch(r"[a-z0-9-]*[a-z0-9]", rest), (kind, after, other_after)


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
        "RENDITIONS": 3000,
        "RESULTS_BUCKET": 63,
        "RESULTS_PREFIX": 256,
        "WORKFLOW_NAME": 27,
        # Each of six numbers may have four more digits.
        "LIMITS": len(given["LIMITS"]) + 24,
        "URL_LIFE_SECONDS": 6,
        "SERVED_FROM": 60,
        "LEASE_SECONDS": 3,
        "SCANNED_ONLY": 5,
        "DELETE_ON_SUCCESS": 5,
    }
    assert longest.keys() == given.keys()
    # Lambda gives all variables of a function 4096 bytes together.
    assert sum(len(name) + size for name, size in longest.items()) <= 4096


@pytest.mark.parametrize("case", ["default", "upload_api"])
def test_a_backend_is_told_what_the_function_of_the_api_is_told(case: str, applied: Apply) -> None:
    told = applied(case).outputs["all"]["signer_environment"]
    assert IssueUploadSettings.from_env(told).form_life_seconds == 900
    for function in applied(case).of("aws_lambda_function"):
        if function.values["handler"].startswith("upload_workflow.handlers.issue_upload"):
            assert function.values["environment"][0]["variables"] == told


@pytest.mark.parametrize(
    ("formats", "offered"),
    [
        (None, ["jpeg", "png", "webp", "gif", "avif", "tiff", "bmp", "heic", "heif"]),
        (["heif", "jpeg"], ["jpeg", "heic", "heif"]),
    ],
    ids=["all", "some"],
)
def test_the_api_offers_what_is_read_and_says_whether_there_are_forms(
    cloud: Cloud, tmp_path: Path, formats: list[str] | None, offered: list[str]
) -> None:
    api = {"authorization": "NONE", "forms": False}
    package = unpacked(tmp_path / "module", PACKAGE)
    variables = {
        "upload_api": api,
        "conversion": {"extras": ["heic"]},
        "limits": {"formats": formats},
        "package_file": str(PACKAGE),
    }
    root = calling(package, tmp_path / "root", {**variables, **QUIET})
    cloud.run(root, "init", "-input=false")
    cloud.run(root, "plan", "-input=false", "-out=plan")
    plan = json.loads(cloud.run(root, "show", "-json", "plan"))
    told = [
        change["change"]["after"]["environment"][0]["variables"]
        for change in plan["resource_changes"]
        if change["type"] == "aws_lambda_function" and "issue_upload" in change["address"]
    ]
    assert [one["FORMS"] for one in told] == ["false"]
    assert json.loads(told[0]["CONTENT_TYPES"]) == [f"image/{name}" for name in offered]


def test_a_web_view_may_be_let_in(cloud: Cloud, tmp_path: Path) -> None:
    origins = {"allowed_origins": ["capacitor://localhost", "https://localhost"]}
    root = calling(unpacked(tmp_path / "module", PACKAGE), tmp_path / "root", {**origins, **QUIET})
    cloud.run(root, "init", "-input=false")
    cloud.run(root, "plan", "-input=false")
