"""Runs one job: claim it, read the upload, convert, write every rendition, then the document.

The order of the steps is the promise: whoever reads SUCCEEDED can read every rendition, and a
crash between any two of them leaves a document from which the next attempt goes on. Knows the
steps and their order. Does not know Pillow, S3's answers or which transitions there are: those are
the kind's, the store's and `transitions`'.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, Self

from ..aws.store import NOTHING_SEEN, Gone, OpenedUpload, Overwritten, Seen, Store
from ..errors import Refused, Rejected, RejectionCode, ResultsShared, ScanFailed, UnusableOverlay
from ..job import keys, transitions
from ..job.document import State, StatusDocument, StoredRendition, Subject
from ..job.own_step import NO_STEP, OwnStep
from ..job.transitions import Claimant, Decision, Ignored, Reason, Recorded, Relation, Today
from ..job.upload import Scan, Upload
from ..work import Facts, File, Kind, Made, Order

if TYPE_CHECKING:
    from ..aws.signer import Link
    from .report import Course

# Enough for every header that decides early; the rest is read only if that lets it pass.
_HEAD_BYTES = 64 * 1024
# An upload goes through the worker in parts of this size, and is never whole in its memory.
_PART_BYTES = 1 << 20

# S3 takes about as long for four small objects at once as for one. More than this many would wait
# for the SDK's ten connections.
_WRITES_AT_ONCE = 8

_GONE = Rejected(
    RejectionCode.UPLOAD_GONE, "The upload was deleted before it was processed. Upload it again."
)
# An earlier attempt was converting it without a fence, and did not live to say how that ended.
_ENDED_ITS_WORKER = Rejected(
    RejectionCode.TOO_MUCH_TIME,
    "The file takes too long to convert. Send a smaller one, or save it again with another "
    "program.",
    "The conversion ended its worker.",
)
# Which threat it was stays in the log: the client may be the attacker.
_THREAT_FOUND = Rejected(
    RejectionCode.THREAT_FOUND,
    "The malware scan found a threat in the file. Upload another file.",
)
_NOT_SCANNABLE = Rejected(
    RejectionCode.NOT_SCANNABLE,
    "The malware scan does not support the file, such as one with a password. Upload a plain file.",
)


@dataclass(frozen=True, slots=True)
class Task:
    """What the state machine hands to a function. event: the execution's input as it came.

    attempt: the state's retries so far, for the log; `StatusDocument.attempt` counts claims.
    remake: the name of the remake that goes over everything and has come to this upload.
    """

    event: Mapping[str, Any]
    execution: str
    attempt: int
    redrive: bool
    remake: str | None = None
    own_step: OwnStep = NO_STEP

    @classmethod
    def parse(cls, payload: Mapping[str, Any], request_id: str) -> Self:
        """request_id: stands for the execution when somebody calls the function by hand.

        Raises OwnStepBroken.
        """
        event = payload.get("event")
        event = event if isinstance(event, Mapping) else {}
        attempt = payload.get("attempt")
        return cls(
            event=event,
            execution=str(payload.get("execution") or request_id),
            attempt=attempt if isinstance(attempt, int) else 0,
            redrive=event.get("redrive") is True,
            remake=event["remake"] if isinstance(event.get("remake"), str) else None,
            own_step=OwnStep.parse(payload.get("own_step")),
        )


class Converter(Protocol):
    """What does the work: `Fence`, but for tests.

    bounded: whether a conversion can end no more than itself. way: how the last one ran.
    """

    way: str

    @property
    def bounded(self) -> bool: ...

    def convert(self, parts: Iterable[bytes], order: Order) -> Made:
        """Raises Rejected, UnusableOverlay, and what reading raises."""
        ...


Write = Callable[[File], StoredRendition]
WriteAll = Callable[[Write, Sequence[File]], Iterable[StoredRendition]]


def side_by_side(write: Write, files: Sequence[File]) -> Iterable[StoredRendition]:
    """Write all renditions at once, in their order. Nothing is written any more once it raises."""
    with ThreadPoolExecutor(_WRITES_AT_ONCE) as threads:
        return list(threads.map(write, files))


@dataclass(frozen=True)
class JobRunner:
    """What a job needs besides its task: the outside world as values.

    kind: what is made of an upload; converter: where.
    today: names all that makes a rendition's bytes, and all that refuses one, besides the upload
    (see `work.recipe_of` and `image.recipe.rules`).
    link: the URL of a rendition, by its key and content type.
    delete_on_success: whether the original goes once its job has succeeded.
    """

    results_prefix: str
    today: Today
    store: Store
    link: Callable[[str, str], Link]
    kind: Kind
    converter: Converter
    now: Callable[[], datetime]
    write_all: WriteAll
    lease: timedelta
    scanned_only: bool
    delete_on_success: bool = False

    def run(self, task: Task, upload: Upload, course: Course) -> Decision:
        """Bring the job to its end.

        Raises only what a retry may mend, and the permanent faults of `errors`.
        """
        decision = self._run(task, upload, course)
        # Also after a crash between the document and this: the next attempt finds it recorded.
        if self.delete_on_success and _has_succeeded(decision):
            course.left_over(self.store.delete_upload(upload))
            course.lap("delete")
        return decision

    def _run(self, task: Task, upload: Upload, course: Course) -> Decision:
        key = keys.status_key(self.results_prefix, upload.key)
        claimant = Claimant(task.execution, self.lease, task.redrive)
        seen = self.store.read_status(key)
        course.lap("status")
        # Most duplicates end here, having cost one read.
        glance = self._claim(seen.document, upload, claimant)
        if not isinstance(glance, StatusDocument):
            return glance
        if seen.unfenced and _is_running(seen.document, upload):
            return self._reject_unopened(key, upload, claimant, seen, _ENDED_ITS_WORKER)
        # Opened before it is claimed: a version that cannot be read any more claims nothing.
        try:
            _refuse_by_own_step(task.own_step)
            opened = self._open(upload, seen.document)
        except Rejected as refusal:
            return self._reject_unopened(key, upload, claimant, seen, refusal)
        except Overwritten:
            return Ignored(Reason.SUPERSEDED)
        course.lap("open")
        with closing(opened):
            claimed, seen = self._take(key, upload, claimant, opened, seen)
            course.lap("claim")
            if not isinstance(claimed, StatusDocument) or claimed.is_terminal:
                return claimed
            told, facts = _told(claimed.upload, task.own_step, opened)
            ended, seen = self._convert(claimed, upload, opened, course, seen, facts=facts)
            ended = replace(ended, upload=told)
        decision = self._finish(key, upload, claimed, ended, seen)
        course.lap("finish")
        return decision

    def _take(
        self, key: str, upload: Upload, claimant: Claimant, opened: OpenedUpload, seen: Seen
    ) -> tuple[Decision, Seen]:
        """The claim, unless what was opened has been deleted since, with its document or without
        one: then nobody is told anything, or that it is gone."""

        def decide(current: StatusDocument | None) -> Decision:
            if current is None and seen.document is not None and self.store.is_gone(upload):
                return Ignored(Reason.GONE)
            return self._claim(current, upload, claimant, opened)

        claimed, taken = self.store.update_status(key, decide, seen)
        if not isinstance(claimed, StatusDocument) or claimed.is_issued:
            return claimed, taken
        # Only where a document was, a claim misses it. From a claim on, nothing is forgotten.
        if self.store.is_gone(upload):
            refused = transitions.reject(claimed, self.now(), _GONE)
            return self._finish(key, upload, claimed, refused, taken), taken
        return claimed, taken

    def _finish(
        self,
        key: str,
        upload: Upload,
        claimed: StatusDocument,
        ended: StatusDocument,
        seen: Seen,
    ) -> Decision:
        def decide(current: StatusDocument | None) -> Decision:
            if current is None and self.store.is_gone(upload):
                return Ignored(Reason.GONE)
            return transitions.finish(current, claimed, ended, self.now())

        decision, _ = self.store.update_status(key, decide, seen)
        return decision

    def remake(self, task: Task, upload: Upload, course: Course) -> Decision:
        """Bring what exists up to date, where it is behind.

        Claims nothing: readers keep what they have until all of the new is there, whoever uploads
        goes first, and a crash leaves everything as it was. Raises as `run` does.
        """
        claimant = Claimant(task.execution, self.lease, remake=self.today)
        key = keys.status_key(self.results_prefix, upload.key)
        seen = self.store.read_status(key)
        course.lap("status")
        try:
            upload = transitions.spoken_of(seen.document, self.store.pinned(upload))
            draft = self._claim(seen.document, upload, claimant)
            if not isinstance(draft, StatusDocument):
                return draft
            ended = self._remade(task, upload, draft, seen.document, course)
            kept = transitions.kept(seen.document, ended)
            told = self._renewed(kept) if kept else ended
        except Gone:
            return Ignored(Reason.GONE)
        except Overwritten:
            return Ignored(Reason.SUPERSEDED)
        # None then and none now may be one that was forgotten between; its original went first.
        if seen.document is None and not self.store.is_newest(upload):
            return Ignored(Reason.GONE)
        decision, _ = self.store.update_status(
            key,
            lambda current: transitions.replace_outdated(
                current, seen.document, told, claimant, self.now()
            ),
            seen,
        )
        course.lap("finish")
        if isinstance(decision, StatusDocument) and not transitions.is_news(seen.document, ended):
            return Ignored(Reason.KEPT, ended.error)
        return decision

    def _remade(
        self,
        task: Task,
        upload: Upload,
        draft: StatusDocument,
        outdated: StatusDocument | None,
        course: Course,
    ) -> StatusDocument:
        """Raises Gone, Overwritten."""
        try:
            _refuse_by_own_step(task.own_step)
            opened = self._open_listed(upload, outdated)
        except Rejected as refusal:
            return transitions.reject(draft, self.now(), refusal, self.today.rules)
        course.lap("open")
        with closing(opened):
            described = _described(draft, opened)
            told, facts = _told(described.upload, task.own_step, opened)
            # Nobody waits for a claim that was not written: there is none to mark.
            ended, _ = self._convert(described, upload, opened, course, NOTHING_SEEN, facts=facts)
        return replace(ended, upload=told)

    def _renewed(self, kept: StatusDocument) -> StatusDocument:
        """With renditions as young as the document will be: a lifecycle would take them before it.

        And with URLs of today's kind. Raises Gone where a rendition is: the document lasts no
        longer, then.
        """
        for one in kept.renditions:
            self.store.renew_rendition(one.key, self.now())
        if transitions.is_linked(kept, self.today.served_from):
            return kept
        linked = []
        for one in kept.renditions:
            link = self.link(one.key, one.content_type)
            linked.append(replace(one, url=link.url, url_expires_at=link.expires_at))
        return replace(kept, renditions=tuple(linked))

    def _claim(
        self,
        current: StatusDocument | None,
        upload: Upload,
        claimant: Claimant,
        opened: OpenedUpload | None = None,
    ) -> Decision:
        if upload.is_folder:
            return Ignored(Reason.FOLDER)
        passed = claimant.remake is not None and _was_let_pass(current, upload)
        if self.scanned_only and upload.scan is None and not passed:
            # Whoever sent this: the scan's own event starts the job, or nothing does.
            return Ignored(Reason.UNSCANNED)
        newest = transitions.is_order_unknown(current, upload) and self.store.is_newest(upload)
        decision = transitions.claim(current, upload, claimant, self.now(), is_newest=newest)
        if decision == Ignored(Reason.OCCUPIED):
            # Loud, because nobody could tell the client: its document is another workflow's.
            raise ResultsShared(f"The status document of {upload.key} is another bucket's")
        if not isinstance(decision, StatusDocument) or opened is None:
            return decision
        return _described(decision, opened)

    def _convert(
        self,
        claimed: StatusDocument,
        upload: Upload,
        opened: OpenedUpload,
        course: Course,
        seen: Seen,
        *,
        facts: Facts,
    ) -> tuple[StatusDocument, Seen]:
        """The document with the job's end, and the claim as it was seen last."""
        try:
            head = opened.read(_HEAD_BYTES)
            self.kind.refuse_by_head(head, opened.size_bytes)
            parts = _parts(head, opened, course)
            order = self.kind.order(facts, self.store.read_overlay)
            if self.converter.bounded:
                made = self.converter.convert(parts, order)
            else:
                made, seen = self._convert_at_risk(list(parts), order, upload, seen)
        except Rejected as refusal:
            course.refused(refusal)
            return transitions.reject(claimed, self.now(), refusal, self.today.rules), seen
        finally:
            course.lap("convert")
            course.fence = self.converter.way if "read" in course.stages_ms else None
        write = partial(self._write_rendition, upload.key, claimed.job_id or upload.job_id)
        renditions = tuple(self.write_all(write, made.files))
        course.lap("write")
        ended = transitions.succeed(
            claimed,
            self.now(),
            image=made.image,
            renditions=renditions,
            recipe=self.today.recipe,
        )
        return ended, seen

    def _convert_at_risk(
        self, parts: list[bytes], order: Order, upload: Upload, seen: Seen
    ) -> tuple[Made, Seen]:
        """In this very process, which the upload may end: what it leaves is for the next attempt
        to read. Only while nothing but the conversion can end it."""
        key = keys.status_key(self.results_prefix, upload.key)
        seen = self.store.mark_unfenced(key, seen, unfenced=True)
        try:
            made = self.converter.convert(parts, order)
        except UnusableOverlay:
            self.store.mark_unfenced(key, seen, unfenced=False)
            raise
        # Whatever becomes of it here, the end of the job takes it off as well; were this raised,
        # the next attempt would find the mark and take the upload for one that ends its worker.
        with suppress(Exception):
            seen = self.store.mark_unfenced(key, seen, unfenced=False)
        return made, seen

    def _write_rendition(self, upload_key: str, job: str, file: File) -> StoredRendition:
        key = keys.rendition_key(
            self.results_prefix,
            upload_key,
            job=job,
            recipe=self.today.recipe,
            rendition=file.rendition,
            extension=file.extension,
        )
        sha256 = hashlib.sha256(file.data)
        self.store.put_rendition(key, file.data, file.content_type, sha256.digest(), self.now())
        link = self.link(key, file.content_type)
        return StoredRendition(
            name=file.rendition,
            key=key,
            url=link.url,
            url_expires_at=link.expires_at,
            content_type=file.content_type,
            width=file.width,
            height=file.height,
            bytes=len(file.data),
            sha256=sha256.hexdigest(),
        )

    def _open(self, upload: Upload, document: StatusDocument | None) -> OpenedUpload:
        """Raises Rejected if it is not or cannot be read, Overwritten if nobody waits for it any
        more, NotYetReadable."""
        _refuse_by_scan(upload)
        try:
            return self.store.open_upload(upload)
        except Gone as gone:
            if _is_waited_for(document, upload):
                raise _GONE from gone
            raise Overwritten(upload.key) from gone
        except Overwritten:
            # A key that was issued takes its first upload: no newer version takes it over.
            if document is None or not document.is_issued:
                raise
            return self._open_first(upload, document)

    def _open_listed(self, upload: Upload, document: StatusDocument | None) -> OpenedUpload:
        """Raises Rejected if it cannot be read, Gone, Overwritten, NotYetReadable."""
        try:
            return self.store.open_upload(upload)
        except Overwritten:
            # Of a key that was issued the first upload counts, whatever was sent afterwards.
            if document is None or not document.is_issued:
                raise
            return self.store.open_overwritten(upload)

    def _open_first(self, upload: Upload, document: StatusDocument) -> OpenedUpload:
        try:
            return self.store.open_overwritten(upload)
        except Gone as gone:
            if document.state is State.PENDING:
                # Nobody was told of this version yet: the one that replaced it is the first.
                raise Overwritten(upload.key) from gone
            raise _GONE from gone

    def _reject_unopened(
        self, key: str, upload: Upload, claimant: Claimant, seen: Seen, refusal: Rejected
    ) -> Decision:
        def decide(current: StatusDocument | None) -> Decision:
            decision = self._claim(current, upload, claimant)
            if current is None and self.store.is_gone(upload):
                return Ignored(Reason.SUPERSEDED)  # as of what was opened and not found
            if not isinstance(decision, StatusDocument):
                return decision
            return transitions.reject(decision, self.now(), refusal, self.today.rules)

        decision, _ = self.store.update_status(key, decide, seen)
        return decision


