"""The workflow's first Task: an uploaded image becomes its renditions."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import partial
from typing import Any

from .. import status
from ..clients import credentials, s3_client
from ..convert import convert
from ..errors import Rejected
from ..job import Converter, Task
from ..limits import refuse_early
from ..settings import ConvertImageSettings
from ..signing import Signer
from ..store import Store
from ..upload import Upload

_SETTINGS = ConvertImageSettings.from_env(os.environ)
_S3 = s3_client()
_CONVERTER = Converter(
    settings=_SETTINGS,
    store=Store(_S3, _SETTINGS.results_bucket),
    signer=Signer(_S3, credentials()),
    refuse_early=partial(refuse_early, limits=_SETTINGS.limits),
    convert=partial(convert, renditions=_SETTINGS.renditions, limits=_SETTINGS.limits),
    now=partial(datetime.now, UTC),
)


def handler(payload: dict[str, Any], context: Any) -> dict[str, Any]:
    task = Task.parse(payload, context.aws_request_id)
    try:
        upload = Upload.parse(task.event)
    except Rejected as refusal:
        return status.malformed_announcement(refusal)
    return _CONVERTER.run(task, upload)
