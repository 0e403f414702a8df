"""What the world is told of a job's end, as the detail of an event. Holds no URL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import Rejected
from . import keys
from .document import SCHEMA, Problem, State, StatusDocument, Subject
from .transitions import Decision, Ignored, Recorded
from .upload import Upload

# Of the upload, what somebody who hears of it may act on without asking us.
_TOLD = (
    "bucket",
    "key",
    "version_id",
    "etag",
    "sequencer",
    "bytes",
    "original_name",
    "owner",
    "metadata",
    "checksum_sha256",
)


@dataclass(frozen=True, slots=True)
class Results:
    """Where the results of a workflow lie."""

    bucket: str
    prefix: str


def announcement(
    decision: Decision, upload: Upload, results: Results, remake: str | None = None
) -> dict[str, Any]:
    """What the world is told of a job's end: its facts without any URL.

    remake: the name of the remake that brought it about, if one did.
    """
    facts = _facts(decision, upload, results)
    return facts if remake is None else facts | {"remake": remake}


def _facts(decision: Decision, upload: Upload, results: Results) -> dict[str, Any]:
    if isinstance(decision, Ignored):
        facts = _announced(upload.job_id, Subject.of(upload), results, "IGNORED")
        if decision.problem is not None:
            facts["error"] = asdict(decision.problem)
        return facts | {"reason": decision.reason.value}
    document = decision.document if isinstance(decision, Recorded) else decision
    facts = _announced(document.job_id, document.upload, results, document.state.value)
    facts["renditions"] = [
        {name: value for name, value in rendition.to_json().items() if not name.startswith("url")}
        for rendition in document.renditions
    ]
    if document.image is not None:
        facts["image"] = dict(document.image)
    if document.recipe is not None:
        facts["recipe"] = document.recipe
    if document.error is not None:
        facts["error"] = asdict(document.error)
    return facts


def forgotten_announcement(document: StatusDocument, results: Results, who: str) -> dict[str, Any]:
    """That all that was kept of an upload is deleted. who: the ARN of whoever did it."""
    told = _announced(document.job_id, document.upload, results, "FORGOTTEN")
    return told | {"forgotten_by": who}


def malformed_announcement(refusal: Rejected) -> dict[str, Any]:
    """An event that names no upload is told as a rejection without a job."""
    problem = Problem(refusal.code.value, refusal.message, retryable=False)
    return {
        **_told(None, State.REJECTED.value),
        "upload": {},
        "error": asdict(problem),
    }


def _announced(
    job_id: str | None, subject: Subject, results: Results, state: str
) -> dict[str, Any]:
    said = {name: getattr(subject, name) for name in _TOLD}
    return {
        **_told(job_id, state),
        "upload": {name: _plain(value) for name, value in said.items() if value is not None},
        "results": {
            "bucket": results.bucket,
            "status_key": keys.status_key(results.prefix, subject.key),
        },
    }


def _told(job_id: str | None, state: str) -> dict[str, Any]:
    return {"schema": SCHEMA, "state": state, "job_id": job_id, "renditions": []}


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else value
