"""Gives an upload out: a form or a ticket for the file, and the URL that tells how it ended.

Knows the order: the status document is written before its URL is handed out. Does not know
HTTP or who is asking.
"""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from ..aws.signer import METADATA_PREFIX, SignedUrl, Signer, UploadForm, UploadTicket
from ..aws.store import ALWAYS_ASK, METADATA, ORIGINAL_NAME, OWNER, Store
from ..job import keys
from ..job.document import POLL_AFTER_SECONDS
from ..job.metadata import to_header
from ..job.transitions import seed
from ..settings import IssueUploadSettings
from .request import Method, UploadRequest, checked


@dataclass(frozen=True, slots=True)
class Issued:
    """upload: how the file is sent. status: the URL of the status document, which answers from
    now on."""

    key: str
    upload: UploadForm | UploadTicket
    status: SignedUrl

    def to_json(self) -> dict[str, Any]:
        """The answer that every documented client reads."""
        return {
            "job": {"key": self.key},
            "upload": self.upload.to_json(),
            "status_url": self.status.url,
            "expires_at": self.status.expires_at,
            "poll_after_seconds": POLL_AFTER_SECONDS,
        }


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
    """Everything a client needs for one upload: form or ticket, and the URL that tells its end.

    The status document is there before the URL is handed out, so the first poll is answered.
    owner: a URL-safe token of the authenticated subject, or None. Raises ValueError for one that
    is none, and Unacceptable, also a ValueError, for a request that the API would refuse.
    """
    request = checked(
        asdict(request),
        content_types=place.content_types,
        forms=place.forms,
        max_bytes=place.max_bytes,
    )
    key = keys.issued_key(place.uploads_prefix, owner, upload_id)
    status_key = keys.status_key(place.results_prefix, key)
    status_url = signer.get_url(
        place.results_bucket,
        status_key,
        content_type="application/json",
        cache_control=ALWAYS_ASK,
        life=place.url_life,
        now=now,
    )
    upload = _signed(signer, place, key, request, owner=owner, now=now)
    seeded = seed(
        place.uploads_bucket,
        key,
        now,
        expires_at=status_url.expires_at,
        original_name=request.original_name,
        owner=owner,
        metadata=request.metadata or None,
        checksum_sha256=request.checksum_sha256,
    )
    store.create_status(status_key, seeded)
    return Issued(key, upload, status_url)


def _signed(
    signer: Signer,
    place: IssueUploadSettings,
    key: str,
    request: UploadRequest,
    *,
    owner: str | None,
    now: datetime,
) -> UploadForm | UploadTicket:
    metadata = _metadata(request, owner)
    if request.method is Method.PUT and request.bytes is not None:
        return signer.put_ticket(
            place.uploads_bucket,
            key,
            content_type=request.content_type,
            metadata=metadata,
            checksum_sha256=request.checksum_sha256,
            size_bytes=request.bytes,
            life=place.form_life,
            now=now,
        )
    fields = {"Content-Type": request.content_type}
    fields |= {f"{METADATA_PREFIX}{name}": value for name, value in metadata.items()}
    if request.checksum_sha256 is not None:
        fields["x-amz-checksum-algorithm"] = "SHA256"
        fields["x-amz-checksum-sha256"] = request.checksum_sha256
    return signer.post_form(
        place.uploads_bucket,
        key,
        fields=fields,
        # A client that says how large the file is has said which file it means.
        size_bytes=(request.bytes or 1, request.bytes or place.max_bytes),
        life=place.form_life,
        now=now,
    )


def _metadata(request: UploadRequest, owner: str | None) -> dict[str, str]:
    """What travels with the object, so that nobody can upload in another's name."""
    metadata = {}
    if owner is not None:
        metadata[OWNER] = owner
    if request.original_name is not None:
        metadata[ORIGINAL_NAME] = quote(request.original_name, safe="")
    if request.metadata:
        metadata[METADATA] = to_header(request.metadata)
    return metadata
