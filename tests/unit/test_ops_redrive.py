"""What is run again, with which input, how often, and what is left alone. AWS is moto's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import botocore.session
import pytest
from moto import mock_aws

from upload_workflow.job import keys
from upload_workflow.job.document import Problem, State, StatusDocument, Subject, timestamp
from upload_workflow.job.upload import Upload
from upload_workflow.ops.deployment import Aws, Deployment
from upload_workflow.ops.jobs import JobState
from upload_workflow.ops.redrive import Done, Plan, carry_out, make_plan

REGION = "eu-central-1"
KEY = "uploads/one"
NOW = datetime.now(UTC)
LATER = NOW + timedelta(hours=1)
PROBLEM = Problem("Internal", "It went wrong.", retryable=True)
UNENDED = (JobState.FAILED, JobState.STUCK, JobState.WAITING)


@dataclass
class Account:
    """A workflow whose executions end when a test says so."""

    aws: Aws
    deployment: Deployment

    def upload(self, key: str = KEY, body: bytes = b"one") -> dict[str, Any]:
        """Puts an object; the event that S3 sends about it."""
        put = self.aws.s3.put_object(
            Bucket=self.deployment.uploads_bucket, Key=key, Body=body, ContentType="image/jpeg"
        )
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
            "detail": {"bucket": {"name": self.deployment.uploads_bucket}, "object": thing},
        }

    def document(self, event: dict[str, Any], state: State, **facts: Any) -> None:
        """What the functions have written about this event's job."""
        upload = Upload.parse(event)
        document = StatusDocument(
            state=state,
            upload=Subject(
                upload.bucket,
                upload.key,
                etag=upload.etag,
                version_id=upload.version_id,
                sequencer=upload.sequencer,
            ),
            job_id=upload.job_id,
            execution="first",
            created_at=timestamp(NOW),
            updated_at=timestamp(NOW),
            error=PROBLEM if state is State.FAILED else None,
        )
        self.aws.s3.put_object(
            Bucket=self.deployment.results_bucket,
            Key=keys.status_key(self.deployment.results_prefix, upload.key),
            Body=replace(document, **facts).to_bytes(),
        )

    def letter(self, event: object) -> None:
        self.aws.sqs.send_message(
            QueueUrl=self.deployment.dead_letters_url, MessageBody=json.dumps(event)
        )

    @property
    def letters(self) -> int:
        attributes = self.aws.sqs.get_queue_attributes(
            QueueUrl=self.deployment.dead_letters_url,
            AttributeNames=[
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
            ],
        )["Attributes"]
        return sum(map(int, attributes.values()))

    def plan(
        self,
        *,
        states: Sequence[JobState] = UNENDED,
        now: datetime = LATER,
        hold_seconds: int = 60,
        prefix: str = "",
    ) -> Plan:
        return make_plan(
            self.aws,
            self.deployment,
            now=now,
            prefix=prefix,
            since=None,
            states=states,
            hold_seconds=hold_seconds,
        )

    def redrive(self, plan: Plan | None = None) -> list[Done]:
        return list(carry_out(self.aws, self.deployment, plan or self.plan(), 1000))

    def started(self) -> dict[str, Any]:
        """The inputs of all executions by name."""
        machine = self.deployment.state_machine_arn
        found = self.aws.states.list_executions(stateMachineArn=machine)["executions"]
        return {
            execution["name"]: json.loads(
                self.aws.states.describe_execution(executionArn=execution["executionArn"])["input"]
            )
            for execution in found
        }

    def end(self, name: str) -> None:
        self.aws.states.stop_execution(executionArn=self.deployment.execution_arn(name))


