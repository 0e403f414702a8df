"""The local AWS as a context manager: starts it, waits until it answers, leaves nothing behind.

Knows processes, ports and folders. Does not know Terraform or the stack.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local import environments
from local.aws.launcher import STAY
from local.problems import NotStarted
from local.processes import PREFIX

REGION = "eu-central-1"
ACCOUNT = "000000000000"  # MiniStack's

_STOP_SECONDS = 5.0  # 0.5 usually; workers have 2 to go

_LAUNCHER = Path(__file__).with_name("launcher.py")


@dataclass(frozen=True)
class Credentials:
    """An access key of the local AWS. Worthless anywhere else."""

    access_key_id: str
    secret_access_key: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
        }


@dataclass(frozen=True)
class LocalAws:
    """A running local AWS and the credentials of its administrator.

    The administrator is an IAM user who may do everything, not the root key: policies of buckets
    bind users, while MiniStack lets root pass them all.
    """

    endpoint_url: str
    credentials: Credentials
    folder: Path
    pid: int
    region: str = REGION

    def client(self, service: str, credentials: Credentials | None = None) -> Any:
        """A botocore client, of the administrator unless other credentials are given."""
        return client(service, self.endpoint_url, credentials or self.credentials)

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")


def client(service: str, endpoint_url: str, credentials: Credentials) -> Any:
    """A botocore client that reads nothing of the host's: no profile, no proxy, no endpoint."""
    session = botocore.session.Session(
        session_vars={
            "profile": (None, [], None, None),
            "config_file": (None, [], os.devnull, None),
            "credentials_file": (None, [], os.devnull, None),
        }
    )
    return session.create_client(
        service,
        region_name=REGION,
        endpoint_url=endpoint_url,
        aws_access_key_id=credentials.access_key_id,
        aws_secret_access_key=credentials.secret_access_key,
        config=Config(
            signature_version="s3v4" if service == "s3" else None,
            s3={"addressing_style": "path"},
            proxies={},
            retries={"mode": "standard"},
        ),
    )


@contextlib.contextmanager
def local_aws(
    *, stays: bool = False, kept_objects: Path | None = None, port: int = 0
) -> Iterator[LocalAws]:
    """Runs a local AWS for the length of a with block, and for no longer than this process.

    The launcher holds the other end of a pipe: should this process be killed, the launcher ends
    its workers, removes its folder and goes. One that stays is left running at the end of the
    block, unless an error ended it; `stop` ends it.

    kept_objects: a folder of the caller's for all that S3 holds. Each object is on disk before its
    PUT is answered, so that the next local AWS has it, however this one ends. Everything else, the
    settings of buckets included, always ends with a local AWS.

    port: of 127.0.0.1; 0 for one that is free.
    """
    remove_leftovers()
    # Another key each time, and only ever used to make the administrator.
    root = Credentials("AKIA" + secrets.token_hex(8).upper(), secrets.token_hex(20))
    # Named here, so that it goes whenever its launcher does, even one that never said a word.
    folder = Path(tempfile.gettempdir()) / f"{PREFIX}{secrets.token_hex(4)}"
    process = _launch(root, folder, kept_objects, port)
    try:
        yield _wait_until_ready(process, root, folder)
        if stays:
            _let_go(process)
            return
    finally:
        # A process that was let go is not stopped, even when we are interrupted just then.
        if process.returncode is None:
            _stop(process)
            shutil.rmtree(folder, ignore_errors=True)


def stop(pid: int, folder: Path) -> None:
    """Ends a local AWS that stayed, if it still runs, and removes its folder.

    The lock in the folder is held by the launcher alone and falls with it, so a number that the
    system has given to another process meanwhile is never signalled.
    """
    deadline = time.monotonic() + _STOP_SECONDS
    signalled = False
    while is_running(folder):
        if time.monotonic() > deadline:
            os.killpg(pid, signal.SIGKILL)
        elif not signalled:
            os.kill(pid, signal.SIGTERM)
            signalled = True
        time.sleep(0.02)
    shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers() -> None:
    """Removes the temporary folders of those that were killed together with their parent."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # another user's, or gone meanwhile
            # Younger ones may not have got their lock yet.
            if time.time() - folder.stat().st_mtime > 60 and not is_running(folder):
                shutil.rmtree(folder, ignore_errors=True)


def is_running(folder: Path) -> bool:
    """Does the local AWS with this folder still run."""
    try:
        with (folder / "lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _launch(
    root: Credentials, folder: Path, kept_objects: Path | None, port: int
) -> subprocess.Popen[bytes]:
    environment = _environment(root)
    if kept_objects:
        environment |= {"S3_PERSIST": "1", "S3_DATA_DIR": str(kept_objects.resolve())}
    return subprocess.Popen(
        [str(environments.local_aws_python()), str(_LAUNCHER), str(folder), str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        start_new_session=True,  # Ctrl-C is for us; we stop it in our own time
    )


def _environment(root: Credentials) -> dict[str, str]:
    """All that the launcher, and so every function, sees. Nothing of the host's is handed on."""
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "AUTH": "true",  # signatures, form policies, IAM and CORS are checked
        "BIND_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "MINISTACK_REGION": REGION,
        "LOG_LEVEL": "WARNING",
        **root.environment,
    }


def _wait_until_ready(
    process: subprocess.Popen[bytes], root: Credentials, folder: Path
) -> LocalAws:
    # All three are pipes, asked for in _launch.
    with cast("IO[bytes]", process.stdout) as said, cast("IO[bytes]", process.stderr) as complaints:
        line = said.readline()
        if not line:
            raise NotStarted(f"The local AWS did not start: {complaints.read().decode().strip()}")
    endpoint_url = f"http://127.0.0.1:{int(line)}"
    # The port listens already: the first answer waits until MiniStack is ready to give it.
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
    try:
        administrator = make_user(client("iam", endpoint_url, root), "administrator", policy)
    except (BotoCoreError, ClientError) as error:
        log = (folder / "log").read_text(errors="replace") if folder.exists() else ""
        raise NotStarted(f"The local AWS did not answer: {error}\n{log}") from error
    return LocalAws(endpoint_url, administrator, folder, process.pid)


def _let_go(process: subprocess.Popen[bytes]) -> None:
    """Cuts the lifeline: the process goes on without us."""
    lifeline = cast("IO[bytes]", process.stdin)
    process.returncode = 0  # no longer ours to wait for
    lifeline.write(STAY)
    lifeline.close()


def make_user(iam: Any, name: str, policy_json: str) -> Credentials:
    """An IAM user who may do what the policy says, and its access key."""
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=policy_json)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Credentials(key["AccessKeyId"], key["SecretAccessKey"])


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Gracefully, then by force; returns when the launcher and all its workers are gone."""
    cast("IO[bytes]", process.stdin).close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_SECONDS)
    if process.returncode != 0:
        # It hangs, or it was killed and has left workers that are busy.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
