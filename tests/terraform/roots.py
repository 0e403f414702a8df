"""Root configurations that call the module as a user would, applied to an imaginary AWS.

Knows how to start Terraform and to read its state. Does not know what is promised.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import paths
from local.terraform.core import Terraform, of_the_host

REGION = "eu-central-1"


class TerraformSaid(AssertionError):
    """Terraform refused; the message is its own."""


@dataclass(frozen=True)
class Resource:
    """One instance in a state; `address` as Terraform prints it, below the called module."""

    address: str
    type: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Applied:
    """A root after `terraform apply`."""

    folder: Path
    resources: tuple[Resource, ...]
    outputs: Mapping[str, Any]

    def of(self, *types: str) -> list[Resource]:
        return [resource for resource in self.resources if resource.type in types]

    def one(self, address: str) -> Mapping[str, Any]:
        """The values of the resource at an address such as "trigger.aws_sqs_queue.dead_letters"."""
        found = [resource for resource in self.resources if resource.address == address]
        if len(found) != 1:
            known = "\n".join(sorted(resource.address for resource in self.resources))
            raise AssertionError(f"no {address} among\n{known}")
        return found[0].values


@dataclass(frozen=True)
class Cloud:
    """Terraform with a provider that is running already."""

    terraform: Terraform
    reattach: str

    def run(self, folder: Path, *arguments: str, data: Path | None = None) -> str:
        """What one command prints; TerraformSaid if it fails."""
        done = self.attempt(folder, *arguments, data=data)
        if done.returncode:
            raise TerraformSaid(done.stderr.strip() or done.stdout)
        return done.stdout

    def attempt(
        self, folder: Path, *arguments: str, data: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        environment = {
            **of_the_host(),
            "TF_REATTACH_PROVIDERS": self.reattach,
            "TF_DATA_DIR": str(data or folder / ".terraform"),
            "TF_CLI_ARGS": "-no-color",
        }
        command = [*self.terraform.command, *arguments]
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )

    def apply(self, folder: Path) -> Applied:
        self.run(folder, "init", "-input=false")
        self.run(folder, "apply", "-auto-approve", "-input=false")
        return read(folder)


@contextlib.contextmanager
def imaginary_aws(folder: Path) -> Iterator[str]:
    """Runs the provider; what TF_REATTACH_PROVIDERS has to say."""
    socket = folder / "aws"  # short: the path of a socket has at most 104 characters
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.terraform.imaginary_aws", "--socket", str(socket)],
        cwd=paths.REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            reattach = process.stdout.readline() if process.stdout else ""
            assert reattach, "the provider did not start: its message stands above"
            yield reattach.strip()
        finally:
            process.kill()  # it holds nothing that could be lost


def calling(module: Path, folder: Path, variables: Mapping[str, Any], region: str = REGION) -> Path:
    """Writes a root that calls the module with these variables."""
    folder.mkdir(parents=True, exist_ok=True)
    root = {
        "provider": {"aws": {"region": region}},
        "module": {"called": {"source": os.path.relpath(module, folder), **variables}},
        "output": {"all": {"value": "${module.called}", "sensitive": False}},
    }
    (folder / "main.tf.json").write_text(json.dumps(root, indent=2), encoding="utf-8")
    return folder


def unpacked(folder: Path, package: Path | None) -> Path:
    """The module as somebody has it who fetched it; a package only where one is given."""
    for part in ("modules", "statemachine"):
        shutil.copytree(paths.REPOSITORY / part, folder / part)
    for file in paths.REPOSITORY.glob("*.tf"):
        shutil.copy(file, folder)
    if package:
        (folder / "build").mkdir()
        shutil.copy(package, folder / "build" / "upload_workflow-x86_64.zip")
    return folder


def read(folder: Path) -> Applied:
    """The state of a root that keeps it in its own folder."""
    state = json.loads((folder / "terraform.tfstate").read_text(encoding="utf-8"))
    outputs = {name: output["value"] for name, output in state["outputs"].items()}
    return Applied(folder, tuple(_resources(state)), outputs)


def _resources(state: Mapping[str, Any]) -> Iterator[Resource]:
    for group in state["resources"]:
        module = group.get("module", "").removeprefix("module.called").lstrip(".")
        prefix = f"{module.removeprefix('module.')}." if module else ""
        data = "data." if group["mode"] == "data" else ""
        for instance in group["instances"]:
            index = f"[{json.dumps(instance['index_key'])}]" if "index_key" in instance else ""
            address = f"{prefix}{data}{group['type']}.{group['name']}{index}"
            yield Resource(address, f"{data}{group['type']}", instance["attributes"])
