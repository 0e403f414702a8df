"""One uploaded object, as S3 announces it. Knows the event, not what is done about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self
from urllib.parse import unquote_plus

from ..errors import Rejected, RejectionCode
from . import keys


class Scan(StrEnum):
    """GuardDuty's verdicts on an object, in its words."""

    CLEAN = "NO_THREATS_FOUND"
    THREATS = "THREATS_FOUND"
    UNSUPPORTED = "UNSUPPORTED"
    FAILED = "FAILED"  # also for ACCESS_DENIED and for words that are new to us


@dataclass(frozen=True, slots=True)
class Upload:
    """One version of one object: what a job is made from.

    size_bytes, etag and sequencer are what the event says; etag without quotation marks.
    announced_at: the event's time, when it has one. scan: None if nobody scanned it.
    """

    bucket: str
    key: str
    size_bytes: int | None
    version_id: str | None
    etag: str | None
    sequencer: str | None
    announced_at: datetime | None = None
    scan: Scan | None = None
    threats: tuple[str, ...] = ()

    @classmethod
    def parse(cls, event: object) -> Self:
        """Read an EventBridge event that tells of an upload; unknown fields are left alone.

        That is S3's "Object Created", or where uploads are scanned first, GuardDuty's result, or
        an item of a list that a remake goes over. The key is raw in all of them (unlike S3's own
        notifications) and is not decoded, but where an inventory lists it.
        Raises Rejected(MalformedEvent) when a fact is missing that a job cannot do without.
        """
        event = _mapping(event, "event")
        detail = _mapping(event.get("detail"), "detail")
        if event.get("source") == "aws.guardduty":
            return cls._scanned(detail, _time(event.get("time")))
        if isinstance(event.get("remake"), str):
            return cls._listed(detail)
        thing = _mapping(detail.get("object"), "detail.object")
        size = thing.get("size")
        if isinstance(size, bool) or not isinstance(size, int) or size < 0:
            raise _malformed("the object's size is a number of bytes")
        return cls(
            **_pinned(
                bucket=_mapping(detail.get("bucket"), "detail.bucket").get("name"),
                key=thing.get("key"),
                version_id=thing.get("version-id"),
                etag=thing.get("etag"),
            ),
            size_bytes=size,
            sequencer=_text(thing.get("sequencer")),
            announced_at=_time(event.get("time")),
        )

    @classmethod
    def _scanned(cls, detail: Mapping[str, Any], time: datetime | None) -> Self:
        """GuardDuty tells neither the size of an object nor the order of its versions.

        Without its version a verdict says nothing: by then the key may hold other bytes.
        """
        thing = _mapping(detail.get("s3ObjectDetails"), "detail.s3ObjectDetails")
        if _text(thing.get("versionId")) in (None, "null"):
            raise _malformed(
                "a scan names the version that it looked at, for which the bucket needs versioning"
            )
        result = _mapping(detail.get("scanResultDetails"), "detail.scanResultDetails")
        status = result.get("scanResultStatus")
        threats = result.get("threats")
        return cls(
            **_pinned(
                bucket=thing.get("bucketName"),
                key=thing.get("objectKey"),
                version_id=thing.get("versionId"),
                etag=thing.get("eTag"),
            ),
            size_bytes=None,
            sequencer=None,
            announced_at=time,
            scan=Scan(status) if status in tuple(Scan) else Scan.FAILED,
            threats=tuple(
                str(threat.get("name"))
                for threat in (threats if isinstance(threats, list) else [])
                if isinstance(threat, Mapping)
            ),
        )

    @classmethod
    def _listed(cls, detail: Mapping[str, Any]) -> Self:
        """A list of keys tells no more of an object than that; `is_pinned` says so."""
        thing = _mapping(detail.get("object"), "detail.object")
        encoded = _text(thing.get("encoded_key"))
        size = str(thing.get("size"))  # a text in an inventory
        return cls(
            **_identity(
                bucket=_mapping(detail.get("bucket"), "detail.bucket").get("name"),
                key=thing.get("key") if encoded is None else unquote_plus(encoded),
                version_id=thing.get("version-id"),
                etag=thing.get("etag"),
            ),
            size_bytes=int(size) if size.isdecimal() else None,
            sequencer=None,
        )

    @property
    def is_pinned(self) -> bool:
        """Whether it says which version it speaks of. Only what is listed may not."""
        return self.version_id is not None or self.etag is not None

    @property
    def version(self) -> str:
        return self.version_id or f"{self.etag}\0{self.sequencer or ''}"

    @property
    def is_folder(self) -> bool:
        """Whether it is what the console makes for a folder: a name with a slash, and no bytes."""
        return self.key.endswith("/") and self.size_bytes == 0

    @property
    def job_id(self) -> str:
        return keys.job_id(self.bucket, self.key, self.version)


def order(sequencer: str) -> str:
    """Sorts the versions of one key as S3 made them.

    S3's rule is to pad the shorter hexadecimal sequencer with zeros on the right and to compare
    as text, which is the same as comparing without trailing zeros.
    """
    return sequencer.lower().rstrip("0")


def _pinned(**facts: object) -> dict[str, Any]:
    """What every event has to tell, however it spells it."""
    identity = _identity(**facts)
    if identity["version_id"] is None and identity["etag"] is None:
        raise _malformed("a version id or an etag pins what is read")
    return identity


def _identity(
    *, bucket: object = None, key: object = None, version_id: object = None, etag: object = None
) -> dict[str, Any]:
    bucket, key, version_id, etag = _text(bucket), _text(key), _text(version_id), _text(etag)
    if bucket is None or key is None:
        raise _malformed("the bucket's name and the object's key are texts")
    # Objects written while versioning is suspended share the version id "null".
    version_id = None if version_id == "null" else version_id
    etag = None if etag is None else etag.strip('"')
    return {"bucket": bucket, "key": key, "version_id": version_id, "etag": etag}


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
