"""The workflow's last resort: a job that failed gets its end, whoever noticed."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from functools import partial
from typing import Any

from .. import status
from ..clients import events_client, s3_client
from ..errors import Rejected
from ..failure import EndedExecution, Recorder
from ..settings import RecordFailureSettings
from ..store import Store
from ..upload import Upload

_SETTINGS = RecordFailureSettings.from_env(os.environ)


def _announce(facts: dict[str, Any]) -> None:
    answer = events_client().put_events(
        Entries=[
            {
                "Source": "upload-workflow",
                "DetailType": "Upload Failed",
                "Detail": json.dumps(facts),
            }
        ]
    )
    if answer["FailedEntryCount"]:
        raise RuntimeError(f"EventBridge refused the event: {answer['Entries']}")


_RECORDER = Recorder(
    settings=_SETTINGS,
    store=Store(s3_client(), _SETTINGS.results_bucket),
    announce=_announce,
    now=partial(datetime.now, UTC),
)


def handler(payload: dict[str, Any], context: Any) -> dict[str, Any]:
    try:
        ended = EndedExecution.parse(payload, context.aws_request_id)
        upload = Upload.parse(ended.event)
    except Rejected as refusal:
        return status.malformed_announcement(refusal)
    return _RECORDER.run(ended, upload)
