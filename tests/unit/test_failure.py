"""Failures are recorded and announced, once, whoever notices them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.memory_s3 import refusal
from tests.support.upload_world import UPLOADS, World, picture
from upload_workflow.errors import Rejected
from upload_workflow.job.document import State
from upload_workflow.run.failure import EndedExecution, failure_code

KEY = "uploads/one"


@pytest.fixture
def world() -> World:
    return World()


def test_a_failure_before_the_first_step_is_recorded_from_the_event_alone(world: World) -> None:
    told = world.record(world.put(KEY), error="Lambda.Unknown")
    document = world.document(KEY)
    assert document is not None and document.error is not None
    assert (document.state, document.error.code) == (State.FAILED, "Internal")
    assert world.announced == [told] and told["state"] == "FAILED"


def test_the_rule_finds_nothing_left_to_do_after_the_workflow_recorded(world: World) -> None:
    event = world.put(KEY)
    world.record(event)
    before = world.document(KEY)
    world.record_ended(event, ended_as="FAILED")
    assert world.document(KEY) == before
    assert len(world.announced) == 1


def test_a_folder_that_was_made_in_the_console_fails_for_nobody(world: World) -> None:
    """As where a step of the embedder's own makes nothing of it."""
    event = world.put("uploads/folder/", b"")
    assert world.record(event, error="OwnStepFailed")["reason"] == "folder"
    assert world.document("uploads/folder/") is None and world.announced == []


@pytest.mark.parametrize("fault", ["AccessDenied", "NoSuchBucket", "SlowDown"])
def test_a_failure_is_recorded_though_s3_says_nothing_of_the_upload(
    world: World, fault: str
) -> None:
    """The same fault may have failed the job."""

    def fail(operation: str, request: dict[str, Any]) -> None:
        if request["Bucket"] == UPLOADS:
            raise refusal(fault, operation)

    event = world.put(KEY)
    world.s3.before = fail
    world.record(event)
    document = world.document(KEY)
    assert document is not None and document.state is State.FAILED


def test_what_s3_does_not_find_yet_is_recorded_and_what_is_deleted_is_not(world: World) -> None:
    event = world.put(KEY)
    world.s3.delete_object(Bucket=UPLOADS, Key=KEY)
    assert world.record(event)["reason"] == "superseded"
    assert world.document(KEY) is None and world.announced == []
    world.record(event, error="NotYetReadable")
    assert world.document(KEY) is not None


@pytest.mark.parametrize(("ended_as", "code"), [("ABORTED", "Aborted"), ("TIMED_OUT", "TimedOut")])
def test_an_execution_that_was_ended_from_outside_is_recorded(
    world: World, ended_as: str, code: str
) -> None:
    told = world.record_ended(world.put(KEY), ended_as=ended_as)
    assert told["error"]["code"] == code
    assert world.announced == [told]


def test_an_announcement_that_failed_is_made_by_the_next_attempt(world: World) -> None:
    event = world.put(KEY)
    world.lost_announcements = 1
    with pytest.raises(ConnectionError):
        world.record(event)
    assert world.document(KEY) is not None  # the client knows already
    world.record(event)
    world.record_ended(event, ended_as="FAILED")
    assert len(world.announced) == 1


def test_the_rule_announces_what_the_workflow_could_not(world: World) -> None:
    event = world.put(KEY)
    world.lost_announcements = 1
    with pytest.raises(ConnectionError):
        world.record(event)
    world.record_ended(event, ended_as="FAILED")
    assert [told["state"] for told in world.announced] == ["FAILED"]


def test_announcing_does_not_change_what_clients_read(world: World) -> None:
    event = world.put(KEY)
    world.lost_announcements = 1
    with pytest.raises(ConnectionError):
        world.record(event)
    before = world.s3.current("results", f"results/{KEY}/status.json")
    world.record(event)
    after = world.s3.current("results", f"results/{KEY}/status.json")
    assert before and after and before.metadata != after.metadata
    assert (before.body, before.etag) == (after.body, after.etag)


def test_a_success_is_never_turned_into_a_failure(world: World) -> None:
    event = world.put(KEY)
    world.convert(event, "e1")
    before = world.document(KEY)
    assert world.record(event, "e1")["reason"] == "duplicate"
    assert world.record_ended(event, "e1")["reason"] == "duplicate"
    assert world.document(KEY) == before
    assert world.announced == []


