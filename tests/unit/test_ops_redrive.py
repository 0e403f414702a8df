"""What is run again, with which input, how often, and what is left alone. AWS is moto's."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.moto_account import KEY, LATER, NOW, SCAN_PATTERN, Account, account
from upload_workflow.job.document import State, timestamp
from upload_workflow.job.upload import Upload
from upload_workflow.ops import redrive
from upload_workflow.ops.jobs import JobState
from upload_workflow.ops.letters import Taken
from upload_workflow.ops.redrive import Done, Left, Pace, Step, carry_out, plan
from upload_workflow.ops.workflow import Workflow

UNENDED = (JobState.FAILED, JobState.STUCK, JobState.WAITING)


@pytest.fixture(name="account")
def _account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    with account(monkeypatch) as made:
        yield made


def planned(
    account: Account,
    *,
    states: Collection[JobState] = UNENDED,
    now: datetime = LATER,
    prefix: str = "",
) -> list[Step | Left]:
    """A dry run."""
    with Taken(account.workflow, 60) as taken:
        return list(
            plan(account.workflow, taken, now=now, prefix=prefix, since=None, states=states)
        )


def steps(account: Account, **options: Any) -> list[Step]:
    return [one for one in planned(account, **options) if isinstance(one, Step)]


def left(account: Account, **options: Any) -> dict[str, str]:
    found = planned(account, **options)
    return {one.name: one.reason for one in found if isinstance(one, Left)}


def redriven(account: Account, *, states: Collection[JobState] = UNENDED) -> list[Done]:
    workflow = account.workflow
    with Taken(workflow, 60) as taken:
        found = plan(workflow, taken, now=LATER, prefix="", since=None, states=states)
        doing = (one for one in found if isinstance(one, Step))
        return list(carry_out(workflow, doing, taken, Pace(1000)))


def job_id(event: dict[str, Any]) -> str:
    return Upload.parse(event).job_id


def test_a_failed_job_is_run_again_with_the_input_it_had(account: Account) -> None:
    event = account.upload()
    account.start("first", event)
    account.document(event, State.FAILED)
    (done,) = redriven(account)
    assert (done.what, done.execution) == ("started", f"redrive-{job_id(event)}-1")
    assert account.started()[done.execution] == event | {"redrive": True}


def test_what_is_running_again_is_not_started_twice(account: Account) -> None:
    account.document(account.upload(), State.FAILED)
    (first,), (second,) = redriven(account), redriven(account)
    assert (second.what, second.execution) == ("is already running again", first.execution)
    assert len(account.started()) == 1


def test_a_redrive_that_ended_and_did_not_help_is_no_obstacle_to_the_next(account: Account) -> None:
    event = account.upload()
    account.document(event, State.FAILED)
    (first,) = redriven(account)
    account.end(str(first.execution))
    (second,) = redriven(account)
    assert (second.what, second.execution) == ("started", f"redrive-{job_id(event)}-2")


def test_a_name_that_somebody_took_meanwhile_is_passed_over(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = account.upload()
    account.document(event, State.FAILED)
    redriven(account)
    # Step Functions did not know the execution yet when it was asked, and does when it is started.
    monkeypatch.setattr("upload_workflow.ops.redrive.execution_status", lambda *_: None)
    # Another input under the same name is refused; an equal one is the same execution.
    monkeypatch.setattr(redrive, "_event", lambda *_: event | {"other": "input"})
    (done,) = redriven(account)
    assert done.execution == f"redrive-{job_id(event)}-2"


def test_on_express_each_name_is_used_once(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Field: a used name is taken again there, and a claim takes the second for the first."""
    monkeypatch.setattr(Workflow, "express", True)
    event = account.upload()
    account.document(event, State.FAILED)
    (first,), (second,) = redriven(account), redriven(account)
    assert (first.what, second.what) == ("started", "started")
    assert first.execution != second.execution
    running = timestamp(LATER + timedelta(minutes=1))
    account.document(event, State.RUNNING, lease_until=running)
    (third,) = redriven(account, states=[JobState.RUNNING])
    assert third.what == "is already running again"


def test_an_event_that_is_gone_is_made_anew_for_the_same_job(account: Account) -> None:
    event = account.upload()
    account.document(event, State.FAILED)
    (done,) = redriven(account)
    assert done.job_id == job_id(event)
    thing = account.started()[str(done.execution)]["detail"]["object"]
    assert thing == event["detail"]["object"]


def test_what_else_was_sent_with_its_form_does_not_replace_an_upload(account: Account) -> None:
    event = account.upload()
    account.document(event, State.FAILED, expires_at=timestamp(NOW + timedelta(hours=1)))
    account.upload(body=b"two")
    (done,) = redriven(account, states=[JobState.FAILED])
    assert (done.what, done.job_id) == ("started", job_id(event))
    thing = account.started()[str(done.execution)]["detail"]["object"]
    told = event["detail"]["object"]
    assert {name: thing[name] for name in ("version-id", "etag")} == {
        name: told[name] for name in ("version-id", "etag")
    }


