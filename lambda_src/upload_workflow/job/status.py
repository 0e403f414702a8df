"""The status document a client polls, and every transition it may take. Pure.

PENDING -> RUNNING -> SUCCEEDED | REJECTED | FAILED; FAILED -> RUNNING by an explicit redrive.
The document speaks of its key's newest version. Each transition takes the document as it was
read (None: there is none) and answers with the document to write, or with the reason why
nothing is to be written. Knows neither S3 nor Pillow, and takes the time as an argument.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from .. import __version__
from ..errors import FailureCode, Rejected
from .upload import Upload, order

SCHEMA = "1"


class State(StrEnum):
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    REJECTED = "REJECTED"
    FAILED = "FAILED"


class Reason(StrEnum):
    """Why an execution steps aside."""

    DUPLICATE = "duplicate"  # another execution has this job, or the job has its end
    SUPERSEDED = "superseded"  # a newer version of the key took its place


@dataclass(frozen=True, slots=True)
class Subject:
    """The document's `upload`: what is known of it so far."""

    bucket: str
    key: str
    version_id: str | None = None
    etag: str | None = None
    sequencer: str | None = None
    bytes: int | None = None
    content_type: str | None = None
    original_name: str | None = None

    @classmethod
    def of(
        cls, upload: Upload, content_type: str | None = None, original_name: str | None = None
    ) -> Self:
        return cls(
            bucket=upload.bucket,
            key=upload.key,
            version_id=upload.version_id,
            etag=upload.etag,
            sequencer=upload.sequencer,
            bytes=upload.size_bytes,
            content_type=content_type,
            original_name=original_name,
        )


@dataclass(frozen=True, slots=True)
class StoredRendition:
    """url works until url_expires_at; sha256 in hexadecimal digits."""

    name: str
    key: str
    url: str
    url_expires_at: str
    content_type: str
    width: int
    height: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Problem:
    """message is for the client's eyes; retryable: the same file may succeed another time."""

    code: str
    message: str
    retryable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusDocument:
    """Times are texts as `timestamp` makes them.

    execution: who claimed or ended the job. lease_until: only while RUNNING; until then nobody
    but that execution takes the job over. attempt: how often the job was claimed.
    expires_at: when the status URL that came with the upload form stops working, if one did.
    """

    state: State
    upload: Subject
    job_id: str | None = None
    execution: str | None = None
    lease_until: str | None = None
    image: Mapping[str, Any] | None = None
    renditions: tuple[StoredRendition, ...] = ()
    error: Problem | None = None
    created_at: str
    updated_at: str
    expires_at: str | None = None
    attempt: int = 0
    converter: Mapping[str, Any] = field(default_factory=lambda: {"version": __version__})

    @property
    def is_terminal(self) -> bool:
        return self.state in (State.SUCCEEDED, State.REJECTED, State.FAILED)

    def to_bytes(self) -> bytes:
        """Equal documents are equal bytes."""
        facts = {name: value for name, value in asdict(self).items() if _is_said(name, value)}
        facts |= {"schema": SCHEMA, "upload": _without_none(facts["upload"], "original_name")}
        return json.dumps(facts, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, body: bytes) -> Self:
        """Raises ValueError if this is no status document. Fields it does not know are left out."""
        try:
            facts = dict(json.loads(body))
            facts.pop("schema", None)
            known = _known(cls, facts)
            known["state"] = State(facts["state"])
            known["upload"] = Subject(**_known(Subject, facts["upload"]))
            known["renditions"] = tuple(
                StoredRendition(**_known(StoredRendition, rendition))
                for rendition in facts["renditions"]
            )
            if facts.get("error"):
                known["error"] = Problem(**_known(Problem, facts["error"]))
            return cls(**known)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"This is not a status document: {error!r}") from error


@dataclass(frozen=True, slots=True)
class Ignored:
    """Nothing is written, because of the reason."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Recorded:
    """Nothing is written, because this execution's result is already there."""

    document: StatusDocument


Decision = StatusDocument | Ignored | Recorded


