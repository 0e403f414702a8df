"""Issues uploads as a backend would: with the package's own signing and the signer's credentials.

Knows the stack's outputs. Everything a client gets is in what it returns.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from botocore.credentials import Credentials

from local.stack import Stack
from upload_workflow.aws.signer import Signer
from upload_workflow.aws.store import Store
from upload_workflow.image.limits import Limits
from upload_workflow.issue.issue import Issued, issue_upload
from upload_workflow.issue.request import UploadRequest
from upload_workflow.settings import IssueUploadSettings

# A backend's own choice.
_CONTENT_TYPES = tuple(
    f"image/{name}" for name in ("jpeg", "png", "webp", "gif", "avif", "tiff", "bmp")
)
_FORM_LIFE_SECONDS = 900
_URL_LIFE_SECONDS = 3600


def issuer(stack: Stack) -> Callable[[UploadRequest], Issued]:
    """Issues uploads to this stack; may be called by several threads."""
    s3 = stack.aws.client("s3", stack.signer)
    keys = Credentials(stack.signer.access_key_id, stack.signer.secret_access_key)
    signer = Signer(s3, keys)
    store = Store(s3, stack.outputs["results"]["bucket"])
    place = IssueUploadSettings(
        uploads_bucket=stack.outputs["uploads"]["bucket"],
        uploads_prefix=stack.outputs["uploads"]["prefix"],
        results_bucket=stack.outputs["results"]["bucket"],
        results_prefix=stack.outputs["results"]["prefix"],
        max_bytes=Limits().max_bytes,  # the module's default, which the stack leaves as it is
        content_types=_CONTENT_TYPES,
        forms=True,
        form_life_seconds=_FORM_LIFE_SECONDS,
        url_life_seconds=_URL_LIFE_SECONDS,
        served_from=None,
    )

    def issue(request: UploadRequest) -> Issued:
        now = datetime.now(UTC)
        return issue_upload(
            signer, store, place, request, owner=None, now=now, upload_id=uuid.uuid4()
        )

    return issue
