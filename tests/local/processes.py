"""Which processes of this machine belong to something, and the end of some of them."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from pathlib import Path
from urllib.parse import urlsplit

from measure.load.processes import tree, workers


def mentioning(text: str) -> set[int]:
    """Processes, ended but unreaped ones aside, whose arguments or environment hold the text."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                known = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:  # gone meanwhile, or another user's
                continue
            if text.encode() in known:
                found.add(int(entry.name))
    return found


def kill_workers(pid: int) -> int:
    """SIGKILL for every worker of the local AWS with this number that converts; how many.

    Not for those that record failures: Lambda would ask them again, the local AWS does not.
    """
    killed = 0
    for worker in workers(pid):
        with contextlib.suppress(OSError):  # it has ended
            if b"-convert-image-" in Path(f"/proc/{worker}/cmdline").read_bytes():
                os.kill(worker, signal.SIGKILL)
                killed += 1
    return killed


def converters(pid: int) -> list[int]:
    """What meets the files of the local AWS with this number: the kernel is to end it first."""
    found = []
    for process in tree(pid):
        with contextlib.suppress(OSError):
            if Path(f"/proc/{process}/oom_score_adj").read_text() == "1000\n":
                found.append(process)
    return found


def is_open(endpoint_url: str) -> bool:
    """Does anything listen there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", urlsplit(endpoint_url).port or 80)) == 0
