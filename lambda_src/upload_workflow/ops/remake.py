"""Makes existing uploads anew: looks at what there is, starts the state machine that does it,
follows, stops and resumes it, and reads its report.

Knows the state machine and what it leaves in the results bucket. Holds nothing of the workflow's:
whatever ends a command here, the remake goes on or has not begun. Twice does no harm, because what
has the recipe of today is passed over.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from ..job import keys
from ..job.document import State, StatusDocument
from ..job.transitions import is_linked
from . import interrupts
from .crowd import concurrently
from .estimate import Machine
from .jobs import read_document
from .sources import Count, Source, count
from .workflow import Changed, NotFound, Workflow, error_code

# One in a hundred is seen among so many with a certainty of 87 %, and they are read in a second.
_SAMPLE = 200

# Step Functions redrives what ended within so many days.
REDRIVABLE_FOR = timedelta(days=14)

# PENDING_REDRIVE: it was asked to go on, and has not begun to.
_RUNNING = ("RUNNING", "PENDING_REDRIVE")
_UNFINISHED = ("FAILED", "TIMED_OUT", "ABORTED")

# Of each cause, so many keys are named.
_EXAMPLES = 5


class CannotRemake(Exception):
    """The message says why, and what to do."""


def machine(workflow: Workflow) -> Machine:
    """How the account would work off a remake. Raises NotFound where it was not asked for."""
    with _asked_for(workflow):
        told = workflow.aws.states.describe_state_machine(stateMachineArn=workflow.remake_arn)
    function = workflow.convert_image
    try:
        over = _map(json.loads(told["definition"]))
        inside = _map(over["ItemProcessor"])
        objects_at_once = int(inside["MaxConcurrency"])
        return Machine(
            batch=int(over["ItemBatcher"]["MaxItemsPerBatch"]),
            objects_at_once=objects_at_once,
            at_once=int(over["MaxConcurrency"]) * objects_at_once,
            renditions=workflow.renditions,
            memory_mb=function["MemorySize"],
            architecture=function.get("Architectures", ["x86_64"])[0],
            own_handler=workflow.own_handler,
        )
    except (LookupError, TypeError, ValueError, StopIteration) as error:
        said = f"The state machine {workflow.name}_remake is not the module's: terraform apply."
        raise Changed(said) from error


@contextmanager
def _asked_for(workflow: Workflow) -> Iterator[None]:
    """Raises NotFound where the module was not asked for remakes."""
    try:
        yield
    except ClientError as error:
        none = f"{workflow.name} cannot make uploads anew"
        remedy = "set the module's input `workflow = { remake = {} }` and apply"
        if error_code(error) == "StateMachineDoesNotExist":
            raise NotFound(f"{none}: {remedy}.") from error
        if error_code(error).startswith("AccessDenied"):
            # Whose rights were made without remakes is not told that there are none.
            policies = "attach operator_policy_json anew, which then allows it"
            raise NotFound(f"{none}, or you may not see it: {remedy}, and {policies}.") from error
        raise


def _map(machine: Mapping[str, Any]) -> Mapping[str, Any]:
    states = machine["States"].values()
    return next(state for state in states if state["Type"] == "Map")


@dataclass(frozen=True)
class Survey:
    """looked_at: uploads whose documents were read. unchanged: how many of those have the recipe
    of today, None where that is not known. changed_at: of the function, for the last time."""

    count: Count
    looked_at: int
    unchanged: int | None
    changed_at: datetime

    @property
    def to_pass_over(self) -> int:
        """Of all, as the sample has it; none where it does not tell."""
        if not self.unchanged:
            return 0
        return round(self.count.objects * self.unchanged / self.looked_at)


def survey(workflow: Workflow, source: Source) -> Survey:
    """Costs one request for each thousand objects (or each file of a list), and one for each
    document of the sample. Raises NotFound."""
    counted = count(source.listed(workflow), _SAMPLE, random.Random())  # noqa: S311  no secret
    documents = list(concurrently(partial(_document, workflow), counted.sample))
    function = workflow.convert_image
    changed_at = datetime.fromisoformat(function["LastModified"])
    # What ran already when the function changed has ended by then.
    sure = changed_at + timedelta(seconds=function["Timeout"])
    since = [
        document
        for document in sorted(filter(None, documents), key=lambda document: document.updated_at)
        if datetime.fromisoformat(document.updated_at) > sure
    ]
    # Only the function itself can name them, so the latest that it left are those of today.
    delivered = [document for document in since if document.state is State.SUCCEEDED]
    recipes = [document.recipe for document in delivered if document.recipe is not None]
    rules = [document.rules for document in since if document.rules is not None]
    today = {*recipes[-1:], *rules[-1:]}
    served_from = workflow.served_from
    have = sum(_is_of(today, served_from, document) for document in filter(None, documents))
    return Survey(counted, len(documents), have if today else None, changed_at)


def _document(workflow: Workflow, key: str) -> StatusDocument | None:
    return read_document(workflow, keys.status_key(workflow.results_prefix, key))


def _is_of(today: set[str], served_from: str | None, document: StatusDocument) -> bool:
    return bool({document.recipe, document.rules} & today) and is_linked(document, served_from)


@dataclass(frozen=True)
class Run:
    """One execution of the remake. redrivable: whether Step Functions says that it would go on."""

    name: str
    arn: str
    status: str
    started: datetime
    stopped: datetime | None
    input: str
    output: str | None
    error: str | None
    cause: str | None
    redrivable: bool

    @property
    def is_running(self) -> bool:
        return self.status in _RUNNING

    @property
    def is_unfinished(self) -> bool:
        return self.status in _UNFINISHED


def latest(workflow: Workflow) -> Run | None:
    """Raises NotFound where the module was not asked for remakes."""
    with _asked_for(workflow):
        listed = workflow.aws.states.list_executions(
            stateMachineArn=workflow.remake_arn, maxResults=1
        )["executions"]
    return _run(workflow, listed[0]["executionArn"]) if listed else None


def _run(workflow: Workflow, arn: str) -> Run:
    told = workflow.aws.states.describe_execution(executionArn=arn)
    return Run(
        name=told["name"],
        arn=arn,
        status=told["status"],
        started=told["startDate"],
        stopped=told.get("stopDate"),
        input=told["input"],
        output=told.get("output"),
        error=told.get("error"),
        cause=told.get("cause"),
        redrivable=told.get("redriveStatus") == "REDRIVABLE",
    )


def at_work(workflow: Workflow, since: datetime, now: datetime) -> str | None:
    """The name of a remake whose workers may have written between the two times: those of one that
    ended early go on until their time is over. None too where the module was not asked for remakes.
    """
    try:
        last = latest(workflow)
    except NotFound:
        return None
    if last is None:
        return None
    if last.is_running or last.stopped is None:
        worked_until = now  # also of one that was stopped once and goes on
    elif last.is_unfinished:
        worked_until = last.stopped + timedelta(seconds=workflow.convert_image["Timeout"])
    else:
        worked_until = last.stopped
    return last.name if worked_until >= since else None


def start(workflow: Workflow, source: Source, now: datetime) -> str:
    """The execution's name. Raises CannotRemake while another runs, and NotFound.

    Two that are started at the same moment do the same work twice and nothing else.
    """
    _refuse_beside_another(workflow)
    name = _name(now)
    with _to_its_end():
        handed_over = {"source": source.handed_over(workflow, name)}
        _start(workflow, name, json.dumps(handed_over))
    return name


def resume(workflow: Workflow, now: datetime) -> tuple[str, bool]:
    """The execution's name, and whether it is the one that was stopped or failed, which goes on;
    else another one passes over what is done. Raises CannotRemake if there is nothing to resume.
    """
    _refuse_beside_another(workflow)
    last = latest(workflow)
    if last is None:
        raise CannotRemake("There was no remake yet; `remake start` starts one.")
    if not last.is_unfinished:
        raise CannotRemake(f"{last.name} {last.status}: it left nothing to resume.")
    with _to_its_end():
        young = last.stopped is not None and now - last.stopped < REDRIVABLE_FOR
        if last.redrivable and young:
            try:
                workflow.aws.states.redrive_execution(executionArn=last.arn)
            except ClientError as error:
                if error_code(error) != "ExecutionNotRedrivable":
                    raise
            else:
                return last.name, True
        name = _name(now)
        _start(workflow, name, last.input)
    return name, False


def stop(workflow: Workflow, why: str) -> Run:
    """Ends the remake that runs, and its batches with it. Raises CannotRemake if none does."""
    last = latest(workflow)
    if last is None or not last.is_running:
        raise CannotRemake("No remake is running.")
    workflow.aws.states.stop_execution(executionArn=last.arn, error="Stopped", cause=why)
    return last


def _name(now: datetime) -> str:
    """With milliseconds: one may be stopped and another begun within a second."""
    return f"remake-{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03}Z"


def _refuse_beside_another(workflow: Workflow) -> None:
    last = latest(workflow)
    if last is not None and last.is_running:
        raise CannotRemake(
            f"{last.name} is running since {last.started:%Y-%m-%d %H:%M}: `remake status` shows "
            "how far it is, `remake stop` stops it."
        )


def _start(workflow: Workflow, name: str, text: str) -> None:
    workflow.aws.states.start_execution(stateMachineArn=workflow.remake_arn, name=name, input=text)


@contextmanager
def _to_its_end() -> Iterator[None]:
    """Ctrl-C waits until a call has its answer: nobody is left to guess whether it counted."""
    interrupts.hold()
    try:
        yield
    finally:
        interrupts.release()


@dataclass(frozen=True)
class Progress:
    """Objects of a run. total: what is known by now; while Step Functions lists, it grows."""

    total: int
    done: int
    failed: int
    since: datetime
    map_run: str

    def rate(self, now: datetime) -> float:
        """Objects a second since it began."""
        return self.done / max((now - self.since).total_seconds(), 1)


def progress(workflow: Workflow, run: Run) -> Progress | None:
    """None before its map has begun."""
    runs = workflow.aws.states.list_map_runs(executionArn=run.arn)["mapRuns"]
    if not runs:
        return None
    told = workflow.aws.states.describe_map_run(mapRunArn=runs[0]["mapRunArn"])
    items = told["itemCounts"]
    failed = items["failed"] + items["timedOut"] + items["aborted"]
    return Progress(
        total=items["total"],
        done=items["succeeded"] + failed,
        failed=failed,
        since=told["startDate"],
        map_run=told["mapRunArn"].rpartition(":")[2],
    )


@dataclass
class Report:
    """What became of the objects, by outcome, and of those with a problem which and why.

    keys: a few of each error code; messages: one of each. lost: objects of batches that ended
    without a word of each.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    keys: dict[str, list[str]] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)

    def add(self, batch: Mapping[str, Any]) -> None:
        self.outcomes.update(batch["outcomes"])
        for problem in batch["problems"]:
            self._add(problem["error"], [problem["key"]], 1)

    def _add(self, error: Mapping[str, Any], named: list[str], times: int) -> None:
        code = str(error["code"])
        self.codes[code] += times
        self.messages.setdefault(code, str(error["message"]))
        kept = self.keys.setdefault(code, [])
        kept += named[: max(0, _EXAMPLES - len(kept))]

    def add_failed(self, execution: Mapping[str, Any]) -> None:
        """A batch that failed as a whole, as Step Functions' report tells of it."""
        error, cause = str(execution.get("Error", "")), str(execution.get("Cause", ""))
        if error == "TooManyFailed":
            with suppress(ValueError):  # cut short by Step Functions
                self.add(json.loads(cause))
                return
        items = json.loads(execution["Input"])["Items"]
        self.outcomes["FAILED"] += len(items)
        things = [item["object"] for item in items]
        named = [str(thing.get("key") or thing.get("encoded_key")) for thing in things]
        self._add({"code": error, "message": cause}, named, len(items))


def report(workflow: Workflow, run: Run, map_run: str) -> Report | None:
    """Read line by line. None while Step Functions has not written it."""
    bucket, key = workflow.results_bucket, f"{workflow.reports_prefix}{map_run}/manifest.json"
    # Of a run that did not succeed it is told nowhere: it lies where the Map Run's name says.
    if run.status == "SUCCEEDED" and run.output:
        key = json.loads(run.output)["ResultWriterDetails"]["Key"]
    manifest = _json(workflow, bucket, key)
    if manifest is None:
        return None
    found = Report()
    for kind, add in (("SUCCEEDED", found.add), ("FAILED", found.add_failed)):
        for file in manifest["ResultFiles"].get(kind, []):
            body = workflow.aws.s3.get_object(Bucket=bucket, Key=file["Key"])["Body"]
            for line in body.iter_lines():
                if line:
                    add(json.loads(line))
    return found


def _json(workflow: Workflow, bucket: str, key: str) -> Any:
    try:
        return json.load(workflow.aws.s3.get_object(Bucket=bucket, Key=key)["Body"])
    except ClientError as error:
        if error_code(error) == "NoSuchKey":
            return None
        raise
