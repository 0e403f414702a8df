"""An AWS account in memory (moto's) with a workflow in it, as far as `ops` looks at one."""

from __future__ import annotations

import functools
import io
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.session
import pytest
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber
from moto.sqs.models import sqs_backends

from tests.support import workflow_file
from upload_workflow.job import keys
from upload_workflow.job.document import Problem, State, StatusDocument, Subject, timestamp
from upload_workflow.job.upload import Upload
from upload_workflow.ops.workflow import Aws, Workflow, find

REGION = "eu-central-1"
NAME = "workflow"
# Older than the instance's name: roles keep theirs.
START_ROLE_ARN = "arn:aws:iam::123456789012:role/media/older-start-execution-eu-central-1"
KEY = "uploads/one"
NOW = datetime.now(UTC)
LATER = NOW + timedelta(hours=1)
PROBLEM = Problem("Internal", "It went wrong.", retryable=True)


def object_pattern(prefix: str = "uploads/") -> dict[str, Any]:
    """What the module's rule listens to."""
    return {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": ["uploads"]}, "object": {"key": [{"prefix": prefix}]}},
    }


SCAN_PATTERN = {
    "source": ["aws.guardduty"],
    "detail": {
        "s3ObjectDetails": {"bucketName": ["uploads"], "objectKey": [{"prefix": "uploads/"}]}
    },
}


@dataclass
class Account:
    """A workflow whose executions end when a test says so."""

    aws: Aws

    @property
    def workflow(self) -> Workflow:
        """As a command finds it that begins now."""
        return find(self.aws, NAME)

    def listen(self, pattern: object) -> None:
        self.aws.events.put_rule(Name=f"{NAME}-upload-ready", EventPattern=json.dumps(pattern))

    def upload(self, key: str = KEY, body: bytes = b"one") -> dict[str, Any]:
        """Puts an object; the event that S3 sends about it."""
        put = self.aws.s3.put_object(Bucket="uploads", Key=key, Body=body, ContentType="image/jpeg")
        thing = {
            "key": key,
            "size": len(body),
            "etag": put["ETag"].strip('"'),
            "version-id": put["VersionId"],
            "sequencer": "0060B0",
        }
        return {
            "source": "aws.s3",
            "detail-type": "Object Created",
            "time": timestamp(NOW),
            "detail": {"bucket": {"name": "uploads"}, "object": thing},
        }

    def document(self, event: dict[str, Any], state: State, **facts: Any) -> None:
        """What the functions have written about this event's job."""
        upload = Upload.parse(event)
        document = StatusDocument(
            state=state,
            upload=Subject.of(upload),
            job_id=upload.job_id,
            execution="first",
            created_at=timestamp(NOW),
            updated_at=timestamp(NOW),
            error=PROBLEM if state is State.FAILED else None,
        )
        self.aws.s3.put_object(
            Bucket="results",
            Key=keys.status_key("results/", upload.key),
            Body=replace(document, **facts).to_bytes(),
        )

    def letter(self, event: object) -> None:
        url = self.workflow.dead_letters_url
        self.aws.sqs.send_message(QueueUrl=url, MessageBody=json.dumps(event))

    @property
    def visible(self) -> int:
        return self._letters("ApproximateNumberOfMessages")

    @property
    def hidden(self) -> int:
        return self._letters("ApproximateNumberOfMessagesNotVisible")

    def _letters(self, name: Any) -> int:
        url = self.workflow.dead_letters_url
        told = self.aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        return int(told["Attributes"][name])

    def end_every_hold(self) -> None:
        """As if time had passed until SQS shows every letter again."""
        for backend in sqs_backends.values():
            for queue in backend[REGION].queues.values():
                for message in queue._messages:
                    message.visible_at = 0

    def start(self, name: str, event: object) -> None:
        self.aws.states.start_execution(
            stateMachineArn=self.workflow.state_machine_arn, name=name, input=json.dumps(event)
        )

    def started(self) -> dict[str, Any]:
        """The inputs of all executions by name."""
        machine = self.workflow.state_machine_arn
        found = self.aws.states.list_executions(stateMachineArn=machine)["executions"]
        return {
            execution["name"]: json.loads(
                self.aws.states.describe_execution(executionArn=execution["executionArn"])["input"]
            )
            for execution in found
        }

    def end(self, name: str) -> None:
        self.aws.states.stop_execution(executionArn=self.workflow.execution_arn(name))

    def allow_remakes(self) -> None:
        """The state machine beside the workflow's."""
        self.aws.states.create_state_machine(
            name=f"{NAME}_remake",
            definition=json.dumps(workflow_file.remake()),
            roleArn=self.workflow.role_arn,
        )


