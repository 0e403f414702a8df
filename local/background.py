"""The same stack, left running: `up` starts it, `down` takes it away, also after a crash.

Knows what is kept between the two commands, in ignored files below .local.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from local import paths
from local.aws.launcher import EXPECTED_MINISTACK
from local.aws.server import Credentials, LocalAws, is_running, local_aws, stop
from local.problems import TerraformFailed
from local.progress import Progress
from local.stack import Stack, apply, configured, set_up

OUTPUTS = paths.STATE / "outputs.json"

_RUNNING = paths.STATE / "running.json"
_STACK = paths.STATE / "stack"


def up(fresh: bool = False, port: int = 0, settings: Path | None = None) -> int:
    """Starts the stack and leaves it running; one that runs already stays, unless fresh.

    port: of 127.0.0.1, 0 for a free one. settings: a .tfvars file with inputs of the module.
    """
    # Terraform runs in another folder.
    inputs = settings.resolve(strict=True) if settings else None
    set_up()
    progress = Progress(sys.stdout)
    with _alone(), ExitStack() as resources:
        if not fresh and (known := _what_runs()):
            print(f"{how_to_use(known)}\n\nIt was running already: `make up FRESH=1` replaces it.")
            return 0
        _take_away(progress)
        with progress.step("Local AWS", "starting") as say:
            aws = resources.enter_context(local_aws(stays=True, port=port))
            _write(_RUNNING, _described(aws))
            say(f"MiniStack {EXPECTED_MINISTACK} at {aws.endpoint_url}")
        with progress.step("Module", "applying") as say:
            root = resources.enter_context(configured(aws, _STACK))
            stack = apply(aws, root, inputs)
            say(f"applied with {root.terraform.description} and {root.provider.name}")
        _write(OUTPUTS, known := outputs(stack))
    print(f"\n{root.provider.shows}\n\n{how_to_use(known)}")
    return 0


def down() -> int:
    """Destroys the stack and stops; does nothing when nothing runs."""
    progress = Progress(sys.stdout)
    with _alone():
        if not _take_away(progress):
            print("Nothing is running.")
    return 0


def outputs(stack: Stack) -> dict[str, Any]:
    """What other programs need, and what .local/outputs.json holds.

    The credentials are those of a user who may do what the module's signer policy allows; the
    administrator's are for programs that look behind the scenes.
    """
    return {
        "endpoint_url": stack.aws.endpoint_url,
        "region": stack.aws.region,
        "credentials": asdict(stack.signer),
        "administrator": asdict(stack.aws.credentials),
        "outputs": stack.outputs,
    }


def how_to_use(known: Mapping[str, Any]) -> str:
    """What to do with a stack that was left running. known: as outputs() tells it."""
    outputs, endpoint_url = known["outputs"], known["endpoint_url"]
    # On AWS the API has a host name of its own, which nothing answers here.
    page = f"{endpoint_url}/_aws/execute-api/{outputs['upload_api']['api_id']}/$default/"
    facts = {
        "Upload page": page,
        "Upload API": outputs["upload_api"]["url"],
        "Uploads": f"s3://{outputs['uploads']['bucket']}/{outputs['uploads']['prefix']}",
        "Results": f"s3://{outputs['results']['bucket']}/{outputs['results']['prefix']}",
        "State machine": outputs["state_machine"]["name"],
        "Functions": ", ".join(each["name"] for each in outputs["functions"].values()),
        "Dead letters": outputs["dead_letters"]["name"],
    }
    place = {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_REGION": known["region"],
        "AWS_DEFAULT_REGION": known["region"],  # all that botocore looks at
    }
    signer = Credentials(**known["credentials"])
    administrator = Credentials(**known["administrator"])
    return "\n".join(
        [
            *(f"{name.ljust(13)}  {fact}" for name, fact in facts.items()),
            "",
            "All outputs are in .local/outputs.json. For AWS's SDKs and tools, with the rights of",
            "a backend that issues uploads:",
            *_exports({**place, **signer.environment, **outputs["signer_environment"]}),
            "To operate it, in another terminal, with the rights of an administrator:",
            *_exports({**place, **administrator.environment}),
            "  .venv/bin/upload-workflow ops jobs --name local",
            "",
            "`make down` takes it away.",
        ]
    )


def _exports(environment: Mapping[str, str]) -> Iterator[str]:
    return (f"  export {name}={shlex.quote(value)}" for name, value in environment.items())


def left_running() -> str:
    """What an interrupted command says at its end about the stack, as the second half."""
    if _running() is None:
        return "nothing is left running."
    return "the stack is still running: `make down` takes it away."


def _what_runs() -> Mapping[str, Any] | None:
    """What outputs() told about the stack that runs now; None if none does, or not whole."""
    if _running() is None or not OUTPUTS.exists():
        return None
    known: dict[str, Any] = json.loads(OUTPUTS.read_text())
    return known


def _running() -> LocalAws | None:
    """The local AWS that `up` left and that still runs."""
    aws = _remembered()
    return aws if aws and is_running(aws.folder) else None


def _remembered() -> LocalAws | None:
    """The local AWS that `up` left, running or not."""
    if not _RUNNING.exists():
        return None
    known = json.loads(_RUNNING.read_text())
    return LocalAws(
        known["endpoint_url"],
        Credentials(**known["credentials"]),
        Path(known["folder"]),
        known["pid"],
    )


def _take_away(progress: Progress) -> bool:
    """Ends what runs and forgets it; False when there was nothing."""
    aws = _remembered()
    if aws is None:
        return False
    if is_running(aws.folder):
        try:
            with progress.step("Destroy", "destroying") as say:
                with configured(aws, _STACK) as root:
                    root.run("destroy")
                say("destroyed")
        except TerraformFailed as problem:
            print(f"{problem}\nIt goes all the same, with the local AWS.", file=sys.stderr)
    with progress.step("Local AWS", "stopping") as say:
        stop(aws.pid, aws.folder)
        say("stopped")
    shutil.rmtree(_STACK, ignore_errors=True)
    OUTPUTS.unlink(missing_ok=True)
    _RUNNING.unlink()
    return True


def _described(aws: LocalAws) -> dict[str, Any]:
    return {
        "endpoint_url": aws.endpoint_url,
        "credentials": asdict(aws.credentials),
        "folder": str(aws.folder),
        "pid": aws.pid,
    }


def _write(file: Path, content: Mapping[str, Any]) -> None:
    """All or nothing, and for the owner's eyes."""
    part = file.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
        json.dump(content, opened, indent=2)
    part.replace(file)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Two of these commands take turns."""
    paths.STATE.mkdir(exist_ok=True)
    with (paths.STATE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