@dataclass(frozen=True, slots=True)
class Claimant:
    """The execution that wants a job. lease: what its longest possible run takes, and a little.

    redrive: an operator asks for the job again.
    """

    execution: str
    lease: timedelta
    redrive: bool = False


def seed(
    bucket: str,
    key: str,
    now: datetime,
    *,
    expires_at: str,
    original_name: str | None = None,
) -> StatusDocument:
    """The document of an upload that was issued and has not arrived."""
    return StatusDocument(
        state=State.PENDING,
        upload=Subject(bucket, key, original_name=original_name),
        created_at=timestamp(now),
        updated_at=timestamp(now),
        expires_at=expires_at,
    )


def is_order_unknown(current: StatusDocument | None, upload: Upload) -> bool:
    """Whether S3 must be asked which version is newest: the event has no sequencer and the
    document speaks of another version. To be asked after the document was read: then a version
    that is newest still is not older than what the document speaks of."""
    speaks_of_another = current is not None and current.job_id not in (None, upload.job_id)
    return upload.sequencer is None and speaks_of_another


def claim(
    current: StatusDocument | None,
    upload: Upload,
    claimant: Claimant,
    now: datetime,
    *,
    is_newest: bool = False,
) -> Decision:
    """Take the job, unless it is taken, ended or superseded.

    An execution takes its own dead claim over at once; others wait for the lease to end.
    is_newest: S3's answer where `is_order_unknown`.
    """
    if current is not None and current.job_id is not None:
        if current.job_id != upload.job_id:
            if _is_superseded(current, upload, is_newest):
                return Ignored(Reason.SUPERSEDED)
        elif (aside := _step_aside(current, claimant, now)) is not None:
            return aside
    return StatusDocument(
        state=State.RUNNING,
        upload=Subject.of(upload, original_name=_original_name(current)),
        job_id=upload.job_id,
        execution=claimant.execution,
        lease_until=timestamp(now + claimant.lease),
        created_at=_created_at(current, now),
        updated_at=timestamp(now),
        expires_at=current.expires_at if current else None,
        attempt=1 + (current.attempt if current and current.job_id == upload.job_id else 0),
    )


def _step_aside(current: StatusDocument, claimant: Claimant, now: datetime) -> Decision | None:
    own = current.execution == claimant.execution
    match current.state:
        case State.SUCCEEDED | State.REJECTED:
            # Its own result: the answer to the workflow was lost. A redrive wants it told again.
            return Recorded(current) if own or claimant.redrive else Ignored(Reason.DUPLICATE)
        case State.FAILED:
            reopened = claimant.redrive and not own
            return None if reopened else Ignored(Reason.DUPLICATE)
        case State.RUNNING:
            leased = (current.lease_until or "") > timestamp(now)
            return Ignored(Reason.DUPLICATE) if leased and not own else None
    return None


def succeed(
    claimed: StatusDocument,
    now: datetime,
    *,
    image: Mapping[str, Any],
    renditions: tuple[StoredRendition, ...],
) -> StatusDocument:
    return replace(_ended(claimed, State.SUCCEEDED, now), image=image, renditions=renditions)


def reject(claimed: StatusDocument, now: datetime, refusal: Rejected) -> StatusDocument:
    problem = Problem(refusal.code.value, refusal.message, retryable=False)
    return replace(_ended(claimed, State.REJECTED, now), error=problem)


def _ended(claimed: StatusDocument, state: State, now: datetime) -> StatusDocument:
    return replace(claimed, state=state, lease_until=None, updated_at=timestamp(now))


def finish(
    current: StatusDocument | None, claimed: StatusDocument, ended: StatusDocument
) -> Decision:
    """Replace the claim by its result, unless the claim was lost meanwhile."""
    # None: somebody deleted the document of a running job. The result is no less true.
    if current is None or current == claimed:
        return ended
    if current.job_id != claimed.job_id:
        return Ignored(Reason.SUPERSEDED)
    if current.execution == claimed.execution and current.state in (
        State.SUCCEEDED,
        State.REJECTED,
    ):
        return Recorded(current)
    return Ignored(Reason.DUPLICATE)


