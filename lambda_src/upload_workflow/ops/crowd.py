"""Runs many small requests at a time, and holds only a few of their answers. Knows no AWS."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
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
        for item in items:
            waiting.append(threads.submit(ask, item))
            while waiting and (len(waiting) >= ahead or waiting[0].done()):
                yield _answer(waiting.popleft())
        while waiting:
            yield _answer(waiting.popleft())
    finally:
        threads.shutdown(wait=True, cancel_futures=True)


def _answer(future: Future[_Answer]) -> _Answer:
    while not future.done():
        interrupts.check()
        wait([future], timeout=0.2)
    interrupts.check()
    return future.result()
