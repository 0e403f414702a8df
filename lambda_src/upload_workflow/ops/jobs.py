"""Lists jobs from what S3 holds: the uploads, and the status documents beside them.

The two buckets are the record, so no job can hide from this list. Knows where they lie and what
their difference means. Does not know why a job is in its state.
"""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from itertools import chain

from botocore.exceptions import ClientError

from ..job import keys
from ..job.document import State, StatusDocument, timestamp
from .crowd import concurrently
from .workflow import Workflow, error_code


class JobState(StrEnum):
    """The document's states, and three that only the whole picture shows."""

    ISSUED = "ISSUED"  # the form was given out, and nothing uploaded yet
    WAITING = "WAITING"  # uploaded, and no execution has claimed it
    RUNNING = "RUNNING"
    STUCK = "STUCK"  # claimed by an execution that is gone
    SUCCEEDED = "SUCCEEDED"
    REJECTED = "REJECTED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class StoredUpload:
    """The newest version of an upload. etag without quotation marks; a listing has no version."""

    etag: str
    bytes: int
    last_modified: datetime
    version_id: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One key, and what is known of its newest version. since: when it came into this state."""

    key: str
    state: JobState
    since: datetime
    document: StatusDocument | None = None
    upload: StoredUpload | None = None

    @property
    def code(self) -> str | None:
        return self.document.error.code if self.document and self.document.error else None


def judge(
    document: StatusDocument | None,
    upload: StoredUpload | None,
    uploads_bucket: str,
    now: datetime,
    is_alive: Callable[[str], bool],
) -> JobState:
    """The state of a key, by identity alone: clocks of different writers do not compare.

    is_alive: does this execution still run? Asked only when a lease has ended.
    """
    if document is None:
        return JobState.WAITING
    if document.upload.bucket != uploads_bucket or _is_of_another_version(document, upload):
        return JobState.WAITING if upload else JobState.ISSUED
    if document.state is State.PENDING:
        return JobState.WAITING if upload else JobState.ISSUED
    if document.state is State.RUNNING:
        leased = (document.lease_until or "") > timestamp(now)
        # Between two retries a lease may end while the execution is only patient.
        alive = leased or (document.execution is not None and is_alive(document.execution))
        return JobState.RUNNING if alive else JobState.STUCK
    return JobState(document.state.value)


def _is_of_another_version(document: StatusDocument, upload: StoredUpload | None) -> bool:
    """Whether the key was uploaded again since. A listing knows no version ids, only etags.

    The document of a key that was issued speaks of the first upload and of no other.
    """
    known = document.upload
    if upload is None or known.etag is None or document.is_issued:
        return False
    if known.version_id and upload.version_id:
        return known.version_id != upload.version_id
    return known.etag != upload.etag


def find_jobs(
    workflow: Workflow,
    *,
    now: datetime,
    prefix: str = "",
    since: datetime | None = None,
    states: Collection[JobState] = (),
) -> Iterator[Job]:
    """The jobs below a prefix that changed since a time, as they are found: in no order of time.

    Costs one request for each thousand objects and one for each document that is read. Keeps a
    few bytes of each key and, of the jobs themselves, only those that are being looked at.
    No states asked for means all but ISSUED.
    """
    wanted = set(states) or set(JobState) - {JobState.ISSUED}
    changed = None if since is None else Names(_written_since(workflow, prefix, since))
    met = Names()

    def uploads() -> Iterator[tuple[str, StoredUpload]]:
        for key, upload in stored_uploads(workflow, prefix):
            status_key = keys.status_key(workflow.results_prefix, key)
            met.add(status_key)
            if since is None or upload.last_modified >= since or status_key in (changed or ()):
                yield key, upload

    def documents() -> Iterator[str]:
        """Of uploads that are gone, or that never came."""
        for status_key, written in _documents(workflow, prefix):
            if status_key not in met and (since is None or written >= since):
                yield status_key

    alive = partial(is_alive, workflow)

    def of_upload(found: tuple[str, StoredUpload]) -> Job | None:
        key, upload = found
        document = read_document(workflow, keys.status_key(workflow.results_prefix, key))
        return _job(key, document, upload, workflow.uploads_bucket, now, alive)

    def of_document(status_key: str) -> Job | None:
        document = read_document(workflow, status_key)
        if document is None or document.upload.bucket != workflow.uploads_bucket:
            return None  # deleted meanwhile, or another workflow's
        return _job(document.upload.key, document, None, workflow.uploads_bucket, now, alive)

    for job in chain(concurrently(of_upload, uploads()), concurrently(of_document, documents())):
        if job is not None and job.state in wanted and job.key.startswith(prefix):
            yield job


class Names:
    """Names that were met, eight bytes of each: a million fit where their texts would not.

    Two names in 2^64 would be taken for each other.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._digests = array("Q")
        self._is_sorted = True
        for name in names:
            self.add(name)

    def add(self, name: str) -> None:
        self._digests.append(self._digest(name))
        self._is_sorted = False

    def __contains__(self, name: str) -> bool:
        if not self._is_sorted:
            self._digests = array("Q", sorted(self._digests))
            self._is_sorted = True
        digest = self._digest(name)
        index = bisect_left(self._digests, digest)
        return index < len(self._digests) and self._digests[index] == digest

    @staticmethod
    def _digest(name: str) -> int:
        return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest())


