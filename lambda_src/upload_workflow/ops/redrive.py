"""Runs again what did not end, or ended for a reason of ours. Twice in a row does no harm.

First a plan, which changes nothing; then the plan is carried out, one execution at a time. An
execution's name is made from its job, so the same failure is never run twice at once. Knows
what can be run again and with which input. Does not know why it failed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from ..job import keys
from ..job.document import State
from ..job.upload import Upload
from . import letters
from .deployment import Aws, Deployment, error_code
from .jobs import Job, JobState, execution_status, find_jobs, read_document, read_upload
from .letters import Letter

# Younger uploads may still be on their way: S3's events usually take seconds, at times minutes.
PATIENCE = timedelta(minutes=15)

# Names of Step Functions have at most 80 characters; "redrive-", the job's 26 and a number fit.
_TRIES = 100


@dataclass(frozen=True, slots=True)
class Step:
    """One job to run again. letters: those that are settled once its execution has started."""

    key: str
    job_id: str
    why: str
    input: Mapping[str, Any]
    letters: tuple[Letter, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """left: key, or the letter's id, and why it cannot be run again."""

    steps: tuple[Step, ...]
    left: tuple[tuple[str, str], ...]
    looked_at: tuple[Letter, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a step. execution: its name, None if there is none."""

    step: Step
    what: str
    execution: str | None
    failed: bool = False


def make_plan(
    aws: Aws,
    deployment: Deployment,
    *,
    now: datetime,
    prefix: str,
    since: datetime | None,
    states: Sequence[JobState],
    hold_seconds: int,
) -> Plan:
    """states: which jobs to take beside the dead letters."""
    steps: dict[tuple[str, str], Step] = {}
    left: list[tuple[str, str]] = []
    looked_at = []
    for letter in letters.read(aws, deployment, hold_seconds):
        looked_at.append(letter)
        if letter.upload is None or letter.input is None:
            left.append((f"letter {letter.message_id}", "it holds no event of an upload"))
        elif deployment.waits_for_scan and letter.upload.scan is None:
            left.append((letter.upload.key, _UNSCANNED))
        elif letter.upload.key.startswith(prefix):
            identity = (letter.upload.key, letter.upload.job_id)
            earlier = steps[identity].letters if identity in steps else ()
            steps[identity] = Step(*identity, letter.origin.value, letter.input, (*earlier, letter))
    told = {key for key, _ in (*steps, *left)}
    jobs = find_jobs(aws, deployment, now=now, prefix=prefix, since=since, states=states)
    for job in jobs if states else []:
        if job.state is JobState.WAITING and now - job.since < PATIENCE:
            continue
        if job.key in told:
            continue  # its letter is the better input
        try:
            event = _former_input(aws, deployment, job) or _event(aws, deployment, job)
        except CannotRedrive as reason:
            left.append((job.key, str(reason)))
            continue
        job_id = Upload.parse(event).job_id
        steps[job.key, job_id] = Step(job.key, job_id, job.state.value, event)
    return Plan(tuple(steps.values()), tuple(left), tuple(looked_at))


# From before scanning was switched on, or sent by hand: the function would leave it alone.
_UNSCANNED = "its event is no scan's result, and without one nothing may start it"


class CannotRedrive(Exception):
    """The message says why."""


def _former_input(aws: Aws, deployment: Deployment, job: Job) -> Mapping[str, Any] | None:
    """What the execution of the job got, if Step Functions still knows it.

    Raises CannotRedrive if nobody has scanned what has to be scanned.
    """
    execution = job.document.execution if job.document else None
    if deployment.express or execution is None or job.state is JobState.WAITING:
        return None
    try:
        answer = aws.states.describe_execution(executionArn=deployment.execution_arn(execution))
    except ClientError as error:
        if error_code(error) in ("ExecutionDoesNotExist", "InvalidArn"):
            return None
        raise
    event = json.loads(answer.get("input") or "null")
    if not isinstance(event, dict):
        return None
    if deployment.waits_for_scan and Upload.parse(event).scan is None:
        raise CannotRedrive(_UNSCANNED)
    return event


def _event(aws: Aws, deployment: Deployment, job: Job) -> Mapping[str, Any]:
    """The event as S3 would tell it of the object that lies there now. Raises CannotRedrive."""
    if deployment.waits_for_scan:
        raise CannotRedrive("its event is gone, and without a scan's result nothing may start it")
    upload = read_upload(aws, deployment, job.key)
    if upload is None:
        raise CannotRedrive("its upload is gone")
    # The same version and sequencer as before make it the same job.
    told = job.document.upload if job.document else None
    same = told is not None and told.etag == upload.etag
    thing = {
        "key": job.key,
        "size": upload.bytes,
        "etag": upload.etag,
        "version-id": told.version_id if told and same else upload.version_id,
        "sequencer": told.sequencer if told and same else None,
    }
    return {
        "version": "0",
        "source": "aws.s3",
        "detail-type": "Object Created",
        "time": upload.last_modified.isoformat(),
        "region": deployment.region,
        "detail": {
            "bucket": {"name": deployment.uploads_bucket},
            "object": {name: value for name, value in thing.items() if value is not None},
        },
    }


def carry_out(
    aws: Aws,
    deployment: Deployment,
    plan: Plan,
    per_second: float,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[Done]:
    """Starts the executions of a plan, no faster than asked: a burst pays for its own retries."""
    for index, step in enumerate(plan.steps):
        if index:
            pause(1 / per_second)
        done = _start(aws, deployment, step)
        if not done.failed:
            letters.remove(aws, deployment, step.letters)
        yield done


def _start(aws: Aws, deployment: Deployment, step: Step) -> Done:
    if step.why not in _ENDED and _has_ended(aws, deployment, step):
        return Done(step, "has ended meanwhile", None)
    event = json.dumps({**step.input, "redrive": True})
    for number in range(1, _TRIES):
        name = f"redrive-{step.job_id}-{number}"
        status = execution_status(aws, deployment, name)
        if status == "RUNNING":
            return Done(step, "is already running again", name)
        if status is not None:
            continue  # an earlier redrive, which has ended and did not help
        try:
            aws.states.start_execution(
                stateMachineArn=deployment.state_machine_arn, name=name, input=event
            )
        except ClientError as error:
            if error_code(error) == "ExecutionAlreadyExists":
                continue
            return Done(step, f"could not be started: {error}", None, failed=True)
        return Done(step, "started", name)
    return Done(step, f"was redriven {_TRIES - 1} times already", None, failed=True)


# Redriven only when asked for by name: the execution then tells the world again.
_ENDED = (State.SUCCEEDED, State.REJECTED)


def _has_ended(aws: Aws, deployment: Deployment, step: Step) -> bool:
    """Since the plan was made, or before its dead letter was found."""
    status_key = keys.status_key(deployment.results_prefix, step.key)
    document = read_document(aws, deployment, status_key)
    return document is not None and document.job_id == step.job_id and document.state in _ENDED


def end(aws: Aws, deployment: Deployment, done: Done) -> str | None:
    """How the execution of a step ended; None while it has not.

    Step Functions' word for a Standard execution; of an Express one only the document tells.
    """
    if done.execution is None:
        return None
    if not deployment.express:
        status = execution_status(aws, deployment, done.execution)
        return None if status == "RUNNING" else status
    status_key = keys.status_key(deployment.results_prefix, done.step.key)
    document = read_document(aws, deployment, status_key)
    if document is None or document.execution != done.execution or not document.is_terminal:
        return None
    return document.state.value
