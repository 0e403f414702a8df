"""An operator's `forget` that ends at any moment: nobody reads a promise of what is gone, nothing
comes back, and the same command ends the work.

The steps are its requests to S3, enumerated from a run without faults, as for a job's crashes.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from tests.support.memory_s3 import MemoryS3
from tests.support.upload_world import (
    PREFIX,
    RESULTS,
    UPLOADS,
    Killed,
    World,
    created_event,
    picture,
)
from upload_workflow.job import keys, transitions
from upload_workflow.job.document import State
from upload_workflow.ops.forget import Kept, Left, forget, keys_below

PLAIN, FOLDED, BELOW = "uploads/one", "uploads/../two", "uploads/one/below"
VERSIONED = pytest.mark.parametrize("versioned", [False, True])


def converted(*, versioned: bool) -> World:
    """Two versions of two keys that are to go, each with its results, and one key that stays."""
    world = World(s3=MemoryS3(uploads=True, results=versioned))
    for key in (PLAIN, FOLDED, BELOW):
        for shade in (1, 2):
            world.execute(world.put(key, picture(shade)), f"e{shade}")
    world.announced.clear()
    world.pass_time(hours=1)
    return world


def left(world: World) -> set[tuple[str, str]]:
    """Bucket and key of all of which any version or marker is there."""
    return {
        (bucket, key)
        for bucket in (UPLOADS, RESULTS)
        for key, versions in world.s3.buckets[bucket].objects.items()
        if versions
    }


def kept_of(world: World, key: str) -> set[tuple[str, str]]:
    """What there is of a key, whoever counts."""
    folder = keys.results_folder(PREFIX, key)
    below = [one for one in world.s3.buckets[RESULTS].objects if one.startswith(f"{folder}/")]
    beyond = f"{keys.results_folder(PREFIX, BELOW)}/"
    results = {(RESULTS, one) for one in below if key == BELOW or not one.startswith(beyond)}
    return left(world) & ({(UPLOADS, key)} | results)


class Strike:
    """Ends the numbered request of a world, before it is made or after."""

    def __init__(self, world: World, at: int, when: str, error: type[BaseException]) -> None:
        self.world, self.at, self.when, self.error = world, at, when, error
        self.seen = 0

    def __enter__(self) -> Strike:
        self.world.s3.before, self.world.s3.after = self._before, self._after
        return self

    def __exit__(self, *_: object) -> None:
        self.world.s3.before = self.world.s3.after = lambda operation, request: None

    def _before(self, operation: str, request: dict[str, Any]) -> None:
        self.seen += 1
        if self.seen == self.at and self.when == "before":
            raise self.error

    def _after(self, operation: str, request: dict[str, Any]) -> None:
        if self.seen == self.at and self.when == "after":
            raise self.error


@VERSIONED
@pytest.mark.parametrize("key", [PLAIN, FOLDED])
@pytest.mark.parametrize("when", ["before", "after"])
def test_whatever_breaks_in_at_any_request_the_same_command_ends_the_work(
    key: str, when: str, versioned: bool
) -> None:
    struck, at = True, 0
    while struck:
        at += 1
        world = converted(versioned=versioned)
        others = left(world) - kept_of(world, key)
        with Strike(world, at, when, Killed) as strike, suppress(Killed):
            world.forget(key)
        struck = strike.seen >= at
        document = world.document(key)
        assert document is None or world.missing_renditions(document) == [], at
        # Also by whoever knows no more than a prefix: a folder that is folded tells no key.
        found = key in set(keys_below(world.workflow, "uploads/"))
        assert found is bool(kept_of(world, key)), at
        world.forget(key)
        assert left(world) == others, at
        told = [one for one in world.announced if one["upload"]["key"] == key]
        # A crash between telling it and the last deletion tells it again; none keeps it silent.
        assert 1 <= len(told) <= 2 and {one["state"] for one in told} == {"FORGOTTEN"}
    assert at > 12


STEPS = range(1, 20)


@VERSIONED
@pytest.mark.parametrize("step", STEPS)
def test_a_job_that_is_at_work_is_not_forgotten_under_its_hands(step: int, versioned: bool) -> None:
    """Forgotten at every step of a job: it is left, or it was ended and stays away."""
    world = World(s3=MemoryS3(uploads=True, results=versioned))
    event = world.put(PLAIN)
    answers: list[Kept | Left] = []
    seen = 0

    def meanwhile(operation: str, request: dict[str, Any]) -> None:
        nonlocal seen
        seen += 1
        if seen == step:
            world.s3.before = lambda operation, request: None
            answers.append(world.forget(PLAIN))

    world.s3.before = meanwhile
    world.execute(event)
    world.s3.before = lambda operation, request: None
    if not answers:
        answers.append(world.forget(PLAIN))
        assert isinstance(answers[0], Kept)
    document = world.document(PLAIN)
    if isinstance(answers[0], Kept):
        assert document is None and kept_of(world, PLAIN) == set()
    else:
        assert document is not None and document.state is State.SUCCEEDED
        assert world.missing_renditions(document) == []


def beside(world: World, step: int, do: Callable[[], object]) -> None:
    """Do something before the numbered request that somebody else makes."""
    seen = 0

    def meanwhile(operation: str, request: dict[str, Any]) -> None:
        nonlocal seen
        seen += 1
        if seen == step:
            world.s3.before = lambda operation, request: None
            do()

    world.s3.before = meanwhile


@VERSIONED
@pytest.mark.parametrize("before", ["it failed", "it was issued and waits", "it waits"])
@pytest.mark.parametrize("step", STEPS)
def test_no_job_that_begins_again_brings_back_what_is_forgotten_meanwhile(
    step: int, before: str, versioned: bool
) -> None:
    world = World(s3=MemoryS3(uploads=True, results=versioned))
    if before != "it waits":
        world.issue(PLAIN)
    event = world.put(PLAIN)
    if before == "it failed":
        world.record(event)
    world.pass_time(hours=1)
    told: list[Kept | Left] = []
    beside(world, step, lambda: told.append(world.forget(PLAIN)))
    world.execute(event | {"redrive": True}, "redrive-1")
    world.s3.before = lambda operation, request: None
    document = world.document(PLAIN)
    if not told or isinstance(told[0], Left):
        assert document is not None and document.state is State.SUCCEEDED
    elif before == "it waits" and document is not None:
        # A claim of what had no document finds out only then that it is gone.
        assert document.error is not None and document.error.code == "UploadGone"
        assert kept_of(world, PLAIN) == {(RESULTS, keys.status_key(PREFIX, PLAIN))}
    else:
        assert left(world) == set()


@pytest.mark.parametrize("step", STEPS)
def test_what_failed_is_not_forgotten_while_a_worker_may_still_write(step: int) -> None:
    """Whoever stops an execution does not stop the function that it called."""
    world = World()
    world.issue(PLAIN)
    event = world.put(PLAIN)

    answers: list[Kept | Left] = []

    def stop() -> None:
        world.aborted.add("e1")
        world.hear_of_end(event, "e1", "ABORTED")
        answers.append(world.forget(PLAIN))

    beside(world, step, stop)
    world.execute(event)
    world.s3.before = lambda operation, request: None
    assert all(isinstance(answer, Left) for answer in answers)
    world.pass_time(minutes=31)
    assert isinstance(world.forget(PLAIN), Kept)
    assert left(world) == set()


@pytest.mark.parametrize("step", STEPS)
def test_a_job_tells_nothing_of_what_was_deleted_by_hand_with_its_document(step: int) -> None:
    world = World()
    world.issue(PLAIN)
    event = world.put(PLAIN)

    def delete() -> None:
        world.s3.delete_object(Bucket=UPLOADS, Key=PLAIN)
        world.s3.delete_object(Bucket=RESULTS, Key=keys.status_key(PREFIX, PLAIN))

    beside(world, step, delete)
    world.execute(event)
    world.s3.before = lambda operation, request: None
    document = world.document(PLAIN)
    assert document is None or (PLAIN in world.s3.keys(UPLOADS)), "it ended before"


def test_an_operator_whose_clock_is_ahead_forgets_nothing_that_is_at_work() -> None:
    world = World()
    world.issue(PLAIN)
    event = world.put(PLAIN)
    answers: list[Kept | Left] = []

    def ahead() -> None:
        document = world.document(PLAIN)
        if document.state is State.RUNNING:
            lease = datetime.fromisoformat(document.lease_until)
            answers.append(
                forget(world.workflow, PLAIN, "o", lambda: lease + timedelta(minutes=14))
            )

    world.s3.after = lambda operation, request: operation == "PutObject" and ahead()
    world.execute(event)
    assert answers and all(isinstance(answer, Left) for answer in answers)


def striking(world: World, step: int, do: Callable[[], object]) -> None:
    """Do something between two requests that somebody else makes, but before a document's first
    write: no condition of S3's spans the original and the document, which both may go just then."""
    seen = 0

    def meanwhile(operation: str, request: dict[str, Any]) -> None:
        nonlocal seen
        seen += 1
        first_write = request.get("IfNoneMatch") and request["Key"].endswith("/status.json")
        if seen >= step and not first_write:
            world.s3.before = lambda operation, request: None
            do()

    world.s3.before = meanwhile