def _written_since(workflow: Workflow, prefix: str, since: datetime) -> Iterator[str]:
    for status_key, written in _documents(workflow, prefix):
        if written >= since:
            yield status_key


def find_job(workflow: Workflow, key: str, now: datetime) -> Job | None:
    """The job of one key, or None if neither upload nor document exists."""
    document = read_document(workflow, keys.status_key(workflow.results_prefix, key))
    upload = read_upload(workflow, key)
    if document is None and upload is None:
        return None
    return _job(key, document, upload, workflow.uploads_bucket, now, partial(is_alive, workflow))


# 404: of HEAD, and of a key with a control character, which the XML of S3's answer cannot quote.
_MISSING = ("NoSuchKey", "404")


def read_document(workflow: Workflow, status_key: str) -> StatusDocument | None:
    try:
        answer = workflow.aws.s3.get_object(Bucket=workflow.results_bucket, Key=status_key)
    except ClientError as error:
        if error_code(error) in _MISSING:
            return None
        raise
    try:
        return StatusDocument.from_bytes(answer["Body"].read())
    except ValueError:
        return None  # whatever lies there, it is no document of ours; the workflow replaces it


def read_upload(workflow: Workflow, key: str) -> StoredUpload | None:
    try:
        head = workflow.aws.s3.head_object(Bucket=workflow.uploads_bucket, Key=key)
    except ClientError as error:
        if error_code(error) in _MISSING:
            return None
        raise
    return StoredUpload(
        head["ETag"].strip('"'), head["ContentLength"], head["LastModified"], head.get("VersionId")
    )


def is_deleted(workflow: Workflow, key: str) -> bool:
    """Whether a delete marker hides the upload."""
    try:
        workflow.aws.s3.head_object(Bucket=workflow.uploads_bucket, Key=key)
    except ClientError as error:
        headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        return headers.get("x-amz-delete-marker") == "true"
    return False


def _job(  # noqa: PLR0917  what is known of one key
    key: str,
    document: StatusDocument | None,
    upload: StoredUpload | None,
    uploads_bucket: str,
    now: datetime,
    is_alive: Callable[[str], bool],
) -> Job:
    state = judge(document, upload, uploads_bucket, now, is_alive)
    written = datetime.fromisoformat(document.updated_at) if document else None
    uploaded = upload.last_modified if upload else None
    since = uploaded if state is JobState.WAITING else written
    return Job(key, state, since or written or uploaded or now, document, upload)


def is_alive(workflow: Workflow, execution: str) -> bool:
    return execution_status(workflow, execution) == "RUNNING"


def execution_status(workflow: Workflow, execution: str) -> str | None:
    """RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED; None: unknown, or Express."""
    if workflow.express:
        return None
    try:
        arn = workflow.execution_arn(execution)
        return workflow.aws.states.describe_execution(executionArn=arn)["status"]
    except ClientError as error:
        if error_code(error) in ("ExecutionDoesNotExist", "InvalidArn"):
            return None
        raise


def stored_uploads(workflow: Workflow, prefix: str) -> Iterator[tuple[str, StoredUpload]]:
    """Every upload below a prefix by its key; no prefix means all."""
    pages = workflow.aws.s3.get_paginator("list_objects_v2").paginate(
        Bucket=workflow.uploads_bucket, Prefix=prefix or workflow.uploads_prefix
    )
    for page in pages:
        for found in page.get("Contents", []):
            if found["Key"].endswith("/") and not found["Size"]:
                continue  # a folder, as the console makes them
            upload = StoredUpload(found["ETag"].strip('"'), found["Size"], found["LastModified"])
            yield found["Key"], upload


def _documents(workflow: Workflow, prefix: str) -> Iterator[tuple[str, datetime]]:
    """The keys of the status documents below a prefix, and when each was written."""
    # Keys that a client could not follow have their results in a folder named after a digest.
    for folder in (prefix or workflow.uploads_prefix, "sha256-"):
        pages = workflow.aws.s3.get_paginator("list_objects_v2").paginate(
            Bucket=workflow.results_bucket, Prefix=workflow.results_prefix + folder
        )
        for page in pages:
            for found in page.get("Contents", []):
                if found["Key"].endswith("/status.json"):
                    yield found["Key"], found["LastModified"]
