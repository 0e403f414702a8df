"""Every change that a status document may take.

The theory, in three nouns. A document *stands* somewhere as seen by one job (`Standing`); an
execution *asks* for a change (`claim`, `finish`, `fail`); it asks as the document's *owner*, the
execution that claimed the job last, as *another* execution, as an operator's *redrive*, or as a
*remake* of what exists (`Asker`). `TRANSITIONS` gives the answer for each: write the new document,
or do not, because the job is another's (duplicate), the result is already there (recorded) or
needs no remake (unchanged).

What the document speaks of is decided first (`Relation`), by identity alone: buckets, version
ids, etags, sequencers, and S3's answer where these cannot tell. A document of an older version
gives way, one of a newer version stays (superseded); of a key that we issued the first version
stays (spent); a document of another bucket is nobody's here to touch (occupied).

A document goes PENDING -> RUNNING -> SUCCEEDED | REJECTED | FAILED, and from FAILED back to
RUNNING by a redrive. A remake's claim is never written: it goes from nothing, FAILED, REJECTED, an
abandoned RUNNING or a SUCCEEDED of another recipe to its end in one step, and what SUCCEEDED is
never taken back. Each function takes the document as it was read (None: there is none) and
answers with the document to write, or with the reason why nothing is to be written. Knows
neither S3 nor Pillow; the time is an argument.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, StrEnum, auto
from typing import Any

from ..errors import FailureCode, Rejected, RejectionCode
from . import keys
from .document import Problem, State, StatusDocument, StoredRendition, Subject, timestamp
from .metadata import Metadata
from .upload import Scan, Upload, order


class Reason(StrEnum):
    """Why an execution steps aside."""

    DUPLICATE = "duplicate"  # another execution has this job, or the job has its end
    SUPERSEDED = "superseded"  # a newer version of the key took its place
    SPENT = "spent"  # the key was issued for one upload, and another version was that
    FOLDER = "folder"  # made in the console: nobody uploaded anything
    OCCUPIED = "occupied"  # the key's document speaks of an upload in another bucket
    UNSCANNED = "unscanned"  # only scanned uploads are worked on, and nobody has scanned this one
    UNCHANGED = "unchanged"  # a remake would make the same again
    KEPT = "kept"  # a remake was refused, and what was told before stands
    GONE = "gone"  # what was to be read is not there any more, and no document waits for it


@dataclass(frozen=True, slots=True)
class Ignored:
    """Nothing is written that a client could see, because of the reason.

    problem: why a remake was refused.
    """

    reason: Reason
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """Nothing is written, because this execution's result is already there."""

    document: StatusDocument


Decision = StatusDocument | Ignored | Recorded


@dataclass(frozen=True, slots=True)
class Today:
    """By what an upload would be converted now. rules: the recipe, and all that may refuse it.

    served_from: where the URLs of its renditions would begin; None: they would be signed, and end.
    """

    recipe: str
    rules: str
    served_from: str | None = None


@dataclass(frozen=True, slots=True)
class Claimant:
    """The execution that wants a job. lease: what its longest possible run takes, and a little.

    redrive: an operator asks for the job again. remake: what is not by these is made anew.
    """

    execution: str
    lease: timedelta
    redrive: bool = False
    remake: Today | None = None


class Relation(Enum):
    """What the document of a key speaks of, as seen by one upload."""

    NOTHING = auto()  # there is no document, or it is PENDING: no version has been claimed
    SAME = auto()  # this version
    OLDER = auto()  # a version that this one has replaced
    NEWER = auto()  # a version that has replaced this one
    SPENT = auto()  # another version, of a key that was issued for one upload
    UNKNOWN = auto()  # another version, and nothing but S3 can tell which of the two is newer
    FOREIGN = auto()  # an upload in another bucket: two workflows share one results folder


class Standing(Enum):
    """Where the document of a key stands, as seen by one job."""

    FREE = auto()  # there is no document, or it gives way
    AWAITED = auto()  # issued, and no version has been claimed
    LEASED = auto()  # RUNNING, and its lease has not ended
    ABANDONED = auto()  # RUNNING, and its lease has ended
    DELIVERED = auto()  # SUCCEEDED or REJECTED
    OUTDATED = auto()  # the same, by another recipe or by other rules than a remake has
    FAILED = auto()


