"""Deletes what is kept of uploads: the originals, the renditions and the status document.

The order is the promise. First the document stops promising anything: it says that the picture was
deleted, also where there was none, and from then on no event brings a job back that had its end.
Then the originals go in every version, then the renditions; then it is told, and the document goes
last. So whoever reads finds no promise of what is gone, and whatever ends the command leaves a
document by which the same command finds the key again. Told at least once.

Knows S3 and the order. Does not know who may: that is a policy of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from botocore.exceptions import ClientError

from ..aws.store import Contended, Seen, Store
from ..job import keys, transitions
from ..job.announcement import Results, forgotten_announcement
from ..job.document import State, StatusDocument, timestamp
from ..job.transitions import Recorded
from .jobs import JobState, Names, find_job, is_alive, read_document
from .redrive import PATIENCE
from .workflow import Workflow


@dataclass(frozen=True, slots=True)
class Kept:
    """What there is of a key, or was. originals: versions of it, without markers."""

    key: str
    job_id: str | None
    originals: int
    renditions: int
    document: bool

    @property
    def anything(self) -> bool:
        return self.document or self.originals + self.renditions > 0


@dataclass(frozen=True, slots=True)
class Left:
    """A key of which nothing, or not everything, can be deleted now."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Version:
    """One version of an object, or a delete marker."""

    bucket: str
    key: str
    version_id: str
    etag: str | None
    is_newest: bool

    @property
    def is_marker(self) -> bool:
        return self.etag is None


# AWS refuses requests by a clock that is further off, and the lease is by the function's.
_CLOCKS_APART = timedelta(minutes=15)
# Lambda's longest call. Whoever stops an execution does not stop the function that it called, and
# that one writes what it has made.
_LONGEST_CALL = timedelta(minutes=15)

_RUNNING = "a job of it is running: again when it has ended"
_FAILED = "its job has just failed and a worker may still write: again half an hour after it failed"
# An execution that has opened the original and not yet claimed the job would bring it back.
_YOUNG = "its job has not begun: again when it has ended, or a quarter of an hour after the upload"
_CHANGED = "it was uploaded again, or a job of it began, meanwhile: run it again"


def keys_below(workflow: Workflow, prefix: str) -> Iterator[str]:
    """Every key with this beginning of which anything is left, as it is found; each once.

    Costs a request for each thousand versions, and one for each document in a folder that is
    named by a hash. Keeps eight bytes of each key.
    """
    met = Names()
    for key in _keys_below(workflow, prefix):
        if key not in met:
            met.add(key)
            yield key


def _keys_below(workflow: Workflow, prefix: str) -> Iterator[str]:
    for version in _versions(workflow, workflow.uploads_bucket, prefix):
        yield version.key
    results = workflow.results_prefix
    for version in _versions(workflow, workflow.results_bucket, results + prefix):
        key = keys.upload_key(results, version.key)
        # Results of a shorter key lie below it: those of "a/one" below "a/one/".
        if key is not None and key.startswith(prefix):
            yield key
    for version in _versions(workflow, workflow.results_bucket, f"{results}sha256-"):
        if version.is_newest and version.key.endswith("/status.json"):
            document = read_document(workflow, version.key)
            if document is not None and document.upload.key.startswith(prefix):
                yield document.upload.key


def look(workflow: Workflow, key: str, now: datetime) -> Kept | Left:
    """What would be deleted of a key. Changes nothing."""
    job = find_job(workflow, key, now)
    document = job.document if job else None
    reason = _why_not(workflow, document, now)
    if job and job.state is JobState.WAITING and now - job.since < PATIENCE:
        reason = reason or _YOUNG
    if reason:
        return Left(key, reason)
    originals = sum(not version.is_marker for version in _originals(workflow, key))
    renditions = sum(not version.is_marker for version in _renditions(workflow, key))
    job_id = document.job_id if document else None
    return Kept(key, job_id, originals, renditions, document is not None)


def forget(workflow: Workflow, key: str, who: str, now: Callable[[], datetime]) -> Kept | Left:
    """Delete what is kept of a key, and tell it. who: is told, too. now: the time.

    Raises ClientError where AWS refuses something, and the store's names for what no retry mends;
    the same call goes on from there.
    """
    kept = look(workflow, key, now())
    if isinstance(kept, Left) or not kept.anything:
        return kept
    told = _stop_promising(workflow, key, now)
    if isinstance(told, str):
        return Left(key, told)
    document, seen = told
    for version in _originals(workflow, key):
        _delete(workflow, version)
    for version in _renditions(workflow, key):
        _delete(workflow, version)
    _announce(workflow, document, who)
    if not _delete_document(workflow, key, seen):
        return Left(key, _CHANGED)
    return kept


