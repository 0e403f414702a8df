"""What a client is handed: signed URLs and the upload form, always SigV4, with honest ends.

Knows how long a signature lives. A URL or form made here goes to the client and nowhere else:
into no log, event or execution.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

from ..job import keys
from ..job.status import seed, timestamp
from .store import ORIGINAL_NAME, Store

if TYPE_CHECKING:
    from botocore.credentials import Credentials
    from mypy_boto3_s3 import S3Client

    from ..issue.request import UploadRequest
    from ..settings import IssueUploadSettings

# SigV4 refuses longer ones.
MAX_URL_LIFE = timedelta(days=7)

# A function's credentials do not tell when they end. They were made before it started and are
# replaced with it; an hour is the shortest session that STS gives a role unless asked for less,
# so it is the longest life that can be promised without knowing.
UNKNOWN_SESSION_LIFE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class SignedUrl:
    url: str
    expires_at: str

    def __repr__(self) -> str:
        return f"SignedUrl(expires_at={self.expires_at!r})"  # a log must not hold it by accident


@dataclass(frozen=True, slots=True)
class UploadForm:
    """What a client sends as multipart/form-data: these fields, and the field `file` last."""

    url: str
    fields: Mapping[str, str]
    expires_at: str

    def __repr__(self) -> str:
        return f"UploadForm(expires_at={self.expires_at!r})"


@dataclass(frozen=True, slots=True)
class Issued:
    """status: the URL of the status document, which answers from now on."""

    key: str
    form: UploadForm
    status: SignedUrl


@dataclass(frozen=True)
class Signer:
    s3: S3Client
    credentials: Credentials

    def get_url(
        self, bucket: str, key: str, life: timedelta, now: datetime, content_type: str
    ) -> SignedUrl:
        """A URL that answers with this content type, whatever the object says."""
        seconds = self._seconds(life, now)
        url = self.s3.generate_presigned_url(
            "get_object",
            Params={"Bucket": bucket, "Key": key, "ResponseContentType": content_type},
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

    def _seconds(self, life: timedelta, now: datetime) -> int:
        return int(min(life, MAX_URL_LIFE, credential_life(self.credentials, now)).total_seconds())


def issue_upload(
    signer: Signer,
    store: Store,
    place: IssueUploadSettings,
    request: UploadRequest,
    *,
    owner: str | None,
    now: datetime,
    upload_id: uuid.UUID,
) -> Issued:
    """Everything a client needs for one upload: the form, and the URL that tells its end.

    The status document is there before the URL is handed out, so the first poll is answered.
    owner: a URL-safe token of the authenticated subject, or None. Raises ValueError if it or the
    request is none that could be signed.
    """
    key = keys.issued_key(place.uploads_prefix, owner, upload_id)
    status_key = keys.status_key(place.results_prefix, key)
    status_url = signer.get_url(
        place.results_bucket, status_key, place.url_life, now, "application/json"
    )
    form = signer.post_form(
        place.uploads_bucket,
        key,
        fields=_fields(request, owner),
        # A client that says how large the file is has said which file it means.
        size_bytes=(request.bytes or 1, request.bytes or place.max_bytes),
        life=place.form_life,
        now=now,
    )
    seeded = seed(
        place.uploads_bucket,
        key,
        now,
        expires_at=status_url.expires_at,
        original_name=request.original_name,
    )
    store.create_status(status_key, seeded)
    return Issued(key, form, status_url)


def _fields(request: UploadRequest, owner: str | None) -> dict[str, str]:
    fields = {"Content-Type": request.content_type}
    if owner is not None:
        fields["x-amz-meta-owner"] = owner
    if request.original_name is not None:
        fields[f"x-amz-meta-{ORIGINAL_NAME}"] = quote(request.original_name, safe="")
    if request.checksum_sha256 is not None:
        fields["x-amz-checksum-algorithm"] = "SHA256"
        fields["x-amz-checksum-sha256"] = request.checksum_sha256
    return fields


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