class Asker(Enum):
    """As whom an execution asks."""

    OWNER = auto()  # it claimed the job last
    ANOTHER = auto()
    REDRIVE = auto()  # another one, started by an operator for this job
    REMAKE = auto()  # another one, which goes over everything that exists


class Answer(Enum):
    WRITE = auto()
    RECORDED = auto()
    DUPLICATE = auto()
    UNCHANGED = auto()


_W, _R, _D, _U = Answer.WRITE, Answer.RECORDED, Answer.DUPLICATE, Answer.UNCHANGED

# What is asked for, and of which document:          the owner, another, a redrive, a remake
TRANSITIONS: Mapping[str, Mapping[Standing, Mapping[Asker, Answer]]] = {
    ask: {standing: dict(zip(Asker, answers, strict=True)) for standing, answers in rows.items()}
    for ask, rows in {
        "claim": {
            Standing.FREE: (_W, _W, _W, _W),
            # What was just uploaded has its event on the way, which goes before a remake.
            Standing.AWAITED: (_W, _W, _W, _D),
            # An execution takes its own dead claim over at once; others wait for the lease to end.
            Standing.LEASED: (_W, _D, _D, _D),
            Standing.ABANDONED: (_W, _W, _W, _W),
            # To its owner: the answer to the workflow was lost. A redrive wants it told again.
            Standing.DELIVERED: (_R, _D, _R, _U),
            Standing.OUTDATED: (_R, _D, _R, _W),
            Standing.FAILED: (_D, _D, _W, _W),
        },
        # Asked with the result of a claim, or of a remake, that others have overtaken meanwhile.
        "finish": {
            Standing.FREE: (_D, _D, _D, _D),
            Standing.AWAITED: (_D, _D, _D, _D),
            Standing.LEASED: (_D, _D, _D, _D),
            Standing.ABANDONED: (_D, _D, _D, _D),
            Standing.DELIVERED: (_R, _D, _D, _D),
            Standing.OUTDATED: (_R, _D, _D, _D),
            Standing.FAILED: (_D, _D, _D, _D),
        },
        # A remake records no failure.
        "fail": {
            Standing.FREE: (_W, _W, _W, _D),
            Standing.AWAITED: (_W, _W, _W, _D),
            # Another execution records its own end.
            Standing.LEASED: (_W, _D, _D, _D),
            Standing.ABANDONED: (_W, _D, _D, _D),
            Standing.DELIVERED: (_D, _D, _D, _D),
            Standing.OUTDATED: (_D, _D, _D, _D),
            Standing.FAILED: (_R, _D, _D, _D),
        },
    }.items()
}


def _answer(
    ask: str, current: StatusDocument | None, claimant: Claimant, now: datetime
) -> Decision | None:
    """The table's answer; None: the new document may be written."""
    standing = _standing(current, now, claimant.remake)
    asker = Asker.REDRIVE if claimant.redrive else Asker.ANOTHER
    if claimant.remake is not None:
        asker = Asker.REMAKE
    if current is not None and current.execution == claimant.execution:
        asker = Asker.OWNER
    match TRANSITIONS[ask][standing][asker], current:
        case Answer.WRITE, _:
            return None
        case Answer.RECORDED, StatusDocument():
            return Recorded(current)
        case Answer.UNCHANGED, _:
            return Ignored(Reason.UNCHANGED)
    return Ignored(Reason.DUPLICATE)


def _standing(current: StatusDocument | None, now: datetime, today: Today | None) -> Standing:
    if current is None:
        return Standing.FREE
    match current.state:
        case State.PENDING:
            return Standing.AWAITED
        case State.RUNNING:
            leased = (current.lease_until or "") > timestamp(now)
            return Standing.LEASED if leased else Standing.ABANDONED
        case State.FAILED:
            return Standing.FAILED
    return Standing.OUTDATED if today and not _is_of_today(current, today) else Standing.DELIVERED


