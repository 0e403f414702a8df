"""A release of what is in this folder now, made in a repository of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tools.package import ROOT
from upload_workflow import __version__


@dataclass(frozen=True)
class Release:
    """repository: what it was made from. folder: what was made. said: by the command."""

    repository: Path
    folder: Path
    version: str
    said: str

    @property
    def archive(self) -> Path:
        return self.folder / f"upload-workflow-{self.version}.tar.gz"

    @property
    def wheel(self) -> Path:
        return self.folder / f"upload_workflow-{self.version}-py3-none-any.whl"

    @property
    def npm_file(self) -> Path:
        return self.folder / f"upload-workflow-{self.version}.tgz"


def git(repository: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.com", *arguments]
    return subprocess.run(
        command, cwd=repository, check=True, capture_output=True, text=True
    ).stdout


def repository(folder: Path) -> Path:
    """One commit of all that is tracked here or could be, named as the version that it has."""
    for name in git(ROOT, "ls-files", "-z", "-c", "-o", "--exclude-standard").split("\0"):
        if name and (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    changelog = folder / "CHANGELOG.md"
    changelog.write_text(
        re.sub(r"^## .*", f"## {__version__}", changelog.read_text(), count=1, flags=re.M)
    )
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "Everything")
    return folder


def run_release(
    repository: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tools.release", *arguments],
        cwd=repository,
        env={**os.environ, "PYTHONPATH": str(repository), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def released_from(repository: Path, **environment: str) -> Release:
    folder = repository / "dist"
    done = run_release(repository, __version__, **environment)
    assert done.returncode == 0, done.stderr
    return Release(repository, folder, __version__, done.stdout)


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Release:
    clone = repository(tmp_path_factory.mktemp("released"))
    # What the commands of the examples leave there, and git ignores.
    (clone / "examples/own-step/consent.zip").write_bytes(b"")
    (clone / "examples/minimal/terraform.tfstate").write_text("{}")
    (clone / "examples/minimal/.terraform").mkdir()
    (clone / "examples/minimal/.terraform/secret").write_text("secret")
    return released_from(clone)