def _why_not(workflow: Workflow, document: StatusDocument | None, now: datetime) -> str | None:
    if document is None:
        return None
    if document.upload.bucket != workflow.uploads_bucket:
        return f"its results are those of an upload in the bucket {document.upload.bucket}"
    just_now = timestamp(now - _LONGEST_CALL - _CLOCKS_APART)
    if document.state is State.FAILED and document.updated_at > just_now:
        return _FAILED
    if document.state is State.RUNNING:
        leased = (document.lease_until or "") > timestamp(now - _CLOCKS_APART)
        if leased or (document.execution and is_alive(workflow, document.execution)):
            return _RUNNING
    return None


class _StillPromises(Exception):
    """Its document stays as it is; the message says why."""


def _stop_promising(
    workflow: Workflow, key: str, now: Callable[[], datetime]
) -> tuple[StatusDocument, Seen] | str:
    """The document that promises nothing, and as what it lies there; or why there is none."""

    def decide(current: StatusDocument | None) -> StatusDocument | Recorded:
        if reason := _why_not(workflow, current, now()):
            raise _StillPromises(reason)
        if current is not None and transitions.is_forgotten(current):
            return Recorded(current)
        return transitions.forget(current, workflow.uploads_bucket, key, now())

    try:
        told, seen = _store(workflow).update_status(
            keys.status_key(workflow.results_prefix, key), decide
        )
    except _StillPromises as still:
        return str(still)
    except Contended:
        return _CHANGED
    return told.document if isinstance(told, Recorded) else told, seen


def _store(workflow: Workflow) -> Store:
    return Store(workflow.aws.s3, workflow.results_bucket)


def _versions(workflow: Workflow, bucket: str, prefix: str) -> Iterator[_Version]:
    pages = workflow.aws.s3.get_paginator("list_object_versions").paginate(
        Bucket=bucket, Prefix=prefix
    )
    for page in pages:
        for one in page.get("Versions", []):
            yield _Version(bucket, one["Key"], one["VersionId"], one["ETag"], one["IsLatest"])
        for marker in page.get("DeleteMarkers", []):
            yield _Version(bucket, marker["Key"], marker["VersionId"], None, marker["IsLatest"])


def _originals(workflow: Workflow, key: str) -> Iterator[_Version]:
    """The versions of a key, the key alone and not those that it begins."""
    for version in _versions(workflow, workflow.uploads_bucket, key):
        if version.key == key:
            yield version


def _renditions(workflow: Workflow, key: str) -> Iterator[_Version]:
    """Of every job and every recipe, but not of keys that lie below this one."""
    folder = keys.results_folder(workflow.results_prefix, key)
    for version in _versions(workflow, workflow.results_bucket, f"{folder}/"):
        if keys.is_rendition_in(folder, version.key):
            yield version


def _delete(workflow: Workflow, version: _Version) -> None:
    workflow.aws.s3.delete_object(
        Bucket=version.bucket, Key=version.key, VersionId=version.version_id
    )


def _delete_document(workflow: Workflow, key: str, seen: Seen) -> bool:
    """Whether the document was the one that was seen until it went, with all before it."""
    status_key = keys.status_key(workflow.results_prefix, key)
    newest = None
    for version in _versions(workflow, workflow.results_bucket, status_key):
        if version.key != status_key:
            continue
        if version.is_newest:
            newest = version
        else:
            _delete(workflow, version)
    if newest is None or newest.etag != seen.etag:
        return False
    if newest.version_id == "null":
        return _store(workflow).delete_status(status_key, seen)
    _delete(workflow, newest)
    return True


def _announce(workflow: Workflow, document: StatusDocument, who: str) -> None:
    results = Results(workflow.results_bucket, workflow.results_prefix)
    answer = workflow.aws.events.put_events(
        Entries=[
            {
                "Source": "upload-workflow",
                "DetailType": "Upload Forgotten",
                "Detail": json.dumps(forgotten_announcement(document, results, who)),
            }
        ]
    )
    if answer["FailedEntryCount"]:
        refused = answer["Entries"][0]
        raise ClientError(
            {"Error": {"Code": refused["ErrorCode"], "Message": refused["ErrorMessage"]}},
            "PutEvents",
        )