def _is_of_today(delivered: StatusDocument, today: Today) -> bool:
    """Whether the same would come of it once more."""
    by_rules = delivered.rules == today.rules
    if delivered.state is State.SUCCEEDED:
        of_today = by_rules or delivered.recipe == today.recipe
        return of_today and is_linked(delivered, today.served_from)
    if by_rules:
        return True
    # No rule of ours refused that one, and none lets it pass.
    return delivered.error is not None and delivered.error.code == RejectionCode.THREAT_FOUND


def is_linked(delivered: StatusDocument, served_from: str | None) -> bool:
    """Whether the URLs of its renditions are of the kind that they would get now."""
    if served_from is None:
        return all(one.url_expires_at is not None for one in delivered.renditions)
    return all(one.url == keys.served_url(served_from, one.key) for one in delivered.renditions)


def seed(
    bucket: str,
    key: str,
    now: datetime,
    *,
    expires_at: str,
    original_name: str | None = None,
    owner: str | None = None,
    metadata: Metadata | None = None,
    checksum_sha256: str | None = None,
) -> StatusDocument:
    """The document of an upload that was issued and has not arrived."""
    return StatusDocument(
        state=State.PENDING,
        upload=Subject(
            bucket,
            key,
            original_name=original_name,
            owner=owner,
            metadata=metadata,
            checksum_sha256=checksum_sha256,
        ),
        created_at=timestamp(now),
        updated_at=timestamp(now),
        expires_at=expires_at,
    )


_FORGOTTEN = Problem(
    RejectionCode.UPLOAD_GONE.value,
    "The picture was deleted by whoever looks after this service. Upload it again if it is still "
    "wanted.",
    retryable=False,
)


# No execution of Step Functions has it: to each of them this end is another's.
_BY_OPERATOR = "ops-forget"


def forget(current: StatusDocument | None, bucket: str, key: str, now: datetime) -> StatusDocument:
    """What stands there while all that is kept of an upload is deleted: it promises nothing.

    Its job has its end by it; where none is known, one that no version has, so that an event which
    comes late finds the key ended as well.
    """
    if current is None:
        current = replace(seed(bucket, key, now, expires_at=""), expires_at=None)
    return replace(
        _ended(current, State.REJECTED, now),
        job_id=current.job_id or keys.job_id(bucket, key, ""),
        execution=_BY_OPERATOR,
        image=None,
        recipe=None,
        renditions=(),
        error=_FORGOTTEN,
    )


def is_forgotten(document: StatusDocument) -> bool:
    return document.error == _FORGOTTEN


def is_same_version(one: Subject | Upload, other: Subject | Upload) -> bool:
    """Whether both name one version of one object, as far as both are known.

    Version ids decide, then sequencers. Where either lacks both (an event that was made from the
    object has no sequencer, a bucket without versioning no version ids), equal etags are equal
    bytes under the same key, and that is the same job.
    """
    if one.bucket != other.bucket or one.key != other.key:
        return False
    if one.version_id and other.version_id:
        return one.version_id == other.version_id
    if one.sequencer and other.sequencer:
        return order(one.sequencer) == order(other.sequencer)
    return one.etag is not None and one.etag == other.etag


def relation(current: StatusDocument | None, upload: Upload) -> Relation:
    if current is not None and current.upload.bucket != upload.bucket:
        return Relation.FOREIGN
    if current is None or current.job_id is None:
        return Relation.NOTHING
    told = current.upload
    if is_same_version(told, upload):
        return Relation.SAME
    if current.is_issued:
        return Relation.SPENT
    before, after = order(told.sequencer or ""), order(upload.sequencer or "")
    if not before or not after or before == after:
        return Relation.UNKNOWN
    return Relation.OLDER if before < after else Relation.NEWER


def spoken_of(current: StatusDocument | None, upload: Upload) -> Upload:
    """What a list names by its key: of a key that was issued the version that was the upload."""
    if current is None or relation(current, upload) is not Relation.SPENT:
        return upload
    told = current.upload
    return replace(
        upload,
        version_id=told.version_id,
        etag=told.etag,
        sequencer=told.sequencer,
        size_bytes=told.bytes,
    )