def fail(
    current: StatusDocument | None,
    upload: Upload,
    execution: str,
    code: FailureCode,
    now: datetime,
    *,
    is_newest: bool = False,
) -> Decision:
    """Record that the execution could not end its job. Needs nothing but the event.

    The document of another execution's job is left alone: that execution records its own end.
    is_newest: S3's answer where `is_order_unknown`.
    """
    attempt = 0
    if current is not None and current.job_id is not None:
        if current.job_id != upload.job_id:
            if _is_superseded(current, upload, is_newest):
                return Ignored(Reason.SUPERSEDED)
        else:
            attempt = current.attempt
            if current.execution != execution or current.state in (
                State.SUCCEEDED,
                State.REJECTED,
            ):
                return Ignored(Reason.DUPLICATE)
            if current.state is State.FAILED:
                return Recorded(current)
    return StatusDocument(
        state=State.FAILED,
        upload=Subject.of(upload, original_name=_original_name(current)),
        job_id=upload.job_id,
        execution=execution,
        error=Problem(code.value, _FAILURES.get(code, _OUR_FAULT), retryable=True),
        created_at=_created_at(current, now),
        updated_at=timestamp(now),
        expires_at=current.expires_at if current else None,
        attempt=attempt,
    )


_OUR_FAULT = (
    "We could not process this image, and it is not the image's fault. We know of it; upload it "
    "again later, or name the job's id when you ask."
)
_FAILURES = {
    FailureCode.TIMED_OUT: "Processing this image took too long and was stopped. Upload it again "
    "later, or a smaller version of it.",
    FailureCode.ABORTED: "Processing this image was stopped by an operator. Upload it again later.",
}


def announcement(decision: Decision, upload: Upload) -> dict[str, Any]:
    """What the world is told of a job's end: its facts without any URL."""
    if isinstance(decision, Ignored):
        return _announced(upload.job_id, Subject.of(upload), "IGNORED") | {
            "reason": decision.reason.value
        }
    document = decision.document if isinstance(decision, Recorded) else decision
    facts = _announced(document.job_id, document.upload, document.state.value)
    facts["renditions"] = [
        {name: value for name, value in asdict(rendition).items() if not name.startswith("url")}
        for rendition in document.renditions
    ]
    if document.image is not None:
        facts["image"] = dict(document.image)
    if document.error is not None:
        facts["error"] = asdict(document.error)
    return facts


def malformed_announcement(refusal: Rejected) -> dict[str, Any]:
    """An event that names no upload is told as a rejection without a job."""
    problem = Problem(refusal.code.value, refusal.message, retryable=False)
    return _announced(None, None, State.REJECTED.value) | {"error": asdict(problem)}


def _announced(job_id: str | None, subject: Subject | None, state: str) -> dict[str, Any]:
    names = ("bucket", "key", "version_id", "etag", "sequencer", "bytes")
    return {
        "schema": SCHEMA,
        "state": state,
        "job_id": job_id,
        "upload": {
            name: value for name in names if (value := getattr(subject, name, None)) is not None
        },
        "renditions": [],
    }


def timestamp(time: datetime) -> str:
    """Milliseconds in UTC, such as 2026-03-01T12:00:00.250Z. They sort as text."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _is_superseded(current: StatusDocument, upload: Upload, is_newest: bool) -> bool:
    if upload.sequencer is None:
        return not is_newest
    return order(current.upload.sequencer, current.job_id) > order(upload.sequencer, upload.job_id)


def _created_at(current: StatusDocument | None, now: datetime) -> str:
    return current.created_at if current else timestamp(now)


def _original_name(current: StatusDocument | None) -> str | None:
    return current.upload.original_name if current else None


# Absent when there is nothing to say; every other field is always there, null if unknown.
_SAID_WHEN_KNOWN = frozenset({"image", "error", "lease_until"})


def _is_said(name: str, value: object) -> bool:
    return value is not None or name not in _SAID_WHEN_KNOWN


def _without_none(facts: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {k: v for k, v in facts.items() if v is not None or k != name}


def _known(cls: type, facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: facts[name] for name in cls.__dataclass_fields__ if name in facts}  # type: ignore[attr-defined]
