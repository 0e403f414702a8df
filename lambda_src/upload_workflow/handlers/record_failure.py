"""The workflow's last resort: a job that failed gets its end, whoever noticed."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from functools import partial
from typing import Any

from ..aws.clients import events_client, s3_client
from ..aws.store import Store
from ..errors import Rejected
from ..job.announcement import Results, announcement, malformed_announcement
from ..job.upload import Upload
from ..run import report
from ..run.failure import EndedExecution, Recorder
from ..settings import RecordFailureSettings

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
    results=Results(_SETTINGS.results_bucket, _SETTINGS.results_prefix),
    store=Store(s3_client(), _SETTINGS.results_bucket),
    announce=_announce,
    now=partial(datetime.now, UTC),
)


def handler(payload: dict[str, Any], context: Any) -> dict[str, Any]:
    ended = None
    try:
        ended = EndedExecution.parse(payload, context.aws_request_id)
        upload = Upload.parse(ended.event)
    except Rejected as refusal:
        _print(ended, context, report.malformed_facts(refusal))
        return malformed_announcement(refusal)
    decision = _RECORDER.run(ended, upload)
    _print(ended, context, report.decision_facts(decision, upload, datetime.now(UTC)))
    return announcement(decision, upload, _RECORDER.results)


def _print(ended: EndedExecution | None, context: Any, facts: dict[str, Any]) -> None:
    who: dict[str, Any] = {
        "execution": ended.execution if ended else context.aws_request_id,
        "attempt": ended.attempt if ended else 0,
        "redrive": ended is not None and ended.event.get("redrive") is True,
        "request_id": context.aws_request_id,
    }
    if ended:
        who |= {"event_id": ended.event.get("id"), "error": ended.error, "cause": ended.cause}
    report.print_line(who | facts, _SETTINGS.workflow_name)
