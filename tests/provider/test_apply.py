"""What the real provider wants to set for ever on the local AWS is the local AWS's fault."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Callable

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.aws.server import LocalAws
from tests.provider.estate import GAPS, Estate, all_changes


def forgets_alarms(aws: LocalAws) -> set[str]:
    """The attributes of an alarm that MiniStack knows, and leaves out for this provider's SDK.

    Version 5 asks in CloudWatch's query protocol; MiniStack answers whole in the newer ones.
    """
    watch = aws.client("cloudwatch")
    watch.put_metric_alarm(
        AlarmName="asked",
        AlarmDescription="Told.",
        ActionsEnabled=True,
        AlarmActions=["arn:aws:sns:eu-central-1:000000000000:on-call"],
        OKActions=["arn:aws:sns:eu-central-1:000000000000:on-call"],
        Namespace="N",
        MetricName="M",
        Dimensions=[{"Name": "A", "Value": "B"}],
        Statistic="Sum",
        Period=300,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    known = watch.describe_alarms(AlarmNames=["asked"])["MetricAlarms"][0].keys()
    answer = in_the_query_protocol(aws, Action="DescribeAlarms", **{"AlarmNames.member.1": "asked"})
    member = next(each for each in answer.iter() if each.tag.endswith("}member"))
    told = {child.tag.rpartition("}")[2] for child in member}
    watch.delete_alarms(AlarmNames=["asked"])
    assert {"AlarmName", "Threshold"} <= told
    return {ALARM[name] for name in known - told if name in ALARM}


ALARM = {
    "ActionsEnabled": "actions_enabled",
    "AlarmActions": "alarm_actions",
    "AlarmDescription": "alarm_description",
    "Dimensions": "dimensions",
    "OKActions": "ok_actions",
    "Period": "period",
    "Statistic": "statistic",
    "TreatMissingData": "treat_missing_data",
}
# Two that take the place of Statistic; MiniStack tells them nowhere in that protocol.
INSTEAD_OF_A_STATISTIC = {"extended_statistic", "metric_query"}


def in_the_query_protocol(aws: LocalAws, **parameters: str) -> ET.Element:
    body = urllib.parse.urlencode({"Version": "2010-08-01", **parameters})
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    request = AWSRequest("POST", f"{aws.endpoint_url}/", data=body, headers=headers)
    keys = Credentials(aws.credentials.access_key_id, aws.credentials.secret_access_key)
    SigV4Auth(keys, "monitoring", aws.region).add_auth(request)
    signed = urllib.request.Request(  # noqa: S310 - the local AWS
        request.url, data=body.encode(), headers=dict(request.headers)
    )
    with urllib.request.urlopen(signed) as answer:  # noqa: S310
        return ET.fromstring(answer.read())  # noqa: S314


def invents_a_version_for_jwt(aws: LocalAws) -> set[str]:
    """AWS has a payload format for authorizers that are functions, and none for JWT."""
    gateway = aws.client("apigatewayv2")
    api = gateway.create_api(Name="asked", ProtocolType="HTTP")["ApiId"]
    made = gateway.create_authorizer(
        ApiId=api,
        Name="jwt",
        AuthorizerType="JWT",
        IdentitySource=["$request.header.Authorization"],
        JwtConfiguration={"Issuer": "https://login.photos.example", "Audience": ["photos"]},
    )
    told = gateway.get_authorizer(ApiId=api, AuthorizerId=made["AuthorizerId"])
    gateway.delete_api(ApiId=api)
    return {"authorizer_payload_format_version"} & (
        {"authorizer_payload_format_version"}
        if told.get("AuthorizerPayloadFormatVersion")
        else set()
    )


def forgets_tracing(aws: LocalAws) -> set[str]:
    states, iam = aws.client("stepfunctions"), aws.client("iam")
    role = iam.create_role(RoleName="asked", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    machine = states.create_state_machine(
        name="asked",
        definition=json.dumps({"StartAt": "It", "States": {"It": {"Type": "Pass", "End": True}}}),
        roleArn=role,
        tracingConfiguration={"enabled": True},
    )["stateMachineArn"]
    told = states.describe_state_machine(stateMachineArn=machine)
    states.delete_state_machine(stateMachineArn=machine)
    iam.delete_role(RoleName="asked")
    return set() if "tracingConfiguration" in told else {"tracing_configuration"}


ASK: dict[str, Callable[[LocalAws], set[str]]] = {
    "aws_apigatewayv2_authorizer": invents_a_version_for_jwt,
    "aws_cloudwatch_metric_alarm": lambda aws: forgets_alarms(aws) | INSTEAD_OF_A_STATISTIC,
    "aws_sfn_state_machine": forgets_tracing,
}


def test_each_gap_is_the_emulators(aws: LocalAws) -> None:
    assert {kind: frozenset(ask(aws)) for kind, ask in ASK.items()} == dict(GAPS)


def test_a_second_plan_is_empty_but_for_the_gaps(estate: Estate) -> None:
    # Runs before tests/provider/test_plans.py and on the state of the first apply.
    left = [change for change in all_changes(estate.shown()) if not change.is_a_gap]
    assert left == []
