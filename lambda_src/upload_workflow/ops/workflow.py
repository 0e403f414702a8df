"""One instance of the module in an account, found by its name, also after somebody changed it.

Knows how the module names things and where the rest is told. Each fact is looked up when it is
first needed: what was changed by hand stands in the way only of the commands that need it. Does
not know jobs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_lambda.type_defs import FunctionConfigurationResponseTypeDef
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient

# Requests at a time: reading thousands of documents one by one would take minutes.
THREADS = 32

# As modules/conversion names it where `conversion.handler` is not set.
_HANDLER = "upload_workflow.handlers.convert_image.handler"


class NotFound(Exception):
    """There is no such workflow or job; the message says what there is."""


class Changed(Exception):
    """The workflow is not as Terraform made it; the message says where, and what to do."""


@dataclass(frozen=True)
class Aws:
    """The clients of one account and region."""

    session: botocore.session.Session
    endpoint_url: str | None

    def _client(self, service: str) -> Any:
        config = Config(
            # Adaptive: whoever is throttled slows down, instead of all trying again at once.
            retries={"mode": "adaptive", "total_max_attempts": 10},
            max_pool_connections=THREADS,
            signature_version="s3v4" if service == "s3" else None,
        )
        try:
            client = self.session.create_client(
                service, endpoint_url=self.endpoint_url, config=config
            )
            _ = urlsplit(client.meta.endpoint_url).port  # raises ValueError where that is none
        except BotoCoreError:
            raise
        except ValueError as error:  # also of AWS_ENDPOINT_URL and of the profile's settings
            said = f"{error}: an endpoint is such as https://sqs.eu-central-1.amazonaws.com:443."
            raise NotFound(said) from error
        return client

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

    @cached_property
    def caller(self) -> str:
        """The ARN of whoever runs the command."""
        return str(self._client("sts").get_caller_identity()["Arn"])

    @cached_property
    def iam(self) -> IAMClient:
        return cast("IAMClient", self._client("iam"))

    @cached_property
    def cloudwatch(self) -> CloudWatchClient:
        return cast("CloudWatchClient", self._client("cloudwatch"))


def connect(profile: str | None, region: str | None, endpoint_url: str | None) -> Aws:
    """Profile and region from the options, else the environment, else the profile's settings.

    As the AWS CLI does it: AWS_REGION goes before AWS_DEFAULT_REGION, which botocore alone would
    not see at all. Raises NotFound if none of them tells a region.
    """
    session = botocore.session.Session(profile=profile)
    region = region or os.environ.get("AWS_REGION")
    if region:
        session.set_config_variable("region", region)
    elif not session.get_config_variable("region"):
        raise NotFound("Say in which region: --region, or AWS_REGION.")
    return Aws(session, endpoint_url)


@dataclass(frozen=True)
class Listening:
    """What the rule listens to. waits_for_scan: to the results of a malware scan."""

    bucket: str
    prefix: str
    waits_for_scan: bool


@dataclass(frozen=True)
class Workflow:
    """Raises Changed where a fact is asked for that somebody took away. Prefixes end with a slash
    or are empty.

    uploads: "bucket/prefix" from whoever asks, where the rule does not tell it any more.
    """

    aws: Aws
    name: str
    partition: str
    region: str
    account: str
    uploads: str | None = None

    @property
    def rule(self) -> str:
        return f"{self.name}-upload-ready"

    @property
    def functions(self) -> tuple[str, str]:
        return f"{self.name}-convert-image", f"{self.name}-record-failure"

    @property
    def log_groups(self) -> tuple[str, ...]:
        return tuple(f"/aws/lambda/{function}" for function in self.functions)

    @property
    def state_machine_arn(self) -> str:
        return self._arn("states", f"stateMachine:{self.name}")

    def execution_arn(self, execution: str) -> str:
        return self._arn("states", f"execution:{self.name}:{execution}")

    @property
    def remake_arn(self) -> str:
        """The state machine that makes existing uploads anew; there is one if the module was asked
        for it."""
        return f"{self.state_machine_arn}_remake"

    @property
    def reports_prefix(self) -> str:
        """Of what remakes read and write in the results bucket, beside the results."""
        return f"{self.name}-remakes/"

    @property
    def dead_letters(self) -> str:
        return f"{self.name}-dead-letters"

    @property
    def dead_letters_arn(self) -> str:
        return self._arn("sqs", self.dead_letters)

    def _arn(self, service: str, thing: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{thing}"

    @cached_property
    def dead_letters_url(self) -> str:
        try:
            return self.aws.sqs.get_queue_url(QueueName=self.dead_letters)["QueueUrl"]
        except ClientError as error:
            if error_code(error).endswith(("NonExistentQueue", "QueueDoesNotExist")):
                raise _changed(f"The queue {self.dead_letters} is gone") from error
            raise

    @cached_property
    def _machine(self) -> Mapping[str, Any]:
        try:
            return self.aws.states.describe_state_machine(stateMachineArn=self.state_machine_arn)
        except ClientError as error:
            if error_code(error) == "StateMachineDoesNotExist":
                raise _changed(f"The state machine {self.name} is gone") from error
            raise

    @property
    def express(self) -> bool:
        return bool(self._machine["type"] == "EXPRESS")

    @property
    def role_arn(self) -> str:
        """The role that executions have."""
        return str(self._machine["roleArn"])

    @property
    def start_role_arn(self) -> str:
        """The role that the rule's target has while it starts executions.

        As Terraform left it with record_failure: a paused target names none, and roles keep the
        names that they were made with when the instance gets another.
        """
        return _setting(self.record_failure, "START_ROLE_ARN")

    @cached_property
    def convert_image(self) -> FunctionConfigurationResponseTypeDef:
        """The function as it is configured."""
        return self._function(self.functions[0])

    @cached_property
    def record_failure(self) -> FunctionConfigurationResponseTypeDef:
        """The function as it is configured."""
        return self._function(self.functions[1])

    def _function(self, function: str) -> FunctionConfigurationResponseTypeDef:
        try:
            return self.aws.functions.get_function_configuration(FunctionName=function)
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                raise _changed(f"The function {function} is gone") from error
            raise

    @property
    def own_handler(self) -> str | None:
        """The embedder's, where the function does another kind of work; None: the module's."""
        handler = self.convert_image.get("Handler", _HANDLER)
        return None if handler == _HANDLER else handler

    @property
    def results_bucket(self) -> str:
        return _setting(self.convert_image, "RESULTS_BUCKET")

    @property
    def results_prefix(self) -> str:
        return _setting(self.convert_image, "RESULTS_PREFIX")

    @property
    def served_from(self) -> str | None:
        """Where the URLs of renditions begin; None: they are signed."""
        return _setting(self.convert_image, "SERVED_FROM") or None

    @property
    def renditions(self) -> int:
        """How many are made of each upload."""
        return len(json.loads(_setting(self.convert_image, "RENDITIONS")))

    @cached_property
    def _listening(self) -> Listening:
        if self.uploads is not None:
            bucket, _, prefix = self.uploads.removeprefix("s3://").partition("/")
            waits = False
            with suppress(ClientError, LookupError, TypeError, ValueError):
                waits = "s3ObjectDetails" in self._pattern()["detail"]
            return Listening(bucket, prefix, waits)
        where = "name them with --uploads s3://BUCKET/PREFIX, or restore the rule"
        try:
            return listening(self._pattern())
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                raise _changed(f"The rule {self.rule} is gone", where) from error
            raise
        except (LookupError, TypeError, ValueError) as error:
            said = f"The rule {self.rule} was changed: it names no bucket and prefix of uploads"
            raise _changed(said, where) from error

    def _pattern(self) -> Any:
        return json.loads(self.aws.events.describe_rule(Name=self.rule)["EventPattern"])

    @property
    def uploads_bucket(self) -> str:
        return self._listening.bucket

    @property
    def uploads_prefix(self) -> str:
        return self._listening.prefix

    @property
    def waits_for_scan(self) -> bool:
        return self._listening.waits_for_scan


def _changed(what: str, remedy: str = "restore it") -> Changed:
    return Changed(f"{what}: {remedy} (terraform apply). `doctor` shows what else is off.")


def _setting(function: FunctionConfigurationResponseTypeDef, name: str) -> str:
    try:
        return function.get("Environment", {}).get("Variables", {})[name]
    except KeyError:
        said = f"The function {function['FunctionName']} has lost its variable {name}"
        raise _changed(said) from None


def listening(pattern: Any) -> Listening:
    """Raises LookupError, TypeError or ValueError for a pattern that the module does not make."""
    detail = pattern["detail"]
    scanned = "s3ObjectDetails" in detail
    if scanned:
        thing = detail["s3ObjectDetails"]
        bucket, prefix = thing["bucketName"][0], thing["objectKey"][0]["prefix"]
    else:
        bucket, prefix = detail["bucket"]["name"][0], detail["object"]["key"][0]["prefix"]
    if not isinstance(bucket, str) or not isinstance(prefix, str):
        raise TypeError(f"{bucket!r} and {prefix!r} are no texts")
    return Listening(bucket, prefix, scanned)


def find(aws: Aws, name: str, uploads: str | None = None) -> Workflow:
    """Raises NotFound, naming the workflows that there are."""

    def rule() -> str:
        return aws.events.describe_rule(Name=f"{name}-upload-ready")["Arn"]

    def function() -> str:
        """Where somebody deleted the rule."""
        asked = f"{name}-convert-image"
        return aws.functions.get_function_configuration(FunctionName=asked)["FunctionArn"]

    for ask in (rule, function):
        try:
            _, partition, _, region, account, _ = ask().split(":", 5)
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise
        else:
            return Workflow(aws, name, partition, region, account, uploads)
    raise NotFound(_not_found(aws, name))


def _not_found(aws: Aws, name: str) -> str:
    suffix = "-upload-ready"
    pages = aws.events.get_paginator("list_rules").paginate()
    names = [rule["Name"] for page in pages for rule in page["Rules"]]
    known = sorted(name.removesuffix(suffix) for name in names if name.endswith(suffix))
    there = ", ".join(known) if known else "none; is it the right account and region"
    return f'There is no workflow called "{name}" here. Known ones: {there}. Choose with --name.'


def error_code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
