"""One cause for each way in which a job may stand still or fail."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from upload_workflow.job.document import Problem, State, StatusDocument, Subject, timestamp
from upload_workflow.ops.causes import Cause, explain
from upload_workflow.ops.jobs import Job, JobState, StoredUpload
from upload_workflow.ops.letters import Letter, Origin
from upload_workflow.ops.pause import Gate
from upload_workflow.ops.story import Execution, LogLine, Moment, Story

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def document(state: State, code: str | None = None) -> StatusDocument:
    return StatusDocument(
        state=state,
        upload=Subject("b", "uploads/a", etag="e"),
        job_id="j",
        execution="x",
        error=Problem(code, "Send less.", retryable=True) if code else None,
        created_at=timestamp(NOW),
        updated_at=timestamp(NOW),
    )


def story(state: JobState, told: StatusDocument | None = None, **facts: Any) -> Story:
    upload = StoredUpload("e", 9, NOW)
    defaults: dict[str, Any] = {
        "lines": (),
        "executions": (),
        "letters": (),
        "gate": Gate(enabled=True, target_arn="arn", paused=False),
        "announces": True,
    }
    return Story(job=Job("uploads/a", state, NOW, told, upload), **(defaults | facts))


def failed(error: str, cause: str, code: str = "Internal") -> Cause:
    """Told by record_failure's log line, which is all there is for Express."""
    line = LogLine(NOW, "record-failure", {"execution": "x", "error": error, "cause": cause})
    return explain(story(JobState.FAILED, document(State.FAILED, code), lines=(line,)))


def lambda_cause(error_type: str, message: str) -> str:
    return json.dumps({"errorType": error_type, "errorMessage": message, "stackTrace": ["..."]})


REFUSED = "An error occurred (AccessDenied) when calling the GetObject operation: no"


@pytest.mark.parametrize(
    ("error", "cause", "name"),
    [
        ("OwnStepBroken", lambda_cause("OwnStepBroken", "A refusal is ..."), "OwnStepBroken"),
        ("OwnStepTimedOut", "States.Timeout: ", "OwnStepTimedOut"),
        ("OwnStepFailed", "KeyError: AccessDenied when calling it", "OwnStepFailed"),
        ("AccessDenied", lambda_cause("AccessDenied", REFUSED), "AccessDenied"),
        ("UnusableKey", lambda_cause("UnusableKey", "KMS.DisabledException"), "UnusableKey"),
        ("MissingBucket", lambda_cause("MissingBucket", "NoSuchBucket"), "MissingBucket"),
        (
            "Sandbox.Timedout",
            "RequestId: 1 Error: Task timed out after 60.00 s",
            "FunctionTimedOut",
        ),
        ("States.TaskFailed", "Task timed out after 3.00 seconds", "FunctionTimedOut"),
        ("States.Timeout", "", "StateTimedOut"),
        ("Lambda.TooManyRequestsException", "Rate Exceeded.", "Throttled"),
        ("Runtime.OutOfMemory", "", "OutOfMemory"),
        (
            "Runtime.ExitError",
            "RequestId: 1 Error: Runtime exited with signal: killed",
            "OutOfMemory",
        ),
        ("Runtime.ExitError", "RequestId: 1 Error: Runtime exited with status 1", "WorkerDied"),
        ("Lambda.Unknown", "The cause could not be determined", "WorkerDied"),
        ("Runtime.ImportModuleError", "No module named 'PIL'", "CannotStart"),
        ("States.QueryEvaluationError", "the expression", "WorkflowDefinition"),
        ("States.DataLimitExceeded", "256 KB", "WorkflowDefinition"),
        ("ZeroDivisionError", lambda_cause("ZeroDivisionError", "division by zero"), "Bug"),
        # What a bug says of other errors is not the error.
        ("RuntimeError", lambda_cause("RuntimeError", "is this States.Timeout"), "Bug"),
    ],
)
def test_each_error_is_known_by_its_name(error: str, cause: str, name: str) -> None:
    found = failed(error, cause)
    assert found.name == name
    assert found.evidence
    assert "ops redrive" in found.remedy


def test_a_bug_is_named_by_its_exception() -> None:
    found = failed("KeyError", lambda_cause("KeyError", "'size'"))
    assert found.sentence == "Our own code raised KeyError."
    assert found.evidence == "KeyError: 'size'"


def test_evidence_is_one_line_without_the_traceback() -> None:
    evidence = failed("ValueError", lambda_cause("ValueError", "a\nb\n" + "c" * 900)).evidence
    assert evidence is not None
    assert evidence.startswith("ValueError: a b ccc")
    assert "\n" not in evidence
    assert len(evidence) < 350


def execution(status: str, error: str | None = None, *moments: str) -> Execution:
    happened = tuple(Moment(NOW, "x", what) for what in moments)
    return Execution("x", status, error, "because", happened)


def test_an_execution_that_was_stopped_is_told_from_one_that_failed() -> None:
    told = document(State.FAILED, "Aborted")
    stopped = execution("ABORTED", "Stopped")
    found = explain(story(JobState.FAILED, told, executions=(stopped,)))
    assert (found.name, found.evidence) == ("Aborted", "Stopped: because")


