"""In which state a job is, from its document, its upload and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from upload_workflow.job.document import State, StatusDocument, Subject, timestamp
from upload_workflow.ops.jobs import JobState, StoredUpload, judge
from upload_workflow.ops.table import table

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
UPLOAD = StoredUpload(etag="e1", bytes=9, last_modified=NOW - timedelta(minutes=5))


def document(state: State, **facts: Any) -> StatusDocument:
    known = StatusDocument(
        state=state,
        upload=Subject("b", "uploads/a", etag="e1"),
        job_id="j",
        execution="x",
        created_at=timestamp(NOW - timedelta(minutes=4)),
        updated_at=timestamp(NOW - timedelta(minutes=4)),
    )
    return replace(known, **facts)


def state(
    told: StatusDocument | None,
    upload: StoredUpload | None = UPLOAD,
    *,
    alive: Mapping[str, bool] | None = None,
) -> JobState:
    return judge(told, upload, "b", NOW, lambda execution: (alive or {}).get(execution, False))


@pytest.mark.parametrize("ended", [State.SUCCEEDED, State.REJECTED, State.FAILED])
def test_an_end_is_an_end(ended: State) -> None:
    assert state(document(ended)) == ended.value
    assert state(document(ended), None) == ended.value  # the upload has expired


def test_an_upload_without_a_document_waits() -> None:
    assert state(None) is JobState.WAITING


def test_a_seeded_document_is_a_job_once_something_is_uploaded() -> None:
    seeded = document(State.PENDING, upload=Subject("b", "uploads/a"), job_id=None)
    assert state(seeded, None) is JobState.ISSUED
    assert state(seeded) is JobState.WAITING


def test_a_claim_holds_as_long_as_its_lease() -> None:
    lease = timestamp(NOW + timedelta(seconds=1))
    assert state(document(State.RUNNING, lease_until=lease)) is JobState.RUNNING


def test_a_claim_of_a_patient_execution_is_no_trouble() -> None:
    over = document(State.RUNNING, lease_until=timestamp(NOW - timedelta(seconds=1)))
    assert state(over, alive={"x": True}) is JobState.RUNNING


def test_a_claim_of_an_execution_that_is_gone_is_stuck() -> None:
    over = document(State.RUNNING, lease_until=timestamp(NOW - timedelta(seconds=1)))
    assert state(over, alive={"x": False}) is JobState.STUCK
    assert state(replace(over, execution=None)) is JobState.STUCK


def test_a_key_that_was_uploaded_again_waits_whatever_the_older_version_came_to() -> None:
    newer = StoredUpload(etag="e2", bytes=9, last_modified=NOW - timedelta(minutes=1))
    assert state(document(State.FAILED), newer) is JobState.WAITING


def test_a_key_that_was_issued_keeps_its_state_whatever_else_is_uploaded_there() -> None:
    newer = StoredUpload(etag="e2", bytes=9, last_modified=NOW - timedelta(minutes=1))
    issued = document(State.SUCCEEDED, expires_at=timestamp(NOW))
    assert state(issued, newer) is JobState.SUCCEEDED


def test_a_key_that_was_uploaded_again_waits_although_the_older_version_ended_later() -> None:
    """Field: v1 waited for its retry, v2 came meanwhile and its event was lost."""
    newer = StoredUpload(etag="e2", bytes=9, last_modified=NOW - timedelta(minutes=5))
    ended = document(State.SUCCEEDED, updated_at=timestamp(NOW))
    assert state(ended, newer) is JobState.WAITING


def test_another_version_of_the_same_bytes_is_another_upload() -> None:
    told = Subject("b", "uploads/a", version_id="v1", etag="e1")
    second = replace(UPLOAD, version_id="v2")
    assert state(document(State.SUCCEEDED, upload=told), second) is JobState.WAITING
    assert state(document(State.SUCCEEDED, upload=told), UPLOAD) is JobState.SUCCEEDED


def test_the_end_of_another_workflows_upload_is_not_this_ones() -> None:
    theirs = document(State.SUCCEEDED, upload=Subject("theirs", "uploads/a", etag="e1"))
    assert state(theirs) is JobState.WAITING


def test_an_etag_that_the_document_does_not_know_is_no_other_upload() -> None:
    assert state(document(State.FAILED, upload=Subject("b", "uploads/a"))) is JobState.FAILED


def test_a_table_escapes_what_would_redraw_the_terminal() -> None:
    text = table(("A", "KEY"), [(None, "uploads/\x1b[2J\r\n\u202e.jpg"), (12, "b")])
    assert text.splitlines() == [
        "A   KEY",
        "-   uploads/\\x1b[2J\\r\\n\\u202e.jpg",
        "12  b",
    ]
