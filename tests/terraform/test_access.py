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
    trust_policies,
)
from tests.terraform.roots import REGION, Applied
from upload_workflow import keys

Apply = Callable[[str], Applied]
every_case = pytest.mark.parametrize("case", CASES)

# Actions that know no resource, each with its reason in the module.
MAY_TOUCH_ANYTHING = {"DeliverLogs", "AttachToTheNetwork"}


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
        assert statement.condition_values("aws:SourceAccount") == (ACCOUNT,), role
        (source,) = statement.condition_values("aws:SourceArn")
        assert f":{ACCOUNT}:" in source and "*" not in source, role


@every_case
def test_a_service_that_is_let_in_says_for_whom_it_comes(applied: Apply, case: str) -> None:
    for statement in resource_policies(applied(case)):
        if statement.allows:
            assert [kind for kind, _ in statement.principals] == ["Service"], statement
            assert statement.condition_values("aws:SourceAccount") == (ACCOUNT,), statement
            sources = statement.condition_values("aws:SourceArn")
            assert sources and all(f":{ACCOUNT}:" in source for source in sources), statement


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
            assert services <= {"logs", "ec2"}, statement
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


# What each role may do to what: (service and operation, thing) by the role's part of the name.
UPLOAD, OTHER = "media/in/a photo.jpg", "media/elsewhere/a photo.jpg"
STATUS, RENDITION = "media/out/in/a photo.jpg/status.json", "media/out/in/a photo.jpg/job/t.jpg"
FOLDED = f"media/{keys.status_key('out/', 'in/' + 'long' * 250)}"
REACH = [
    # role, action, object, allowed
    ("convert-image", "s3:GetObject", UPLOAD, True),
    ("convert-image", "s3:GetObjectVersion", UPLOAD, True),
    ("convert-image", "s3:PutObject", UPLOAD, False),
    ("convert-image", "s3:DeleteObject", UPLOAD, False),
    ("convert-image", "s3:GetObject", OTHER, False),
    ("convert-image", "s3:PutObject", STATUS, True),
    ("convert-image", "s3:PutObject", RENDITION, True),
    ("convert-image", "s3:GetObject", RENDITION, True),
    ("convert-image", "s3:PutObject", FOLDED, True),
    ("convert-image", "s3:PutObject", "media/out/other", False),
    ("record-failure", "s3:GetObject", UPLOAD, False),
    ("record-failure", "s3:PutObject", STATUS, True),
    ("record-failure", "s3:GetObject", STATUS, True),
    ("record-failure", "s3:PutObject", FOLDED, True),
    ("record-failure", "s3:PutObject", RENDITION, False),
    ("record-failure", "s3:GetObject", RENDITION, False),
    ("workflow", "s3:GetObject", UPLOAD, False),
    ("start-execution", "s3:GetObject", UPLOAD, False),
]


@pytest.mark.parametrize(("role", "action", "thing", "allowed"), REACH)
def test_a_role_reaches_its_own_prefixes_and_no_other(
    applied: Apply, role: str, action: str, thing: str, allowed: bool
) -> None:
    of_roles = role_policies(applied("own_buckets"))
    assert (
        may(of_roles[f"upload-workflow-{role}-{REGION}"], action, f"arn:aws:s3:::{thing}")
        is allowed
    )


def test_an_uploads_bucket_that_is_not_results_cannot_be_listed_by_the_recorder(
    applied: Apply,
) -> None:
    of_roles = role_policies(applied("default"))
    (recorder,) = [name for name in of_roles if "-record-failure-" in name]
    (converter,) = [name for name in of_roles if "-convert-image-" in name]
    bucket = f"arn:aws:s3:::upload-workflow-uploads-{ACCOUNT}-eu-central-1"
    assert not may(of_roles[recorder], "s3:ListBucket", bucket)
    assert may(of_roles[converter], "s3:ListBucket", bucket)


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
    for role, statements in role_policies(applied("surrounded")).items():
        touches_objects = any("s3:GetObject" in statement.actions for statement in statements)
        assert may(statements, "kms:Decrypt", KEY) is touches_objects, role
        assert may(statements, "kms:GenerateDataKey", KEY) is touches_objects, role
        assert not may(statements, "kms:Decrypt", KEY[:-1]), role


def test_a_boundary_and_a_path_hold_for_every_role(applied: Apply) -> None:
    for role in applied("surrounded").of("aws_iam_role"):
        assert role.values["path"] == "/media/", role.address
        assert role.values["permissions_boundary"].endswith("policy/boundary"), role.address
