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
from datetime import datetime

from botocore.exceptions import ClientError

from ..job import keys, transitions
from ..job.announcement import Results, forgotten_announcement
from ..job.document import State, StatusDocument, timestamp
from .jobs import JobState, Names, find_job, is_alive, read_document
from .redrive import PATIENCE
from .workflow import Workflow, error_code


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


_RUNNING = "a job of it is running: again when it has ended"
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

    Raises ClientError where AWS refuses something; the same call goes on from there.
    """
    kept = look(workflow, key, now())
    if isinstance(kept, Left) or not kept.anything:
        return kept
    told = _stop_promising(workflow, key, now)
    if isinstance(told, str):
        return Left(key, told)
    document, etag = told
    for version in _originals(workflow, key):
        _delete(workflow, version)
    for version in _renditions(workflow, key):
        _delete(workflow, version)
    _announce(workflow, document, who)
    if not _delete_document(workflow, key, etag):
        return Left(key, _CHANGED)
    return kept


def _why_not(workflow: Workflow, document: StatusDocument | None, now: datetime) -> str | None:
    if document is None:
        return None
    if document.upload.bucket != workflow.uploads_bucket:
        return f"its results are those of an upload in the bucket {document.upload.bucket}"
    if document.state is State.RUNNING:
        leased = (document.lease_until or "") > timestamp(now)
        if leased or (document.execution and is_alive(workflow, document.execution)):
            return _RUNNING
    return None


# Somebody else writes the document at the same moment, and once more.
_TRIES = 4


def _stop_promising(
    workflow: Workflow, key: str, now: Callable[[], datetime]
) -> tuple[StatusDocument, str] | str:
    """The document that promises nothing, and its etag; or why there is none."""
    for _ in range(_TRIES):
        current, etag = _read(workflow, key)
        reason = _why_not(workflow, current, now())
        if reason:
            return reason
        if current is not None and etag is not None and transitions.is_forgotten(current):
            return current, etag
        document = transitions.forget(current, workflow.uploads_bucket, key, now())
        place = {
            "Bucket": workflow.results_bucket,
            "Key": keys.status_key(workflow.results_prefix, key),
            "Body": document.to_bytes(),
            "ContentType": "application/json",
            "CacheControl": "private, no-cache",
        }
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        try:
            return document, workflow.aws.s3.put_object(**place, **condition)["ETag"]  # type: ignore[arg-type]
        except ClientError as error:
            if error_code(error) not in _OTHERS_WERE_FASTER:
                raise
    return _CHANGED


# 404: of If-Match, where the object is gone.
_OTHERS_WERE_FASTER = (
    "PreconditionFailed",
    "ConditionalRequestConflict",
    "NoSuchKey",
    "404",
    "409",
    "412",
)


def _read(workflow: Workflow, key: str) -> tuple[StatusDocument | None, str | None]:
    """What stands there and its etag; without a document where it is none of ours."""
    status_key = keys.status_key(workflow.results_prefix, key)
    try:
        answer = workflow.aws.s3.get_object(Bucket=workflow.results_bucket, Key=status_key)
    except ClientError as error:
        if error_code(error) in ("NoSuchKey", "404"):
            return None, None
        raise
    try:
        return StatusDocument.from_bytes(answer["Body"].read()), answer["ETag"]
    except ValueError:
        return None, answer["ETag"]


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


def _delete_document(workflow: Workflow, key: str, etag: str) -> bool:
    """Whether the document was the one with this etag until it went, with all before it."""
    status_key = keys.status_key(workflow.results_prefix, key)
    newest = None
    for version in _versions(workflow, workflow.results_bucket, status_key):
        if version.key != status_key:
            continue
        if version.is_newest:
            newest = version
        else:
            _delete(workflow, version)
    if newest is None or newest.etag != etag:
        return False
    if newest.version_id != "null":
        _delete(workflow, newest)
        return True
    try:
        workflow.aws.s3.delete_object(Bucket=newest.bucket, Key=status_key, IfMatch=etag)
    except ClientError as error:
        if error_code(error) not in _OTHERS_WERE_FASTER:
            raise
        return False
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