@VERSIONED
@pytest.mark.parametrize("known", ["by a document", "by no document"])
@pytest.mark.parametrize("first", ["forget", "remake"])
def test_no_remake_brings_back_what_is_being_forgotten(
    first: str, known: str, versioned: bool
) -> None:
    """Each at every step of the other. What is left below the results are renditions at most,
    which `forget` does not wait for by itself: the command does not run beside a remake."""
    for step in range(1, 24):
        world = World(s3=MemoryS3(uploads=True, results=versioned))
        event = world.put(PLAIN)
        if known == "by a document":
            world.execute(event)
        world.pass_time(hours=1)
        world.recipe, world.rules = "recipe33", "rulesbbb"
        acts: list[Callable[[str], object]] = [world.forget, world.remake]
        begun, between = acts if first == "forget" else reversed(acts)
        striking(world, step, partial(between, PLAIN))
        begun(PLAIN)
        world.s3.before = lambda operation, request: None
        document = world.document(PLAIN)
        if document is not None:  # the remake was through before anything was forgotten
            assert document.state is State.SUCCEEDED and document.recipe == "recipe33", step
            assert world.missing_renditions(document) == [], step
            assert world.s3.current(UPLOADS, PLAIN) is not None, step
        assert isinstance(world.forget(PLAIN), Kept)
        assert left(world) == set(), step


