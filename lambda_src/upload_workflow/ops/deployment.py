"""Finds a workflow in an account by its name, as Terraform made it.

Knows how the module names things and which settings tell the rest. Does not know jobs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient

# Status documents are read in parallel: a listing of thousands would take minutes otherwise.
THREADS = 16


class NotFound(Exception):
    """There is no such workflow or job; the message says what there is."""


@dataclass(frozen=True)
class Aws:
    """The clients of one account and region."""

    session: botocore.session.Session
    endpoint_url: str | None

    def _client(self, service: str) -> Any:
        config = Config(
            retries={"mode": "standard", "total_max_attempts": 8},  # list calls are throttled early
            max_pool_connections=THREADS,
            signature_version="s3v4" if service == "s3" else None,
        )
        return self.session.create_client(service, endpoint_url=self.endpoint_url, config=config)

    @cached_property
    def s3(self) -> S3Client:
        return cast("S3Client", self._client("s3"))

    @cached_property
    def states(self) -> SFNClient:
        return cast("SFNClient", self._client("stepfunctions"))

    @cached_property
    def events(self) -> EventBridgeClient:
        return cast("EventBridgeClient", self._client("events"))

    @cached_property
    def sqs(self) -> SQSClient:
        return cast("SQSClient", self._client("sqs"))

    @cached_property
    def logs(self) -> CloudWatchLogsClient:
        return cast("CloudWatchLogsClient", self._client("logs"))

    @cached_property
    def functions(self) -> LambdaClient:
        return cast("LambdaClient", self._client("lambda"))


def connect(profile: str | None, region: str | None, endpoint_url: str | None) -> Aws:
    """Profile and region from the options, else the environment, else the profile's settings.

    As the AWS CLI does it: AWS_REGION goes before AWS_DEFAULT_REGION, which botocore alone would
    not see at all.
    """
    session = botocore.session.Session(profile=profile)
    region = region or os.environ.get("AWS_REGION")
    if region:
        session.set_config_variable("region", region)
    return Aws(session, endpoint_url)


@dataclass(frozen=True)
class Deployment:
    """One instance of the module. Prefixes end with a slash or are empty."""

    name: str
    region: str
    state_machine_arn: str
    express: bool
    waits_for_scan: bool
    uploads_bucket: str
    uploads_prefix: str
    results_bucket: str
    results_prefix: str
    dead_letters_url: str
    dead_letters_arn: str
    start_role_arn: str
    rule: str

    @property
    def log_groups(self) -> tuple[str, str]:
        return (
            f"/aws/lambda/{self.name}-convert-image",
            f"/aws/lambda/{self.name}-record-failure",
        )

    def execution_arn(self, execution: str) -> str:
        return f"{self.state_machine_arn.replace(':stateMachine:', ':execution:')}:{execution}"


def find(aws: Aws, name: str) -> Deployment:
    """Raises NotFound, naming the workflows that there are."""
    rule_name = f"{name}-upload-ready"
    try:
        rule = aws.events.describe_rule(Name=rule_name)
    except ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            raise NotFound(_not_found(aws, name)) from error
        raise
    _, partition, _, region, account, _ = rule["Arn"].split(":", 5)
    arn = f"arn:{partition}:states:{region}:{account}:stateMachine:{name}"
    machine = aws.states.describe_state_machine(stateMachineArn=arn)
    function = aws.functions.get_function_configuration(FunctionName=f"{name}-convert-image")
    environment = function["Environment"]["Variables"]
    bucket, prefix, waits_for_scan = _uploads(json.loads(rule["EventPattern"]))
    queue = f"{name}-dead-letters"
    return Deployment(
        name=name,
        region=region,
        state_machine_arn=arn,
        express=machine["type"] == "EXPRESS",
        waits_for_scan=waits_for_scan,
        uploads_bucket=bucket,
        uploads_prefix=prefix,
        results_bucket=environment["RESULTS_BUCKET"],
        results_prefix=environment["RESULTS_PREFIX"],
        dead_letters_url=aws.sqs.get_queue_url(QueueName=queue)["QueueUrl"],
        dead_letters_arn=f"arn:{partition}:sqs:{region}:{account}:{queue}",
        # The path of the role is in no name; whoever runs the state machine shares it.
        start_role_arn=_sibling_role(machine["roleArn"], f"{name}-start-execution-{region}"),
        rule=rule_name,
    )


def _sibling_role(role_arn: str, name: str) -> str:
    return f"{role_arn.rpartition('/')[0]}/{name}"


def _uploads(pattern: Mapping[str, Any]) -> tuple[str, str, bool]:
    """Bucket and prefix that the rule listens to, and whether it waits for a malware scan."""
    detail = pattern["detail"]
    if "s3ObjectDetails" in detail:
        scanned = detail["s3ObjectDetails"]
        return scanned["bucketName"][0], scanned["objectKey"][0]["prefix"], True
    return detail["bucket"]["name"][0], detail["object"]["key"][0]["prefix"], False


def _not_found(aws: Aws, name: str) -> str:
    suffix = "-upload-ready"
    pages = aws.events.get_paginator("list_rules").paginate()
    names = [rule["Name"] for page in pages for rule in page["Rules"]]
    known = sorted(name.removesuffix(suffix) for name in names if name.endswith(suffix))
    there = ", ".join(known) if known else "none; is it the right account and region"
    return f'There is no workflow called "{name}" here. Known ones: {there}. Choose with --name.'


def error_code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