def test_a_duplicate_that_fails_leaves_the_owner_of_the_job_alone(world: World) -> None:
    event = world.put(KEY)
    crash_after_claim(world, event, "e1")
    assert world.record(event, "e2")["reason"] == "duplicate"
    assert world.document(KEY).state is State.RUNNING
    assert world.convert(event, "e1", attempt=1)["state"] == "SUCCEEDED"


def test_a_result_that_comes_after_an_abort_is_too_late(world: World) -> None:
    event = world.put(KEY)

    def abort(operation: str, request: dict[str, Any]) -> None:
        if operation == "PutObject" and request["Key"].endswith("small.jpg"):
            world.s3.before = lambda operation, request: None
            world.record_ended(event, "e1")

    world.s3.before = abort
    assert world.convert(event, "e1")["reason"] == "duplicate"
    assert world.document(KEY).state is State.FAILED


def test_an_old_failure_does_not_replace_a_newer_version(world: World) -> None:
    old, new = world.put(KEY, picture(1)), world.put(KEY, picture(2))
    world.convert(new, "e2")
    assert world.record(old, "e1")["reason"] == "superseded"
    assert world.announced == []


def test_only_a_redrive_reopens_a_failure(world: World) -> None:
    event = world.put(KEY)
    world.record(event, "e1")
    assert world.convert(event, "e2")["reason"] == "duplicate"
    assert world.convert(event | {"redrive": True}, "e3")["state"] == "SUCCEEDED"
    document = world.document(KEY)
    assert document is not None and document.error is None


@pytest.mark.parametrize(
    ("error", "cause", "code"),
    [
        ("States.Timeout", "", "TimedOut"),
        ("Sandbox.Timedout", "", "TimedOut"),
        ("Lambda.Unknown", "2026 r-1 Task timed out after 60.00 seconds", "TimedOut"),
        ("AccessDenied", "{}", "AccessDenied"),
        ("MissingBucket", "{}", "MissingBucket"),
        ("UnusableKey", "{}", "UnusableKey"),
        ("Runtime.ExitError", "signal: killed", "Internal"),
        (None, None, "Internal"),
    ],
)
def test_the_code_of_a_failure_comes_from_the_error(
    error: str | None, cause: str | None, code: str
) -> None:
    assert failure_code(error, cause) == code


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"source": "aws.states"},
        {"source": "aws.states", "detail": {"status": "ABORTED"}},
        {"source": "aws.states", "detail": {"status": "ABORTED", "input": "[]"}},
        {"source": "aws.states", "detail": {"status": "ABORTED", "input": "{"}},
        {"source": "aws.states", "detail": {"status": "ABORTED", "input": "[" * 9000}},
        {"source": "aws.states", "detail": {"status": "ABORTED", "input": None}},
        {"event": {}, "error": None},
        {"event": "text", "error": {"Error": "x"}},
    ],
)
def test_what_is_no_ended_execution_is_rejected(payload: dict[str, Any]) -> None:
    with pytest.raises(Rejected, match="MalformedEvent"):
        EndedExecution.parse(payload, "request")


@pytest.mark.parametrize(
    ("code", "message", "name"),
    [
        ("AccessDenied", "not authorized to perform: s3:PutObject", "AccessDenied"),
        ("AccessDenied", "not authorized to perform: kms:GenerateDataKey", "UnusableKey"),
        ("KMS.DisabledException", "the key is disabled", "UnusableKey"),
        ("NoSuchBucket", "", "MissingBucket"),
    ],
)
@pytest.mark.parametrize("operation", ["GetObject", "PutObject"])
def test_a_permanent_fault_leaves_under_the_name_that_the_workflow_knows(
    world: World, operation: str, code: str, message: str, name: str
) -> None:
    event = world.put(KEY)

    def deny(called: str, request: dict[str, Any]) -> None:
        if called == operation:
            raise refusal(code, called, message)

    world.s3.before = deny
    with pytest.raises(Exception, match=message or code) as caught:
        world.convert(event)
    assert type(caught.value).__name__ == name


def crash_after_claim(world: World, event: dict[str, Any], execution: str) -> None:
    class Killed(BaseException):
        pass

    def kill(operation: str, request: dict[str, Any]) -> None:
        if operation == "PutObject" and request["Key"].endswith("large.jpg"):
            raise Killed

    world.s3.before = kill
    with pytest.raises(Killed):
        world.convert(event, execution)
    world.s3.before = lambda operation, request: None
