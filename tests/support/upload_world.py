"""A small world for tests of jobs: S3 in memory, a clock that is moved, handlers that are called.

A convert image attempt and a recording run the very code that the functions run; only S3, the
clock and EventBridge are stood in for.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import botocore.session
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from PIL import Image

from tests.support import workflow_file
from tests.support.memory_s3 import MemoryS3, Version
from upload_workflow.aws.signer import LastingLinks, SignedLinks, Signer
from upload_workflow.aws.store import Store
from upload_workflow.errors import Refused
from upload_workflow.image.limits import Limits
from upload_workflow.image.pictures import Pictures
from upload_workflow.image.rendition import Rendition
from upload_workflow.job import keys, transitions
from upload_workflow.job.announcement import Results, announcement
from upload_workflow.job.document import StatusDocument, StoredRendition, timestamp
from upload_workflow.job.transitions import Today
from upload_workflow.job.upload import Upload
from upload_workflow.kind import OwnKind
from upload_workflow.ops.forget import Kept, Left, forget
from upload_workflow.ops.workflow import Workflow
from upload_workflow.run.failure import EndedExecution, Recorder
from upload_workflow.run.job_line import KEPT
from upload_workflow.run.report import Course
from upload_workflow.run.runner import Converter, JobRunner, Task, Write, WriteAll
from upload_workflow.work import Facts, File, Kind, Made, Order, recipe_of

UPLOADS, RESULTS = "uploads", "results"
PREFIX = "results/"
RECIPE = "recipe22"
RULES = "rulesaaa"
PLACE = Results(RESULTS, PREFIX)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

RENDITIONS = {"large": Rendition(width_px=24, height_px=24), "small": Rendition(width_px=8)}
LIMITS = Limits(max_bytes=100_000)
PICTURES = Pictures(RENDITIONS, LIMITS)


def halves(upload: bytes, facts: Facts) -> Iterable[File]:
    """A kind of work of an embedder's that takes what pictures take, and makes no picture of it."""
    if not upload.startswith(b"\xff\xd8"):
        raise Refused(f"{facts.key} is not what is wanted.")
    middle = len(upload) // 2
    yield File("first.bin", upload[:middle], "application/octet-stream")
    yield File("second.bin", upload[middle:], "application/octet-stream")


OWN = OwnKind(halves, recipe_of({"own": "halves"}), frozenset({"application/octet-stream"}), LIMITS)
# What a world converts that was not told otherwise; tests set it to show that nothing changes.
usual_kind: Kind = PICTURES


STATES: dict[str, Any] = json.loads(
    Path(__file__).parents[2].joinpath("statemachine/convert_image.asl.json").read_text("utf-8")
)["States"]


class Killed(BaseException):
    """The worker died in the middle of its work."""


class TaskFailed(Exception):
    """A state gave up. error: as the state machine names it."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


REMADE: dict[str, Any] = {
    name.removesuffix(" (prefix)"): state
    for name, state in workflow_file.remake()["States"]["Remake by prefix"]["ItemProcessor"][
        "States"
    ]["Each object (prefix)"]["ItemProcessor"]["States"].items()
}


def _matches(error: str, retrier: Mapping[str, Any]) -> bool:
    return not {error, "States.TaskFailed", "States.ALL"}.isdisjoint(retrier["ErrorEquals"])


@cache
def picture(shade: int = 0) -> bytes:
    """A small JPEG, another one for each shade."""
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((48, 32)).point(lambda v: (v + shade) % 256).save(
        buffer, "JPEG"
    )
    return buffer.getvalue()


@cache
def made_of(kind: Kind, upload: bytes, order: str) -> Made:
    """What the kind makes of these bytes; made once, because it is the same every time."""
    return kind.load()(upload, Order(json.loads(order)))


@dataclass
class CachedConverter:
    """The converter in this process, where fences are not the question."""

    kind: Kind = PICTURES
    way = "none"
    bounded = True

    def convert(self, parts: Iterable[bytes], order: Order) -> Made:
        return made_of(self.kind, b"".join(parts), json.dumps(order.facts))


def one_after_another(write: Write, files: Sequence[File]) -> Iterable[StoredRendition]:
    """So that every crash can be repeated."""
    return map(write, files)


@cache
def signer() -> Signer:
    credentials = Credentials("AKIDEXAMPLE", "secret", "session-token")
    client = botocore.session.Session().create_client(
        "s3",
        region_name="eu-west-1",
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
        aws_session_token=credentials.token,
        config=Config(signature_version="s3v4"),
    )
    return Signer(cast(Any, client), credentials)


def created_event(
    key: str,
    version: Version,
    *,
    with_version_id: bool = True,
    bucket: str = UPLOADS,
    **extra: Any,
) -> dict[str, Any]:
    """EventBridge's "Object Created" for this version of an object."""
    thing = {
        "key": key,
        "size": len(version.body or b""),
        "etag": version.etag.strip('"'),
        "sequencer": version.sequencer,
    }
    if with_version_id:
        thing["version-id"] = version.version_id
    return {
        "version": "0",
        "source": "aws.s3",
        "detail-type": "Object Created",
        "time": "2026-03-01T11:59:59Z",
        "detail": {"version": "0", "bucket": {"name": bucket}, "object": thing},
    } | extra


