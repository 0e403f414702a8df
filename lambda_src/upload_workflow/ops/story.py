"""Collects all that is known of one key: documents, log lines, executions, dead letters.

Knows where each of them is found. Does not judge: that is `causes`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from ..errors import Rejected
from ..job.document import StatusDocument, StoredRendition
from ..job.upload import Upload
from . import pause
from .crowd import concurrently
from .jobs import Job, JobState, find_job, is_deleted
from .letters import Letter, Taken, count
from .pause import Gate
from .workflow import Workflow, error_code

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.literals import ExecutionStatusType

_JOB_ID = re.compile(r"[a-z2-7]{26}")
# Long enough to look at the letters; then they are put back anyway.
_LOOK_SECONDS = 30
# Of each kind of execution, when only its input can tell whose it is.
_LOOKED_THROUGH = 200
_WITHOUT_TRACE: tuple[ExecutionStatusType, ...] = ("RUNNING", "FAILED", "TIMED_OUT", "ABORTED")
# Clocks of services differ, and an upload takes time.
_BEFORE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class LogLine:
    """One job line (see job_line.py) and where it was written."""

    at: datetime
    function: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened. source: S3, EventBridge, the execution's name, or a function."""

    at: datetime
    source: str
    what: str


@dataclass(frozen=True, slots=True)
class Execution:
    """As Step Functions tells it. error, cause: as it ended, if it failed."""

    name: str
    status: str
    error: str | None
    cause: str | None
    moments: tuple[Moment, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """executions: oldest first; those that Step Functions no longer knows are absent.

    letters_held: about how many letters another reader has, so that nobody can say whose they
    are. deleted: a delete marker hides the upload. shared_with: the other bucket of which the
    key's document speaks. missing: names of promised renditions that are not there.
    """

    job: Job
    lines: tuple[LogLine, ...]
    executions: tuple[Execution, ...]
    letters: tuple[Letter, ...]
    gate: Gate
    announces: bool
    letters_held: int = 0
    deleted: bool = False
    shared_with: str | None = None
    missing: tuple[str, ...] = ()

    def execution(self, name: str | None) -> Execution | None:
        return next((one for one in self.executions if one.name == name), None)

    @property
    def moments(self) -> list[Moment]:
        """Everything in order of time."""
        return sorted(self._moments(), key=lambda moment: moment.at)

    def _moments(self) -> Iterator[Moment]:
        if self.job.upload:
            uploaded = f"upload stored, {self.job.upload.bytes} bytes"
            yield Moment(self.job.upload.last_modified, "S3", uploaded)
        document = self.job.document
        if document:
            if document.job_id is None or document.created_at != document.updated_at:
                created = datetime.fromisoformat(document.created_at)
                yield Moment(created, "status document", "written for the first time")
            updated = datetime.fromisoformat(document.updated_at)
            yield Moment(updated, "status document", document.state.value)
        for line in self.lines:
            yield Moment(line.at, line.function, _said(line.facts))
        for execution in self.executions:
            yield from execution.moments
        for letter in self.letters:
            error = f" ({letter.error})" if letter.error else ""
            yield Moment(letter.sent_at, "dead letters", f"{letter.origin}{error}")


def collect(workflow: Workflow, name: str, now: datetime) -> Story | None:
    """The story of an upload's key, or of a job's id; None if there is no such job."""
    job = find_job(workflow, name, now)
    if job is None and _JOB_ID.fullmatch(name):
        name = _key_of(workflow, name) or name
        job = find_job(workflow, name, now)
    # What has its end has no letter that matters, and looking at them all takes its time.
    unended = job is None or job.state not in _ENDED
    waiting, held = _letters(workflow, name) if unended else ((), 0)
    if job is None and waiting:
        # Deleted while its letter waited.
        job = Job(name, JobState.WAITING, waiting[0].sent_at)
    if job is None:
        return None
    first = min(
        (moment for moment in (_created(job), job.upload and job.upload.last_modified) if moment),
        default=job.since,
    )
    lines = tuple(_lines(workflow, "key", job.key, first - _BEFORE))
    named = [str(line.facts["execution"]) for line in lines if "execution" in line.facts]
    if job.document and job.document.execution:
        named.append(job.document.execution)
    if not named:
        named += _started_for(workflow, job.key, first - _BEFORE)
    executions = [_execution(workflow, one) for one in dict.fromkeys(named)]
    return Story(
        job=job,
        lines=lines,
        executions=tuple(one for one in executions if one is not None),
        letters=waiting,
        letters_held=held,
        gate=pause.look(workflow),
        announces=job.state is not JobState.WAITING or _announces(workflow),
        deleted=job.upload is None and is_deleted(workflow, job.key),
        shared_with=_other_bucket(workflow, job),
        missing=_missing(workflow, job.document),
    )


_ENDED = (JobState.SUCCEEDED, JobState.REJECTED, JobState.FAILED)


def _other_bucket(workflow: Workflow, job: Job) -> str | None:
    document = job.document
    if document is None or document.upload.bucket == workflow.uploads_bucket:
        return None
    return document.upload.bucket


def _missing(workflow: Workflow, document: StatusDocument | None) -> tuple[str, ...]:
    """Names of the renditions that the document promises and that are not there."""
    renditions = document.renditions if document else ()

    def is_missing(rendition: StoredRendition) -> bool:
        try:
            workflow.aws.s3.head_object(Bucket=workflow.results_bucket, Key=rendition.key)
        except ClientError as error:
            if error_code(error) in ("404", "NoSuchKey"):
                return True
            raise
        return False

    answers = concurrently(is_missing, renditions)
    return tuple(one.name for one, gone in zip(renditions, answers, strict=True) if gone)


def _created(job: Job) -> datetime | None:
    return datetime.fromisoformat(job.document.created_at) if job.document else None


def _key_of(workflow: Workflow, job_id: str) -> str | None:
    """Clients know a job by its id; the log knows its key."""
    for line in _lines(workflow, "job_id", job_id, datetime.fromtimestamp(0, UTC)):
        return str(line.facts["key"])
    return None


def _lines(workflow: Workflow, field: str, value: str, start: datetime) -> Iterator[LogLine]:
    """The job lines in which a field has a value, oldest first within each function."""
    # Its only wildcard is *, and then it finds more than it should: hence the second look below.
    text = value.replace("\\", "\\\\").replace('"', '\\"')
    for group in workflow.log_groups:
        pages = workflow.aws.logs.get_paginator("filter_log_events").paginate(
            logGroupName=group,
            startTime=int(start.timestamp() * 1000),
            filterPattern=f'{{ $.{field} = "{text}" }}',
        )
        try:
            for page in pages:
                for event in page["events"]:
                    facts = _facts(event["message"])
                    if facts.get(field) == value:
                        at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                        yield LogLine(at, group.rpartition("/")[2], facts)
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise


def _facts(message: str) -> dict[str, Any]:
    try:
        facts = json.loads(message)
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}


