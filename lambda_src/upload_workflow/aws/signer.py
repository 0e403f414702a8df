"""Signs URLs, upload forms and upload tickets, always with SigV4, and tells how long each lives.

Knows signatures and credentials. Does not know what an upload or a rendition is. What is
made here goes to the client and nowhere else: into no log, event or execution.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..job import keys
from ..job.document import timestamp
from .store import IMMUTABLE_FOR_ONE

if TYPE_CHECKING:
    from botocore.credentials import Credentials
    from mypy_boto3_s3 import S3Client

# SigV4 refuses longer ones.
MAX_URL_LIFE = timedelta(days=7)

# What S3 puts before the name of an object's own metadata.
METADATA_PREFIX = "x-amz-meta-"

# A function's credentials do not tell when they end. They were made before it started and are
# replaced with it; an hour is the shortest session that STS gives a role unless asked for less. It
# is a guess at the rest of theirs and no promise: docs/client.md says so, decisions/0123 why.
UNKNOWN_SESSION_LIFE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class SignedUrl:
    url: str
    expires_at: str

    def __repr__(self) -> str:
        return f"SignedUrl(expires_at={self.expires_at!r})"  # a log must not hold it by accident


@dataclass(frozen=True, slots=True)
class Link:
    """A URL as a document holds it. expires_at: None where it has no end."""

    url: str
    expires_at: str | None

    def __repr__(self) -> str:
        return f"Link(expires_at={self.expires_at!r})"


@dataclass(frozen=True, slots=True)
class UploadForm:
    """What a client sends as multipart/form-data: these fields, and the field `file` last."""

    url: str
    fields: Mapping[str, str]
    expires_at: str

    def to_json(self) -> dict[str, Any]:
        """As a client reads it."""
        return {
            "method": "POST",
            "url": self.url,
            "fields": dict(self.fields),
            "expires_at": self.expires_at,
        }

    def __repr__(self) -> str:
        return f"UploadForm(expires_at={self.expires_at!r})"


@dataclass(frozen=True, slots=True)
class UploadTicket:
    """What a client sends as one PUT: these headers as they are, and the file as the body.

    The storage takes it once: where the key holds an object it answers 412.
    """

    url: str
    headers: Mapping[str, str]
    expires_at: str

    def to_json(self) -> dict[str, Any]:
        """As a client reads it."""
        return {
            "method": "PUT",
            "url": self.url,
            "headers": dict(self.headers),
            "expires_at": self.expires_at,
        }

    def __repr__(self) -> str:
        return f"UploadTicket(expires_at={self.expires_at!r})"


@dataclass(frozen=True)
class Signer:
    s3: S3Client
    credentials: Credentials

    def get_url(
        self,
        bucket: str,
        key: str,
        *,
        content_type: str,
        cache_control: str,
        life: timedelta,
        now: datetime,
    ) -> SignedUrl:
        """A URL that answers with these two headers, whatever the object says."""
        seconds = self._seconds(life, now)
        url = self.s3.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": bucket,
                "Key": key,
                "ResponseContentType": content_type,
                "ResponseCacheControl": cache_control,
            },
            ExpiresIn=seconds,
        )
        return SignedUrl(url, _end(now, seconds))

    def post_form(
        self,
        bucket: str,
        key: str,
        *,
        fields: Mapping[str, str],
        size_bytes: tuple[int, int],
        life: timedelta,
        now: datetime,
    ) -> UploadForm:
        """A form that admits exactly this key and these fields, and a file of this many bytes."""
        seconds = self._seconds(life, now)
        signed = self.s3.generate_presigned_post(
            Bucket=bucket,
            Key=key,
            Fields=dict(fields),
            Conditions=[
                *({name: value} for name, value in fields.items()),
                ["content-length-range", *size_bytes],
            ],
            ExpiresIn=seconds,
        )
        return UploadForm(signed["url"], signed["fields"], _end(now, seconds))

    def put_ticket(
        self,
        bucket: str,
        key: str,
        *,
        content_type: str,
        metadata: Mapping[str, str],
        checksum_sha256: str | None,
        size_bytes: int,
        life: timedelta,
        now: datetime,
    ) -> UploadTicket:
        """A PUT of exactly this key, these headers and this many bytes, which is taken once.

        metadata: the object's, by name without "x-amz-meta-". checksum_sha256: of the file, in
        base64, if it is known.
        """
        seconds = self._seconds(life, now)
        checksum = {} if checksum_sha256 is None else {"ChecksumSHA256": checksum_sha256}
        url = self.s3.generate_presigned_url(
            "put_object",
            # Each of these but bucket and key becomes a header that the signature covers.
            Params={
                "Bucket": bucket,
                "Key": key,
                "ContentType": content_type,
                "ContentLength": size_bytes,
                "IfNoneMatch": "*",
                "Metadata": dict(metadata),
                **checksum,
            },
            ExpiresIn=seconds,
        )
        # Whoever sends a body states its length anyway, and pages are not allowed to.
        headers = {"Content-Type": content_type, "If-None-Match": "*"}
        headers |= {f"{METADATA_PREFIX}{name}": value for name, value in metadata.items()}
        if checksum_sha256 is not None:
            headers["x-amz-checksum-sha256"] = checksum_sha256
        return UploadTicket(url, headers, _end(now, seconds))

    def _seconds(self, life: timedelta, now: datetime) -> int:
        return int(min(life, MAX_URL_LIFE, credential_life(self.credentials, now)).total_seconds())


@dataclass(frozen=True)
class SignedLinks:
    """Links to the objects of a private bucket, each with a signature and an end."""

    signer: Signer
    bucket: str
    life: timedelta
    now: Callable[[], datetime]

    def __call__(self, key: str, content_type: str) -> Link:
        signed = self.signer.get_url(
            self.bucket,
            key,
            content_type=content_type,
            cache_control=IMMUTABLE_FOR_ONE,
            life=self.life,
            now=self.now(),
        )
        return Link(signed.url, signed.expires_at)


@dataclass(frozen=True)
class LastingLinks:
    """Links to what somebody serves from the bucket, such as a CDN.

    base: where the bucket's keys begin, such as "https://img.example.com".
    """

    base: str

    def __call__(self, key: str, content_type: str) -> Link:
        # What serves the object sends the type that it was stored with.
        return Link(keys.served_url(self.base, key), None)


def credential_life(credentials: Credentials, now: datetime) -> timedelta:
    """How long these credentials sign for; timedelta.max for keys without a session."""
    frozen = credentials.get_frozen_credentials()  # renews them first if they are about to end
    if frozen.token is None:
        return timedelta.max
    expiry: datetime | None = getattr(credentials, "_expiry_time", None)
    if expiry is None:
        return UNKNOWN_SESSION_LIFE
    return max(expiry - now, timedelta(0))


def _end(now: datetime, seconds: int) -> str:
    # The signature's own clock counts whole seconds: what is stated is never later than it.
    whole = now.astimezone(UTC).replace(microsecond=0)
    return timestamp(whole + timedelta(seconds=seconds))
