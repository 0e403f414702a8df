"""The environment that `make` sets up, also after a setup that was broken off."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.environment import ROOT

MAKES_OWN = re.compile(r"M(AKE)?FLAGS$|MAKE(LEVEL|OVERRIDES|_TERM.*)$")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository that needs next to nothing, in a folder with a space in its name."""
    folder = tmp_path / "my clone"
    shutil.copytree(ROOT / "tools", folder / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Makefile", folder)
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "small"\nversion = "1"\n[tool.setuptools]\npackages = []\n'
    )
    (folder / "requirements").mkdir()
    locked = (ROOT / "requirements" / "dev.txt").read_text()
    setuptools = re.search(r"^setuptools==.*?(?=^\S|\Z)", locked, re.M | re.S)
    assert setuptools
    (folder / "requirements" / "dev.txt").write_text(setuptools[0])
    return folder


def make(clone: Path, **environment: str) -> subprocess.Popen[str]:
    # These tests may be run by make, which tells its children that they are.
    outside = {name: value for name, value in os.environ.items() if not MAKES_OWN.match(name)}
    return subprocess.Popen(
        ["make", ".venv/ready"],  # noqa: S607  the one on PATH, as a person types it
        cwd=clone,
        env={**outside, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def made(clone: Path, **environment: str) -> tuple[int, str]:
    out, err = (command := make(clone, **environment)).communicate(timeout=120)
    return command.returncode, out + err


def is_usable(clone: Path) -> bool:
    code = "import setuptools, pip"
    asked = subprocess.run([clone / ".venv/bin/python", "-c", code], check=False)
    return asked.returncode == 0


def moments(clone: Path) -> Iterator[str]:
    """Waits for each thing that a setup leaves half made, and names it."""
    for part in (".venv", ".venv/bin/python", ".venv/lib/*/site-packages/pip/_internal"):
        while not list(clone.glob(part)):
            time.sleep(0.005)
        yield part


def test_a_setup_that_was_broken_off_at_any_step_is_mended_by_the_next(clone: Path) -> None:
    for place, number in enumerate((signal.SIGINT, signal.SIGKILL, signal.SIGINT)):
        shutil.rmtree(clone / ".venv", ignore_errors=True)
        with make(clone) as command:
            *_, reached = itertools.islice(moments(clone), place + 1)
            os.killpg(command.pid, number)
            _, said = command.communicate()
        assert "Traceback" not in said
        assert not (clone / ".venv/ready").exists(), reached
    code, said = made(clone)
    assert (code, "Setting up .venv" in said) == (0, True), said
    assert is_usable(clone)


def test_a_python_without_ensurepip_is_named_and_forgotten_once_it_is_there(
    clone: Path, tmp_path: Path
) -> None:
    # As Debian's Python is without the package python3-venv.
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['ensurepip'] = None\n")
    code, said = made(clone, PYTHONPATH=str(tmp_path))
    assert code != 0
    assert "apt install python3" in said and "-venv" in said
    assert "Traceback" not in said
    assert made(clone)[0] == 0
    assert is_usable(clone)


def test_an_environment_of_the_time_before_is_brought_up_to_date_and_not_made_anew(
    clone: Path,
) -> None:
    assert made(clone)[0] == 0
    kept = clone / ".venv/local-aws"
    kept.mkdir()
    os.utime(clone / "requirements/dev.txt")
    code, said = made(clone)
    assert (code, "Setting up" in said) == (0, True), said
    assert kept.exists()
    assert made(clone) == (0, "make: '.venv/ready' is up to date.\n")
