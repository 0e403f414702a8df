"""The environment that `make` sets up, also after a setup that was broken off."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.environment import ROOT

MAKES_OWN = re.compile(r"M(AKE)?FLAGS$|MAKE(LEVEL|OVERRIDES|_TERM.*)$")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that needs next to nothing, in a folder with a space in its name."""
    folder = tmp_path_factory.mktemp("small") / "my clone"
    shutil.copytree(ROOT / "tools", folder / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Makefile", folder)
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "small"\nversion = "1"\n[tool.setuptools]\npackages = []\n'
    )
    locked(folder / "requirements" / "dev.txt")
    return folder


def locked(file: Path) -> None:
    """A lock file that names next to nothing."""
    whole = (ROOT / "requirements" / "dev.txt").read_text()
    setuptools = re.search(r"^setuptools==.*?(?=^\S|\Z)", whole, re.M | re.S)
    assert setuptools
    file.parent.mkdir()
    file.write_text(setuptools[0])


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


def is_usable(environment: Path) -> bool:
    code = "import setuptools, pip"
    asked = subprocess.run([environment / "bin/python", "-c", code], check=False)
    return asked.returncode == 0


def moments(environment: Path) -> Iterator[str]:
    """Waits for each thing that a setup leaves half made, and names it."""
    for part in ("bin", "bin/python", "lib/*/site-packages/pip/_internal"):
        while not list(environment.glob(part)):
            time.sleep(0.005)
        yield part


def test_a_python_without_ensurepip_is_named_and_forgotten_once_it_is_there(
    clone: Path, tmp_path: Path
) -> None:
    # As Debian's Python is without the package python3-venv.
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['ensurepip'] = None\n")
    for _ in range(2):
        code, said = made(clone, PYTHONPATH=str(tmp_path))
        assert code != 0
        assert "apt install python3" in said and "-venv" in said
        assert "Traceback" not in said
    # Nothing stands in the way of the setups below, in the same folder.
    assert not (clone / ".venv").exists()


def test_a_setup_that_was_broken_off_at_any_step_is_mended_by_the_next(
    clone: Path, tmp_path: Path
) -> None:
    for place, number in enumerate((signal.SIGINT, signal.SIGINT, signal.SIGKILL)):
        shutil.rmtree(clone / ".venv", ignore_errors=True)
        with make(clone, TMPDIR=str(tmp_path)) as command:
            *_, reached = itertools.islice(moments(clone / ".venv"), place + 1)
            os.killpg(command.pid, number)
            _, said = command.communicate()
        assert "Traceback" not in said
        assert not (clone / ".venv/ready").exists(), reached
        if number == signal.SIGINT:
            assert list(tmp_path.iterdir()) == [], reached
    code, said = made(clone)
    assert (code, "Setting up .venv" in said) == (0, True), said
    assert is_usable(clone / ".venv")


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


SMALL = """
import sys
from pathlib import Path
from local import environments, paths
paths.ENVIRONMENTS, paths.REQUIREMENTS = Path(sys.argv[1]), Path(sys.argv[1]) / "requirements"
environments.environment("small", "Setting up something small")
"""


def test_what_the_demo_sets_up_is_mended_by_the_next_after_it_was_broken_off_at_any_step(
    tmp_path: Path,
) -> None:
    locked(tmp_path / "requirements" / "small.txt")
    command = [sys.executable, "-c", SMALL, str(tmp_path)]
    for place, number in enumerate((signal.SIGKILL, signal.SIGINT, signal.SIGINT)):
        shutil.rmtree(tmp_path / "small", ignore_errors=True)
        with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) as broken_off:
            *_, reached = itertools.islice(moments(tmp_path / "small"), place + 1)
            broken_off.send_signal(number)
            broken_off.communicate()
        assert (tmp_path / "small.ready").read_text() == "", reached
    subprocess.run(command, cwd=ROOT, check=True)
    assert is_usable(tmp_path / "small")
