"""Files that no header tells, through the whole workflow: refused at once, and nobody is woken."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import Any

import pytest

from local import client
from local.issuing import issuer
from local.stack import Stack
from tests.corpus.quantities import KINDS, LARGEST
from tests.local.laboratory import wait_for
from tests.local.pictures import photograph
from tests.local.processes import converters
from tests.unit.test_escapes import chunk, png_with
from upload_workflow.issue.request import UploadRequest

# The deadline of the module's defaults, on a machine that may be busy with something else.
PATIENCE_SECONDS = 150

HOSTILE = {
    "a text that is called as a finding of Pillow's": (
        lambda: png_with(chunk(b"tEXt", b"duration\0abc")),
        "SUCCEEDED",
        None,
    ),
    "a profile of 130,000 stages": (
        lambda: KINDS["png_profile_of_stages"](130_000),
        "SUCCEEDED",
        None,
    ),
    "tiles that share their data": (
        lambda: KINDS["tiff_tiles_that_share_data"](1_000_000),
        "REJECTED",
        "TooComplex",
    ),
    "a picture of one row": (lambda: KINDS["png_row"](70_000_000), "REJECTED", "TooManyPixels"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_ends_at_its_first_attempt_and_nobody_is_woken(
    name: str, stack: Stack
) -> None:
    make, state, code = HOSTILE[name]
    judge(stack, upload(stack, make()), state, code)


def test_a_converter_that_is_killed_at_work_is_no_failure(stack: Stack) -> None:
    """As the kernel does it where memory ends; a file that keeps it at work for a while."""
    issued = issuer(stack)(UploadRequest("image/bmp"))
    client.send(issued.upload.to_json(), "upload", KINDS["bmp_moves"](LARGEST["bmp_moves"]))

    def at_work() -> list[int]:
        return [pid for pid in converters(stack.aws.pid) if cpu_seconds(pid) > 1]

    for pid in wait_for("a converter at work", at_work, PATIENCE_SECONDS):
        os.kill(pid, signal.SIGKILL)
    document = client.follow(issued.status.url, PATIENCE_SECONDS)
    judge(stack, document, "REJECTED", "TooMuchMemory")


def judge(stack: Stack, document: dict[str, Any], state: str, code: str | None) -> None:
    assert document["state"] == state
    assert document.get("error", {}).get("code") == code
    assert document["attempt"] == 1
    # Green: ExecutionsFailed, and whatever else an alarm watches, has nothing to count.
    assert execution(stack, document)["status"] == "SUCCEEDED"
    (line,) = lines(stack, document)
    assert line.get("fence") in ("memfd", None if code else "memfd")
    assert "Unforeseen" not in line
    assert upload(stack, photograph(600, 400))["state"] == "SUCCEEDED"


def cpu_seconds(pid: int) -> float:
    clock = (~pid << 3) | 2  # of the CPU of a process: clock_getcpuclockid(3)
    return time.clock_gettime(clock)


def upload(stack: Stack, data: bytes) -> dict[str, Any]:
    """The document with the upload's end."""
    issued = issuer(stack)(UploadRequest("image/png"))
    client.send(issued.upload.to_json(), "upload", data)
    return client.follow(issued.status.url, PATIENCE_SECONDS)


def execution(stack: Stack, document: dict[str, Any]) -> dict[str, Any]:
    states = stack.aws.client("stepfunctions")
    arn = stack.outputs["state_machine"]["arn"].replace(":stateMachine:", ":execution:")
    found: dict[str, Any] = {"status": "RUNNING"}
    while found["status"] == "RUNNING":
        found = states.describe_execution(executionArn=f"{arn}:{document['execution']}")
    return found


def lines(stack: Stack, document: dict[str, Any]) -> list[dict[str, Any]]:
    """What the conversion's log says of the job, one line for each attempt."""
    logs = stack.aws.client("logs")
    group = f"/aws/lambda/{stack.outputs['functions']['convert_image']['name']}"
    found = []
    for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group):
        for event in page["events"]:
            if document["job_id"] in event["message"]:
                found.append(json.loads(event["message"]))
    return found
