"""Runs again what did not end, or ended for a reason of ours. Twice in a row does no harm.

A stream from end to end: a step is carried out while later ones are still being looked for, and
nothing is kept of it afterwards. On a Standard workflow an execution's name is made from its job,
so the same failure is never run twice at once. Knows what can be run again and with which input.
Does not know why it failed.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from ..job import keys
from ..job.document import State, StatusDocument, timestamp
from ..job.transitions import is_same_version
from ..job.upload import Upload
from . import interrupts
from .crowd import concurrently
from .jobs import Job, JobState, execution_status, find_jobs, read_document, read_upload
from .letters import Letter, Taken
from .workflow import THREADS, Workflow, error_code

# Younger uploads may still be on their way: S3's events usually take seconds, at times minutes.
PATIENCE = timedelta(minutes=15)

# Names of Step Functions have at most 80 characters; "redrive-", the job's 26 and a number fit.
_TRIES = 100


@dataclass(frozen=True, slots=True)
class Step:
    """One job to run again. letter: what is settled once its execution has started, and its event.

    job: as it was found, where there is no letter. job_id: None until its upload is looked at.
    repeated: a further letter of a job that was named before.
    """

    key: str
    why: str
    job_id: str | None
    letter: Letter | None = None
    job: Job | None = None
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Left:
    """What is not run again. name: a key, or a letter's id."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a step. execution: its name, None if there is none."""

    step: Step
    job_id: str
    what: str
    execution: str | None = None
    failed: bool = False


class CannotRedrive(Exception):
    """The message says why."""


# From before scanning was switched on, or sent by hand: the function would leave it alone.
_UNSCANNED = "its event is no scan's result, and without one nothing may start it"


def plan(
    workflow: Workflow,
    letters: Iterable[Letter],
    *,
    now: datetime,
    prefix: str,
    since: datetime | None,
    states: Collection[JobState],
) -> Iterator[Step | Left]:
    """What there is to run again, first the letters and then the jobs in these states.

    Nothing is listed where no states are asked for.
    """
    with_letters: set[int] = set()  # hashes: a few bytes of each key, and of each job
    for letter in letters:
        if letter.upload is None or letter.input is None:
            yield Left(f"letter {letter.message_id}", "it holds no event of an upload")
        elif workflow.waits_for_scan and letter.upload.scan is None:
            with_letters.add(hash(letter.upload.key))
            yield Left(letter.upload.key, _UNSCANNED)
        elif letter.upload.key.startswith(prefix):
            key, job_id = letter.upload.key, letter.upload.job_id
            repeated = hash(job_id) in with_letters
            with_letters |= {hash(key), hash(job_id)}
            yield Step(key, letter.origin.value, job_id, letter, repeated=repeated)
    if not states:
        return
    for job in find_jobs(workflow, now=now, prefix=prefix, since=since, states=states):
        if hash(job.key) in with_letters:
            continue  # its letter is the better input
        if job.state is JobState.WAITING and now - job.since < PATIENCE:
            yield Left(job.key, _young(job))
            continue
        reason = _why_not(workflow, job)
        if reason:
            yield Left(job.key, reason)
        else:
            yield Step(job.key, job.state.value, _known_id(job), job=job)