def test_an_execution_that_ran_out_of_time_is_told_from_a_function_that_did() -> None:
    told = document(State.FAILED, "TimedOut")
    found = explain(story(JobState.FAILED, told, executions=(execution("TIMED_OUT"),)))
    assert found.name == "ExecutionTimedOut"


def test_a_failure_that_everybody_forgot_keeps_its_code() -> None:
    assert explain(story(JobState.FAILED, document(State.FAILED, "Internal"))).name == "Internal"


def test_a_rejection_says_what_the_client_reads() -> None:
    found = explain(story(JobState.REJECTED, document(State.REJECTED, "TooManyBytes")))
    assert found.name == "TooManyBytes"
    assert "Send less." in found.sentence
    assert "ops redrive" not in found.remedy


def letter(origin: Origin, error: str | None = None) -> Letter:
    return Letter("m", origin, NOW, {}, None, error)


PAUSED = Gate(enabled=True, target_arn="queue", paused=True)


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({"letters": (letter(Origin.HELD),), "gate": PAUSED}, "Paused"),
        ({"letters": (letter(Origin.NOT_DELIVERED, "NO_PERMISSIONS"),)}, "NotDelivered"),
        ({"announces": False}, "EventsOff"),
        ({"gate": Gate(enabled=False, target_arn="arn", paused=False)}, "RuleDisabled"),
        ({"gate": Gate(enabled=True, target_arn=None, paused=False)}, "NoTarget"),
        ({"executions": (execution("RUNNING"),)}, "Running"),
        ({}, "NoEvent"),
    ],
)
def test_an_upload_that_waits_is_explained_by_what_stands_in_its_way(
    facts: dict[str, Any], name: str
) -> None:
    assert explain(story(JobState.WAITING, **facts)).name == name


def test_a_job_at_work_tells_throttling_from_failing() -> None:
    told = document(State.RUNNING)
    throttled = '"Convert image" failed: Lambda.TooManyRequestsException: busy'
    bug = '"Convert image" failed: RuntimeError: no'
    for moments, name in (
        ((), "Running"),
        ((throttled, throttled), "Throttled"),
        ((throttled, bug), "Retrying"),
    ):
        at_work = execution("RUNNING", None, *moments)
        assert explain(story(JobState.RUNNING, told, executions=(at_work,))).name == name


def test_a_stuck_job_tells_how_its_execution_ended_or_that_it_is_gone() -> None:
    told = document(State.RUNNING)
    gone = explain(story(JobState.STUCK, told))
    ended = explain(story(JobState.STUCK, told, executions=(execution("FAILED", "Boom"),)))
    assert (gone.name, ended.name) == ("ExecutionGone", "EndNotRecorded")
    assert ended.evidence == "Boom: because"


def test_a_success_that_was_not_announced_is_no_plain_success() -> None:
    told = document(State.SUCCEEDED)
    well = execution("SUCCEEDED")
    assert explain(story(JobState.SUCCEEDED, told, executions=(well,))).name == "Succeeded"
    silent = replace(well, status="FAILED", error="EventBridge.Error")
    assert explain(story(JobState.SUCCEEDED, told, executions=(silent,))).name == "NotAnnounced"


def test_a_form_that_was_never_used_is_nobodys_fault() -> None:
    assert explain(story(JobState.ISSUED, document(State.PENDING))).name == "NotUploaded"


def test_advice_for_a_job_that_retries_is_that_of_what_it_fails_for() -> None:
    """Field: "Wait: the workflow retries by itself", for a permission that was gone."""
    refused = f'"Convert image" failed: AccessDenied: {REFUSED}'
    at_work = execution("RUNNING", None, refused)
    found = explain(story(JobState.WAITING, executions=(at_work,)))
    assert found.name == "Retrying"
    assert "has failed once so far" in found.sentence
    assert found.remedy.startswith("Grant what the evidence names")


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({"letters_held": 3}, "LettersHeld"),
        ({"deleted": True}, "Deleted"),
        ({"shared_with": "theirs"}, "ResultsShared"),
    ],
)
def test_what_nobody_can_see_is_not_denied(facts: dict[str, Any], name: str) -> None:
    found = explain(story(JobState.WAITING, **facts))
    assert found.name == name
    assert "15 minutes" not in found.remedy


def test_a_success_whose_renditions_are_gone_is_no_success() -> None:
    found = explain(story(JobState.SUCCEEDED, document(State.SUCCEEDED), missing=("small",)))
    assert found.name == "RenditionsGone"
    assert "small" in found.sentence
    assert "from it" in found.remedy
    job = replace(story(JobState.SUCCEEDED, document(State.SUCCEEDED)).job, upload=None)
    kept = story(JobState.SUCCEEDED, document(State.SUCCEEDED), missing=("small",))
    assert "nothing can make them anew" in explain(replace(kept, job=job)).remedy


def test_an_upload_deleted_before_its_job_is_not_one_that_never_came() -> None:
    told = document(State.PENDING)
    assert explain(story(JobState.ISSUED, told, deleted=True)).name == "Deleted"


@pytest.mark.parametrize("code", ["Archived", "EncryptedByClient"])
def test_what_the_clients_way_of_storing_did_has_advice_of_its_own(code: str) -> None:
    found = explain(story(JobState.REJECTED, document(State.REJECTED, code)))
    assert found.remedy != "Nothing to do for us; the client reads the same sentence."
