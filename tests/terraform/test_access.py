"""Who may do what: every policy of the module, in every way of embedding it."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from collections.abc import Callable

import pytest

from tests.terraform.cases import CASES, KEY
from tests.terraform.imaginary_aws import ACCOUNT, partition_of
from tests.terraform.policies import (
    Statement,
    may,
    resource_policies,
    role_policies,
    statements,
    trust_policies,
)
from tests.terraform.roots import REGION, Applied
from upload_workflow.job import keys

Apply = Callable[[str], Applied]
every_case = pytest.mark.parametrize("case", CASES)

# Actions that know no resource, each with its reason in the module.
MAY_TOUCH_ANYTHING = {"DeliverLogs", "AttachToTheNetwork", "SendTraces"}


def every_statement(applied: Applied) -> list[Statement]:
    of_roles = [*role_policies(applied).values(), *trust_policies(applied).values()]
    return [*itertools.chain.from_iterable(of_roles), *resource_policies(applied)]


@every_case
def test_a_role_is_lent_to_one_service_for_one_thing_of_this_account(
    applied: Apply, case: str
) -> None:
    for role, trust in trust_policies(applied(case)).items():
        (statement,) = trust
        assert [kind for kind, _ in statement.principals] == ["Service"], role
        # GuardDuty is not known to say for whom it comes.
        guardduty = statement.principals == (
            ("Service", "malware-protection-plan.guardduty.amazonaws.com"),
        )
        accounts = statement.condition_values("aws:SourceAccount")
        assert accounts == (() if guardduty else (ACCOUNT,)), role
        sources = statement.condition_values("aws:SourceArn")
        assert all(f":{ACCOUNT}:" in source and "*" not in source for source in sources), role
        # Lambda is not known to say for which function it comes.
        functions = statement.principals == (("Service", "lambda.amazonaws.com"),)
        assert bool(sources) is not (functions or guardduty)


@every_case
def test_a_service_that_is_let_in_says_for_whom_it_comes(applied: Apply, case: str) -> None:
    for statement in resource_policies(applied(case)):
        if statement.allows:
            assert [kind for kind, _ in statement.principals] == ["Service"], statement
            sources = statement.condition_values("aws:SourceArn")
            assert sources and all(f":{ACCOUNT}:" in source for source in sources), statement


@every_case
def test_eventbridge_is_let_in_by_the_arn_of_its_rule_alone(applied: Apply, case: str) -> None:
    """It is not known to send an account beside it, and what is never sent never matches."""
    state = applied(case)
    for statement in resource_policies(state):
        if ("Service", "events.amazonaws.com") in statement.principals:
            assert statement.condition_values("aws:SourceAccount") == (), statement
    for permission in state.of("aws_lambda_permission"):
        assert permission.values["source_account"] is None, permission.address


@every_case
def test_a_function_is_invoked_only_for_a_thing_of_this_account(applied: Apply, case: str) -> None:
    for permission in applied(case).of("aws_lambda_permission"):
        source = permission.values["source_arn"]
        assert f":{ACCOUNT}:" in source, permission.address
        # The ARN of an API has no wildcard before its stage.
        assert "*" not in source.split("/")[0], permission.address


@every_case
def test_nothing_is_allowed_to_everybody(applied: Apply, case: str) -> None:
    open_to_all = [
        statement
        for statement in every_statement(applied(case))
        if statement.allows and any(who == "*" for _, who in statement.principals)
    ]
    assert open_to_all == []


@every_case
def test_nothing_is_allowed_by_a_wildcard_alone(applied: Apply, case: str) -> None:
    for statement in every_statement(applied(case)):
        if statement.allows:
            assert not any("*" in action for action in statement.actions), statement
            assert "*" not in statement.resources or statement.sid in MAY_TOUCH_ANYTHING, statement


@every_case
def test_what_may_touch_anything_touches_no_data(applied: Apply, case: str) -> None:
    for statement in every_statement(applied(case)):
        if statement.allows and "*" in statement.resources:
            services = {action.split(":")[0] for action in statement.actions}
            assert services <= {"logs", "ec2", "xray"}, statement
            assert not set(statement.actions) & {"logs:PutLogEvents", "logs:GetLogEvents"}


@every_case
def test_every_statement_is_a_sentence(applied: Apply, case: str) -> None:
    for statement in every_statement(applied(case)):
        assert re.fullmatch(r"([A-Z][a-z0-9]*){2,}", statement.sid), statement


@every_case
def test_no_role_is_shared(applied: Apply, case: str) -> None:
    state = applied(case)
    users = Counter(
        [
            *(function.values["role"] for function in state.of("aws_lambda_function")),
            *(machine.values["role_arn"] for machine in state.of("aws_sfn_state_machine")),
            *(plan.values["role"] for plan in state.of("aws_guardduty_malware_protection_plan")),
            *(
                target.values["role_arn"]
                for target in state.of("aws_cloudwatch_event_target")
                if target.values["role_arn"]
            ),
        ]
    )
    assert set(users.values()) == {1}
    made = {role.values["arn"] for role in state.of("aws_iam_role")}
    # A paused trigger keeps its role for the day when it goes on.
    assert users.keys() == made or case == "paused"


@every_case
def test_buckets_queues_and_topics_refuse_plain_http(applied: Apply, case: str) -> None:
    state = applied(case)
    refusing = {
        statement.where
        for statement in resource_policies(state)
        if statement.effect == "Deny"
        and statement.conditions == {"Bool": {"aws:SecureTransport": ("false",)}}
        and ("*", "*") in statement.principals
    }
    holders = state.of("aws_s3_bucket_policy", "aws_sqs_queue_policy", "aws_sns_topic_policy")
    assert refusing == {holder.address for holder in holders}
    # Each thing that could hold a policy has one.
    assert len(holders) == len(state.of("aws_s3_bucket", "aws_sqs_queue", "aws_sns_topic"))


@every_case
def test_a_role_has_no_policy_beside_its_own(applied: Apply, case: str) -> None:
    state = applied(case)
    assert not state.of("aws_iam_role_policy_attachment", "aws_iam_policy")
    policies = Counter(policy.values["role"] for policy in state.of("aws_iam_role_policy"))
    assert policies == Counter(role.values["name"] for role in state.of("aws_iam_role"))


@every_case
def test_every_arn_is_in_the_partition_and_the_region(applied: Apply, case: str) -> None:
    region = CASES[case].variables.get("region", CASES[case].region)
    partition = partition_of(region)
    for resource in applied(case).resources:
        for arn in re.findall(
            r"arn:([a-z-]*):([a-z0-9-]*):([a-z0-9-]*):", json.dumps(dict(resource.values))
        ):
            assert arn[0] == partition, resource.address
            assert arn[2] in ("", region), resource.address


# Where things are in the case "own_buckets": both kinds in one bucket, told apart by prefix.
UPLOAD, ELSEWHERE = "s3:::media/in/a photo.jpg", "s3:::media/elsewhere/a photo.jpg"
STATUS = "s3:::media/out/in/a photo.jpg/status.json"
RENDITION = "s3:::media/out/in/a photo.jpg/job/thumbnail.jpg"
# A key so long that its results lie under a hash of it.
FOLDED = f"s3:::media/{keys.status_key('out/', 'in/' + 'long' * 250)}"
HERE = f"{REGION}:{ACCOUNT}"
MACHINE = f"states:{HERE}:stateMachine:upload-workflow"
QUEUE = f"sqs:{HERE}:upload-workflow-dead-letters"
BUS = f"events:{HERE}:event-bus/default"
LOGS = f"logs:{HERE}:log-group:/aws/lambda/upload-workflow"
FUNCTIONS = f"lambda:{HERE}:function:upload-workflow"

MAY = [
    ("convert-image", "s3:GetObject", UPLOAD),
    ("convert-image", "s3:GetObjectVersion", UPLOAD),
    ("convert-image", "s3:ListBucket", "s3:::media"),
    ("convert-image", "s3:GetObject", STATUS),
    ("convert-image", "s3:PutObject", STATUS),
    ("convert-image", "s3:PutObject", FOLDED),
    ("convert-image", "s3:PutObject", RENDITION),
    ("convert-image", "s3:GetObject", RENDITION),
    ("convert-image", "logs:CreateLogStream", f"{LOGS}-convert-image:log-stream:x"),
    ("convert-image", "logs:PutLogEvents", f"{LOGS}-convert-image:log-stream:x"),
    ("record-failure", "s3:GetObject", STATUS),
    ("record-failure", "s3:PutObject", STATUS),
    ("record-failure", "s3:PutObject", FOLDED),
    ("record-failure", "s3:ListBucket", "s3:::media"),
    ("record-failure", "events:PutEvents", BUS),
    ("record-failure", "sqs:SendMessage", QUEUE),
    ("record-failure", "logs:PutLogEvents", f"{LOGS}-record-failure:log-stream:x"),
    ("workflow", "lambda:InvokeFunction", f"{FUNCTIONS}-convert-image"),
    ("workflow", "lambda:InvokeFunction", f"{FUNCTIONS}-record-failure"),
    ("workflow", "events:PutEvents", BUS),
    ("workflow", "logs:CreateLogDelivery", f"logs:{HERE}:*"),
    ("start-execution", "states:StartExecution", MACHINE),
]
MAY_NOT = [
    ("convert-image", "s3:GetObject", ELSEWHERE),
    ("convert-image", "s3:PutObject", UPLOAD),
    ("convert-image", "s3:PutObject", "s3:::media/out/other"),
    ("convert-image", "s3:DeleteObject", UPLOAD),
    ("convert-image", "s3:DeleteObject", RENDITION),
    ("convert-image", "s3:PutBucketPolicy", "s3:::media"),
    ("convert-image", "events:PutEvents", BUS),
    ("convert-image", "logs:PutLogEvents", f"{LOGS}-record-failure:log-stream:x"),
    ("record-failure", "s3:GetObjectVersion", UPLOAD),
    ("record-failure", "s3:GetObject", RENDITION),
    ("record-failure", "s3:PutObject", RENDITION),
    ("record-failure", "sqs:ReceiveMessage", QUEUE),
    ("record-failure", "events:PutEvents", BUS.replace("default", "other")),
    ("workflow", "s3:GetObject", UPLOAD),
    ("workflow", "lambda:InvokeFunction", f"lambda:{HERE}:function:other"),
    ("workflow", "lambda:UpdateFunctionCode", f"{FUNCTIONS}-convert-image"),
    ("start-execution", "states:StartExecution", f"{MACHINE}-other"),
    ("start-execution", "states:StopExecution", MACHINE),
    ("start-execution", "lambda:InvokeFunction", f"{FUNCTIONS}-convert-image"),
]


def allowed(applied: Applied, role: str, action: str, thing: str) -> bool:
    of_role = role_policies(applied)[f"upload-workflow-{role}-{REGION}"]
    return may(of_role, action, f"arn:aws:{thing}")


@pytest.mark.parametrize(("role", "action", "thing"), MAY)
def test_a_role_may_do_its_work(applied: Apply, role: str, action: str, thing: str) -> None:
    assert allowed(applied("own_buckets"), role, action, thing)


@pytest.mark.parametrize(("role", "action", "thing"), MAY_NOT)
def test_a_role_may_do_nothing_else(applied: Apply, role: str, action: str, thing: str) -> None:
    assert not allowed(applied("own_buckets"), role, action, thing)


def test_the_recorder_may_ask_which_version_is_the_newest_and_change_no_upload(
    applied: Apply,
) -> None:
    bucket = f"s3:::upload-workflow-uploads-{ACCOUNT}-{REGION}"
    for case in ("default", "malware_scan"):
        state = applied(case)
        assert allowed(state, "record-failure", "s3:ListBucket", bucket)
        assert allowed(state, "record-failure", "s3:GetObject", f"{bucket}/uploads/x")
        assert not allowed(state, "record-failure", "s3:PutObject", f"{bucket}/uploads/x")


def test_originals_are_deleted_by_the_converter_where_they_are_to_go_and_results_never(
    applied: Apply,
) -> None:
    state = applied("deleting")
    uploads, results = (
        f"s3:::upload-workflow-{kind}-{ACCOUNT}-{REGION}" for kind in ("uploads", "results")
    )
    for action in ("s3:DeleteObject", "s3:DeleteObjectVersion"):
        assert allowed(state, "convert-image", action, f"{uploads}/uploads/x")
        assert not allowed(state, "convert-image", action, f"{uploads}/elsewhere/x")
        assert not allowed(state, "convert-image", action, f"{results}/results/uploads/x/y")
        assert not allowed(state, "record-failure", action, f"{uploads}/uploads/x")
        assert not allowed(applied("default"), "convert-image", action, f"{uploads}/uploads/x")


def test_guardduty_reads_uploads_and_writes_nothing_but_its_proof(applied: Apply) -> None:
    state = applied("malware_scan")
    bucket = f"s3:::upload-workflow-uploads-{ACCOUNT}-{REGION}"
    (plan,) = state.of("aws_guardduty_malware_protection_plan")
    (protected,) = plan.values["protected_resource"][0]["s3_bucket"]
    assert protected["bucket_name"] == bucket.removeprefix("s3:::")
    assert protected["object_prefixes"] == ["uploads/"]
    proof = f"{bucket}/malware-protection-resource-validation-object"
    assert allowed(state, "scan", "s3:GetObjectVersion", f"{bucket}/uploads/x")
    assert allowed(state, "scan", "s3:PutObject", proof)
    assert not allowed(state, "scan", "s3:PutObject", f"{bucket}/uploads/x")
    assert not allowed(state, "scan", "s3:DeleteObject", f"{bucket}/uploads/x")
    rules = f"events:{HERE}:rule/"
    its = f"{rules}DO-NOT-DELETE-AmazonGuardDutyMalwareProtectionS3-x"
    assert allowed(state, "scan", "events:PutRule", its)
    assert not allowed(state, "scan", "events:PutRule", f"{rules}upload-workflow-upload-ready")


# What `ops` calls for each kind of command, and on what.
LOOKING = [
    ("events:DescribeRule", f"events:{HERE}:rule/upload-workflow-upload-ready"),
    ("events:ListTargetsByRule", f"events:{HERE}:rule/upload-workflow-upload-ready"),
    ("lambda:GetFunctionConfiguration", f"{FUNCTIONS}-convert-image"),
    ("states:DescribeStateMachine", MACHINE),
    ("states:DescribeStateMachine", f"{MACHINE}_remake"),
    ("states:ListExecutions", MACHINE),
    ("states:GetExecutionHistory", f"states:{HERE}:execution:upload-workflow:x"),
    ("s3:ListBucket", "s3:::media"),
    ("s3:GetObject", UPLOAD),
    ("s3:GetObject", STATUS),
    ("sqs:ReceiveMessage", QUEUE),
    ("sqs:ChangeMessageVisibility", QUEUE),
    ("logs:FilterLogEvents", f"{LOGS}-convert-image"),
    ("logs:FilterLogEvents", f"{LOGS}-record-failure:log-stream:x"),
    ("events:ListTargetsByRule", f"events:{HERE}:rule/upload-workflow-execution-ended"),
    *(
        ("iam:ListRolePolicies", f"iam::{ACCOUNT}:role/upload-workflow-{role}-{REGION}")
        for role in ("start-execution", "workflow", "convert-image", "record-failure")
    ),
]
ACTING = [
    ("states:StartExecution", MACHINE),
    ("sqs:DeleteMessage", QUEUE),
    ("events:PutTargets", f"events:{HERE}:rule/upload-workflow-upload-ready"),
    ("iam:PassRole", f"iam::{ACCOUNT}:role/upload-workflow-start-execution-{REGION}"),
]
NEVER = [
    ("s3:PutObject", STATUS),
    ("s3:DeleteObject", UPLOAD),
    ("s3:GetObject", ELSEWHERE),
    ("events:PutTargets", f"events:{HERE}:rule/upload-workflow-execution-ended"),
    ("states:StopExecution", MACHINE),
    ("states:StartExecution", f"{MACHINE}-other"),
    # Of another instance, whose name begins with this one's.
    ("events:PutTargets", f"events:{HERE}:rule/upload-workflow-prod-upload-ready"),
    ("events:DescribeRule", f"events:{HERE}:rule/upload-workflow-prod-upload-ready"),
    ("lambda:GetFunctionConfiguration", f"{FUNCTIONS}-prod-convert-image"),
    ("logs:FilterLogEvents", f"{LOGS}-prod-convert-image"),
    ("iam:ListRolePolicies", f"iam::{ACCOUNT}:role/upload-workflow-prod-workflow-{REGION}"),
    ("iam:PassRole", f"iam::{ACCOUNT}:role/upload-workflow-workflow-{REGION}"),
    ("lambda:InvokeFunction", f"{FUNCTIONS}-convert-image"),
]


def test_a_reader_looks_an_operator_also_acts_and_neither_touches_data(applied: Apply) -> None:
    outputs = applied("own_buckets").outputs["all"]
    reader, operator = (
        list(statements(kind, outputs[f"{kind}_policy_json"])) for kind in ("reader", "operator")
    )
    for action, thing in LOOKING:
        assert may(reader, action, f"arn:aws:{thing}"), (action, thing)
        assert may(operator, action, f"arn:aws:{thing}"), (action, thing)
    for action, thing in ACTING:
        assert not may(reader, action, f"arn:aws:{thing}"), (action, thing)
        assert may(operator, action, f"arn:aws:{thing}"), (action, thing)
    for action, thing in NEVER:
        assert not may(operator, action, f"arn:aws:{thing}"), (action, thing)


@pytest.mark.parametrize("case", ["remake", "surrounded"])
def test_what_operators_may_fits_into_a_managed_policy(applied: Apply, case: str) -> None:
    """IAM User Guide, quotas: 6,144 characters, and white space does not count."""
    outputs = applied(case).outputs["all"]
    for kind in ("reader", "operator", "forget"):
        said = re.sub(r"\s", "", outputs[f"{kind}_policy_json"])
        longest = said.replace("upload-workflow", "u" * 26).replace(REGION, "ap-southeast-1")
        assert len(longest) <= 6144, kind


REMAKES = [
    ("states:ListExecutions", f"{MACHINE}_remake"),
    ("states:DescribeExecution", f"states:{HERE}:execution:upload-workflow_remake:one"),
    ("states:ListMapRuns", f"states:{HERE}:execution:upload-workflow_remake:one"),
    ("states:DescribeMapRun", f"states:{HERE}:mapRun:upload-workflow_remake/prefix:one"),
    ("s3:GetObject", "s3:::inventories/a/manifest.json"),
    ("s3:GetObject", "RESULTS/upload-workflow-remakes/one/manifest.json"),
]
REMAKING = [
    ("states:StartExecution", f"{MACHINE}_remake"),
    ("states:StopExecution", f"states:{HERE}:execution:upload-workflow_remake:one"),
    ("states:RedriveExecution", f"states:{HERE}:execution:upload-workflow_remake:one"),
    ("s3:PutObject", "RESULTS/upload-workflow-remakes/one/keys.jsonl"),
]
NOT_REMAKING = [
    ("s3:PutObject", "RESULTS/upload-workflow-remakes/one/manifest.json"),
    ("s3:PutObject", "RESULTS/results/uploads/one/status.json"),
    ("states:StopExecution", f"states:{HERE}:execution:upload-workflow:one"),
]


def test_who_operates_may_remake_only_where_the_module_does(applied: Apply) -> None:
    outputs = applied("remake").outputs["all"]
    results = outputs["results"]["arn"]
    reader, operator = (
        list(statements(kind, outputs[f"{kind}_policy_json"])) for kind in ("reader", "operator")
    )
    usual = list(statements("usual", applied("own_buckets").outputs["all"]["operator_policy_json"]))

    def arn(thing: str) -> str:
        return thing.replace("RESULTS", results) if "RESULTS" in thing else f"arn:aws:{thing}"

    for action, thing in REMAKES:
        assert may(reader, action, arn(thing)) and may(operator, action, arn(thing)), (
            action,
            thing,
        )
        assert not may(usual, action, arn(thing)), (action, thing)
    for action, thing in REMAKING:
        assert may(operator, action, arn(thing)), (action, thing)
        assert not may(reader, action, arn(thing)), (action, thing)
        assert not may(usual, action, arn(thing)), (action, thing)
    for action, thing in NOT_REMAKING:
        assert not may(operator, action, arn(thing)), (action, thing)


FORGETTING = [
    ("s3:ListBucketVersions", "s3:::media"),
    ("s3:DeleteObject", UPLOAD),
    ("s3:DeleteObjectVersion", UPLOAD),
    ("s3:DeleteObjectVersion", RENDITION),
    ("s3:DeleteObject", STATUS),
    ("s3:PutObject", STATUS),
    ("s3:PutObject", FOLDED),
    ("events:PutEvents", BUS),
]
NEVER_FORGETTING = [
    ("s3:DeleteObject", ELSEWHERE),
    ("s3:PutObject", UPLOAD),
    ("s3:PutObject", RENDITION),
    ("s3:DeleteBucket", "s3:::media"),
    ("states:StartExecution", MACHINE),
    ("sqs:DeleteMessage", QUEUE),
    ("events:PutEvents", BUS.replace("default", "other")),
]


def test_who_may_delete_is_named_apart_from_whoever_is_on_call(applied: Apply) -> None:
    outputs = applied("own_buckets").outputs["all"]
    forget, operator = (
        list(statements(kind, outputs[f"{kind}_policy_json"])) for kind in ("forget", "operator")
    )
    for action, thing in [*LOOKING, *FORGETTING]:
        assert may(forget, action, f"arn:aws:{thing}"), (action, thing)
    for action, thing in FORGETTING:
        assert not may(operator, action, f"arn:aws:{thing}"), (action, thing)
    for action, thing in NEVER_FORGETTING:
        assert not may(forget, action, f"arn:aws:{thing}"), (action, thing)
    (source,) = {
        value
        for statement in forget
        if "events:PutEvents" in statement.actions
        for value in statement.condition_values("events:source")
    }
    assert source == "upload-workflow"
    assert len(outputs["forget_policy_json"]) < 6144


def test_a_bucket_that_was_brought_is_told_what_one_that_is_made_has(applied: Apply) -> None:
    brought = applied("own_buckets").outputs["all"]["brought_buckets"]
    assert applied("default").outputs["all"]["brought_buckets"] == {}
    wanted = {"uploads": ("in/", 7, "86400000"), "results": ("out/", 30, "604800000")}
    assert brought.keys() == wanted.keys()
    for kind, (prefix, days, age) in wanted.items():
        rule = brought[kind]["lifecycle_rule"]
        assert (rule["prefix"], rule["days"], rule["noncurrent_days"]) == (prefix, days, days)
        told = list(statements(kind, brought[kind]["policy_json"]))
        assert all(not statement.allows and not statement.sid for statement in told)
        assert {
            (key, *values, *sorted(statement.resources))
            for statement in told
            for keys_of in statement.conditions.values()
            for key, values in keys_of.items()
        } == {
            ("aws:SecureTransport", "false", "arn:aws:s3:::media", "arn:aws:s3:::media/*"),
            ("s3:signatureversion", "AWS", f"arn:aws:s3:::media/{prefix}*"),
            ("s3:signatureAge", age, f"arn:aws:s3:::media/{prefix}*"),
        }


def test_whoever_issues_uploads_may_sign_and_seed_them(applied: Apply) -> None:
    state = applied("upload_api")
    uploads, results = (
        f"s3:::upload-workflow-{kind}-{ACCOUNT}-{REGION}" for kind in ("uploads", "results")
    )
    assert allowed(state, "issue-upload", "s3:PutObject", f"{uploads}/uploads/x/original")
    status = f"{results}/results/uploads/x/original/status.json"
    assert allowed(state, "issue-upload", "s3:PutObject", status)
    assert allowed(state, "issue-upload", "s3:GetObject", status)
    assert not allowed(state, "issue-upload", "s3:GetObject", f"{uploads}/uploads/x/original")
    assert not allowed(state, "issue-upload", "s3:PutObject", f"{results}/results/uploads/x/t.jpg")


def test_in_a_network_every_function_may_attach_to_it(applied: Apply) -> None:
    for role in ("convert-image", "record-failure", "issue-upload"):
        of_role = role_policies(applied("surrounded"))[f"upload-workflow-{role}-{REGION}"]
        for action in ("ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"):
            assert may(of_role, action, f"arn:aws:ec2:{HERE}:network-interface/eni-1"), role


def test_announcing_is_possible_only_in_our_own_name(applied: Apply) -> None:
    announcing = [
        statement
        for statements in role_policies(applied("default")).values()
        for statement in statements
        if "events:PutEvents" in statement.actions
    ]
    assert len(announcing) == 2
    for statement in announcing:
        assert statement.condition_values("events:source") == ("upload-workflow",)


def test_with_a_key_whoever_reads_or_writes_may_use_it(applied: Apply) -> None:
    for role, granted in role_policies(applied("surrounded")).items():
        touches_objects = any("s3:GetObject" in statement.actions for statement in granted)
        assert may(granted, "kms:Decrypt", KEY) is touches_objects, role
        assert may(granted, "kms:GenerateDataKey", KEY) is touches_objects, role
        assert not may(granted, "kms:Decrypt", KEY[:-1]), role


@pytest.mark.parametrize(
    ("action", "resource", "allowed"),
    [
        ("lambda:InvokeFunction", "FUNCTION:upload-workflow-convert-image", True),
        ("lambda:InvokeFunction", "FUNCTION:upload-workflow-record-failure", False),
        ("s3:GetObject", "arn:aws:s3:::inventories/any/manifest.json", True),
        ("s3:GetObject", "RESULTS/upload-workflow-remakes/keys.jsonl", True),
        ("s3:PutObject", "RESULTS/upload-workflow-remakes/one/manifest.json", True),
        ("s3:PutObject", "RESULTS/results/uploads/one/status.json", False),
        ("s3:GetObject", "UPLOADS/uploads/one", False),
        ("s3:ListBucket", "RESULTS", False),
        ("states:StartExecution", "MACHINE:upload-workflow_remake", True),
        ("states:StartExecution", "MACHINE:upload-workflow", False),
    ],
)
def test_a_remake_touches_lists_and_reports_and_the_function_does_the_rest(
    applied: Apply, action: str, resource: str, allowed: bool
) -> None:
    state = applied("remake")
    (name,) = [role for role in role_policies(state) if "-remake" in role]
    outputs = state.outputs["all"]
    for short, arn in {
        "UPLOADS": outputs["uploads"]["arn"],
        "RESULTS": outputs["results"]["arn"],
        "FUNCTION": outputs["functions"]["convert_image"]["arn"].rpartition(":")[0],
        "MACHINE": outputs["state_machine"]["arn"].rpartition(":")[0],
    }.items():
        resource = re.sub(rf"^{short}", arn, resource)
    assert may(role_policies(state)[name], action, resource) is allowed
    (listing,) = [s for s in role_policies(state)[name] if s.sid == "ListUploads"]
    assert listing.condition_values("s3:prefix") == ("uploads/*",)


def test_the_role_of_a_remake_is_lent_to_its_batches_by_either_name_that_they_have(
    applied: Apply,
) -> None:
    """API reference, StartExecution: a Distributed Map is a machine by the name and its label."""
    state = applied("remake")
    (machine,) = [m for m in state.of("aws_sfn_state_machine") if "_remake" in m.values["name"]]
    states = json.loads(machine.values["definition"])["States"].values()
    labels = {state["Label"] for state in states if state["Type"] == "Map"}
    (trust,) = [trust for role, trust in trust_policies(state).items() if "-remake" in role]
    arn = machine.values["arn"]
    expected = {arn} | {f"{arn}/{label}" for label in labels}
    assert set(trust[0].condition_values("aws:SourceArn")) == expected


def test_a_boundary_and_a_path_hold_for_every_role(applied: Apply) -> None:
    for role in applied("surrounded").of("aws_iam_role"):
        assert role.values["path"] == "/media/", role.address
        assert role.values["permissions_boundary"].endswith("policy/boundary"), role.address


@every_case
def test_outputs_hold_names_and_places_only(applied: Apply, case: str) -> None:
    outputs = applied(case).outputs["all"]
    assert outputs.keys() == {
        "dead_letters",
        "brought_buckets",
        "events",
        "forget_policy_json",
        "functions",
        "monitoring",
        "results",
        "results_reader_policy_json",
        "operator_policy_json",
        "reader_policy_json",
        "remake",
        "signer_environment",
        "signer_policy_json",
        "state_machine",
        "upload_api",
        "uploads",
    }
    # Neither a function's environment nor anything else of its configuration.
    # What a backend of one's own needs is told; policies are looked at elsewhere.
    told = ("_policy_json", "signer_environment")
    said = json.dumps({k: v for k, v in outputs.items() if not k.endswith(told)})
    assert not re.search(r"environment|RENDITIONS|LIMITS|secret", said)


def test_a_cdn_of_the_account_reads_renditions_and_nothing_else(applied: Apply) -> None:
    served, cloudfront = applied("served"), ("Service", "cloudfront.amazonaws.com")
    let_in = [each for each in resource_policies(served) if cloudfront in each.principals]
    results, uploads = (
        f"arn:aws:s3:::upload-workflow-{kind}-{ACCOUNT}-{REGION}" for kind in ("results", "uploads")
    )
    folder = f"{results}/results/uploads/a photo.jpg"
    assert may(let_in, "s3:GetObject", f"{folder}/job/recipe/thumbnail.jpg")
    assert may(let_in, "s3:GetObject", f"{results}/results/sha256-0/job/recipe/thumbnail.jpg")
    assert not may(let_in, "s3:GetObject", f"{folder}/status.json")
    assert not may(let_in, "s3:ListBucket", results)
    assert not may(let_in, "s3:PutObject", f"{folder}/job/recipe/thumbnail.jpg")
    assert not may(let_in, "s3:GetObject", f"{uploads}/uploads/a photo.jpg")
    not_served = resource_policies(applied("default"))
    assert not [each for each in not_served if cloudfront in each.principals]
