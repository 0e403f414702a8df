"""A run that is cut off in the middle leaves no job without an end that `jobs` does not show."""

from __future__ import annotations

import io
import json
import os
import signal
from collections import Counter
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from PIL import Image

from local import client
from local.aws.server import LocalAws, local_aws
from local.issuing import issuer
from local.stack import Stack, apply, configured
from tests.local.laboratory import wait_for
from tests.local.processes import kill_workers
from tests.ops.conftest import NAME
from tests.ops.operator_desk import Desk, picture
from upload_workflow.issue.request import UploadRequest
from upload_workflow.ops import redrive


@pytest.fixture(scope="module")
def desk(stack: Stack) -> Desk:
    return Desk(stack, NAME)


def test_after_its_workers_and_executions_were_killed_every_job_is_shown_and_ends(
    desk: Desk, stack: Stack
) -> None:
    keys = desk.upload((f"killed/{number}.jpg" for number in range(12)), picture(3000, 2000))
    wait_for("a start", lambda: {"RUNNING", "SUCCEEDED"} & set(desk.states("killed/").values()), 60)
    states = stack.aws.client("stepfunctions")
    machine = stack.outputs["state_machine"]["arn"]
    running = states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]
    for execution in running:
        with suppress(ClientError):  # it ended meanwhile
            states.stop_execution(executionArn=execution["executionArn"])
    assert kill_workers(stack.aws.pid) > 0

    assert set(desk.states("killed/")) == set(keys)
    ends = {"SUCCEEDED", "FAILED"}
    wait_for("ends", lambda: set(desk.states("killed/").values()) <= ends, 120)
    done = desk.ask("redrive", "--prefix", "uploads/killed/", "--yes", "--wait", "120")
    assert {job["end"] for job in done["jobs"]} <= {"SUCCEEDED"}
    assert Counter(desk.states("killed/").values()) == {"SUCCEEDED": 12}


# Of a picture of noise they keep a function busy for seconds, so that there is a middle.
SLOW_RENDITIONS = {f"slow-{n}": {"width_px": 1600 - n, "format": "avif"} for n in range(3)}


def noise() -> bytes:
    data = io.BytesIO()
    Image.effect_noise((1600, 1200), 60).convert("RGB").save(data, "JPEG", quality=80)
    return data.getvalue()


def shorten_leases(stack: Stack, seconds: int) -> None:
    """What a dead execution has claimed is anybody's after that; usually after 75 seconds."""
    function = stack.aws.client("lambda")
    name = stack.outputs["functions"]["convert_image"]["name"]
    settings = function.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    environment = {"Variables": {**settings, "LEASE_SECONDS": str(seconds)}}
    function.update_function_configuration(FunctionName=name, Environment=environment)


def send_by_form(stack: Stack, data: bytes) -> str:
    """As a client to whom an upload was issued, which seeds its document; the key."""
    issued = issuer(stack)(UploadRequest("image/jpeg"))
    client.send(issued.upload.to_json(), "picture.jpg", data)
    return issued.key


def ended_jobs(stack: Stack) -> dict[str, bytes]:
    """The document of every job that succeeded, byte for byte; its renditions are all there."""
    s3, bucket = stack.aws.client("s3"), stack.outputs["results"]["bucket"]

    def read(key: str) -> bytes:
        return bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    ended = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for key in [found["Key"] for found in page["Contents"]]:
            if key.endswith("/status.json") and b'"state":"SUCCEEDED"' in (body := read(key)):
                document = json.loads(body)
                for rendition in document["renditions"]:
                    assert sha256(read(rendition["key"])).hexdigest() == rendition["sha256"]
                ended[document["upload"]["key"]] = body
    return ended


def job_ids(desk: Desk) -> dict[str, str]:
    """By key, of all jobs that were ever claimed."""
    return {job["key"]: job["job_id"] for job in desk.ask("jobs") if job["job_id"]}


def what_is_there(aws: LocalAws) -> dict[str, int]:
    """How many things of each kind that the module makes."""
    found = {
        "functions": aws.client("lambda").list_functions()["Functions"],
        "state machines": aws.client("stepfunctions").list_state_machines()["stateMachines"],
        "queues": aws.client("sqs").list_queues().get("QueueUrls", []),
        "rules": aws.client("events").list_rules()["Rules"],
        "roles": aws.client("iam").list_roles()["Roles"],
        "buckets": aws.client("s3").list_buckets()["Buckets"],
    }
    return {kind: len(things) for kind, things in found.items() if things}


def test_when_only_the_buckets_survive_another_apply_and_a_redrive_end_every_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state of Terraform is the old one; what it speaks of is gone, but for two buckets."""
    objects, state = tmp_path / "objects", tmp_path / "stack"
    variables = {"name": "revived", "renditions": SLOW_RENDITIONS}
    with local_aws(kept_objects=objects) as aws, configured(aws, state, variables) as root:
        stack = apply(aws, root)
        desk = Desk(stack, "revived")
        shorten_leases(stack, 5)
        keys = desk.upload(["first.jpg"])
        wait_for("an end", lambda: set(desk.states().values()) == {"SUCCEEDED"}, 60)
        ended = ended_jobs(stack)
        never_sent = issuer(stack)(UploadRequest("image/jpeg")).key
        keys += [send_by_form(stack, noise()) for _ in range(2)]
        keys += desk.upload((f"{number}.jpg" for number in range(3)), noise())
        wait_for("the middle", lambda: {"RUNNING", "WAITING"} <= set(desk.states().values()), 60)
        os.killpg(aws.pid, signal.SIGKILL)

    with local_aws(kept_objects=objects) as aws, configured(aws, state, variables) as root:
        assert what_is_there(aws) == {"buckets": 2}
        stack = apply(aws, root)
        desk = Desk(stack, "revived")
        assert set(desk.states()) == set(keys)
        assert [job["key"] for job in desk.ask("jobs", "--state", "ISSUED")] == [never_sent]
        wait_for("the leases' end", lambda: "RUNNING" not in desk.states().values())
        cut_off = set(desk.states().values()) - {"SUCCEEDED"}
        assert cut_off and cut_off <= {"STUCK", "WAITING"}  # by the moment of the kill
        survived, claimed = ended_jobs(stack), job_ids(desk)
        assert ended and ended.items() <= survived.items()

        # For somebody who comes a quarter of an hour later.
        monkeypatch.setattr(redrive, "PATIENCE", redrive.PATIENCE * 0)
        done = desk.ask("redrive", "--yes", "--wait", "120")
        assert {job["key"] for job in done["jobs"]} == set(keys) - set(survived)
        assert {job["end"] for job in done["jobs"]} == {"SUCCEEDED"}
        assert desk.states() == dict.fromkeys(keys, "SUCCEEDED")
        after = ended_jobs(stack)
        assert set(after) == set(keys)
        assert survived.items() <= after.items()
        assert claimed.items() <= job_ids(desk).items()

        (new,) = desk.upload(["new.jpg"])
        wait_for("an end", lambda: desk.states("new")[new] == "SUCCEEDED", 60)
        assert "No changes." in root.run("plan").stdout