def _parts(head: bytes, opened: OpenedUpload, course: Course) -> Iterator[bytes]:
    yield head
    while part := opened.read(_PART_BYTES):
        yield part
    course.lap("read")


def _has_succeeded(decision: Decision) -> bool:
    document = decision.document if isinstance(decision, Recorded) else decision
    return isinstance(document, StatusDocument) and document.state is State.SUCCEEDED


def _told(upload: Subject, step: OwnStep, opened: OpenedUpload) -> tuple[Subject, Facts]:
    """The document's upload with what an own step adds to it, and what the conversion hears."""
    told = upload
    if step.metadata is not None:
        # The document's may be of an earlier answer; the client's lie with the object.
        told = replace(upload, metadata={**(opened.metadata or {}), **step.metadata})
    facts = Facts(
        key=told.key,
        content_type=told.content_type,
        original_name=told.original_name,
        owner=told.owner,
        metadata=told.metadata or {},
        focus=step.focus,
    )
    return told, facts


def _described(claimed: StatusDocument, opened: OpenedUpload) -> StatusDocument:
    """The claim, with what S3 keeps with the upload."""
    subject = replace(
        claimed.upload,
        bytes=opened.size_bytes,
        content_type=opened.content_type,
        original_name=opened.original_name or claimed.upload.original_name,
        owner=opened.owner or claimed.upload.owner,
        metadata=opened.metadata or claimed.upload.metadata,
    )
    return replace(claimed, upload=subject)


def _was_let_pass(document: StatusDocument | None, upload: Upload) -> bool:
    """Whether this very upload was converted already."""
    if document is None or document.state is not State.SUCCEEDED:
        return False
    return transitions.relation(document, upload) is Relation.SAME


def _is_running(document: StatusDocument | None, upload: Upload) -> bool:
    """Whether somebody has claimed this very job and has not ended it."""
    if document is None or document.state is not State.RUNNING:
        return False
    return transitions.relation(document, upload) is Relation.SAME


def _is_waited_for(document: StatusDocument | None, upload: Upload) -> bool:
    """Whether a client was told to wait for this version: then it has to be told the end."""
    return document is not None and (
        document.state is State.PENDING or transitions.relation(document, upload) is Relation.SAME
    )


def _refuse_by_own_step(step: OwnStep) -> None:
    if step.refusal is not None:
        raise Refused(step.refusal)


def _refuse_by_scan(upload: Upload) -> None:
    """Raises ScanFailed if there is no verdict: what nobody could judge is not converted."""
    match upload.scan:
        case Scan.THREATS:
            raise _THREAT_FOUND
        case Scan.UNSUPPORTED:
            raise _NOT_SCANNABLE
        case Scan.FAILED:
            raise ScanFailed(upload.key)