def _letters(workflow: Workflow, key: str) -> tuple[tuple[Letter, ...], int]:
    """The key's letters, and about how many others read right now, which may be its, too."""
    held = count(workflow).held
    with Taken(workflow, _LOOK_SECONDS) as taken:
        found = tuple(one for one in taken if one.upload is not None and one.upload.key == key)
    return found, held


def _announces(workflow: Workflow) -> bool:
    """Does the uploads bucket send its events to EventBridge at all."""
    answer = workflow.aws.s3.get_bucket_notification_configuration(Bucket=workflow.uploads_bucket)
    return "EventBridgeConfiguration" in answer


def _started_for(workflow: Workflow, key: str, start: datetime) -> Iterator[str]:
    """Executions that were given this upload and have left no trace of their own yet.

    Step Functions cannot be asked by input, so the latest of each kind are looked through.
    """
    if workflow.express:
        return
    for status in _WITHOUT_TRACE:
        listed = workflow.aws.states.list_executions(
            stateMachineArn=workflow.state_machine_arn,
            statusFilter=status,
            maxResults=_LOOKED_THROUGH,
        )
        for execution in listed["executions"]:
            if execution["startDate"] >= start:
                described = workflow.aws.states.describe_execution(
                    executionArn=execution["executionArn"]
                )
                if _about(described.get("input", ""), key):
                    yield execution["name"]


def _about(text: str, key: str) -> bool:
    try:
        return Upload.parse(_facts(text)).key == key
    except Rejected:
        return False


def _execution(workflow: Workflow, name: str) -> Execution | None:
    if workflow.express:
        return None
    arn = workflow.execution_arn(name)
    try:
        described = workflow.aws.states.describe_execution(executionArn=arn)
        pages = workflow.aws.states.get_paginator("get_execution_history").paginate(
            executionArn=arn
        )
        history = [event for page in pages for event in page["events"]]
    except ClientError as error:
        if error_code(error) in ("ExecutionDoesNotExist", "InvalidArn"):
            return None
        raise
    return Execution(
        name=name,
        status=described["status"],
        error=described.get("error"),
        cause=described.get("cause"),
        moments=tuple(_history(name, history)),
    )


def _history(name: str, history: list[Any]) -> Iterator[Moment]:
    """The events of an execution that tell something, in words."""
    state, taken = "", {}
    for event in history:
        kind, at = event["type"], event["timestamp"]
        details: Mapping[str, Any] = next(
            (value for key, value in event.items() if key.endswith("EventDetails")), {}
        )
        if kind.endswith("StateEntered"):
            state, taken = details["name"], _facts(details.get("input", ""))
            yield Moment(at, name, f'"{state}"')
        elif kind in ("TaskFailed", "TaskTimedOut", "TaskStartFailed", "TaskSubmitFailed"):
            yield Moment(at, name, f'"{state}" failed: {in_short(details)}')
        elif kind == "TaskSucceeded" and details.get("resource", "").endswith("putEvents"):
            yield Moment(at, name, f"announced Upload {str(taken.get('state')).capitalize()}")
        elif kind == "ExecutionStarted":
            cause = _facts(details.get("input", "")).get("id")
            yield Moment(at, name, f"execution started by event {cause}")
        elif kind.startswith("Execution"):
            error = f": {in_short(details)}" if details.get("error") else ""
            ended = {"ExecutionTimedOut": "timed out"}.get(kind, kind[9:].lower())
            yield Moment(at, name, f"execution {ended}{error}")


def in_short(details: Mapping[str, Any]) -> str:
    """Error and cause in one line: a function's cause is JSON with a whole traceback."""
    error, cause = str(details.get("error") or ""), str(details.get("cause") or "")
    facts = _facts(cause)
    text = str(facts.get("errorMessage") or facts.get("message") or cause).strip()
    line = " ".join(text.split())
    if len(line) > 300:
        line = f"{line[:300]} ..."
    return f"{error}: {line}" if line else error


def _said(facts: Mapping[str, Any]) -> str:
    words = [str(facts.get("state", ""))]
    for name in ("code", "reason", "error"):
        if facts.get(name):
            words.append(str(facts[name]))
    if "TimeToResult" in facts:
        words.append(f"after {facts['TimeToResult']} ms")
    stages = facts.get("stages_ms")
    if isinstance(stages, dict) and stages:
        words.append("(" + ", ".join(f"{name} {value}" for name, value in stages.items()) + " ms)")
    return " ".join(words)