def listed(
    key: str, version: Version | None = None, *, bucket: str = UPLOADS, remake: str = "r1"
) -> dict[str, Any]:
    """What a remake hands on of a listed object; of a list of keys there is no version."""
    thing: dict[str, Any] = {"key": key}
    if version is not None:
        thing |= {"etag": version.etag, "size": len(version.body or b"")}
    return {"remake": remake, "detail": {"bucket": {"name": bucket}, "object": thing}}


def made_from_the_object(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event that `ops redrive` makes of the object as it lies there: it has no sequencer."""
    copy: dict[str, Any] = json.loads(json.dumps(event))
    copy["detail"]["object"].pop("sequencer", None)
    return copy | {"redrive": True}


@dataclass
class World:
    s3: MemoryS3 = field(default_factory=lambda: MemoryS3(uploads=True, results=False))
    now: datetime = NOON
    announced: list[dict[str, Any]] = field(default_factory=list)
    lost_announcements: int = 0  # that EventBridge refuses before it takes the next one
    aborted: set[str] = field(default_factory=set)  # executions whose workers still run
    write_all: WriteAll = one_after_another
    scanned_only: bool = False
    served_from: str | None = None
    kind: Kind = field(default_factory=lambda: usual_kind)
    converter: Converter | None = None  # None: the kind's, without a fence
    recipe: str = RECIPE
    delete_on_success: bool = False
    kept: list[str] = field(default_factory=list)  # why originals stayed that were to go
    rules: str = RULES

    def put(
        self,
        key: str,
        body: bytes | None = None,
        *,
        with_version_id: bool = True,
        bucket: str = UPLOADS,
        **extra: Any,
    ) -> dict[str, Any]:
        """Upload bytes and return the event about them."""
        self.s3.put_object(
            Bucket=bucket, Key=key, Body=picture() if body is None else body, **extra
        )
        version = self.s3.current(bucket, key)
        assert version is not None
        return created_event(key, version, with_version_id=with_version_id, bucket=bucket)

    def issue(self, key: str, **stated: Any) -> StatusDocument:
        """Seed the document as whoever issues an upload of this key does."""
        ends = timestamp(self.now + timedelta(hours=1))
        seeded = transitions.seed(UPLOADS, key, self.now, expires_at=ends, **stated)
        self._store().create_status(keys.status_key(PREFIX, key), seeded)
        return seeded

    def convert(
        self,
        event: Mapping[str, Any],
        execution: str = "e1",
        attempt: int = 0,
        own_step: object = None,
    ) -> dict[str, Any]:
        """One attempt of the state "Convert image"."""
        payload = {"event": event, "execution": execution, "attempt": attempt}
        task = Task.parse(payload | {"own_step": own_step}, "request")
        runner = JobRunner(
            results_prefix=PREFIX,
            today=Today(self.recipe, self.rules, self.served_from),
            store=self._store(),
            link=(
                LastingLinks(self.served_from)
                if self.served_from
                else SignedLinks(signer(), RESULTS, timedelta(hours=1), self._tick)
            ),
            kind=self.kind,
            converter=self.converter or CachedConverter(self.kind),
            now=self._tick,
            write_all=self.write_all,
            lease=timedelta(minutes=1),
            scanned_only=self.scanned_only,
            delete_on_success=self.delete_on_success,
        )
        upload, course = Upload.parse(task.event), Course()
        run = runner.run if task.remake is None else runner.remake
        told = announcement(run(task, upload, course), upload, PLACE, task.remake)
        if course.facts().get("original") == KEPT:
            self.kept.append(course.facts()["cause"])
        return told

    def record(
        self, event: Mapping[str, Any], execution: str = "e1", error: str = "States.TaskFailed"
    ) -> dict[str, Any]:
        """One attempt of the state "Record failure"."""
        payload = {"event": event, "execution": execution, "error": {"Error": error, "Cause": ""}}
        return self._record(payload)

    def record_ended(
        self, event: Mapping[str, Any], execution: str = "e1", ended_as: str = "ABORTED"
    ) -> dict[str, Any]:
        """The rule's call for an execution that Step Functions itself ended."""
        detail = {"name": execution, "status": ended_as, "input": json.dumps(event)}
        return self._record({"source": "aws.states", "detail": detail})

    def _record(self, payload: dict[str, Any]) -> dict[str, Any]:
        ended = EndedExecution.parse(payload, "request")
        recorder = Recorder(PLACE, self._store(), self._announce, self._tick)
        upload = Upload.parse(ended.event)
        return announcement(recorder.run(ended, upload), upload, PLACE)

    def execute(self, event: Mapping[str, Any], execution: str = "e1") -> str:
        """A whole execution: the states, retries and Catch of the state machine, then the rule.

        Waits between attempts take no time here. Returns the execution's status.
        """
        try:
            told = self._attempt(
                "Convert image", execution, lambda number: self.convert(event, execution, number)
            )
            if execution in self.aborted:
                return "ABORTED"
            self.announced.append(told)
            return "SUCCEEDED"
        except TaskFailed as failed:
            error = failed.error
        if execution in self.aborted:
            return "ABORTED"  # the rule records it
        with suppress(TaskFailed):
            self._attempt(
                "Record failure", execution, lambda number: self.record(event, execution, error)
            )
        self.hear_of_end(event, execution, "FAILED")
        return "FAILED"

    def remake(self, key: str, batch: str = "b1", *, keys_only: bool = False) -> str:
        """One object's way through a batch of a remake; what the report says of it."""
        there = self.s3.current(UPLOADS, key)
        event = listed(key, None if keys_only else there)
        try:
            told = self._attempt(
                "Convert image", batch, lambda number: self.convert(event, batch, number), REMADE
            )
        except TaskFailed as failed:
            return f"FAILED: {failed.error}"
        if told["state"] == "IGNORED":
            return str(told["reason"]).upper()
        self.announced.append(told)
        return str(told["state"])

    def hear_of_end(self, event: Mapping[str, Any], execution: str, ended_as: str) -> None:
        """The rule on ended executions: Lambda tries an asynchronous call three times."""
        for _ in range(3):
            with suppress(Exception, Killed):
                self.record_ended(event, execution, ended_as)
                break

    def _attempt(
        self,
        state: str,
        execution: str,
        run: Callable[[int], dict[str, Any]],
        states: Mapping[str, Any] = STATES,
    ) -> dict[str, Any]:
        retriers = states[state]["Retry"]
        used = [0] * len(retriers)
        for number in count():
            try:
                return run(number)
            except (Exception, Killed) as failure:  # noqa: BLE001  as the state machine does
                error = type(failure).__name__
            if execution in self.aborted:
                raise TaskFailed("aborted")
            matching = [i for i, retrier in enumerate(retriers) if _matches(error, retrier)]
            if not matching or used[matching[0]] == retriers[matching[0]]["MaxAttempts"]:
                raise TaskFailed(error)
            used[matching[0]] += 1
        raise AssertionError("count() does not end")

    def forget(self, key: str) -> Kept | Left:
        """`ops forget` of a key."""
        return forget(self.workflow, key, "arn:aws:iam::123456789012:user/o", self._tick)

    @property
    def workflow(self) -> Workflow:
        """As `ops` finds it. Step Functions knows no execution any more."""

        def unknown(**_: Any) -> Any:
            raise ClientError({"Error": {"Code": "ExecutionDoesNotExist"}}, "DescribeExecution")

        def put_events(Entries: list[dict[str, Any]]) -> dict[str, Any]:
            self._announce(json.loads(Entries[0]["Detail"]))
            return {"FailedEntryCount": 0}

        variables = {"RESULTS_BUCKET": RESULTS, "RESULTS_PREFIX": PREFIX}
        aws = SimpleNamespace(
            s3=self.s3,
            events=SimpleNamespace(put_events=put_events, describe_rule=unknown),
            states=SimpleNamespace(
                describe_execution=unknown,
                describe_state_machine=lambda **_: {"type": "STANDARD", "roleArn": "a/b"},
            ),
            functions=SimpleNamespace(
                get_function_configuration=lambda **_: {"Environment": {"Variables": variables}}
            ),
        )
        place = f"{UPLOADS}/uploads/"
        return Workflow(cast(Any, aws), "w", "aws", "eu-west-1", "123456789012", place)

    def document(self, key: str) -> StatusDocument | None:
        there = self.s3.current(RESULTS, keys.status_key(PREFIX, key))
        return None if there is None else StatusDocument.from_bytes(there.body or b"")

    def missing_renditions(self, document: StatusDocument) -> list[str]:
        """Renditions that the document promises and that cannot be read as promised."""

        def right(rendition: Any) -> bool:
            there = self.s3.current(RESULTS, rendition.key)
            body = there.body if there else None
            return body is not None and hashlib.sha256(body).hexdigest() == rendition.sha256

        return [rendition.key for rendition in document.renditions if not right(rendition)]

    def pass_time(self, **units: float) -> None:
        self.now += timedelta(**units)

    def _tick(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def _announce(self, facts: dict[str, Any]) -> None:
        if self.lost_announcements:
            self.lost_announcements -= 1
            raise ConnectionError("EventBridge does not answer")
        self.announced.append(facts)

    def _store(self) -> Store:
        return Store(cast(Any, self.s3), RESULTS, pause=lambda seconds: None)
