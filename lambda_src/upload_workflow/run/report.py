"""What a function did for a job, as the values of its log line. Holds no URL, by construction.

Knows decisions and events; how a line is spelled is `job_line`'s.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ..errors import Rejected, Unforeseen
from ..job.document import State, StatusDocument
from ..job.transitions import Decision, Ignored, Recorded
from ..job.upload import Upload
from .job_line import KEPT, JobLine, to_json

_MILLISECOND = 1_000_000  # nanoseconds


class Course:
    """How a run went, beside what it decided.

    stages_ms: milliseconds by stage, each from the end of the one before. fence: how the upload
    was converted (`Fence.way`), None if it was not.
    """

    def __init__(self) -> None:
        self.stages_ms: dict[str, int] = {}
        self.fence: str | None = None
        self._refusal: Rejected | None = None
        self._original: dict[str, Any] = {}
        self._last = time.perf_counter_ns()

    def lap(self, stage: str) -> None:
        now = time.perf_counter_ns()
        self.stages_ms[stage] = (now - self._last) // _MILLISECOND
        self._last = now

    def refused(self, refusal: Rejected) -> None:
        """Keep of a refusal what its client is not told."""
        self._refusal = refusal

    def left_over(self, why: str | None) -> None:
        """why: the original could not be deleted; None: it is gone."""
        self._original = {"original": "deleted"} if why is None else _kept(why)

    def facts(self) -> dict[str, Any]:
        """The fields of a JobLine that it fills."""
        facts: dict[str, Any] = {"stages_ms": self.stages_ms, "fence": self.fence}
        facts |= self._original
        if self._refusal is not None:
            facts["unforeseen"] = isinstance(self._refusal, Unforeseen)
            if self._refusal.cause is not None:
                facts["cause"] = self._refusal.cause
        return facts


def _kept(why: str) -> dict[str, Any]:
    return {"original": KEPT, "cause": why}


def decision_facts(decision: Decision, upload: Upload, now: datetime) -> dict[str, Any]:
    """The fields of a JobLine that a job's end and its upload fill."""
    facts: dict[str, Any] = {
        "job_id": upload.job_id,
        "bucket": upload.bucket,
        "key": upload.key,
        "version_id": upload.version_id,
        "sequencer": upload.sequencer,
        "upload_bytes": upload.size_bytes,
    }
    if upload.threats:
        facts["cause"] = ", ".join(upload.threats)
    if upload.announced_at is not None:
        facts["since_event_ms"] = max(0, round((now - upload.announced_at).total_seconds() * 1000))
    match decision:
        case Ignored(reason):
            return facts | {"state": "IGNORED", "reason": reason.value}
        case Recorded():
            # Its end was counted when it was written.
            return facts | {"state": "IGNORED", "reason": "recorded"}
        case StatusDocument():
            return facts | _document_facts(decision)


def _document_facts(document: StatusDocument) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "state": document.state.value,
        "upload_bytes": document.upload.bytes,
    }
    if document.error is not None:
        facts |= {"code": document.error.code, "message": document.error.message}
    if document.image is not None:
        facts |= {name: document.image.get(name) for name in ("format", "width", "height")}
    if document.renditions:
        facts["renditions"] = len(document.renditions)
        facts["rendition_bytes"] = sum(rendition.bytes for rendition in document.renditions)
    return facts


def malformed_facts(refusal: Rejected) -> dict[str, Any]:
    return {
        "state": State.REJECTED.value,
        "code": refusal.code.value,
        "message": refusal.message,
    }


def print_line(facts: Mapping[str, Any], workflow: str) -> None:
    """Print the job's one line; raw, because CloudWatch reads metrics out of it."""
    now_ms = round(datetime.now(UTC).timestamp() * 1000)
    print(to_json(JobLine(**facts), workflow, now_ms), flush=True)