def not_waiting(params: dict[str, Any], **_: object) -> dict[str, Any]:
    """moto waits a second for letters, as SQS does; here none will come."""
    return params | {"WaitTimeSeconds": 0}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        session = botocore.session.Session()
        session.set_config_variable("region", REGION)
        aws = Aws(session, None)
        for bucket in ("uploads", "results"):
            aws.s3.create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
            )
        aws.s3.put_bucket_versioning(
            Bucket="uploads", VersioningConfiguration={"Status": "Enabled"}
        )
        role = boto3.client("iam", region_name=REGION).create_role(
            RoleName="states", AssumeRolePolicyDocument="{}"
        )["Role"]["Arn"]
        machine = aws.states.create_state_machine(
            name="workflow",
            definition='{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}',
            roleArn=role,
        )["stateMachineArn"]
        queue = aws.sqs.create_queue(QueueName="letters")["QueueUrl"]
        aws.sqs.meta.events.register("provide-client-params.sqs.ReceiveMessage", not_waiting)
        deployment = Deployment(
            name="workflow",
            region=REGION,
            state_machine_arn=machine,
            express=False,
            waits_for_scan=False,
            uploads_bucket="uploads",
            uploads_prefix="uploads/",
            results_bucket="results",
            results_prefix="results/",
            dead_letters_url=queue,
            dead_letters_arn="",
            start_role_arn="",
            rule="",
        )
        yield Account(aws, deployment)


def job_id(event: dict[str, Any]) -> str:
    return Upload.parse(event).job_id


def test_a_failed_job_is_run_again_with_the_input_it_had(account: Account) -> None:
    event = account.upload()
    account.aws.states.start_execution(
        stateMachineArn=account.deployment.state_machine_arn,
        name="first",
        input=json.dumps(event),
    )
    account.document(event, State.FAILED)
    (done,) = account.redrive()
    assert (done.what, done.execution) == ("started", f"redrive-{job_id(event)}-1")
    assert account.started()[done.execution] == event | {"redrive": True}


def test_what_is_running_again_is_not_started_twice(account: Account) -> None:
    account.document(account.upload(), State.FAILED)
    (first,), (second,) = account.redrive(), account.redrive()
    assert (second.what, second.execution) == ("is already running again", first.execution)
    assert len(account.started()) == 1


def test_a_redrive_that_ended_and_did_not_help_is_no_obstacle_to_the_next(account: Account) -> None:
    event = account.upload()
    account.document(event, State.FAILED)
    (first,) = account.redrive()
    account.end(str(first.execution))
    (second,) = account.redrive()
    assert (second.what, second.execution) == ("started", f"redrive-{job_id(event)}-2")


