"""Makes .venv, in which every other command runs; started by whatever Python the machine has.

Knows venv, pip and the lock file. Uses the standard library alone, for nothing else is there yet.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".venv"
PYTHON = FOLDER / "bin" / "python"
# The environment is complete when this file exists and is newer than what it was made from.
READY = FOLDER / "ready"
MADE_FROM = (ROOT / "requirements" / "dev.txt", ROOT / "pyproject.toml")

_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


def main() -> int:
    """The exit code. Whatever ends this early leaves no READY, and the next run begins anew."""
    with _alone() as lock:
        if _is_current():
            return 0
        # Said before the first step, which takes seconds in which nothing else would appear.
        print("Setting up .venv (once, about a minute, 0.6 GB) ...", file=sys.stderr, flush=True)
        was_complete = READY.exists() and _has_pip()
        READY.unlink(missing_ok=True)
        try:
            return _make(lock, anew=not was_complete)
        except KeyboardInterrupt:
            print("\nStopped; the next command sets up anew.", file=sys.stderr)
            return 130


def _make(lock: int, *, anew: bool) -> int:
    # Debian and Ubuntu leave this module, without which there is no pip, to another package.
    if anew and importlib.util.find_spec("ensurepip") is None:
        print(
            f"Python {_VERSION} here cannot make environments, because its module ensurepip is "
            f"missing: install it (Debian, Ubuntu: apt install python{_VERSION}-venv) and give the "
            "command again.",
            file=sys.stderr,
        )
        return 1
    # Only errors: older versions of pip warn of what nobody here can change.
    pip = [str(PYTHON), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    locked = ["--require-hashes", "--requirement", str(MADE_FROM[0])]
    # pyvips is pure Python and comes as source only.
    wheels = ["--only-binary", ":all:", "--no-binary", "pyvips"]
    steps = [
        *([[sys.executable, "-m", "venv", "--clear", str(FOLDER)]] if anew else []),
        [*pip, *wheels, *locked],
        [*pip, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)],
    ]
    with _scratch() as scratch:
        for step in steps:
            if code := _run(step, lock, scratch):
                return code
    READY.touch()
    return 0


@contextmanager
def _scratch() -> Iterator[str]:
    """A temporary folder for pip, which leaves half a gigabyte in it when it is broken off.

    Called and locked as those of `make demo`, which clears up after what was killed.
    """
    with (
        tempfile.TemporaryDirectory(prefix="upload-workflow-") as folder,
        (Path(folder) / "lock").open("wb") as in_use,
    ):
        fcntl.flock(in_use, fcntl.LOCK_EX)
        yield folder


def _run(command: list[str], lock: int, scratch: str) -> int:
    """The exit code. The command has a group of its own, so that Ctrl-C is for us.

    It holds the lock, too: if we are killed, the next setup waits for what is still at work.
    """
    environment = {**os.environ, "TMPDIR": scratch}
    with subprocess.Popen(
        command, start_new_session=True, pass_fds=[lock], env=environment
    ) as process:
        try:
            return process.wait()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise


def _is_current() -> bool:
    """Another command that was started at the same time may have done it all."""
    if not READY.exists():
        return False
    made = READY.stat().st_mtime
    return all(source.stat().st_mtime <= made for source in MADE_FROM)


def _has_pip() -> bool:
    try:
        asked = subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True, check=False)
    except OSError:
        return False
    return asked.returncode == 0


@contextmanager
def _alone() -> Iterator[int]:
    """Two commands at once take turns. The lock is on the folder, so that no file stays behind."""
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield folder
    finally:
        os.close(folder)


if __name__ == "__main__":
    sys.exit(main())
