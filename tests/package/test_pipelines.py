"""The pipelines of this repository and of the example are valid, and give nothing away."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from local import environments, paths

FILES = sorted(paths.REPOSITORY.glob(".github/workflows/*.yml"))
EXAMPLE = paths.REPOSITORY / "examples/ci/deploy.yml"


@pytest.fixture(scope="module")
def linters() -> Path:
    """The folder of their commands, in an environment of their own."""
    python = environments.environment("pipelines", "Setting up the linters of pipelines")
    return python.parent


def test_a_pipeline_is_what_the_schema_of_github_describes(linters: Path) -> None:
    command = [linters / "check-jsonschema", "--builtin-schema", "vendor.github-workflows"]
    done = subprocess.run([*command, *FILES, EXAMPLE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_pipeline_runs_nothing_unpinned_and_gives_no_right_away(linters: Path) -> None:
    done = subprocess.run(
        [linters / "zizmor", "--offline", "--no-progress", "--persona=regular", *FILES],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_linter_would_see_what_it_looks_for(linters: Path, tmp_path: Path) -> None:
    loose = re.sub(r"@[0-9a-f]{40}", "@main", FILES[0].read_text("utf-8"))
    (tmp_path / "loose.yml").write_text(loose, "utf-8")
    done = subprocess.run(
        [linters / "zizmor", "--offline", "--no-progress", tmp_path / "loose.yml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0


def test_the_tests_run_on_two_pythons_and_two_terraforms_by_the_same_script() -> None:
    text = (paths.REPOSITORY / ".github/workflows/test.yml").read_text("utf-8")
    assert len(re.findall(r'python: "3\.\d+", terraform: "1\.\d+\.\d+"', text)) == 2
    assert "bash .ci/run" in text
