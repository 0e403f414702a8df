"""Runs many small requests at a time, and holds only a few of their answers. Knows no AWS."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

from . import interrupts
from .workflow import THREADS

_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")

# While the caller fetches the next thousand names, this many keep the threads at work.
AHEAD = 8 * THREADS


def concurrently(
    ask: Callable[[_Item], _Answer], items: Iterable[_Item], ahead: int = AHEAD
) -> Generator[_Answer]:
    """The answers in the order of the items. Never more than `ahead` of them are waited for or
    kept. When the caller stops, or is asked to, what has not begun is not begun any more, and
    what has is waited for."""
    threads = ThreadPoolExecutor(THREADS)
    waiting: deque[Future[_Answer]] = deque()
    try:
        for item in _each(items):
            with interrupts.deferred():
                waiting.append(threads.submit(ask, item))
            while waiting and (len(waiting) >= ahead or _is_done(waiting[0])):
                yield _answer(waiting.popleft())
        while waiting:
            yield _answer(waiting.popleft())
    finally:
        with interrupts.deferred():
            threads.shutdown(wait=True, cancel_futures=True)


def _each(items: Iterable[_Item]) -> Iterator[_Item]:
    """Whoever lists them asks AWS by the same connections as the threads."""
    iterator = iter(items)
    while True:
        with interrupts.deferred():
            interrupts.check()
            try:
                item = next(iterator)
            except StopIteration:
                return
        yield item


def _is_done(future: Future[_Answer]) -> bool:
    with interrupts.deferred():
        return future.done()


def _answer(future: Future[_Answer]) -> _Answer:
    with interrupts.deferred():
        while not future.done():
            interrupts.check()
            wait([future], timeout=0.2)
        interrupts.check()
        return future.result()
