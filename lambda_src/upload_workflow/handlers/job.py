"""A worker's handler, for whatever kind of work: its runner, and the line that each job leaves.

To be imported behind the fence's fork: with it everything of AWS comes into the process.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from ..aws.clients import credentials, s3_client
from ..aws.signer import LastingLinks, Link, SignedLinks, Signer
from ..aws.store import Store
from ..errors import Rejected
from ..image.recipe import rules
from ..job.announcement import Results, announcement, malformed_announcement
from ..job.transitions import Today
from ..job.upload import Upload
from ..run import report
from ..run.fence import Fence
from ..run.runner import JobRunner, Task, side_by_side
from ..settings import ConvertImageSettings
from ..work import Kind

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def job_handler(kind: Kind, fence: Fence, settings: ConvertImageSettings) -> Handler:
    """What Lambda calls for the workflow's first Task. fence: it does this kind of work."""
    s3 = s3_client()
    now = partial(datetime.now, UTC)
    link: Callable[[str, str], Link]
    if settings.served_from:
        link = LastingLinks(settings.served_from)
    else:
        link = SignedLinks(
            Signer(s3, credentials()), settings.results_bucket, settings.url_life, now
        )
    runner = JobRunner(
        results_prefix=settings.results_prefix,
        today=Today(kind.recipe, rules(kind.recipe, settings.limits), settings.served_from),
        store=Store(s3, settings.results_bucket),
        link=link,
        kind=kind,
        converter=fence,
        now=now,
        write_all=side_by_side,
        lease=settings.lease,
        scanned_only=settings.scanned_only,
        delete_on_success=settings.delete_on_success,
    )
    results = Results(settings.results_bucket, settings.results_prefix)

    def handler(payload: dict[str, Any], context: Any) -> dict[str, Any]:
        course = report.Course()
        task = Task.parse(payload, context.aws_request_id)
        who = {
            "execution": task.execution,
            "attempt": task.attempt,
            "redrive": task.redrive,
            "remake": task.remake,
            "event_id": task.event.get("id"),
            "request_id": context.aws_request_id,
        }
        try:
            upload = Upload.parse(task.event)
        except Rejected as refusal:
            if task.remake is not None:
                raise  # a list is at fault, and the remake's report says so
            report.print_line(who | report.malformed_facts(refusal), settings.workflow_name)
            return malformed_announcement(refusal)
        run = runner.run if task.remake is None else runner.remake
        decision = run(task, upload, course)
        facts = report.decision_facts(decision, upload, datetime.now(UTC))
        report.print_line(who | facts | course.facts(), settings.workflow_name)
        return announcement(decision, upload, results, task.remake)

    return handler