SERVICES = ("s3", "states", "events", "sqs", "logs", "functions")


@dataclass
class Calls:
    """Counts an account's calls to AWS, and does something before or after a numbered one."""

    aws: Aws
    at: int = -1
    when: str = "before"
    act: Callable[[], None] = lambda: None
    seen: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    mine: threading.local = field(default_factory=threading.local)

    def __enter__(self) -> Calls:
        for service in SERVICES:
            events = getattr(self.aws, service).meta.events
            events.register_first("before-call", self._before)
            events.register_last("after-call", self._after)
        return self

    def __exit__(self, *_: object) -> None:
        for service in SERVICES:
            events = getattr(self.aws, service).meta.events
            events.unregister("before-call", self._before)
            events.unregister("after-call", self._after)

    def _before(self, model: Any, **_: Any) -> None:
        with self.lock:
            self.mine.number = len(self.seen)
            self.seen.append(model.name)
        if self.mine.number == self.at and self.when == "before":
            self.act()

    def _after(self, **_: Any) -> None:
        if self.mine.number == self.at and self.when == "after":
            self.act()


def _not_waiting(params: dict[str, Any], **_: object) -> dict[str, Any]:
    """moto waits a second for letters, as SQS does; here none will come."""
    return params | {"WaitTimeSeconds": 0}


def _one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets moto answer one call at a time.

    It was not made for threads: of two letters that are deleted at the same moment it keeps one.
    """
    turn, answer = threading.RLock(), BotocoreStubber.process_request

    def in_turn(self: BotocoreStubber, request: Any) -> Any:
        with turn:
            return answer(self, request)

    monkeypatch.setattr(BotocoreStubber, "process_request", in_turn)


@functools.cache
def _aws() -> Aws:
    """Clients for all accounts of a run: to make them anew takes longer than most tests."""
    session = botocore.session.Session()
    session.set_config_variable("region", REGION)
    aws = Aws(session, None)
    aws.sqs.meta.events.register("provide-client-params.sqs.ReceiveMessage", _not_waiting)
    return aws


@contextmanager
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    _one_after_the_other(monkeypatch)
    with mock_aws():
        aws = _aws()
        for bucket in ("uploads", "results"):
            aws.s3.create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
            )
        aws.s3.put_bucket_versioning(
            Bucket="uploads", VersioningConfiguration={"Status": "Enabled"}
        )
        role = aws.iam.create_role(RoleName="role", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        aws.states.create_state_machine(
            name=NAME,
            definition='{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}',
            roleArn=role,
        )
        variables = {"RESULTS_BUCKET": "results", "RESULTS_PREFIX": "results/"}
        for function, besides in {
            "convert_image": {"SERVED_FROM": "", "RENDITIONS": '{"large": {}, "small": {}}'},
            "record_failure": {"START_ROLE_ARN": START_ROLE_ARN},
        }.items():
            aws.functions.create_function(
                FunctionName=f"{NAME}-{function.replace('_', '-')}",
                Runtime="python3.13",
                Role=role,
                Handler=f"upload_workflow.handlers.{function}.handler",
                Code={"ZipFile": _zip()},
                Environment={"Variables": variables | besides},
            )
        aws.sqs.create_queue(QueueName=f"{NAME}-dead-letters")
        made = Account(aws)
        made.listen(object_pattern())
        yield made


def _zip() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("handler.py", "")
    return packed.getvalue()
