"""Ctrl-C and its kin, put off while something is held that has to be given back first.

Knows signals. Does not know what is held.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# Ctrl-C, a polite kill, and a terminal that is closed (which Windows does not signal).
_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class _Held:
    """depth: how many things are held. deferred: in how many places a signal waits besides.
    asked: somebody wants us to stop."""

    def __init__(self) -> None:
        self.depth = 0
        self.deferred = 0
        self.asked = threading.Event()


_HELD = _Held()


@contextmanager
def noticed() -> Iterator[None]:
    """Inside, a signal raises KeyboardInterrupt: at once, or at the next `check` while held.

    One that is ignored stays so: whoever typed `nohup` means it.
    """
    _HELD.asked.clear()
    heeded = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _on_signal) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _on_signal(number: int, frame: FrameType | None) -> None:
    if _HELD.depth == _HELD.deferred == 0:
        raise KeyboardInterrupt
    if _HELD.depth and not _HELD.asked.is_set():
        print("Stopping: what is held is given back first.", file=sys.stderr, flush=True)
    _HELD.asked.set()


def hold() -> None:
    """From here on a signal waits: for `check`, or for the `release` of what is held."""
    _HELD.depth += 1


def release() -> None:
    """What was held is given back. Raises the KeyboardInterrupt that waited for it."""
    _HELD.depth -= 1
    _raise_what_waited()


def _raise_what_waited() -> None:
    if _HELD.depth == _HELD.deferred == 0 and _HELD.asked.is_set():
        _HELD.asked.clear()
        raise KeyboardInterrupt


@contextmanager
def deferred() -> Iterator[None]:
    """Inside, a signal waits for `check` or for the end.

    For what takes locks that other threads take, too: an exception between taking one and keeping
    it in mind leaves it taken for ever, and the threads are waited for. Only the main thread is
    ever interrupted; in others this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _HELD.deferred += 1
    try:
        yield
    finally:
        _HELD.deferred -= 1
        _raise_what_waited()


def check() -> None:
    """A place where it is safe to stop. Raises KeyboardInterrupt if somebody asked for it."""
    if _HELD.asked.is_set():
        raise KeyboardInterrupt


def pause(seconds: float) -> None:
    """Sleep, unless and until somebody asks to stop: then raises KeyboardInterrupt. In any
    thread."""
    if _HELD.asked.wait(seconds):
        raise KeyboardInterrupt