def test_a_key_that_was_uploaded_again_is_another_job(account: Account) -> None:
    old = account.upload()
    account.document(old, State.FAILED, updated_at=timestamp(NOW - timedelta(hours=1)))
    account.upload(body=b"two")
    (done,) = redriven(account)
    assert done.step.why == "WAITING"
    assert done.job_id != job_id(old)
    assert "sequencer" not in account.started()[str(done.execution)]["detail"]["object"]


def test_an_upload_whose_event_may_still_come_is_left_alone(account: Account) -> None:
    account.upload()
    stored = datetime.now(UTC)
    assert steps(account, now=stored + timedelta(minutes=14)) == []
    assert len(steps(account, now=stored + timedelta(minutes=16))) == 1


def test_a_job_with_an_end_is_no_step_unless_it_is_asked_for(account: Account) -> None:
    account.document(account.upload(), State.SUCCEEDED)
    assert steps(account) == []
    (done,) = redriven(account, states=[JobState.SUCCEEDED])
    assert done.what == "started"


def test_a_job_that_ended_since_the_plan_was_made_is_not_started(account: Account) -> None:
    event = account.upload()
    account.document(event, State.FAILED)
    found = steps(account)
    account.document(event, State.SUCCEEDED)
    workflow = account.workflow
    with Taken(workflow, 60) as taken:
        (done,) = carry_out(workflow, found, taken, Pace(1000))
    assert (done.what, done.execution, done.failed) == ("has ended meanwhile", None, False)
    assert account.started() == {}


def test_a_job_with_two_letters_is_run_once_and_by_its_letter(account: Account) -> None:
    event = account.upload()
    account.document(event, State.FAILED)
    for _ in range(2):
        account.letter(event)
    assert [one.repeated for one in steps(account)] == [False, True]
    done = redriven(account)
    assert {one.what for one in done} == {"started", "is already running again"}
    assert account.started() == {f"redrive-{job_id(event)}-1": event | {"redrive": True}}
    assert (account.visible, account.hidden) == (0, 0)


def test_a_letter_of_a_job_that_ended_is_settled_without_a_run(account: Account) -> None:
    event = account.upload()
    account.document(event, State.REJECTED)
    account.letter(event)
    (done,) = redriven(account)
    assert done.what == "has ended meanwhile"
    assert (account.visible, account.hidden, account.started()) == (0, 0, {})


def test_a_letter_stays_when_its_job_could_not_be_started(account: Account) -> None:
    account.letter(account.upload())
    workflow = account.workflow
    assert not workflow.express  # known before it is gone
    account.aws.states.delete_state_machine(stateMachineArn=workflow.state_machine_arn)
    with Taken(workflow, 60) as taken:
        found = plan(workflow, taken, now=LATER, prefix="", since=None, states=())
        doing = (one for one in found if isinstance(one, Step))
        (done,) = carry_out(workflow, doing, taken, Pace(1000))
    assert done.failed
    assert "StateMachineDoesNotExist" in done.what
    assert (account.visible, account.hidden) == (1, 0)


def test_a_letter_of_another_prefix_is_nobodys_business(account: Account) -> None:
    account.letter(account.upload("uploads/theirs"))
    assert steps(account, prefix="uploads/ours") == []


def test_what_cannot_be_run_again_is_named_with_the_reason(account: Account) -> None:
    account.letter("no event at all")
    gone = account.upload()
    account.document(gone, State.FAILED)
    account.aws.s3.delete_object(Bucket="uploads", Key=KEY)
    reasons = left(account)
    assert reasons.pop(KEY) == "its upload is gone"
    assert list(reasons.values()) == ["it holds no event of an upload"]


def test_an_upload_that_is_too_young_is_named_with_the_time_from_which_it_counts(
    account: Account,
) -> None:
    account.upload()
    assert "younger than 15 minutes" in left(account, now=NOW + timedelta(minutes=14))[KEY]


def test_only_letters_means_that_nothing_is_listed(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.letter(account.upload())
    monkeypatch.setattr(redrive, "find_jobs", None)
    assert len(steps(account, states=())) == 1


def test_nothing_that_waits_for_a_scan_is_started_without_its_result(account: Account) -> None:
    account.upload()
    account.listen(SCAN_PATTERN)
    assert steps(account) == []
    assert "scan" in left(account)[KEY]


def test_a_letter_from_before_uploads_were_scanned_is_left(account: Account) -> None:
    account.letter(account.upload())
    account.listen(SCAN_PATTERN)
    assert steps(account) == []
    assert left(account)[KEY] == (
        "its event is no scan's result, and without one nothing may start it"
    )


def test_executions_start_no_faster_than_they_are_told() -> None:
    waits: list[float] = []
    pace = Pace(4, waits.append, lambda: 7.0)
    for _ in range(3):
        pace.wait()
    assert waits == [0.25, 0.5]


def test_the_end_of_a_redrive_is_the_jobs_state_and_not_its_executions(account: Account) -> None:
    """Field: rejected jobs were called SUCCEEDED."""
    event = account.upload()
    account.document(event, State.FAILED)
    (done,) = redriven(account)
    account.document(event, State.REJECTED, execution=done.execution)
    account.end(str(done.execution))
    (*_, ends) = redrive.ends(account.workflow, [done], 0)
    assert ends == {done.execution: "REJECTED"}