def is_order_unknown(current: StatusDocument | None, upload: Upload) -> bool:
    """Whether S3 must be asked which version the key stands for. To be asked after the document
    was read: then a version that is newest still is not older than what the document speaks of."""
    return relation(current, upload) is Relation.UNKNOWN


def _aside(
    ask: str,
    current: StatusDocument | None,
    upload: Upload,
    claimant: Claimant,
    now: datetime,
    *,
    is_newest: bool,
) -> Decision | None:
    """Why nothing is written about this upload; None: the new document may be written."""
    if claimant.remake is not None and current is not None and is_forgotten(current):
        return Ignored(Reason.GONE)
    match relation(current, upload):
        case Relation.FOREIGN:
            return Ignored(Reason.OCCUPIED)
        case Relation.SPENT:
            return Ignored(Reason.SPENT)
        case Relation.NEWER:
            return Ignored(Reason.SUPERSEDED)
        case Relation.UNKNOWN if not is_newest:
            return Ignored(Reason.SUPERSEDED)
        case Relation.SAME if not _may_be_sent_again(current, upload):
            speaks = current
        case Relation.NOTHING:
            speaks = current
        case _:
            speaks = None  # it gives way
    return _answer(ask, speaks, claimant, now)


def _is_late_threat(current: StatusDocument | None, upload: Upload) -> bool:
    """Whether a scan finds a threat in what an earlier one let pass: the verdict may change, and
    then the result may not stay."""
    if current is None or current.state is not State.SUCCEEDED:
        return False
    return upload.scan is Scan.THREATS and relation(current, upload) is Relation.SAME


def _may_be_sent_again(current: StatusDocument | None, upload: Upload) -> bool:
    """Whether this may be the second upload of bytes that failed: only etags say it is the same.

    A client was told to upload again, so the failure must not stand in its way.
    """
    if current is None or current.state is not State.FAILED:
        return False
    told = current.upload
    by_version = told.version_id and upload.version_id
    return not by_version and bool(upload.sequencer) and not told.sequencer


def claim(
    current: StatusDocument | None,
    upload: Upload,
    claimant: Claimant,
    now: datetime,
    *,
    is_newest: bool = False,
) -> Decision:
    """Take the job, unless it is taken or ended, or another version goes before it.

    Of a remake the answer is what is worked on, and is not written: `replace_outdated` comes next.
    is_newest: S3's answer where `is_order_unknown`.
    """
    aside = _aside("claim", current, upload, claimant, now, is_newest=is_newest)
    if aside is not None and not _is_late_threat(current, upload):
        return aside
    again = relation(current, upload) is Relation.SAME
    return StatusDocument(
        state=State.RUNNING,
        upload=_subject(current, upload),
        job_id=_job_id(current, upload),
        execution=claimant.execution,
        lease_until=timestamp(now + claimant.lease),
        created_at=_created_at(current, now),
        updated_at=timestamp(now),
        expires_at=current.expires_at if current else None,
        attempt=1 + (current.attempt if current and again else 0),
    )


def succeed(
    claimed: StatusDocument,
    now: datetime,
    *,
    image: Mapping[str, Any] | None,
    renditions: tuple[StoredRendition, ...],
    recipe: str | None = None,
) -> StatusDocument:
    ended = _ended(claimed, State.SUCCEEDED, now)
    return replace(ended, image=image, recipe=recipe, renditions=renditions)


def reject(
    claimed: StatusDocument, now: datetime, refusal: Rejected, rules: str | None = None
) -> StatusDocument:
    """rules: see `StatusDocument`."""
    retryable = refusal.code in _ABOUT_THE_OBJECT
    problem = Problem(refusal.code.value, refusal.message, retryable)
    return replace(_ended(claimed, State.REJECTED, now), error=problem, rules=rules)


# How the file was stored is at fault, not the file: sent again, it may succeed.
_ABOUT_THE_OBJECT = frozenset(
    {RejectionCode.UPLOAD_GONE, RejectionCode.ARCHIVED, RejectionCode.ENCRYPTED_BY_CLIENT}
)


def _ended(claimed: StatusDocument, state: State, now: datetime) -> StatusDocument:
    return replace(claimed, state=state, lease_until=None, updated_at=timestamp(now))


