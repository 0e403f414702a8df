"""Where a conversion can end its worker, the next attempt knows that one did."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tests.support.upload_world import UPLOADS, CachedConverter, Killed, World, picture
from upload_workflow.errors import UnusableOverlay
from upload_workflow.job.document import State
from upload_workflow.work import Made, Order

KEY = "uploads/a"


class Unbounded(CachedConverter):
    """Converts in the worker; `ends` says how often that ends it."""

    bounded = False

    def __init__(self, ends: int) -> None:
        super().__init__()
        self.ends = ends
        self.tried = 0

    def convert(self, parts: Iterable[bytes], order: Order) -> Made:
        self.tried += 1
        if self.tried <= self.ends:
            raise Killed
        return super().convert(parts, order)


def test_an_upload_that_ended_its_worker_is_refused_by_the_next_attempt() -> None:
    world = World(converter=(converter := Unbounded(ends=99)))
    assert world.execute(world.put(KEY)) == "SUCCEEDED"
    document = world.document(KEY)
    assert document and document.error
    assert document.state is State.REJECTED
    assert document.error.code == "TooMuchTime"
    assert document.attempt == 2
    assert converter.tried == 1, "it is not tried a second time"


def test_an_upload_that_ends_nobody_is_converted_without_a_fence() -> None:
    world = World(converter=Unbounded(ends=0))
    world.execute(world.put(KEY))
    document = world.document(KEY)
    assert document
    assert document.state is State.SUCCEEDED
    assert world.missing_renditions(document) == []


@pytest.mark.parametrize("number", range(1, 5))
def test_a_write_of_the_document_that_fails_once_is_no_fault_of_the_upload(number: int) -> None:
    """The claim, the mark, the mark that is taken off, the end."""
    world = World(converter=Unbounded(ends=0))
    event = world.put(KEY)
    writes = 0

    def stumble(operation: str, request: dict[str, Any]) -> None:
        nonlocal writes
        writes += operation == "PutObject" and request["Key"].endswith("/status.json")
        if writes == number:
            writes += 1
            raise ConnectionError("S3 is unwell")

    world.s3.before = stumble
    world.execute(event)
    document = world.document(KEY)
    assert writes > number and document is not None and document.state is State.SUCCEEDED


@pytest.mark.parametrize("call", ["get_object of the upload's rest", "put_object of a rendition"])
def test_a_worker_that_died_beside_the_conversion_says_nothing_of_the_upload(call: str) -> None:
    world = World(converter=(converter := Unbounded(ends=0)))
    event = world.put(KEY, picture() + bytes(90_000))
    if "rest" in call:
        faulty_reads(world)
    else:
        world.write_all = fails_once(world.write_all)
    world.execute(event)
    document = world.document(KEY)
    assert document
    assert document.state is State.SUCCEEDED
    assert document.attempt == 2
    assert converter.tried == (1 if "rest" in call else 2)


def fails_once(call: Callable[..., Any]) -> Callable[..., Any]:
    failures = iter([ConnectionError("S3 is unwell")])

    def failing(*given: Any) -> Any:
        for failure in failures:
            raise failure
        return call(*given)

    return failing


def faulty_reads(world: World) -> None:
    """The first upload that is read breaks off after its head."""
    get_object = world.s3.get_object
    failures = iter([ConnectionError("S3 is unwell")])

    def broken_off(**asked: Any) -> Any:
        answer = get_object(**asked)
        if asked["Bucket"] == UPLOADS:
            read = answer["Body"].read

            def part(size: int | None = None) -> Any:
                for failure in failures if size != 64 * 1024 else ():
                    raise failure
                return read(size)

            answer["Body"].read = part
        return answer

    world.s3.get_object = broken_off  # type: ignore[method-assign]


def test_a_newer_upload_is_not_blamed_for_what_an_older_one_did() -> None:
    world = World(converter=Unbounded(ends=1))
    first = world.put(KEY)
    with pytest.raises(Killed):
        world.convert(first)
    world.execute(world.put(KEY, picture(9)), "e2")
    document = world.document(KEY)
    assert document
    assert document.state is State.SUCCEEDED


class WithoutMark(Unbounded):
    """Its overlay is no picture, until somebody repairs it."""

    def __init__(self) -> None:
        super().__init__(ends=0)
        self.repaired = False

    def convert(self, parts: Iterable[bytes], order: Order) -> Made:
        if not self.repaired:
            raise UnusableOverlay("The overlay s3://brand/mark.png is no use.")
        return super().convert(parts, order)


def test_an_upload_is_not_blamed_for_an_overlay_that_is_no_use() -> None:
    world = World(converter=(converter := WithoutMark()))
    event = world.put(KEY)
    with pytest.raises(UnusableOverlay):
        world.convert(event)
    converter.repaired = True
    world.execute(event)
    document = world.document(KEY)
    assert document
    assert document.state is State.SUCCEEDED
