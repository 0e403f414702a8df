"""A crash between any two steps of a job, each of them, and what is true afterwards.

The steps that the outside world can see are the requests to S3, so a crash "between two steps"
is one before or after a request. They are enumerated from a run without faults.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest

from tests.support import upload_world
from tests.support.memory_s3 import MemoryS3, refusal
from tests.support.upload_world import (
    NOON,
    OWN,
    PICTURES,
    UPLOADS,
    Killed,
    World,
    made_from_the_object,
    picture,
)
from upload_workflow.job.document import State, StatusDocument, StoredRendition
from upload_workflow.ops.jobs import JobState, StoredUpload, judge
from upload_workflow.work import Kind

KEY = "uploads/one"

BODIES = {"good": picture(), "bad": b"this is no image"}


@pytest.fixture(autouse=True, params=[PICTURES, OWN], ids=["pictures", "own kind"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Kind:
    """What worlds convert. The steps are counted with pictures; the last test says why they may."""
    monkeypatch.setattr(upload_world, "usual_kind", request.param)
    made: Kind = request.param
    return made


HOWS = ("killed before", "killed after", "answer lost", "sent twice", "throttled")


@dataclass
class Crash:
    """Makes the numbered requests of a world go wrong, each in its way."""

    world: World
    plan: dict[int, str]
    seen: int = 0

    def __enter__(self) -> Crash:
        self.world.s3.before, self.world.s3.after = self.before, self.after
        return self

    def __exit__(self, *_: object) -> None:
        self.world.s3.before = self.world.s3.after = lambda operation, request: None

    def before(self, operation: str, request: dict[str, Any]) -> None:
        how = self.plan.get(self.seen)
        self.seen += 1
        if how == "killed before":
            raise Killed
        if how == "throttled":
            raise ConnectionError("the SDK gave up")
        if how == "sent twice" and operation == "PutObject":
            # The first answer was lost on its way, and the SDK sends the request again.
            self.world.s3._put(**request)

    def after(self, operation: str, request: dict[str, Any]) -> None:
        # Also after a refusal: that nothing is there is an answer like any other.
        how = self.plan.get(self.seen - 1)
        if how == "killed after":
            raise Killed
        if how == "answer lost":
            raise ConnectionError("the answer was lost")


Run = Callable[[World, dict[str, Any]], object]


def convert_all_the_way(world: World, event: dict[str, Any]) -> object:
    return world.execute(event)


def steps_of(run: Run, body: bytes, made: Callable[[], World] = World) -> int:
    world = made()
    event = world.put(KEY, body)
    with Crash(world, {}) as crash:
        run(world, event)
    return crash.seen


def essence(document: StatusDocument | None) -> object:
    """What must be equal however often the job was interrupted: all but times and counts."""
    assert document is not None
    untimed = tuple(
        StoredRendition(**{**_fields(rendition), "url": "", "url_expires_at": ""})
        for rendition in document.renditions
    )
    return replace(
        document, renditions=untimed, updated_at="", created_at="", attempt=0, execution=""
    )


def _fields(rendition: StoredRendition) -> dict[str, Any]:
    return {name: getattr(rendition, name) for name in StoredRendition.__slots__}


def undisturbed(body: bytes) -> object:
    world = World()
    world.execute(world.put(KEY, body))
    return essence(world.document(KEY))


STEPS_BY_BODY = [steps_of(convert_all_the_way, body) for body in BODIES.values()]
CRASHES = [
    (name, step, how)
    for name, steps in zip(BODIES, STEPS_BY_BODY, strict=True)
    for step in range(steps)
    for how in HOWS
]


@pytest.mark.parametrize(("body", "step", "how"), CRASHES)
def test_one_crash_changes_nothing(body: str, step: int, how: str) -> None:
    world = World()
    event = world.put(KEY, BODIES[body])
    with Crash(world, {step: how}):
        assert world.execute(event) == "SUCCEEDED"
    document = world.document(KEY)
    assert essence(document) == undisturbed(BODIES[body])
    assert document is not None and world.missing_renditions(document) == []
    assert [told["state"] for told in world.announced] == [document.state]


@pytest.mark.parametrize("first", HOWS)
@pytest.mark.parametrize("second", HOWS)
def test_two_crashes_at_any_two_steps_change_nothing(first: str, second: str) -> None:
    expected = undisturbed(BODIES["good"])
    # An interrupted run and the next: no step of the second has a number above the sum.
    steps = 2 * steps_of(convert_all_the_way, BODIES["good"]) + 2
    for one in range(steps):
        for two in range(one + 1, steps):
            world = World()
            event = world.put(KEY)
            with Crash(world, {one: first, two: second}):
                assert world.execute(event) == "SUCCEEDED", (one, two)
            assert essence(world.document(KEY)) == expected, (one, two)
            assert [told["state"] for told in world.announced] == ["SUCCEEDED"], (one, two)


@pytest.mark.parametrize("step", range(steps_of(convert_all_the_way, BODIES["good"])))
@pytest.mark.parametrize("how", ["killed before", "killed after", "answer lost"])
def test_crashing_there_every_time_is_a_failure_that_a_redrive_mends(step: int, how: str) -> None:
    """A crash that comes back at the same request until the state machine gives up."""
    world = World()
    event = world.put(KEY)
    target = request_at(step)

    def strike(operation: str, request: dict[str, Any]) -> None:
        if (operation, request["Key"]) == target and len(world.announced) == 0:
            raise (ConnectionError if how == "answer lost" else Killed)

    striking = "before" if how == "killed before" else "after"
    setattr(world.s3, striking, strike)
    status_door = target[1].endswith("status.json")
    ended = world.execute(event)
    setattr(world.s3, striking, lambda operation, request: None)
    document = world.document(KEY)
    if ended == "SUCCEEDED":
        # The last write was there although its answer was lost: the next attempt found it.
        assert document is not None and document.state is State.SUCCEEDED
        return
    if not status_door:
        assert document is not None and document.state is State.FAILED
        assert [told["state"] for told in world.announced] == ["FAILED"]
    world.pass_time(minutes=5)
    assert world.execute(event | {"redrive": True}, "e2") == "SUCCEEDED"
    assert essence(world.document(KEY)) == undisturbed(BODIES["good"])


def request_at(step: int) -> tuple[str, str]:
    world = World()
    event = world.put(KEY)
    before = len(world.s3.calls)
    world.execute(event)
    return world.s3.calls[before + step]


def fail_and_record(world: World, event: dict[str, Any]) -> object:
    return world.record(event)


@pytest.mark.parametrize("step", range(steps_of(fail_and_record, BODIES["good"])))
@pytest.mark.parametrize("how", HOWS)
def test_a_crash_while_a_failure_is_recorded_loses_neither_record_nor_news(
    step: int, how: str
) -> None:
    world = World()
    event = world.put(KEY)
    with Crash(world, {step: how}):
        # The state's own retry, then the rule on ended executions.
        for attempt in (world.record, world.record, world.record_ended):
            try:
                attempt(event)
            except (ConnectionError, Killed):
                continue
    document = world.document(KEY)
    assert document is not None and document.state is State.FAILED
    # Only a crash between telling and noting that it was told repeats the news.
    assert 1 <= len(world.announced) <= 2
    if how in ("sent twice", "throttled") and step < 2:
        assert len(world.announced) == 1


@pytest.mark.parametrize("step", range(steps_of(convert_all_the_way, BODIES["good"])))
def test_an_abort_at_any_step_ends_as_failed_or_as_what_was_already_there(step: int) -> None:
    world = World()
    event = world.put(KEY)
    seen = 0

    def abort(operation: str, request: dict[str, Any]) -> None:
        nonlocal seen
        seen += 1
        if seen == step + 1:
            world.record_ended(event, "e1", "ABORTED")

    world.s3.before = abort
    told = world.convert(event, "e1")
    document = world.document(KEY)
    assert document is not None
    if document.state is State.FAILED:
        assert told["state"] == "IGNORED"
        assert [told["state"] for told in world.announced] == ["FAILED"]
    else:
        assert (document.state, told["state"]) == (State.SUCCEEDED, "SUCCEEDED")
        assert world.announced == []


def put(world: World) -> None:
    world.put(KEY)


def succeeded(world: World) -> None:
    world.execute(world.put(KEY))


def failed(world: World) -> None:
    world.record(world.put(KEY))


def refused(world: World) -> None:
    world.convert(world.put(KEY), own_step={"refuse": {"message": "Not today."}})


BEGINNINGS = (put, succeeded, failed, refused)
Begin = Callable[[World], None]


def outdated(begin: Begin) -> World:
    """A world in which there is something to make anew."""
    world = World()
    begin(world)
    world.announced.clear()
    world.recipe, world.rules = "recipe33", "rulesbbb"
    return world


def remade(begin: Begin) -> tuple[object, int]:
    """What becomes of it without a crash, and in how many steps."""
    world = outdated(begin)
    with Crash(world, {}) as crash:
        assert world.remake(KEY) == "SUCCEEDED"
    return essence(world.document(KEY)), crash.seen


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("begin", BEGINNINGS)
def test_one_crash_of_a_remake_changes_nothing(begin: Begin, how: str) -> None:
    expected, steps = remade(begin)
    for step in range(steps):
        world = outdated(begin)
        with Crash(world, {step: how}):
            assert world.remake(KEY) == "SUCCEEDED", step
        document = world.document(KEY)
        assert essence(document) == expected, step
        assert document is not None and world.missing_renditions(document) == []
        assert [told["state"] for told in world.announced] == ["SUCCEEDED"], step


@pytest.mark.parametrize("killed", ["before", "after"])
@pytest.mark.parametrize("begin", BEGINNINGS)
def test_a_remake_that_is_stopped_at_any_step_leaves_what_was_or_what_will_be(
    begin: Begin, killed: str
) -> None:
    expected, steps = remade(begin)
    for step in range(steps):
        world = outdated(begin)
        before = world.document(KEY)
        with Crash(world, dict.fromkeys(range(step, step + 9), f"killed {killed}")):
            world.remake(KEY)
        left = world.document(KEY)
        assert left == before or essence(left) == expected, step
        if before is not None:
            assert world.missing_renditions(before) == [], step
        # Resumed: another batch comes to the object, at once.
        assert world.remake(KEY, "b2") == ("SUCCEEDED" if left == before else "UNCHANGED"), step
        assert essence(world.document(KEY)) == expected, step


@dataclass
class Meanwhile(Crash):
    """Besides, somebody does something to the upload before a numbered request."""

    at: int = 0
    act: Callable[[], object] = lambda: None
    opened_after: bool = False

    def before(self, operation: str, request: dict[str, Any]) -> None:
        if self.seen == self.at:
            self.__exit__()
            self.act()
            self.__enter__()
        super().before(operation, request)
        if (operation, request["Bucket"]) == ("GetObject", UPLOADS):
            self.opened_after = self.seen > self.at


@dataclass
class Replacement:
    world: World
    event: dict[str, Any] | None = None

    def upload(self) -> None:
        self.event = self.world.put(KEY, picture(2))


STEPS = range(steps_of(convert_all_the_way, BODIES["good"]) + 3)
VERSIONING = pytest.mark.parametrize("versioned", [True, False])


@VERSIONING
@pytest.mark.parametrize("step", STEPS)
def test_a_picture_deleted_before_it_was_opened_last_is_never_shown(
    step: int, versioned: bool
) -> None:
    """At every step, beside every crash. What was open already counts as read before."""
    for crashed in STEPS:
        for how in HOWS:
            world = World(s3=MemoryS3(uploads=versioned, results=False))
            world.issue(KEY)
            event = world.put(KEY)
            gone = partial(world.s3.delete_object, Bucket=UPLOADS, Key=KEY)
            with Meanwhile(world, {crashed: how}, at=step, act=gone) as meanwhile:
                assert world.execute(event) == "SUCCEEDED", (crashed, how)
            document = world.document(KEY)
            assert document is not None and document.is_terminal
            if meanwhile.opened_after or step == 0:
                assert document.error is not None, (crashed, how)
                assert document.error.code == "UploadGone"
            assert [told["state"] for told in world.announced] == [document.state]


@VERSIONING
@pytest.mark.parametrize("step", STEPS)
def test_a_picture_replaced_at_any_step_is_the_one_that_counts_though_its_event_is_lost(
    step: int, versioned: bool
) -> None:
    """Beside every crash: `jobs` says WAITING, a redrive ends it, late events change nothing."""
    for crashed in STEPS:
        for how in HOWS:
            world = World(s3=MemoryS3(uploads=versioned, results=False))
            first = world.put(KEY, picture(1))
            second = Replacement(world)
            with Meanwhile(world, {crashed: how}, at=step, act=second.upload):
                world.execute(first)
            if second.event is None:
                continue  # the job had ended before
            assert world_judged(world) is JobState.WAITING, (crashed, how)
            assert world.execute(made_from_the_object(second.event), "e2") == "SUCCEEDED"
            ended = world.document(KEY)
            assert ended is not None and ended.state is State.SUCCEEDED
            for late in (first, second.event, first):
                world.execute(late, "e3")
                world.record(late, "e4")
            assert world.document(KEY) == ended, (crashed, how)
            assert ended.upload.etag == second.event["detail"]["object"]["etag"]


def world_judged(world: World) -> JobState:
    there = world.s3.current(UPLOADS, KEY)
    assert there is not None
    upload = StoredUpload(there.etag.strip('"'), 1, NOON)
    return judge(world.document(KEY), upload, UPLOADS, world.now, lambda execution: True)


def deleting(*, versioned: bool = True) -> World:
    """A world whose originals go once their jobs have succeeded."""
    return World(s3=MemoryS3(uploads=versioned, results=False), delete_on_success=True)


def left_of_the_original(world: World) -> list[bytes]:
    versions = world.s3.buckets[UPLOADS].objects.get(KEY, [])
    return [version.body for version in versions if version.body is not None]


DELETING_STEPS = range(steps_of(convert_all_the_way, BODIES["good"], deleting))


@VERSIONING
@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("step", DELETING_STEPS)
def test_after_any_crash_an_original_that_is_to_go_is_gone_or_somebody_hears_why_not(
    step: int, how: str, versioned: bool
) -> None:
    world = deleting(versioned=versioned)
    event = world.put(KEY)
    with Crash(world, {step: how}):
        assert world.execute(event) == "SUCCEEDED"
    document = world.document(KEY)
    assert essence(document) == undisturbed_in(deleting(versioned=versioned))
    assert document is not None and world.missing_renditions(document) == []
    assert [told["state"] for told in world.announced] == ["SUCCEEDED"]
    if how not in ("answer lost", "throttled"):
        assert world.kept == []
    if world.kept:
        # Whoever has repaired what stood in the way runs it again, and nothing else happens.
        world.execute(event | {"redrive": True}, "e2")
        assert world.document(KEY) == document
    assert left_of_the_original(world) == []


def undisturbed_in(world: World) -> object:
    world.execute(world.put(KEY))
    return essence(world.document(KEY))


@VERSIONING
@pytest.mark.parametrize("step", DELETING_STEPS)
def test_an_original_goes_alone_though_a_newer_one_comes_at_any_step(
    step: int, versioned: bool
) -> None:
    for crashed in DELETING_STEPS:
        for how in HOWS:
            world = deleting(versioned=versioned)
            first = world.put(KEY, picture(1))
            second = Replacement(world)
            with Meanwhile(world, {crashed: how}, at=step, act=second.upload):
                world.execute(first)
            if second.event is None:
                continue
            there = world.s3.current(UPLOADS, KEY)
            assert there is not None and there.body == picture(2), (crashed, how)
            world.execute(second.event, "e2")
            assert left_of_the_original(world) in ([], [picture(1)]), (crashed, how)


def test_no_older_version_comes_to_light_under_an_original_that_went() -> None:
    """A version deleted by its id makes the one before it the newest, which a redrive would run."""
    world = deleting()
    world.execute(world.put(KEY, BODIES["bad"]))
    world.execute(world.put(KEY), "e2")
    assert world.s3.current(UPLOADS, KEY) is None
    assert left_of_the_original(world) == [BODIES["bad"]]


@pytest.mark.parametrize("body", [BODIES["bad"], b""])
def test_the_original_of_a_rejected_job_stays(body: bytes) -> None:
    world = deleting()
    world.execute(world.put(KEY, body))
    assert left_of_the_original(world) == [body]


def test_the_original_of_a_failed_job_stays_until_a_redrive_has_mended_it() -> None:
    world = deleting()
    event = world.put(KEY)
    world.record(event)
    assert left_of_the_original(world) == [picture()]
    world.execute(event | {"redrive": True}, "e2")
    assert left_of_the_original(world) == []


def test_who_may_not_delete_an_original_is_told_and_its_client_has_its_result() -> None:
    world = deleting()
    event = world.put(KEY)

    def refuse(operation: str, request: dict[str, Any]) -> None:
        if operation == "DeleteObject":
            raise refusal("AccessDenied", operation)

    world.s3.before = refuse
    assert world.execute(event) == "SUCCEEDED"
    assert [told["state"] for told in world.announced] == ["SUCCEEDED"]
    assert len(world.kept) == 1 and "AccessDenied" in world.kept[0]


def test_a_threat_that_is_found_after_the_original_went_takes_the_result_back() -> None:
    world = deleting()
    event = world.put(KEY)
    world.execute(event)
    thing = event["detail"]["object"]
    verdict = {
        "source": "aws.guardduty",
        "detail": {
            "s3ObjectDetails": {
                "bucketName": UPLOADS,
                "objectKey": KEY,
                "eTag": thing["etag"],
                "versionId": thing["version-id"],
            },
            "scanResultDetails": {"scanResultStatus": "THREATS_FOUND"},
        },
    }
    world.execute(verdict, "e2")
    document = world.document(KEY)
    assert document is not None and document.state is State.REJECTED


def test_unless_asked_for_nothing_is_ever_deleted() -> None:
    world = World()
    world.execute(world.put(KEY))
    operations = {operation for operation, _ in world.s3.calls}
    assert operations == {"GetObject", "PutObject", "HeadObject"}


def test_every_kind_takes_the_same_steps_and_makes_what_is_its_own(kind: Kind) -> None:
    assert [steps_of(convert_all_the_way, body) for body in BODIES.values()] == STEPS_BY_BODY
    world = World()
    world.execute(world.put(KEY))
    document = world.document(KEY)
    assert document is not None
    assert (document.image is None) == (kind is OWN)
    assert {made.name for made in document.renditions} == (
        {"first", "second"} if kind is OWN else {"large", "small"}
    )
