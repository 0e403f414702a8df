"""examples/events on the local AWS: a queue, a function and a server hear of each end."""

from __future__ import annotations

import json
import shutil
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from local import client, paths
from local.aws.server import LocalAws, make_user
from local.issuing import issuer
from local.stack import Stack, package
from local.terraform.core import initialised
from tests.local.pictures import photograph
from tests.terraform.roots import unpacked
from upload_workflow.issue.issue import Issued
from upload_workflow.issue.request import UploadRequest

EXAMPLE = paths.REPOSITORY / "examples" / "events"
# A stand-in for boto3, which Lambda has and the local AWS has not.
BOTO3 = """import botocore.session


def client(name):
    return botocore.session.Session().create_client(name)
"""
# What a user's own root would say; the local endpoint has no host name for every bucket.
AROUND = """
terraform {
  backend "local" {}
}

provider "aws" {
  s3_use_path_style = true
}
"""


@dataclass
class Backend:
    """A server of somebody else's, and what it was told."""

    port: int
    told: list[tuple[str | None, dict[str, Any]]] = field(default_factory=list)


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            heard.told.append((self.headers["x-api-key"], json.loads(body)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    heard = Backend(server.server_port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield heard
    server.shutdown()


@dataclass(frozen=True)
class Example:
    """The example, applied. outputs: its own."""

    aws: LocalAws
    outputs: Mapping[str, Any]
    issue: Callable[[UploadRequest], Issued]
    backend: Backend

    def queue(self, count: int) -> list[dict[str, Any]]:
        """This many messages of the queue, taken off it."""
        sqs, url = self.aws.client("sqs"), self.outputs["queue_url"]
        found: list[dict[str, Any]] = []
        deadline = time.monotonic() + 60
        while len(found) < count and time.monotonic() < deadline:
            answer = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MaxNumberOfMessages=10)
            for message in answer.get("Messages", []):
                found.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def function(self, words: str, count: int = 1) -> list[dict[str, Any]]:
        """What the function printed that holds these words."""
        logs = self.aws.client("logs")
        deadline = time.monotonic() + 60
        while True:
            events = logs.filter_log_events(logGroupName="/aws/lambda/events-consumer")["events"]
            texts = [event["message"] for event in events]
            found = [text[text.index("{") :] for text in texts if words in text and "{" in text]
            if len(found) >= count or time.monotonic() > deadline:
                return [json.loads(text) for text in found]
            time.sleep(0.3)


@pytest.fixture(scope="module")
def example(
    aws: LocalAws, backend: Backend, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Example]:
    module = unpacked(tmp_path_factory.mktemp("events") / "module", None)
    folder = module / "examples" / "events"
    shutil.copytree(EXAMPLE, folder)
    (folder / "around.tf").write_text(AROUND)
    consumer = module / "consumer.zip"
    with zipfile.ZipFile(consumer, "w") as made:
        made.write(folder / "consumer" / "handler.py", "handler.py")
        made.writestr("boto3.py", BOTO3)
    variables = {
        "name": "events",
        "package_file": str(package()),
        "consumer_package": str(consumer),
        "backend": {"url": f"http://127.0.0.1:{backend.port}/uploads", "key": "the backend's key"},
    }
    with initialised(folder, module / "data", aws, variables) as root:
        root.run("apply", "-auto-approve", "-input=false")
        outputs = root.outputs()
        signer = make_user(
            aws.client("iam"), "events-signer", outputs["upload_workflow"]["signer_policy_json"]
        )
        stack = Stack(aws, root, outputs["upload_workflow"], signer)
        yield Example(aws, outputs, issuer(stack), backend)


def upload(example: Example, data: bytes, **facts: str) -> dict[str, Any]:
    """The status document at its end."""
    issued = example.issue(UploadRequest("image/jpeg", original_name="a.jpg", metadata=facts))
    client.send(issued.upload.to_json(), "a.jpg", data)
    return client.follow(issued.status.url, 60)


def test_a_queue_a_function_and_a_server_hear_of_a_success(example: Example) -> None:
    status = upload(example, photograph(320, 240), album="4711")
    assert status["state"] == "SUCCEEDED"
    (message,) = example.queue(1)
    assert message["detail-type"] == "Upload Succeeded"
    assert message["detail"]["upload"]["metadata"] == {"album": "4711"}
    (fact,) = example.function(status["job_id"])
    assert fact["pictures"] == {made["name"]: made["key"] for made in status["renditions"]}
    assert fact["metadata"] == {"album": "4711"}
    until(lambda: example.backend.told)
    key, told = example.backend.told.pop()
    assert key == "the backend's key"
    assert told == message["detail"]


def test_a_rejection_is_told_and_what_was_ignored_is_not(example: Example) -> None:
    issued = example.issue(UploadRequest("image/jpeg"))
    for data in (b"no picture", photograph(32, 24)):
        client.send(issued.upload.to_json(), "a.jpg", data)
        status = client.follow(issued.status.url, 60)
    other = upload(example, photograph(48, 24))
    told = [message["detail"] for message in example.queue(2)]
    assert [each["job_id"] for each in told] == [status["job_id"], other["job_id"]]
    assert told[0]["error"]["code"] == "NotAnImage"


def test_a_forged_event_moves_nobody_who_reads_the_document(example: Example) -> None:
    upload(example, photograph(64, 24))
    (message,) = example.queue(1)
    forged = {**message["detail"], "job_id": "b" * 26}
    example.aws.client("events").put_events(
        Entries=[
            {
                "Source": "upload-workflow",
                "DetailType": "Upload Succeeded",
                "Detail": json.dumps(forged),
            }
        ]
    )
    assert len(example.queue(1)) == 1  # the queue hears of it, as it would of any event
    assert example.function("b" * 26) == [{"ignored": "b" * 26}]


def test_another_workflows_events_do_not_match(example: Example) -> None:
    outputs = example.outputs["upload_workflow"]
    events = example.aws.client("events")
    pattern = outputs["events"]["pattern_json"]
    upload_ = {"bucket": outputs["uploads"]["bucket"], "key": "uploads/x"}
    mine = {
        "source": "upload-workflow",
        "detail-type": "Upload Failed",
        "account": "1",
        "region": "r",
        "time": "2026-03-01T12:00:00Z",
        "id": "1",
        "resources": [],
        "detail": {"upload": upload_, "results": {"bucket": outputs["results"]["bucket"]}},
    }

    def matches(**changes: Any) -> bool:
        event = json.dumps({**mine, **changes})
        answer = events.test_event_pattern(EventPattern=pattern, Event=event)
        result: bool = answer["Result"]
        return result

    detail = mine["detail"]
    assert matches()
    assert not matches(source="other")
    assert not matches(**{"detail-type": "Upload Ignored"})
    assert not matches(detail={**detail, "results": {"bucket": "another"}})  # type: ignore[dict-item]
    assert not matches(detail={**detail, "upload": {**upload_, "key": "other/x"}})  # type: ignore[dict-item]


def until(there: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not there() and time.monotonic() < deadline:
        time.sleep(0.1)
