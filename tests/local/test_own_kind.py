"""The example's kind of work on the local AWS: packed as its README says, killed, redriven."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import wave
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from local import client, paths
from local.aws.server import LocalAws
from local.stack import Stack, apply, configured
from tests.local.laboratory import wait_for
from tests.local.processes import kill_workers
from tests.ops.operator_desk import Desk

EXAMPLE = paths.REPOSITORY / "examples/own-kind"


@pytest.fixture(scope="module")
def kind_package(package_file: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the README's first two commands make, of a zip for this machine."""
    if not shutil.which("zip"):
        pytest.skip("This machine has no zip, which the README asks for.")
    folder = tmp_path_factory.mktemp("kind")
    shutil.copy(EXAMPLE / "waveform.py", folder)
    said = re.findall(r"^(?:cp|zip) .*$", (EXAMPLE / "README.md").read_text("utf-8"), re.MULTILINE)
    assert len(said) == 2
    usual = "../../build/upload_workflow-x86_64.zip"
    assert usual in said[0]
    commands = "\n".join(said).replace(usual, package_file)
    shell = ["sh", "-ec", commands]
    subprocess.run(shell, cwd=folder, check=True, capture_output=True)
    return str(folder / "waveform.zip")


@pytest.fixture(scope="module")
def stack(
    aws: LocalAws, kind_package: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    variables = {
        "name": "sounds",
        "package_file": kind_package,
        "conversion": {"handler": "waveform.handler"},
        "upload_api": {"authorization": "NONE", "content_types": ["audio/wav"], "page": True},
    }
    with configured(aws, tmp_path_factory.mktemp("sounds"), variables) as root:
        yield apply(aws, root)


def sound(samples: int) -> bytes:
    """A tone that grows louder."""
    period = b"\0\0\xff\x1f\0\0\x01\xe0"
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(44_100)
        file.writeframes(period * (samples // 4))
    return data.getvalue()


def issued(stack: Stack, content_type: str) -> tuple[int, dict[str, Any]]:
    url = f"{stack.outputs['upload_api']['url']}uploads"
    body = json.dumps({"content_type": content_type, "original_name": "tone.wav"}).encode()
    answer = client.request("POST", url, body, {"Content-Type": "application/json"})
    return answer.status, json.loads(answer.body)


def ended(stack: Stack, data: bytes) -> dict[str, Any]:
    """The status document of a sound that was uploaded as a client uploads it."""
    _, answer = issued(stack, "audio/wav")
    client.send(answer["upload"], "tone.wav", data)
    return client.follow(answer["status_url"], 120)


def test_a_sound_becomes_a_waveform_that_its_url_shows(stack: Stack) -> None:
    document = ended(stack, sound(40_000))
    assert document["state"] == "SUCCEEDED", document.get("error")
    assert "image" not in document
    (made,) = document["renditions"]
    assert (made["name"], made["content_type"]) == ("waveform", "image/png")
    data = client.request("GET", made["url"]).body
    assert Image.open(io.BytesIO(data)).size == (made["width"], made["height"]) == (800, 160)


def test_the_api_and_its_page_ask_for_what_the_kind_takes(stack: Stack) -> None:
    assert issued(stack, "audio/wav")[0] == 201
    assert issued(stack, "image/jpeg")[0] == 400
    page = client.request("GET", stack.outputs["upload_api"]["url"]).body.decode()
    assert 'accept="audio/wav"' in page and "Upload pictures" not in page


def test_what_is_no_sound_is_refused_in_the_kinds_own_words(stack: Stack) -> None:
    refused = ended(stack, b"no sound at all")
    assert (refused["state"], refused["error"]["code"]) == ("REJECTED", "Refused")
    assert refused["error"]["message"].startswith("This is no WAV file")


def test_a_job_that_is_killed_in_the_middle_ends_when_it_is_redriven(stack: Stack) -> None:
    desk = Desk(stack, "sounds")
    keys = desk.upload((f"killed/{number}.wav" for number in range(3)), sound(20_000_000))
    wait_for("a start", lambda: "RUNNING" in desk.states("killed/").values(), 60)
    states = stack.aws.client("stepfunctions")
    machine = stack.outputs["state_machine"]["arn"]
    running = states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]
    assert running
    for execution in running:
        states.stop_execution(executionArn=execution["executionArn"])
    assert kill_workers(stack.aws.pid) > 0
    ends = {"SUCCEEDED", "FAILED"}
    wait_for("ends", lambda: set(desk.states("killed/").values()) <= ends, 120)
    assert "FAILED" in desk.states("killed/").values()
    done = desk.ask("redrive", "--prefix", "uploads/killed/", "--yes", "--wait", "120")
    assert {job["end"] for job in done["jobs"]} == {"SUCCEEDED"}
    assert desk.states("killed/") == dict.fromkeys(keys, "SUCCEEDED")