def test_a_name_that_somebody_took_meanwhile_is_passed_over(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = account.upload()
    account.document(event, State.FAILED)
    account.redrive()
    # Step Functions did not know the execution yet when it was asked, and does when it is started.
    monkeypatch.setattr("upload_workflow.ops.redrive.execution_status", lambda *_: None)
    (done,) = account.redrive(replace_input(account.plan(), {"other": "input"}))
    assert done.execution == f"redrive-{job_id(event)}-2"


def replace_input(plan: Plan, extra: dict[str, Any]) -> Plan:
    """Another input under the same name is refused; an equal one is the same execution."""
    return replace(
        plan, steps=tuple(replace(step, input={**step.input, **extra}) for step in plan.steps)
    )


def test_an_event_that_is_gone_is_made_anew_for_the_same_job(account: Account) -> None:
    event = account.upload()
    account.document(event, State.FAILED)
    (done,) = account.redrive()
    assert done.step.job_id == job_id(event)
    thing = account.started()[str(done.execution)]["detail"]["object"]
    assert thing == event["detail"]["object"]


def test_a_key_that_was_uploaded_again_is_another_job(account: Account) -> None:
    old = account.upload()
    account.document(old, State.FAILED, updated_at=timestamp(NOW - timedelta(hours=1)))
    account.upload(body=b"two")
    (done,) = account.redrive()
    assert done.step.why == "WAITING"
    assert done.step.job_id != job_id(old)
    assert "sequencer" not in account.started()[str(done.execution)]["detail"]["object"]


def test_an_upload_whose_event_may_still_come_is_left_alone(account: Account) -> None:
    account.upload()
    assert account.plan(now=NOW + timedelta(minutes=14)).steps == ()
    assert len(account.plan(now=NOW + timedelta(minutes=16)).steps) == 1


def test_a_job_with_an_end_is_no_step_unless_it_is_asked_for(account: Account) -> None:
    account.document(account.upload(), State.SUCCEEDED)
    assert account.plan().steps == ()
    (done,) = account.redrive(account.plan(states=[JobState.SUCCEEDED]))
    assert done.what == "started"


def test_a_job_that_ended_since_the_plan_was_made_is_not_started(account: Account) -> None:
    event = account.upload()
    account.document(event, State.FAILED)
    plan = account.plan()
    account.document(event, State.SUCCEEDED)
    (done,) = account.redrive(plan)
    assert (done.what, done.execution, done.failed) == ("has ended meanwhile", None, False)
    assert account.started() == {}


def test_a_job_with_a_letter_is_run_once_and_by_its_letter(account: Account) -> None:
    event = account.upload()
    account.document(event, State.FAILED)
    for _ in range(2):
        account.letter(event)
    (done,) = account.redrive(account.plan())
    assert done.step.input == event
    assert len(done.step.letters) == 2
    assert list(account.started()) == [f"redrive-{job_id(event)}-1"]
    assert account.letters == 0


def test_a_letter_of_a_job_that_ended_is_settled_without_a_run(account: Account) -> None:
    event = account.upload()
    account.document(event, State.REJECTED)
    account.letter(event)
    (done,) = account.redrive(account.plan())
    assert done.what == "has ended meanwhile"
    assert (account.letters, account.started()) == (0, {})


def test_a_letter_stays_when_its_job_could_not_be_started(account: Account) -> None:
    account.letter(account.upload())
    machine = account.deployment.state_machine_arn
    account.deployment = replace(account.deployment, state_machine_arn=f"{machine}-gone")
    (done,) = account.redrive(account.plan(states=()))
    assert done.failed
    assert "StateMachineDoesNotExist" in done.what
    assert account.letters == 1


def test_letters_that_are_visible_again_before_the_last_was_read_are_read_once(
    account: Account,
) -> None:
    for number in range(3):
        account.letter(account.upload(f"uploads/{number}"))
    assert len(account.plan(states=(), hold_seconds=0).looked_at) == 3


def test_a_letter_of_another_prefix_is_nobodys_business(account: Account) -> None:
    account.letter(account.upload("uploads/theirs"))
    assert account.plan(prefix="uploads/ours").steps == ()


def test_what_cannot_be_run_again_is_named_with_the_reason(account: Account) -> None:
    account.letter("no event at all")
    gone = account.upload()
    account.document(gone, State.FAILED)
    account.aws.s3.delete_object(Bucket=account.deployment.uploads_bucket, Key=KEY)
    left = dict(account.plan().left)
    assert left.pop(KEY) == "its upload is gone"
    assert list(left.values()) == ["it holds no event of an upload"]


def test_nothing_that_waits_for_a_scan_is_started_without_its_result(account: Account) -> None:
    account.upload()
    account.deployment = replace(account.deployment, waits_for_scan=True)
    plan = account.plan()
    assert plan.steps == ()
    assert "scan" in dict(plan.left)[KEY]


def test_a_letter_from_before_uploads_were_scanned_is_left(account: Account) -> None:
    event = account.upload()
    account.letter(event)
    account.deployment = replace(account.deployment, waits_for_scan=True)
    plan = account.plan()
    assert plan.steps == ()
    assert (
        dict(plan.left)[KEY]
        == "its event is no scan's result, and without one nothing may start it"
    )


def test_a_plan_starts_no_faster_than_it_is_told(account: Account) -> None:
    for number in range(3):
        account.upload(f"uploads/{number}")
    waits: list[float] = []
    list(carry_out(account.aws, account.deployment, account.plan(), 4, waits.append))
    assert waits == [0.25, 0.25]
