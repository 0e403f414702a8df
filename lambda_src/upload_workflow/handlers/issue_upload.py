"""Behind the upload API: a form or ticket and a status URL for whoever asks, and the page."""

from __future__ import annotations

import json
import os
import uuid
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from ..aws.clients import credentials, s3_client
from ..aws.signer import Signer
from ..aws.store import Store
from ..issue import http_api
from ..issue import page as upload_page
from ..issue.issue import issue_upload
from ..issue.request import Unacceptable, parse
from ..settings import IssueUploadSettings

_SETTINGS = IssueUploadSettings.from_env(os.environ)
_S3 = s3_client()
_SIGNER = Signer(_S3, credentials())
_STORE = Store(_S3, _SETTINGS.results_bucket)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _bucket_origin(bucket: str) -> str:
    """Scheme and host that signed URLs of the bucket have."""
    return _origin(_S3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "-"}))


_PAGE = upload_page.html(_SETTINGS.content_types, _SETTINGS.max_bytes)
_PAGE_HEADERS = upload_page.headers(
    _PAGE,
    uploads_origin=_bucket_origin(_SETTINGS.uploads_bucket),
    results_origin=_bucket_origin(_SETTINGS.results_bucket),
    pictures_origin=(
        _origin(_SETTINGS.served_from)
        if _SETTINGS.served_from
        else _bucket_origin(_SETTINGS.results_bucket)
    ),
)


def handler(event: dict[str, Any], context: Any) -> http_api.Answer:
    if http_api.route(event) == "GET /":
        return http_api.page(_PAGE, _PAGE_HEADERS)
    try:
        owner = http_api.owner(event)
        request = parse(
            http_api.body(event),
            content_types=_SETTINGS.content_types,
            forms=_SETTINGS.forms,
            max_bytes=_SETTINGS.max_bytes,
        )
    except http_api.Unanswerable as refusal:
        return http_api.problem(refusal.status, refusal.detail)
    except Unacceptable as refusal:
        return http_api.problem(HTTPStatus.BAD_REQUEST, str(refusal), refusal.problems)
    issued = issue_upload(
        _SIGNER,
        _STORE,
        _SETTINGS,
        request,
        owner=owner,
        now=datetime.now(UTC),
        upload_id=uuid.uuid4(),
    )
    # Neither the file's name nor anything signed: who may read logs is no client.
    line = {"issued": issued.key, "content_type": request.content_type, "bytes": request.bytes}
    print(json.dumps(line), flush=True)
    return http_api.created(issued.to_json())
