"""The workflow's first Task: an uploaded image becomes its renditions."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

from ..run.fence import Fence
from ..settings import ConvertImageSettings

_SETTINGS = ConvertImageSettings.from_env(os.environ)
# Before anything of AWS is in this process: what is not there cannot leak from a decoder, and a
# small process is forked for less. While we go on, the other one loads the decoders.
_FENCE = Fence(_SETTINGS.renditions, _SETTINGS.limits)

# ruff: noqa: E402
from ..aws.clients import credentials, s3_client
from ..aws.signer import LastingLinks, Link, SignedLinks, Signer
from ..aws.store import Store
from ..errors import Rejected
from ..image.limits import refuse_by_head
from ..image.recipe import recipe
from ..image.rendition import Marks, overlay_sources
from ..job.announcement import Results, announcement, malformed_announcement
from ..job.upload import Upload
from ..run import report
from ..run.runner import JobRunner, Task, side_by_side

_S3 = s3_client()
_STORE = Store(_S3, _SETTINGS.results_bucket)


@cache
def _marks() -> Marks:
    """Read once a worker, with its first upload: a fault is then that job's, and is told."""
    return {
        source: _STORE.read_overlay(source.bucket, source.key)
        for source in overlay_sources(_SETTINGS.renditions)
    }


def _link() -> Callable[[str, str], Link]:
    if _SETTINGS.served_from:
        return LastingLinks(_SETTINGS.served_from)
    signer = Signer(_S3, credentials())
    return SignedLinks(
        signer, _SETTINGS.results_bucket, _SETTINGS.url_life, partial(datetime.now, UTC)
    )


_RUNNER = JobRunner(
    results_prefix=_SETTINGS.results_prefix,
    recipe=recipe(_SETTINGS.renditions),
    store=_STORE,
    link=_link(),
    refuse_by_head=partial(refuse_by_head, limits=_SETTINGS.limits),
    converter=_FENCE,
    now=partial(datetime.now, UTC),
    write_all=side_by_side,
    lease=_SETTINGS.lease,
    scanned_only=_SETTINGS.scanned_only,
    marks=_marks,
    delete_on_success=_SETTINGS.delete_on_success,
)
_RESULTS = Results(_SETTINGS.results_bucket, _SETTINGS.results_prefix)


def handler(payload: dict[str, Any], context: Any) -> dict[str, Any]:
    course = report.Course()
    task = Task.parse(payload, context.aws_request_id)
    try:
        upload = Upload.parse(task.event)
    except Rejected as refusal:
        _print(task, context, report.malformed_facts(refusal))
        return malformed_announcement(refusal)
    decision = _RUNNER.run(task, upload, course)
    facts = report.decision_facts(decision, upload, datetime.now(UTC))
    _print(task, context, facts | course.facts())
    return announcement(decision, upload, _RESULTS)


def _print(task: Task, context: Any, facts: dict[str, Any]) -> None:
    who = {
        "execution": task.execution,
        "attempt": task.attempt,
        "redrive": task.redrive,
        "event_id": task.event.get("id"),
        "request_id": context.aws_request_id,
    }
    report.print_line(who | facts, _SETTINGS.workflow_name)
