"""Every transition of the status document, and every one that must not happen."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from upload_workflow.errors import FailureCode, Rejected, RejectionCode
from upload_workflow.job.announcement import Results, announcement
from upload_workflow.job.document import Problem, State, StatusDocument, StoredRendition, timestamp
from upload_workflow.job.transitions import (
    Claimant,
    Decision,
    Ignored,
    Reason,
    Recorded,
    claim,
    fail,
    finish,
    is_order_unknown,
    reject,
    seed,
    succeed,
)
from upload_workflow.job.upload import Upload

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLACE = Results("results", "results/")
LEASE = timedelta(minutes=2)


def version(number: int) -> Upload:
    return Upload("uploads", "uploads/k", 10, f"v{number}", "e", f"{number:04x}")


OLD, MINE, NEW = version(1), version(2), version(3)
E1, E2 = Claimant("e1", LEASE), Claimant("e2", LEASE)
REDRIVE = Claimant("e2", LEASE, redrive=True)
SMALL = StoredRendition("small", "k/small.webp", "https://b/k?sig", "t", "image/webp", 3, "f", 1, 2)


def document(decision: Decision) -> StatusDocument:
    assert isinstance(decision, StatusDocument)
    return decision


PENDING = seed("uploads", "uploads/k", NOON, expires_at="2026-03-01T13:00:00.000Z")
RUNNING = document(claim(None, MINE, E1, NOON))
SUCCEEDED = succeed(RUNNING, NOON, image={"format": "JPEG"}, renditions=(SMALL,))
REJECTED = reject(RUNNING, NOON, Rejected(RejectionCode.EMPTY, "Empty."))
FAILED = document(fail(RUNNING, MINE, "e1", FailureCode.INTERNAL, NOON))
LATER = NOON + timedelta(seconds=1)
AFTER_LEASE = NOON + LEASE

# The same life of a key that we issued.
ISSUED_RUNNING = document(claim(PENDING, MINE, E1, NOON))
ISSUED_ENDS = (
    succeed(ISSUED_RUNNING, NOON, image={"format": "JPEG"}, renditions=(SMALL,)),
    reject(ISSUED_RUNNING, NOON, Rejected(RejectionCode.EMPTY, "Empty.")),
    document(fail(ISSUED_RUNNING, MINE, "e1", FailureCode.INTERNAL, NOON)),
)

TAKES = "takes the job"
DUPLICATE, SUPERSEDED = Ignored(Reason.DUPLICATE), Ignored(Reason.SUPERSEDED)
SPENT = Ignored(Reason.SPENT)


@pytest.mark.parametrize(
    ("current", "upload", "claimant", "now", "expected"),
    [
        (None, MINE, E1, NOON, TAKES),
        (PENDING, MINE, E1, NOON, TAKES),
        (RUNNING, MINE, E1, LATER, TAKES),  # its own dead claim
        (RUNNING, MINE, E2, LATER, DUPLICATE),
        (RUNNING, MINE, REDRIVE, LATER, DUPLICATE),
        (RUNNING, MINE, E2, AFTER_LEASE, TAKES),
        (SUCCEEDED, MINE, E1, LATER, Recorded(SUCCEEDED)),
        (SUCCEEDED, MINE, E2, AFTER_LEASE, DUPLICATE),
        (SUCCEEDED, MINE, REDRIVE, LATER, Recorded(SUCCEEDED)),
        (REJECTED, MINE, E1, LATER, Recorded(REJECTED)),
        (REJECTED, MINE, E2, AFTER_LEASE, DUPLICATE),
        (FAILED, MINE, E1, AFTER_LEASE, DUPLICATE),
        (FAILED, MINE, E2, AFTER_LEASE, DUPLICATE),
        (FAILED, MINE, REDRIVE, LATER, TAKES),
        (FAILED, MINE, replace(REDRIVE, execution="e1"), LATER, DUPLICATE),
        *[(done, NEW, E2, NOON, TAKES) for done in (RUNNING, SUCCEEDED, REJECTED, FAILED)],
        *[
            (done, OLD, who, AFTER_LEASE, SUPERSEDED)
            for done in (RUNNING, SUCCEEDED, REJECTED, FAILED)
            for who in (E1, E2, REDRIVE)
        ],
    ],
)
def test_a_claim_takes_the_job_or_steps_aside(
    current: StatusDocument | None,
    upload: Upload,
    claimant: Claimant,
    now: datetime,
    expected: object,
) -> None:
    decision = claim(current, upload, claimant, now)
    if expected != TAKES:
        assert decision == expected
        return
    taken = document(decision)
    assert (taken.state, taken.execution) == (State.RUNNING, claimant.execution)
    assert (taken.job_id, taken.lease_until) == (upload.job_id, timestamp(now + LEASE))
    assert taken.error is None and taken.renditions == ()


@pytest.mark.parametrize("current", [ISSUED_RUNNING, *ISSUED_ENDS])
@pytest.mark.parametrize("other", [OLD, NEW, replace(NEW, sequencer=None)])
def test_a_key_that_was_issued_takes_one_version_and_no_other(
    current: StatusDocument, other: Upload
) -> None:
    for who in (E1, E2, REDRIVE):
        assert claim(current, other, who, AFTER_LEASE, is_newest=True) == SPENT
    assert fail(current, other, "e2", FailureCode.INTERNAL, LATER, is_newest=True) == SPENT
    assert not is_order_unknown(current, other)  # so that S3 is not asked


@pytest.mark.parametrize("upload", [OLD, MINE, NEW])
def test_the_first_version_that_is_heard_of_is_the_one_upload_of_an_issued_key(
    upload: Upload,
) -> None:
    assert document(claim(PENDING, upload, E1, NOON)).job_id == upload.job_id


def test_each_claim_of_a_job_is_counted_and_a_new_version_starts_again() -> None:
    second = document(claim(RUNNING, MINE, E1, LATER))
    assert (RUNNING.attempt, second.attempt) == (1, 2)
    assert document(claim(second, NEW, E2, LATER)).attempt == 1


def test_a_key_keeps_its_creation_and_the_life_of_its_url() -> None:
    taken = document(claim(PENDING, MINE, E1, LATER))
    ended = document(fail(taken, MINE, "e1", FailureCode.INTERNAL, LATER))
    for later in (taken, ended):
        assert later.created_at == PENDING.created_at
        assert later.expires_at == PENDING.expires_at
        assert later.updated_at == timestamp(LATER)


@pytest.mark.parametrize(
    ("current", "expected"),
    [
        (RUNNING, SUCCEEDED),
        (None, SUCCEEDED),
        (document(claim(RUNNING, MINE, E1, LATER)), DUPLICATE),  # its own next attempt
        (document(claim(RUNNING, MINE, E2, AFTER_LEASE)), DUPLICATE),
        (document(claim(RUNNING, NEW, E2, LATER)), SUPERSEDED),
        (REJECTED, Recorded(REJECTED)),
        (SUCCEEDED, Recorded(SUCCEEDED)),
        (replace(SUCCEEDED, execution="e2"), DUPLICATE),
        (FAILED, DUPLICATE),  # aborted meanwhile
    ],
)
def test_a_result_replaces_its_own_claim_and_nothing_else(
    current: StatusDocument | None, expected: Decision
) -> None:
    assert finish(current, RUNNING, SUCCEEDED, LATER) == expected


WRITES = "writes FAILED"


@pytest.mark.parametrize(
    ("current", "upload", "execution", "expected"),
    [
        (None, MINE, "e1", WRITES),
        (PENDING, MINE, "e1", WRITES),
        (RUNNING, MINE, "e1", WRITES),
        (RUNNING, MINE, "e2", DUPLICATE),
        (RUNNING, NEW, "e2", WRITES),
        (SUCCEEDED, NEW, "e2", WRITES),
        (SUCCEEDED, MINE, "e1", DUPLICATE),
        (REJECTED, MINE, "e1", DUPLICATE),
        (FAILED, MINE, "e1", Recorded(FAILED)),
        (FAILED, MINE, "e2", DUPLICATE),
        (RUNNING, OLD, "e1", SUPERSEDED),
        (SUCCEEDED, OLD, "e2", SUPERSEDED),
    ],
)
def test_a_failure_is_recorded_where_the_execution_has_the_job(
    current: StatusDocument | None, upload: Upload, execution: str, expected: object
) -> None:
    decision = fail(current, upload, execution, FailureCode.TIMED_OUT, LATER)
    if expected != WRITES:
        assert decision == expected
        return
    failed = document(decision)
    assert (failed.state, failed.job_id) == (State.FAILED, upload.job_id)
    assert failed.error is not None and failed.error.code == "TimedOut" and failed.error.retryable


def test_every_failure_has_words_for_the_client() -> None:
    for code in FailureCode:
        error = document(fail(None, MINE, "e1", code, NOON)).error
        assert error is not None and error.code == code and error.message.endswith(".")


@pytest.mark.parametrize("each", [PENDING, RUNNING, SUCCEEDED, REJECTED, FAILED])
def test_a_document_survives_being_written_and_read(each: StatusDocument) -> None:
    assert StatusDocument.from_bytes(each.to_bytes()) == each


def test_a_document_of_tomorrow_is_read_without_its_news() -> None:
    facts = json.loads(SUCCEEDED.to_bytes())
    facts |= {"schema": "2", "mood": "good"}
    facts["upload"]["mood"] = facts["renditions"][0]["mood"] = "good"
    assert StatusDocument.from_bytes(json.dumps(facts).encode()) == SUCCEEDED


@pytest.mark.parametrize(
    "body", [b"[" * 9000, b"", b"{]", b"[]", b'"x"', b"{}", b'{"state":"DONE"}', b"\xff"]
)
def test_anything_else_is_no_document(body: bytes) -> None:
    with pytest.raises(ValueError):
        StatusDocument.from_bytes(body)


def test_equal_facts_give_equal_bytes() -> None:
    again = StatusDocument.from_bytes(SUCCEEDED.to_bytes())
    assert again.to_bytes() == SUCCEEDED.to_bytes()
    assert succeed(RUNNING, NOON, image={"format": "JPEG"}, renditions=(SMALL,)).to_bytes() == (
        SUCCEEDED.to_bytes()
    )


def test_times_sort_as_text_and_are_utc() -> None:
    assert timestamp(NOON) == "2026-03-01T12:00:00.000Z"
    zone = datetime.fromisoformat("2026-03-01T13:00:00.250999+01:00")
    assert timestamp(zone) == "2026-03-01T12:00:00.250Z"


@pytest.mark.parametrize(
    "decision", [SUCCEEDED, REJECTED, FAILED, DUPLICATE, SUPERSEDED, SPENT, Recorded(SUCCEEDED)]
)
def test_an_announcement_names_the_job_and_holds_no_url(decision: Decision) -> None:
    told: dict[str, Any] = announcement(decision, MINE, PLACE)
    assert told["job_id"] == MINE.job_id
    assert told["upload"]["key"] == MINE.key
    assert "https" not in json.dumps(told) and "url" not in json.dumps(told)


def test_an_announcement_of_an_ignored_event_says_why() -> None:
    assert announcement(DUPLICATE, MINE, PLACE)["reason"] == "duplicate"
    assert announcement(DUPLICATE, MINE, PLACE)["state"] == "IGNORED"


def test_the_error_of_a_rejection_is_what_the_converter_said() -> None:
    assert REJECTED.error == Problem("Empty", "Empty.", retryable=False)
