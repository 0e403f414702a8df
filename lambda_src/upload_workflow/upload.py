"""One uploaded object, as S3 announces it. Knows the event, not what is done about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from . import keys
from .errors import Rejected, RejectionCode


@dataclass(frozen=True, slots=True)
class Upload:
    """One version of one object: what a job is made from.

    size_bytes, etag and sequencer are what the event says; etag without quotation marks.
    announced_at: the event's time, when it has one.
    """

    bucket: str
    key: str
    size_bytes: int
    version_id: str | None
    etag: str | None
    sequencer: str | None
    announced_at: datetime | None = None

    @classmethod
    def parse(cls, event: object) -> Self:
        """Read an EventBridge event "Object Created"; unknown fields are left alone.

        The key is raw in such events (unlike S3's own notifications) and is not decoded.
        Raises Rejected(MalformedEvent) when a fact is missing that a job cannot do without.
        """
        event = _mapping(event, "event")
        detail = _mapping(event.get("detail"), "detail")
        thing = _mapping(detail.get("object"), "detail.object")
        bucket = _text(_mapping(detail.get("bucket"), "detail.bucket").get("name"))
        key = _text(thing.get("key"))
        size = thing.get("size")
        if bucket is None or key is None:
            raise _malformed("the bucket's name and the object's key are texts")
        if isinstance(size, bool) or not isinstance(size, int) or size < 0:
            raise _malformed("the object's size is a number of bytes")
        version_id = _text(thing.get("version-id"))
        # Objects written while versioning is suspended share the version id "null".
        version_id = None if version_id == "null" else version_id
        etag = _text(thing.get("etag"))
        if version_id is None and etag is None:
            raise _malformed("a version-id or an etag pins what is read")
        return cls(
            bucket=bucket,
            key=key,
            size_bytes=size,
            version_id=version_id,
            etag=None if etag is None else etag.strip('"'),
            sequencer=_text(thing.get("sequencer")),
            announced_at=_time(event.get("time")),
        )

    @property
    def version(self) -> str:
        return self.version_id or f"{self.etag}\0{self.sequencer or ''}"

    @property
    def job_id(self) -> str:
        return keys.job_id(self.bucket, self.key, self.version)


def order(sequencer: str | None, job_id: str | None) -> tuple[str, str]:
    """Sorts the versions of one key as S3 made them.

    S3's rule is to pad the shorter hexadecimal sequencer with zeros on the right and to compare
    as text, which is the same as comparing without trailing zeros. Versions that the rule cannot
    tell apart are ordered by job id: any order will do, if it is the same for everybody.
    """
    return (sequencer or "").lower().rstrip("0"), job_id or ""


def _mapping(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _malformed(f"{name} is an object")
    return value


def _text(value: object) -> str | None:
    """The value if it is a text that can be stored in a key or a header, else None."""
    if not isinstance(value, str) or not value:
        return None
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair: JSON can hold it, S3 cannot
        return None
    return value


def _time(value: object) -> datetime | None:
    try:
        time = datetime.fromisoformat(str(value))
    except ValueError:
        return None  # it feeds a latency figure and nothing else
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _malformed(rule: str) -> Rejected:
    return Rejected(
        RejectionCode.MALFORMED_EVENT,
        f"The event cannot be read: {rule}. Nothing was recorded for it.",
    )
