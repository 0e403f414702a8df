"""What is made for each way of embedding the module: counted, type by type."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from tests.terraform.cases import CASES
from tests.terraform.roots import Applied

# Everything without monitoring, API and browsers.
CORE = Counter(
    {
        "aws_cloudwatch_event_rule": 2,
        "aws_cloudwatch_event_target": 2,
        "aws_cloudwatch_log_group": 3,
        "aws_iam_role": 4,
        "aws_iam_role_policy": 4,
        "aws_lambda_function": 2,
        "aws_lambda_permission": 1,
        "aws_s3_bucket": 2,
        "aws_s3_bucket_lifecycle_configuration": 2,
        "aws_s3_bucket_notification": 1,
        "aws_s3_bucket_ownership_controls": 2,
        "aws_s3_bucket_policy": 2,
        "aws_s3_bucket_public_access_block": 2,
        "aws_s3_bucket_server_side_encryption_configuration": 2,
        "aws_s3_bucket_versioning": 1,
        "aws_sfn_state_machine": 1,
        "aws_sqs_queue": 1,
        "aws_sqs_queue_policy": 1,
    }
)
MONITORING = Counter(
    {
        "aws_cloudwatch_dashboard": 1,
        "aws_cloudwatch_metric_alarm": 20,
        "aws_cloudwatch_query_definition": 7,
        "aws_sns_topic": 1,
        "aws_sns_topic_policy": 1,
    }
)
API = Counter(
    {
        "aws_apigatewayv2_api": 1,
        "aws_apigatewayv2_integration": 1,
        "aws_apigatewayv2_route": 1,
        "aws_apigatewayv2_stage": 1,
        "aws_cloudwatch_log_group": 2,
        "aws_iam_role": 1,
        "aws_iam_role_policy": 1,
        "aws_lambda_function": 1,
        "aws_lambda_permission": 1,
    }
)
PAGE = Counter({"aws_apigatewayv2_route": 1, "aws_lambda_permission": 1})
AUTHORIZER = Counter({"aws_apigatewayv2_authorizer": 1})
CORS = Counter({"aws_s3_bucket_cors_configuration": 2})
BUCKETS = Counter({kind: number for kind, number in CORE.items() if kind.startswith("aws_s3_")})
# The rule on executions that were ended from outside, which Express does not have.
ENDED = Counter(
    {
        "aws_cloudwatch_event_rule": 1,
        "aws_cloudwatch_event_target": 1,
        "aws_lambda_permission": 1,
    }
)
ENDED_ALARMS = Counter({"aws_cloudwatch_metric_alarm": 2})
TOPIC = Counter({"aws_sns_topic": 1, "aws_sns_topic_policy": 1})
# Whoever wants originals gone hears of those that stay.
ORIGINALS_ALARM = Counter({"aws_cloudwatch_metric_alarm": 1})
MAIL = Counter({"aws_sns_topic_subscription": 1})
API_ALARMS = Counter({"aws_cloudwatch_metric_alarm": 1})

# GuardDuty's plan and role, a count of what arrives, and an alarm on what is not scanned.
SCAN = Counter(
    {
        "aws_cloudwatch_event_rule": 1,
        "aws_cloudwatch_metric_alarm": 1,
        "aws_guardduty_malware_protection_plan": 1,
        "aws_iam_role": 1,
        "aws_iam_role_policy": 1,
    }
)

# The state machine, its role and its log group, and an alarm.
REMAKE = Counter(
    {
        "aws_cloudwatch_log_group": 1,
        "aws_cloudwatch_metric_alarm": 1,
        "aws_iam_role": 1,
        "aws_iam_role_policy": 1,
        "aws_sfn_state_machine": 1,
    }
)

EXPECTED = {
    "default": CORE + MONITORING,
    "express": CORE + MONITORING - ENDED - ENDED_ALARMS,
    "malware_scan": CORE + MONITORING + SCAN,
    "paused": CORE,
    "no_monitoring": CORE,
    "own_topic": CORE + MONITORING - TOPIC,
    "upload_api": CORE + API + PAGE + AUTHORIZER + CORS,
    "remake": CORE + MONITORING + REMAKE,
    "deleting": CORE + MONITORING + ORIGINALS_ALARM,
    "served": CORE,
    "own_buckets": CORE - BUCKETS,
    "surrounded": CORE + MONITORING + API + API_ALARMS + CORS + MAIL,
    "china": CORE + API,
    "europe": CORE + MONITORING,
    "iso": CORE + MONITORING,
    "other_region": CORE,
}


def test_every_case_is_counted() -> None:
    assert EXPECTED.keys() == CASES.keys()


@pytest.mark.parametrize("case", CASES)
def test_exactly_this_is_made(applied: Callable[[str], Applied], case: str) -> None:
    made = Counter(
        resource.type
        for resource in applied(case).resources
        if not resource.type.startswith("data.")
    )
    assert made == EXPECTED[case]
