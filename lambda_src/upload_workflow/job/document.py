"""The status document a client polls: its fields, and its one spelling as bytes.

Knows neither who writes it nor when it may change.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

from .. import __version__
from .metadata import Metadata
from .upload import Upload

SCHEMA = "1"

_OF_PICTURES = frozenset({"width", "height"})

# A small picture is ready about a second after it was uploaded. Clients wait longer each time.
POLL_AFTER_SECONDS = 1


class State(StrEnum):
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    REJECTED = "REJECTED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Subject:
    """The document's `upload`: what is known of it so far.

    The last four are as whoever issued the upload stated them, or as S3 keeps them with an upload
    that nobody issued. checksum_sha256: of the file, in base64; the storage took no other file.
    """

    bucket: str
    key: str
    version_id: str | None = None
    etag: str | None = None
    sequencer: str | None = None
    bytes: int | None = None
    content_type: str | None = None
    original_name: str | None = None
    owner: str | None = None
    metadata: Metadata | None = None
    checksum_sha256: str | None = None

    @classmethod
    def of(cls, upload: Upload) -> Self:
        """What the event says."""
        return cls(
            bucket=upload.bucket,
            key=upload.key,
            version_id=upload.version_id,
            etag=upload.etag,
            sequencer=upload.sequencer,
            bytes=upload.size_bytes,
        )


@dataclass(frozen=True, slots=True)
class StoredRendition:
    """url works until url_expires_at, or for as long as the object is kept if that is None;
    sha256 in hexadecimal digits; width and height of a picture, None for what is none."""

    name: str
    key: str
    url: str
    url_expires_at: str | None
    content_type: str
    bytes: int
    sha256: str
    width: int | None = None
    height: int | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            name: value
            for name, value in asdict(self).items()
            if name not in _OF_PICTURES or value is not None
        }


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
    recipe: what the renditions were made by, as it stands in their keys.
    rules: recipe and limits by which the file was refused last, also where what was made of it
    before is still told.
    expires_at: when the status URL that came with the upload form stops working, if one did.
    """

    state: State
    upload: Subject
    job_id: str | None = None
    execution: str | None = None
    lease_until: str | None = None
    image: Mapping[str, Any] | None = None
    recipe: str | None = None
    rules: str | None = None
    renditions: tuple[StoredRendition, ...] = ()
    error: Problem | None = None
    created_at: str
    updated_at: str
    expires_at: str | None = None
    attempt: int = 0
    converter: Mapping[str, Any] = field(default_factory=lambda: {"version": __version__})

    @property
    def is_issued(self) -> bool:
        """Whether we gave its key out, for one upload; the life of the status URL tells."""
        return self.expires_at is not None

    @property
    def is_terminal(self) -> bool:
        return self.state in (State.SUCCEEDED, State.REJECTED, State.FAILED)

    def to_bytes(self) -> bytes:
        """Equal documents are equal bytes."""
        facts = {name: value for name, value in asdict(self).items() if _is_said(name, value)}
        facts |= {"schema": SCHEMA, "upload": _stated_when_known(facts["upload"])}
        facts["renditions"] = [rendition.to_json() for rendition in self.renditions]
        if not self.is_terminal:
            facts["poll_after_seconds"] = POLL_AFTER_SECONDS
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
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"This is not a status document: {error!r}") from error


def timestamp(time: datetime) -> str:
    """Milliseconds in UTC, such as 2026-03-01T12:00:00.250Z. They sort as text."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# Absent when there is nothing to say; every other field is always there, null if unknown.
_SAID_WHEN_KNOWN = frozenset({"image", "recipe", "rules", "error", "lease_until"})


def _is_said(name: str, value: object) -> bool:
    return value is not None or name not in _SAID_WHEN_KNOWN


_STATED = frozenset({"original_name", "owner", "metadata", "checksum_sha256"})


def _stated_when_known(subject: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in subject.items() if v is not None or k not in _STATED}


def _known(cls: type, facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: facts[name] for name in cls.__dataclass_fields__ if name in facts}  # type: ignore[attr-defined]
