"""The module on a local AWS: packaged, applied, and ready to take uploads.

Knows how a user of the module would wire it; knows neither the demo nor the terminal.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import environments, paths
from local.aws.server import Credentials, LocalAws, make_user
from local.problems import PackageFailed, TerraformFailed
from local.processes import run
from local.terraform import core as terraform
from tools.package import EXTRAS, local_target

_SIGNER = "signer"


@dataclass(frozen=True)
class Stack:
    """An applied stack. The signer may do what the module's `signer_policy_json` allows."""

    aws: LocalAws
    root: terraform.Root
    outputs: Mapping[str, Any]
    signer: Credentials


def set_up() -> None:
    """Installs what is missing, once, and says so before anything else is shown."""
    environments.local_aws_python()
    terraform.find()


def package(environment: Mapping[str, str] | None = None) -> Path:
    """The functions' zip for this machine's Python, built if anything in it has changed.

    With every extra, so that whatever `conversion.extras` offers can be tried.
    """
    command = [sys.executable, "-m", "tools.package", "--for-this-machine"]
    command += ["--extras", ",".join(EXTRAS)]
    done = run(command, paths.REPOSITORY, environment or os.environ)
    if done.returncode:
        raise PackageFailed(f"The functions' package could not be built: {done.stderr.strip()}")
    return local_target(EXTRAS).file


@contextlib.contextmanager
def configured(
    aws: LocalAws, data: Path, variables: Mapping[str, object] | None = None
) -> Iterator[terraform.Root]:
    """The stack's root configuration, initialised, with its state and working data in `data`."""
    values = dict(variables or {})
    if "package_file" not in values:
        values["package_file"] = str(package({**os.environ, "TMPDIR": str(aws.folder)}))
    with terraform.initialised(paths.STACK, data, aws, values) as root:
        yield root


def apply(aws: LocalAws, root: terraform.Root, inputs: Path | None = None) -> Stack:
    """Applies the stack and makes the user who signs for clients. inputs: a .tfvars file.

    Raises TerraformFailed, also for an input that the stack does not have.
    """
    applied = root.run("apply", *([f"-var-file={inputs}"] if inputs else []))
    if left_out := ignored(applied.stdout):
        raise TerraformFailed(
            f"{inputs} sets {', '.join(left_out)}, which the local stack does not have. It has "
            f"{', '.join(_declared(root.configuration))}."
        )
    outputs = root.outputs()["upload_workflow"]
    # A user of its own for each stack: one local AWS may hold several.
    name = f"{_SIGNER}-{outputs['state_machine']['name']}"
    signer = make_user(aws.client("iam"), name, outputs["signer_policy_json"])
    return Stack(aws, root, outputs, signer)


def ignored(said: str) -> list[str]:
    """What a file sets and a root does not have. Of that Terraform only warns, in passing."""
    return re.findall(r'does\s+not\s+declare\s+a\s+variable\s+named\s+"(\w+)"', said)


def _declared(configuration: Path) -> list[str]:
    text = (configuration / "variables.tf").read_text(encoding="utf-8")
    ours = {"package_file"}  # made for each start
    return [name for name in re.findall(r'^variable "(\w+)"', text, re.M) if name not in ours]