def finish(
    current: StatusDocument | None, claimed: StatusDocument, ended: StatusDocument, now: datetime
) -> Decision:
    """Replace the claim by its result, unless the claim was lost meanwhile."""
    # None: somebody deleted the document of a running job, and not the upload: the result is true.
    if current is None or current == claimed:
        return ended
    if not is_same_version(current.upload, claimed.upload):
        return Ignored(Reason.SUPERSEDED)
    owner = Claimant(claimed.execution or "", timedelta())
    return _answer("finish", current, owner, now) or ended


def replace_outdated(
    current: StatusDocument | None,
    outdated: StatusDocument | None,
    ended: StatusDocument,
    claimant: Claimant,
    now: datetime,
) -> Decision:
    """Replace what a remake found by its end, unless anybody changed it meanwhile: that wins."""
    if current == outdated:
        return kept(outdated, ended) or ended
    if current is not None and not is_same_version(current.upload, ended.upload):
        return Ignored(Reason.SUPERSEDED)
    return _answer("finish", current, claimant, now) or ended


def kept(outdated: StatusDocument | None, ended: StatusDocument) -> StatusDocument | None:
    """What SUCCEEDED and is not taken back by a refusal; it only remembers by which rules."""
    told = _told_of_it(outdated, ended)
    if told is None or told.state is not State.SUCCEEDED or ended.state is not State.REJECTED:
        return None
    return replace(told, rules=ended.rules)


def is_news(outdated: StatusDocument | None, ended: StatusDocument) -> bool:
    """Whether the end of a remake tells its client anything but what the document told before."""
    told = _told_of_it(outdated, ended)
    if told is None or ended.state is not State.REJECTED:
        return True
    return told.state is not State.SUCCEEDED and told.error != ended.error


def _told_of_it(outdated: StatusDocument | None, ended: StatusDocument) -> StatusDocument | None:
    """What was told before of the version that has come to an end."""
    if outdated is None or not is_same_version(outdated.upload, ended.upload):
        return None
    return outdated


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
    teller = Claimant(execution, timedelta())
    aside = _aside("fail", current, upload, teller, now, is_newest=is_newest)
    if aside is not None and not _is_late_threat(current, upload):
        return aside
    again = relation(current, upload) is Relation.SAME
    return StatusDocument(
        state=State.FAILED,
        upload=_subject(current, upload),
        job_id=_job_id(current, upload),
        execution=execution,
        error=Problem(code.value, _FAILURES.get(code, _OUR_FAULT), retryable=True),
        created_at=_created_at(current, now),
        updated_at=timestamp(now),
        expires_at=current.expires_at if current else None,
        attempt=current.attempt if current and again else 0,
    )


_OUR_FAULT = (
    "We could not process this file, and it is not the file's fault. We know of it; upload it "
    "again later, or name the job's id when you ask."
)
_FAILURES = {
    FailureCode.TIMED_OUT: "Processing this file took too long and was stopped. Upload it again "
    "later, or a smaller version of it.",
    FailureCode.ABORTED: "Processing this file was stopped by an operator. Upload it again later.",
}


def _job_id(current: StatusDocument | None, upload: Upload) -> str:
    """A job keeps the id under which it was told first, whichever event tells of it now."""
    if current is not None and current.job_id and relation(current, upload) is Relation.SAME:
        return current.job_id
    return upload.job_id


def _subject(current: StatusDocument | None, upload: Upload) -> Subject:
    """The upload as its event tells, and what the document knows of it besides."""
    subject = Subject.of(upload)
    if current is None:
        return subject
    told, same = current.upload, relation(current, upload) is Relation.SAME
    if same:
        subject = replace(
            subject,
            version_id=subject.version_id or told.version_id,
            sequencer=subject.sequencer or told.sequencer,
        )
    if same or current.is_issued:  # another version states its own
        subject = replace(
            subject,
            original_name=told.original_name,
            owner=told.owner,
            metadata=told.metadata,
            checksum_sha256=told.checksum_sha256,
        )
    return subject


def _created_at(current: StatusDocument | None, now: datetime) -> str:
    return current.created_at if current else timestamp(now)