@VERSIONED
def test_an_event_that_comes_after_everything_was_deleted_brings_nothing_back(
    versioned: bool,
) -> None:
    for at in range(1, 40):
        world = converted(versioned=versioned)
        thing = world.s3.buckets[UPLOADS].objects[PLAIN][-1]
        event = created_event(PLAIN, thing)
        with Strike(world, at, "before", Killed), suppress(Killed):
            world.forget(PLAIN)
        before = world.document(PLAIN)
        world.execute(event, "late")
        world.execute(event | {"redrive": True}, "later")
        assert world.document(PLAIN) == before, at


@VERSIONED
def test_below_a_prefix_lies_no_key_that_is_shorter(versioned: bool) -> None:
    """Results of a key lie below the key and a slash, where results of longer keys lie as well."""
    world = converted(versioned=versioned)
    document = world.document(PLAIN)
    assert document is not None
    folder = keys.results_folder("", document.renditions[0].key.removeprefix(PREFIX))
    for prefix in (f"{PLAIN}/", folder, folder[:-5]):
        found = set(keys_below(world.workflow, prefix))
        assert found == ({BELOW} if BELOW.startswith(prefix) else set()), prefix


@VERSIONED
@pytest.mark.parametrize("known", ["by a document", "by no document"])
def test_whatever_comes_late_of_what_was_forgotten_leaves_no_document(
    known: str, versioned: bool
) -> None:
    """A letter that was redriven, an execution that Step Functions ended, a verdict of a scan; a
    step that refuses what it does not find, or fails on it."""
    world = World(s3=MemoryS3(uploads=True, results=versioned))
    event = world.put(PLAIN)
    if known == "by a document":
        world.execute(event)
    thing = event["detail"]["object"]
    details = {"bucketName": UPLOADS, "objectKey": PLAIN, "versionId": thing["version-id"]}
    scanned = {
        "source": "aws.guardduty",
        "detail": {
            "s3ObjectDetails": details | {"eTag": thing["etag"]},
            "scanResultDetails": {"scanResultStatus": "THREATS_FOUND"},
        },
    }
    world.pass_time(hours=1)
    assert isinstance(world.forget(PLAIN), Kept)
    told = list(world.announced)
    for execution, late in enumerate((event, event | {"redrive": True}, scanned)):
        world.convert(late, f"c{execution}")
        world.convert(late, f"s{execution}", own_step={"refuse": {"message": "Unknown."}})
        world.record(late, f"f{execution}", "OwnStepFailed")
        world.record_ended(late, f"a{execution}")
        world.remake(PLAIN, f"b{execution}", keys_only=True)
        assert left(world) == set(), late
    assert world.announced == told


def test_an_upload_that_waits_may_be_starting_and_is_left_for_a_quarter_of_an_hour() -> None:
    world = World()
    world.put(PLAIN)
    assert isinstance(world.forget(PLAIN), Left)
    world.pass_time(minutes=16)
    assert isinstance(world.forget(PLAIN), Kept)
    assert left(world) == set()


def test_a_document_of_another_bucket_is_left() -> None:
    world = converted(versioned=False)
    event = world.put(PLAIN, bucket=RESULTS)
    world.s3.delete_object(Bucket=RESULTS, Key=keys.status_key(PREFIX, PLAIN))
    world.execute(event)
    assert isinstance(world.forget(PLAIN), Left)


@VERSIONED
@pytest.mark.parametrize("at", range(1, 24))
def test_a_document_that_somebody_replaces_at_any_request_is_not_deleted_with_the_old_one(
    at: int, versioned: bool
) -> None:
    world = converted(versioned=versioned)
    other = transitions.seed(UPLOADS, PLAIN, world.now, expires_at="")
    operations: list[str] = []

    def replace(operation: str, request: dict[str, Any]) -> None:
        operations.append(operation)
        if len(operations) == at:
            status_key = keys.status_key(PREFIX, PLAIN)
            world.s3._put(Bucket=RESULTS, Key=status_key, Body=other.to_bytes())

    world.s3.before = replace
    answer = world.forget(PLAIN)
    world.s3.before = lambda operation, request: None
    began = operations.index("PutObject") + 1
    if at <= began:
        assert isinstance(answer, Kept)
    elif at <= len(operations):
        assert world.document(PLAIN) == other
