"""Runs a program to its end, or ends it and all that it started, with its temporary files.

Knows processes. Does not know what the programs do.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

# How temporary folders are called, so that whoever comes later can clear up after a kill.
PREFIX = "upload-workflow-"


def run(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    seconds: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Runs a command in a folder; raises TimeoutExpired when it takes longer than `seconds`.

    It gets a group of its own, so that Ctrl-C is for us, and a temporary folder of its own below
    the TMPDIR it was given: what is killed does not clear up.
    """
    with (
        tempfile.TemporaryDirectory(prefix=PREFIX, dir=environment.get("TMPDIR")) as temporary,
        (Path(temporary) / "lock").open("wb") as lock,
        subprocess.Popen(
            command,
            cwd=folder,
            env={**environment, "TMPDIR": temporary},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)  # in use: not to be swept away as a leftover
        try:
            out, err = process.communicate(timeout=seconds)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(command, process.returncode, out, err)
