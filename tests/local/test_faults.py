"""The real chain under what real chains suffer: odd keys, killed workers, missing permissions."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from PIL import Image

from local.client import TERMINAL, request
from local.stack import Stack
from measure.load.__main__ import Scale, listen, run_all
from measure.load.cargo import RENDITIONS, picture
from measure.load.s3_endpoint import set_variables
from measure.load.traffic import Bus
from tests.local.processes import kill_workers
from upload_workflow.job.keys import status_key

PATIENCE_SECONDS = 60
# A line feed is missing: MiniStack's wildcards in policies do not match one, AWS's do. What the
# functions do with such a key is shown in tests/faults/test_functions.py.
ODD_NAMES = [
    "a b",
    "a+b",
    "a%2Bb",
    "100%",
    "caf\u00e9",
    "cafe\u0301",
    "a\x1b[31mred",
    "../b",
    "./b",
    "/a///b",
    "a/",
    "\U0001f4f7",
    "x" * 1016,
    "a&b=c",
    "a?b",
    "a#b",
    "\u202egnp.exe",
    "\"'<script>`",
    "a\\b",
]


class Desk:
    """Puts objects with any key and reads their status, as an owner of the buckets can."""

    def __init__(self, stack: Stack) -> None:
        self.s3 = stack.aws.client("s3")
        self.uploads, self.results = stack.outputs["uploads"], stack.outputs["results"]

    def put(self, name: str, data: bytes) -> str:
        key = f"{self.uploads['prefix']}{name}"
        self.s3.put_object(Bucket=self.uploads["bucket"], Key=key, Body=data)
        return key

    def status(self, key: str) -> dict[str, Any]:
        place = status_key(self.results["prefix"], key)
        try:
            body = self.s3.get_object(Bucket=self.results["bucket"], Key=place)["Body"].read()
        except ClientError as error:
            # By number: no XML can hold all of these keys, so its code cannot always be read.
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 404
            return {"state": "PENDING", "attempt": 0}
        document: dict[str, Any] = json.loads(body)
        return document

    def wait(self, key: str, until: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not until(document := self.status(key)):
            assert time.monotonic() < deadline, document
            time.sleep(0.02)
        return document

    def end(self, key: str) -> dict[str, Any]:
        return self.wait(key, lambda document: document["state"] in TERMINAL)


@pytest.fixture
def desk(stack: Stack) -> Desk:
    return Desk(stack)


@pytest.fixture
def bus(stack: Stack) -> Iterator[Bus]:
    heard = listen(stack)
    yield heard
    heard.close()


def test_every_key_is_converted_as_it_is_and_its_urls_can_be_followed(desk: Desk) -> None:
    uploaded = {name: desk.put(name, picture(0)) for name in ODD_NAMES}
    jobs = set()
    for name, key in uploaded.items():
        document = desk.end(key)
        assert document["state"] == "SUCCEEDED", (name, document)
        assert document["upload"]["key"] == key
        jobs.add(document["job_id"])
        for rendition in document["renditions"]:
            answer = request("GET", rendition["url"])
            assert (answer.status, len(answer.body)) == (200, rendition["bytes"]), name
    assert len(jobs) == len(ODD_NAMES)


def slow_picture() -> bytes:
    """A PNG that takes long enough for somebody to die meanwhile."""
    buffer = io.BytesIO()
    Image.effect_noise((4000, 3000), 90).convert("RGB").save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def is_running(attempt: int) -> Callable[[dict[str, Any]], bool]:
    return lambda found: found["state"] in TERMINAL or found["attempt"] > attempt


def test_a_worker_killed_in_mid_work_costs_an_attempt_and_no_image(
    stack: Stack, desk: Desk
) -> None:
    key = desk.put("killed once", slow_picture())
    desk.wait(key, is_running(0))
    kill_workers(stack.aws.pid)
    document = desk.end(key)
    assert (document["state"], document["attempt"]) == ("SUCCEEDED", 2)


def test_workers_killed_every_time_end_as_a_failure_told_once(
    stack: Stack, desk: Desk, bus: Bus
) -> None:
    key = desk.put("killed every time", slow_picture())
    attempt = 0
    while (found := desk.wait(key, is_running(attempt)))["state"] == "RUNNING":
        attempt = found["attempt"]
        kill_workers(stack.aws.pid)
    assert (found["state"], found["error"]["code"]) == ("FAILED", "Internal")
    told = [event for event in bus.drain("ends", 3) if event["detail"]["upload"]["key"] == key]
    assert [event["detail-type"] for event in told] == ["Upload Failed"]


def test_a_missing_permission_is_a_failure_with_its_name(stack: Stack, desk: Desk) -> None:
    function = stack.outputs["functions"]["convert_image"]["name"]
    role = stack.aws.client("lambda").get_function_configuration(FunctionName=function)["Role"]
    name, iam = role.rpartition("/")[2], stack.aws.client("iam")
    arn = f"arn:aws:s3:::{desk.uploads['bucket']}/*"
    denied = {"Effect": "Deny", "Action": ["s3:GetObject", "s3:GetObjectVersion"], "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [denied]})
    iam.put_role_policy(RoleName=name, PolicyName="deny", PolicyDocument=policy)
    try:
        document = desk.end(desk.put("denied", picture(0)))
    finally:
        iam.delete_role_policy(RoleName=name, PolicyName="deny")
    assert (document["state"], document["error"]["code"]) == ("FAILED", "AccessDenied")


@pytest.fixture
def three_jpegs(stack: Stack) -> Iterator[None]:
    """The renditions whose bytes the load knows beforehand."""
    functions = stack.aws.client("lambda")
    names = [function["name"] for function in stack.outputs["functions"].values()]
    before = {
        name: functions.get_function_configuration(FunctionName=name)["Environment"]
        for name in names
    }
    set_variables(stack, names, {"RENDITIONS": json.dumps(RENDITIONS)})
    yield
    for name, environment in before.items():
        functions.update_function_configuration(
            FunctionName=name, Environment={"Variables": environment["Variables"]}
        )


@pytest.mark.usefixtures("three_jpegs")
def test_a_small_load_with_faults_ends_right(stack: Stack) -> None:
    scale = Scale(uploads=40, clients=4, burst=0, idle=0, kill_every_seconds=1000)
    (run,) = run_all(stack, scale)
    assert run.findings.examples == []
    assert run.findings.uploads == 40
    assert set(run.findings.ends) == {"SUCCEEDED", "REJECTED"}
    assert run.figures["events_repeated"] > 0
    assert run.figures["requests_spoiled"]["answer lost"] > 0
