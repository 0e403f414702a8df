"""The processes of a local AWS: how much memory they hold, and which of them are workers."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
from pathlib import Path

_SAMPLE_SECONDS = 0.2
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def tree(pid: int) -> list[int]:
    """The process and all its descendants."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                # "pid (name) state ppid ...", and the name may hold anything but ") " at its end
                parent = int((entry / "stat").read_text().rpartition(") ")[2].split()[1])
                parents.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for each in found:
        found.extend(parents.get(each, []))
    return found


def workers(pid: int) -> list[int]:
    """The processes in which the local AWS with this number runs functions.

    Not their own children: what ends a converter ends no worker, but its picture.
    """
    children = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for listed in children for child in listed.read_text().split()]


def resident_mb(pids: list[int]) -> float:
    """The sum over the processes; pages that they share count once each."""
    pages = 0
    for pid in pids:
        with contextlib.suppress(OSError, ValueError):
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * _PAGE_BYTES / 1e6


class MemoryWatch(threading.Thread):
    """Samples the memory of a process tree until it is told to stop."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak_mb, self._pid, self._done = 0.0, pid, threading.Event()

    def run(self) -> None:
        while not self._done.wait(_SAMPLE_SECONDS):
            self.peak_mb = max(self.peak_mb, resident_mb(tree(self._pid)))

    def stop(self) -> float:
        self._done.set()
        self.join()
        return self.peak_mb


class Killer(threading.Thread):
    """Kills one worker of the local AWS in mid-work every so often."""

    def __init__(self, pid: int, every_seconds: float, seed: int) -> None:
        super().__init__(daemon=True)
        self.killed = 0
        self._pid, self._every, self._dice = pid, every_seconds, random.Random(seed)
        self._done = threading.Event()

    def run(self) -> None:
        while not self._done.wait(self._every):
            if living := workers(self._pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._dice.choice(living), signal.SIGKILL)
                    self.killed += 1

    def stop(self) -> int:
        self._done.set()
        self.join()
        return self.killed
