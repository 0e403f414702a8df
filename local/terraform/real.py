"""The real hashicorp/aws: where a machine has it, and the module in the words of version 5.

Knows how provider mirrors are laid out and what version 5 does not understand. Does not know what
is applied.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from local.problems import TerraformFailed

MIRROR_VARIABLE = "TF_AWS_MIRROR"

HOW_TO_GET_IT = (
    "The real provider hashicorp/aws is not at hand: connect this machine to the registry, from "
    f"which `terraform init` installs version 6, or name in {MIRROR_VARIABLE} a folder that "
    "`terraform providers mirror FOLDER` has filled with version 5.100 or newer."
)

_ADDRESS = "registry.terraform.io/hashicorp/aws"
_FILE = re.compile(r"terraform-provider-aws_v(\d+)\.(\d+)\.\d+")

# Mirrors have a folder for each kind of machine, in Go's words.
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}

# Version 5 has no `region` argument on resources and calls a region's own name `name`.
_RESOURCE = re.compile(r'(?m)^(?:resource|data) "aws_(?:.|\n)*?^}')
_IN_RESOURCES = (
    (re.compile(r"(?m)^  region +=.*\n"), ""),
    (re.compile(r"\bself\.region\b"), "self.name"),
)
_EVERYWHERE = (
    (re.compile(r"\bdata\.aws_region\.current\.region\b"), "data.aws_region.current.name"),
    (re.compile(r'">= 6\.\d+, < 7\.0"'), '">= 5.100, < 6.0"'),
)

# The last of version 5, which the module's own text was tried with.
_OLDEST = (5, 100)

_START_SECONDS = 60


@dataclass(frozen=True)
class RealProvider:
    """A program that is hashicorp/aws, and the mirror in which `terraform init` finds it."""

    version: tuple[int, int]  # major and minor
    binary: Path
    mirror: Path

    @property
    def is_older(self) -> bool:
        """Does the module need to be put into the words of version 5 for it."""
        return self.version < (6, 0)


def this_machine() -> str:
    """What mirrors call machines like this one, such as "linux_amd64"."""
    machine = platform.machine()
    return f"{platform.system().lower()}_{_MACHINES.get(machine, machine)}"


def in_mirror(mirror: Path) -> RealProvider | None:
    """The newest provider of this machine's kind in a mirror; None where there is none."""
    providers = [
        RealProvider((int(name[1]), int(name[2])), file, mirror)
        for file in mirror.glob(f"{_ADDRESS}/*/{this_machine()}/terraform-provider-aws_*")
        if (name := _FILE.match(file.name)) and os.access(file, os.X_OK)
    ]
    newest = max(providers, key=lambda provider: provider.version, default=None)
    return newest if newest and newest.version >= _OLDEST else None


def mirrored() -> RealProvider | None:
    """The provider in the mirror that TF_AWS_MIRROR names; None where it names none.

    Raises TerraformFailed when it names a folder without the provider.
    """
    named = os.environ.get(MIRROR_VARIABLE)
    if not named:
        return None
    found = in_mirror(Path(named))
    if found is None:
        raise TerraformFailed(
            f"{MIRROR_VARIABLE} names {named}, and no {_ADDRESS} 5.100 or newer lies in it: name "
            "a folder that `terraform providers mirror FOLDER` has filled, with the zip unpacked."
        )
    return found


def in_words_of_version_5(repository: Path, folder: Path) -> Path:
    """Copies the module and this repository's roots into a folder, without `region` arguments.

    Everything else is the module's own text: what version 5 says of it, version 6 says of the rest.
    """
    shutil.rmtree(folder, ignore_errors=True)
    for part in ("modules", "statemachine", "examples", "local/stack", "measure/prove/stack"):
        shutil.copytree(repository / part, folder / part)
    for file in repository.glob("*.tf"):
        shutil.copy(file, folder)
    for file in folder.rglob("*.tf"):
        text = file.read_text(encoding="utf-8")
        text = _RESOURCE.sub(lambda resource: _replaced(resource[0], _IN_RESOURCES), text)
        file.write_text(_replaced(text, _EVERYWHERE), encoding="utf-8")
    return folder


def _replaced(text: str, words: Iterable[tuple[re.Pattern[str], str]]) -> str:
    for pattern, word in words:
        text = pattern.sub(word, text)
    return text


@contextlib.contextmanager
def serving(provider: RealProvider, folder: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """Runs the provider once for many commands; what TF_REATTACH_PROVIDERS has to say.

    `environment` is all that it sees: the endpoint of the AWS that it talks to stands in it.
    """
    log = folder / "provider.log"
    with (
        log.open("wb") as said,
        subprocess.Popen(
            [str(provider.binary), "-debug"],
            env={**environment, "TMPDIR": str(folder)},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=said,  # a file, not a pipe: it writes more than a pipe holds
            stderr=said,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield _reattach(process, log)
        finally:
            process.kill()  # it holds nothing that could be lost


def _reattach(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        said = log.read_text(errors="replace")
        if found := re.search(r"TF_REATTACH_PROVIDERS='(.*)'", said):
            return found[1]
        time.sleep(0.05)
    raise TerraformFailed(f"The provider did not start: {log.read_text(errors='replace')}")
