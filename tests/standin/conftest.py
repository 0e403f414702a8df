"""Terraform's real core, a local AWS and one long-lived stand-in, for the length of a test run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local.aws.server import LocalAws, local_aws

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Result:
    """What a terraform command said and how it ended."""

    code: int
    text: str

    def must(self, code: int = 0) -> Result:
        assert self.code == code, self.complaint
        return self

    @property
    def complaint(self) -> str:
        """From the first error on, or all of it."""
        return self.text[max(0, self.text.find("Error: ")) :]


@dataclass
class Workspace:
    """A folder with a configuration, its state, and Terraform to run on them."""

    folder: Path
    environment: dict[str, str]
    variables: dict[str, Any] = field(default_factory=dict)

    def write(self, configuration: str, name: str = "main.tf") -> Workspace:
        (self.folder / name).write_text(configuration)
        return self

    def terraform(self, *arguments: str) -> Result:
        process = subprocess.run(
            [str(shutil.which("terraform")), *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        return Result(process.returncode, process.stdout)

    def _flags(self, variables: dict[str, Any]) -> list[str]:
        given = {**self.variables, **variables}
        return [
            f"-var={name}={value if isinstance(value, str) else json.dumps(value)}"
            for name, value in given.items()
        ]

    def init(self) -> Workspace:
        self.terraform("init", "-backend=false", "-no-color").must()
        return self

    def apply(self, **variables: Any) -> Result:
        return self.terraform("apply", "-auto-approve", "-no-color", *self._flags(variables))

    def plan(self, *flags: str, **variables: Any) -> Result:
        flags = ("-no-color", "-detailed-exitcode", *flags)
        return self.terraform("plan", *flags, *self._flags(variables))

    def planned(self, *flags: str, **variables: Any) -> dict[str, Any]:
        """The plan as JSON."""
        result = self.plan("-out=plan", *flags, **variables)
        assert result.code in (0, 2), result.text
        shown = json.loads(self.terraform("show", "-json", "plan").must().text)
        assert isinstance(shown, dict)
        return shown

    def destroy(self, **variables: Any) -> Result:
        return self.terraform("destroy", "-auto-approve", "-no-color", *self._flags(variables))


def terraform_environment(reattach: str) -> dict[str, str]:
    """All that Terraform sees: nothing of the host's configuration, no registry."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.devnull,
        "CHECKPOINT_DISABLE": "1",
        "TF_CLI_CONFIG_FILE": os.devnull,
        "TF_IN_AUTOMATION": "1",
        "TF_REATTACH_PROVIDERS": reattach,
        "GOGC": "400",  # as local/terraform/core.py has it
    }


@contextmanager
def stand_in(*flags: str, environment: dict[str, str]) -> Iterator[str]:
    """Runs a stand-in; gives the value of TF_REATTACH_PROVIDERS."""
    # A socket's path has room for about 100 bytes, which pytest's folders may exceed.
    with tempfile.TemporaryDirectory(prefix="standin-") as folder:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "local.terraform.standin",
                "--socket",
                f"{folder}/socket",
                *flags,
            ],
            env={"PYTHONPATH": str(REPOSITORY), "PATH": os.environ["PATH"], **environment},
            cwd=folder,
            stdin=subprocess.PIPE,  # closes with this process, and ends the stand-in
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            yield process.stdout.readline()
        finally:
            process.terminate()
            process.wait(timeout=10)


@pytest.fixture(scope="session", autouse=True)
def _terraform() -> None:
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not on PATH; these tests run its core against the stand-in")


@pytest.fixture(scope="session")
def aws() -> Iterator[LocalAws]:
    with local_aws() as running:
        yield running


@pytest.fixture(scope="session")
def reattach(aws: LocalAws) -> Iterator[str]:
    environment = {
        "AWS_ENDPOINT_URL": aws.endpoint_url,
        "AWS_REGION": aws.region,
        **aws.credentials.environment,
    }
    with stand_in(environment=environment) as value:
        yield value


@pytest.fixture(scope="session")
def schema_only() -> Iterator[str]:
    with stand_in("--schema-only", environment={}) as value:
        yield value


@pytest.fixture
def workspace(tmp_path: Path, reattach: str) -> Workspace:
    return Workspace(tmp_path, terraform_environment(reattach))


@pytest.fixture
def unapplied(tmp_path: Path, schema_only: str) -> Workspace:
    return Workspace(tmp_path, terraform_environment(schema_only))


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Two packages of a function, by side."""
    folder, paths = tmp_path_factory.mktemp("packages"), {}
    for side in ("a", "b"):
        paths[side] = str(folder / f"{side}.zip")
        with zipfile.ZipFile(paths[side], "w") as archive:
            archive.writestr(f"{side}.py", f"def handler(event, context): return '{side}'\n")
    return paths


@pytest.fixture(scope="session")
def code_bucket(aws: LocalAws, packages: dict[str, str]) -> str:
    """A bucket with a package in it."""
    s3 = aws.client("s3")
    s3.create_bucket(
        Bucket="standin-code", CreateBucketConfiguration={"LocationConstraint": aws.region}
    )
    s3.put_object(Bucket="standin-code", Key="code.zip", Body=Path(packages["a"]).read_bytes())
    return "standin-code"