def _young(job: Job) -> str:
    ripe = job.since + PATIENCE
    minutes = int(PATIENCE.total_seconds() // 60)
    return (
        f"it is younger than {minutes} minutes, its event may still come; from {ripe:%H:%M}Z on "
        "it is started without"
    )


def _known_id(job: Job) -> str | None:
    return job.document.job_id if job.document and job.state is not JobState.WAITING else None


def _why_not(workflow: Workflow, job: Job) -> str | None:
    """Why the job cannot be run again; asks AWS only where its upload does not answer that."""
    if job.upload is not None and not workflow.waits_for_scan:
        return None
    try:
        if _former_input(workflow, job) is None:
            _event(workflow, job)
    except CannotRedrive as reason:
        return str(reason)
    return None


def _former_input(workflow: Workflow, job: Job) -> Mapping[str, Any] | None:
    """What the execution of the job got, if Step Functions still knows it.

    Raises CannotRedrive if nobody has scanned what has to be scanned.
    """
    execution = job.document.execution if job.document else None
    if workflow.express or execution is None or job.state is JobState.WAITING:
        return None
    try:
        answer = workflow.aws.states.describe_execution(
            executionArn=workflow.execution_arn(execution)
        )
    except ClientError as error:
        if error_code(error) in ("ExecutionDoesNotExist", "InvalidArn"):
            return None
        raise
    event = json.loads(answer.get("input") or "null")
    if not isinstance(event, dict):
        return None
    if workflow.waits_for_scan and Upload.parse(event).scan is None:
        raise CannotRedrive(_UNSCANNED)
    return event


def _event(workflow: Workflow, job: Job) -> Mapping[str, Any]:
    """The event as S3 would tell it of the upload that the key stands for. Raises CannotRedrive."""
    if workflow.waits_for_scan:
        raise CannotRedrive("its event is gone, and without a scan's result nothing may start it")
    upload = read_upload(workflow, job.key)
    if upload is None:
        raise CannotRedrive("its upload is gone")
    thing = {
        "key": job.key,
        "size": upload.bytes,
        "etag": upload.etag,
        "version-id": upload.version_id,
        "sequencer": None,
    }
    known = job.document.upload if job.document else None
    # The same version and sequencer as before make it the same job. A key that was issued stands
    # for the upload that came first, whatever else was sent with its form.
    spent = job.document is not None and job.document.is_issued and bool(job.document.job_id)
    if known is not None and (known.etag == upload.etag or spent):
        thing |= {
            "size": known.bytes or upload.bytes,
            "etag": known.etag or upload.etag,
            "version-id": known.version_id,
            "sequencer": known.sequencer,
        }
    return {
        "version": "0",
        "source": "aws.s3",
        "detail-type": "Object Created",
        "time": upload.last_modified.isoformat(),
        "region": workflow.region,
        "detail": {
            "bucket": {"name": workflow.uploads_bucket},
            "object": {name: value for name, value in thing.items() if value is not None},
        },
    }


class Pace:
    """Lets through so many a second and no more: a burst pays for its own retries."""

    def __init__(
        self,
        per_second: float,
        pause: Callable[[float], None] = interrupts.pause,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._between = 1 / per_second
        self._pause = pause
        self._clock = clock
        self._lock = threading.Lock()
        self._next = 0.0

    def wait(self) -> None:
        with self._lock:
            now = self._clock()
            at = max(now, self._next)
            self._next = at + self._between
        if at > now:
            self._pause(at - now)


def carry_out(
    workflow: Workflow, steps: Iterable[Step], taken: Taken, pace: Pace
) -> Generator[Done]:
    """Starts the executions, several at a time as far as the pace allows."""
    # Two letters of one job must not look at the same moment whether it runs already.
    one_by_one = [threading.Lock() for _ in range(2 * THREADS)]

    def run(step: Step) -> Done:
        with one_by_one[hash(step.key) % len(one_by_one)]:
            return _run(workflow, taken, pace, step)

    return concurrently(run, steps, THREADS)


def _run(workflow: Workflow, taken: Taken, pace: Pace, step: Step) -> Done:
    try:
        event = _input(workflow, step)
    except CannotRedrive as reason:
        return Done(step, step.job_id or "", str(reason), failed=True)
    upload = Upload.parse(event)
    done = _start(workflow, pace, step, upload, event)
    if step.letter is not None and not done.failed:
        taken.settle(step.letter)
    return done


def _input(workflow: Workflow, step: Step) -> Mapping[str, Any]:
    if step.letter is not None and step.letter.input is not None:
        return step.letter.input
    if step.job is None:
        raise CannotRedrive("its event is gone")
    return _former_input(workflow, step.job) or _event(workflow, step.job)


def _start(
    workflow: Workflow, pace: Pace, step: Step, upload: Upload, event: Mapping[str, Any]
) -> Done:
    done = partial(Done, step, upload.job_id)
    document = read_document(workflow, keys.status_key(workflow.results_prefix, upload.key))
    if document is not None and is_same_version(document.upload, upload):
        # Since it was listed, or before its dead letter was found.
        if step.why not in _ENDED and document.state in _ENDED:
            return done("has ended meanwhile")
        if workflow.express and _is_leased(document):
            return done("is already running again", document.execution)
    text = json.dumps({**event, "redrive": True})
    for name in _names(workflow, upload.job_id):
        status = execution_status(workflow, name)
        if status == "RUNNING":
            return done("is already running again", name)
        if status is not None:
            continue  # an earlier redrive, which has ended and did not help
        pace.wait()
        try:
            workflow.aws.states.start_execution(
                stateMachineArn=workflow.state_machine_arn, name=name, input=text
            )
        except ClientError as error:
            if error_code(error) == "ExecutionAlreadyExists":
                continue
            return done(f"could not be started: {error}", failed=True)
        return done("started", name)
    return done(f"was redriven {_TRIES - 1} times already", failed=True)


def _names(workflow: Workflow, job_id: str) -> Iterator[str]:
    """Names for the execution, the first that is free to be taken.

    An Express workflow takes a used name again, and a claim takes the second execution of a name
    for the first: there each name is used once.
    """
    if workflow.express:
        yield f"redrive-{job_id}-{uuid.uuid4().hex}"
        return
    for number in range(1, _TRIES):
        yield f"redrive-{job_id}-{number}"


def _is_leased(document: StatusDocument) -> bool:
    now = timestamp(datetime.now().astimezone())
    return document.state is State.RUNNING and (document.lease_until or "") > now


# Redriven only when asked for by name: the execution then tells the world again.
_ENDED = (State.SUCCEEDED, State.REJECTED)


def ends(workflow: Workflow, started: Sequence[Done], seconds: float) -> Iterator[dict[str, str]]:
    """How the jobs of the started executions ended, by the executions' names: again each second,
    until all have or the time is over."""
    ended: dict[str, str] = {}
    deadline = time.monotonic() + seconds
    while True:
        rest = [one for one in started if one.execution and one.execution not in ended]
        for one, how in zip(rest, concurrently(partial(_end, workflow), rest), strict=True):
            if how is not None:
                ended[str(one.execution)] = how
        yield ended
        if len(ended) == len(started) or time.monotonic() >= deadline:
            return
        interrupts.pause(1)


def _end(workflow: Workflow, done: Done) -> str | None:
    """The job's state once its execution has ended; None while it has not.

    Where the document speaks of another version by then, how the execution ended.
    """
    status = None
    if not workflow.express:
        status = execution_status(workflow, str(done.execution))
        if status == "RUNNING":
            return None
    document = read_document(workflow, keys.status_key(workflow.results_prefix, done.step.key))
    by_it = document is not None and document.execution == done.execution
    if document is not None and document.is_terminal and (by_it or status is not None):
        return document.state.value if by_it or document.job_id == done.job_id else status
    return status
