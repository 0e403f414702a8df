"""Gives an upload out: a form for the file, and the URL that tells how the upload ended.

Knows the order: the status document is written before its URL is handed out. Does not know
HTTP or who is asking.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from ..aws.signer import SignedUrl, Signer, UploadForm
from ..aws.store import ORIGINAL_NAME, Store
from ..job import keys
from ..job.transitions import seed
from ..settings import IssueUploadSettings
from .request import UploadRequest

# A small picture is ready about a second after it was uploaded.
POLL_AFTER_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Issued:
    """status: the URL of the status document, which answers from now on."""

    key: str
    form: UploadForm
    status: SignedUrl

    def to_json(self) -> dict[str, Any]:
        """The answer that every documented client reads."""
        return {
            "job": {"key": self.key},
            "upload": {
                "url": self.form.url,
                "fields": dict(self.form.fields),
                "expires_at": self.form.expires_at,
            },
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
