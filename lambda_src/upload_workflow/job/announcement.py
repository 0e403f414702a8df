"""What the world is told of a job's end, as the detail of an event. Holds no URL."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ..errors import Rejected
from .document import SCHEMA, Problem, State, Subject
from .transitions import Decision, Ignored, Recorded
from .upload import Upload


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
