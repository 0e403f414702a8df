"""Lists jobs from what S3 holds: the uploads, and the status documents beside them.

The two buckets are the record, so no job can hide from this list. Knows where they lie and what
their difference means. Does not know why a job is in its state.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial

from botocore.exceptions import ClientError

from ..job import keys
from ..job.document import State, StatusDocument, timestamp
from .deployment import THREADS, Aws, Deployment, error_code


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
    told = document.upload
    if upload is None or told.etag is None or document.is_issued:
        return False
    if told.version_id and upload.version_id:
        return told.version_id != upload.version_id
    return told.etag != upload.etag


def find_jobs(
    aws: Aws,
    deployment: Deployment,
    *,
    now: datetime,
    prefix: str = "",
    since: datetime | None = None,
    states: Collection[JobState] = (),
) -> list[Job]:
    """The jobs below a prefix that changed since a time, the latest last.

    Costs one request for each thousand objects and one for each document that is read.
    No states asked for means all but ISSUED.
    """
    uploads = dict(_uploads(aws, deployment, prefix))
    documents = dict(_documents(aws, deployment, prefix))
    by_status_key = {keys.status_key(deployment.results_prefix, key): key for key in uploads}
    changed = [
        (by_status_key.get(status_key), status_key)
        for status_key in {*documents, *by_status_key}
        if since is None
        or max(_times(documents, uploads, status_key, by_status_key), default=now) >= since
    ]

    def look(pair: tuple[str | None, str]) -> Job | None:
        key, status_key = pair
        document = read_document(aws, deployment, status_key) if status_key in documents else None
        if key is None and document is None:
            return None  # deleted meanwhile
        key = key or (document.upload.key if document else "")
        return _job(
            key,
            document,
            uploads.get(key),
            bucket=deployment.uploads_bucket,
            now=now,
            is_alive=is_alive,
        )

    is_alive = partial(_is_alive, aws, deployment)
    with ThreadPoolExecutor(THREADS) as threads:
        jobs = [job for job in threads.map(look, changed) if job is not None]
    wanted = set(states) or set(JobState) - {JobState.ISSUED}
    chosen = [job for job in jobs if job.state in wanted and job.key.startswith(prefix)]
    return sorted(chosen, key=lambda job: (job.since, job.key))


def find_job(aws: Aws, deployment: Deployment, key: str, now: datetime) -> Job | None:
    """The job of one key, or None if neither upload nor document exists."""
    document = read_document(aws, deployment, keys.status_key(deployment.results_prefix, key))
    upload = read_upload(aws, deployment, key)
    if document is None and upload is None:
        return None
    return _job(
        key,
        document,
        upload,
        bucket=deployment.uploads_bucket,
        now=now,
        is_alive=partial(_is_alive, aws, deployment),
    )


def read_document(aws: Aws, deployment: Deployment, status_key: str) -> StatusDocument | None:
    try:
        answer = aws.s3.get_object(Bucket=deployment.results_bucket, Key=status_key)
    except ClientError as error:
        if error_code(error) == "NoSuchKey":
            return None
        raise
    try:
        return StatusDocument.from_bytes(answer["Body"].read())
    except ValueError:
        return None  # whatever lies there, it is no document of ours; the workflow replaces it


def read_upload(aws: Aws, deployment: Deployment, key: str) -> StoredUpload | None:
    try:
        head = aws.s3.head_object(Bucket=deployment.uploads_bucket, Key=key)
    except ClientError as error:
        if error_code(error) in ("404", "NoSuchKey"):
            return None
        raise
    return StoredUpload(
        head["ETag"].strip('"'), head["ContentLength"], head["LastModified"], head.get("VersionId")
    )


def _job(
    key: str,
    document: StatusDocument | None,
    upload: StoredUpload | None,
    *,
    bucket: str,
    now: datetime,
    is_alive: Callable[[str], bool],
) -> Job:
    state = judge(document, upload, bucket, now, is_alive)
    told = datetime.fromisoformat(document.updated_at) if document else None
    uploaded = upload.last_modified if upload else None
    since = uploaded if state is JobState.WAITING else told
    return Job(key, state, since or told or uploaded or now, document, upload)


def _is_alive(aws: Aws, deployment: Deployment, execution: str) -> bool:
    return execution_status(aws, deployment, execution) == "RUNNING"


def execution_status(aws: Aws, deployment: Deployment, execution: str) -> str | None:
    """RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED; None: unknown, or Express."""
    if deployment.express:
        return None
    try:
        arn = deployment.execution_arn(execution)
        return aws.states.describe_execution(executionArn=arn)["status"]
    except ClientError as error:
        if error_code(error) in ("ExecutionDoesNotExist", "InvalidArn"):
            return None
        raise


def _uploads(aws: Aws, deployment: Deployment, prefix: str) -> Iterator[tuple[str, StoredUpload]]:
    pages = aws.s3.get_paginator("list_objects_v2").paginate(
        Bucket=deployment.uploads_bucket, Prefix=prefix or deployment.uploads_prefix
    )
    for page in pages:
        for found in page.get("Contents", []):
            upload = StoredUpload(found["ETag"].strip('"'), found["Size"], found["LastModified"])
            yield found["Key"], upload


def _documents(aws: Aws, deployment: Deployment, prefix: str) -> Iterator[tuple[str, datetime]]:
    """The keys of the status documents below a prefix, and when each was written."""
    # Keys that a client could not follow have their results in a folder named after a digest.
    for folder in (prefix or deployment.uploads_prefix, "sha256-"):
        pages = aws.s3.get_paginator("list_objects_v2").paginate(
            Bucket=deployment.results_bucket, Prefix=deployment.results_prefix + folder
        )
        for page in pages:
            for found in page.get("Contents", []):
                if found["Key"].endswith("/status.json"):
                    yield found["Key"], found["LastModified"]


def _times(
    documents: dict[str, datetime],
    uploads: dict[str, StoredUpload],
    status_key: str,
    by_status_key: dict[str, str],
) -> Iterator[datetime]:
    if status_key in documents:
        yield documents[status_key].astimezone(UTC)
    if status_key in by_status_key:
        yield uploads[by_status_key[status_key]].last_modified.astimezone(UTC)
