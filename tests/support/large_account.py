"""A workflow with as many jobs and letters as asked for, made up call by call, in process.

Each call takes a time that is asked for, too, as a network would. For what `ops` keeps in memory
and how long it takes; what it does is shown on moto's account.
"""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from botocore.exceptions import ClientError

from tests.support import workflow_file
from upload_workflow.job.document import Problem, State, StatusDocument, Subject, timestamp
from upload_workflow.job.keys import job_id
from upload_workflow.ops.workflow import Aws, Workflow

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
_PAGE = 1000
_URL = "https://example.com/" + "x" * 1500  # as long as a signed one
_HIDDEN = "ApproximateNumberOfMessagesNotVisible"


@dataclass
class LargeAccount:
    """jobs: uploads, each with a document that has failed or, the other half, succeeded.

    latency: seconds of each call.
    """

    jobs: int
    letters: int = 0
    latency: float = 0.0
    calls: int = 0
    at_once: int = 0
    most_at_once: int = 0
    started: list[str] = field(default_factory=list)
    first_letter_at: float | None = None
    first_start_at: float | None = None

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._visible = list(range(self.letters))
        self._held: set[int] = set()

    @property
    def hidden(self) -> int:
        return len(self._held)

    @property
    def visible(self) -> int:
        return len(self._visible)

    @property
    def workflow(self) -> Workflow:
        return Workflow(cast(Aws, self.aws), "workflow", "aws", "eu-west-1", "123456789012")

    @property
    def aws(self) -> Any:
        def client(**calls: Any) -> Any:
            return SimpleNamespace(**{name: self._counted(call) for name, call in calls.items()})

        s3 = client(get_object=self._get_object, head_object=self._head_object)
        pages = {"list_objects_v2": self._pages, "list_object_versions": self._version_pages}
        s3.get_paginator = lambda name: SimpleNamespace(paginate=pages[name])
        return SimpleNamespace(
            s3=s3,
            states=client(
                describe_state_machine=lambda **_: {
                    "type": "STANDARD",
                    "roleArn": "a/b",
                    "definition": json.dumps(workflow_file.remake()),
                },
                describe_execution=self._no_execution,
                start_execution=self._start,
            ),
            events=client(
                describe_rule=lambda **_: {
                    "Arn": "arn:aws:events:eu-west-1:123456789012:rule/r",
                    "State": "ENABLED",
                    "EventPattern": json.dumps(
                        {
                            "detail": {
                                "bucket": {"name": ["uploads"]},
                                "object": {"key": [{"prefix": "uploads/"}]},
                            }
                        }
                    ),
                },
                list_targets_by_rule=lambda **_: {"Targets": []},
            ),
            functions=client(
                get_function_configuration=lambda **_: {
                    "MemorySize": 1769,
                    "Timeout": 60,
                    "LastModified": "2026-02-28T12:00:00.000+0000",
                    "Environment": {
                        "Variables": {
                            "RESULTS_BUCKET": "results",
                            "RESULTS_PREFIX": "results/",
                            "SERVED_FROM": "",
                            "RENDITIONS": "{}",
                        }
                    },
                }
            ),
            sqs=client(
                get_queue_url=lambda **_: {"QueueUrl": "queue"},
                get_queue_attributes=lambda **_: {
                    "Attributes": {
                        "ApproximateNumberOfMessages": str(self.visible),
                        _HIDDEN: str(self.hidden),
                    }
                },
                receive_message=self._receive,
                delete_message=self._delete,
                change_message_visibility_batch=self._give_back,
            ),
        )

    def _counted(self, call: Any) -> Any:
        def counted(**request: Any) -> Any:
            with self._lock:
                self.calls += 1
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
            time.sleep(self.latency)
            try:
                return call(**request)
            finally:
                with self._lock:
                    self.at_once -= 1

        return counted

    def _pages(self, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:
        whole = self._counted(self._page)
        if Prefix.endswith("sha256-"):
            yield whole(bucket=Bucket, first=0, last=0)
            return
        for first in range(0, self.jobs, _PAGE):
            yield whole(bucket=Bucket, first=first, last=min(first + _PAGE, self.jobs))

    def _version_pages(self, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:
        """Of the whole bucket, or of one key: then all of it that there is."""
        listing = Prefix in ("uploads/", "results/uploads/", "results/sha256-")
        pages = self._pages(Bucket, Prefix) if listing else [{"Contents": [{"Key": Prefix}]}]
        for page in pages:
            yield {
                "Versions": [
                    {"Key": one["Key"], "VersionId": "v", "ETag": '"e"', "IsLatest": True}
                    for one in page["Contents"]
                ]
            }

    def _page(self, bucket: str, first: int, last: int) -> dict[str, Any]:
        found = [
            {
                "Key": _key(number)
                if bucket == "uploads"
                else f"results/{_key(number)}/status.json",
                "ETag": f'"{number}"',
                "Size": 9,
                "LastModified": NOON + timedelta(seconds=number),
            }
            for number in range(first, last)
        ]
        return {"Contents": found}

    def _get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        number = int(Key.split("/")[2])
        if number >= self.jobs:  # of a letter whose upload has no document
            raise _missing("NoSuchKey")
        return {"Body": io.BytesIO(_document(number).to_bytes())}

    def _head_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        number = int(Key.split("/")[1])
        return {"ETag": f'"{number}"', "ContentLength": 9, "LastModified": NOON}

    def _no_execution(self, **_: Any) -> Any:
        raise _missing("ExecutionDoesNotExist")

    def _start(self, name: str, **_: Any) -> dict[str, Any]:
        with self._lock:
            self.first_start_at = self.first_start_at or time.monotonic()
            self.started.append(name)
        return {}

    def _receive(self, **_: Any) -> dict[str, Any]:
        with self._lock:
            taken, self._visible = self._visible[:10], self._visible[10:]
            self._held.update(taken)
            if taken:
                self.first_letter_at = self.first_letter_at or time.monotonic()
        return {"Messages": [_letter(self.jobs + number, number) for number in taken]}

    def _delete(self, ReceiptHandle: str, **_: Any) -> dict[str, Any]:
        with self._lock:
            self._held.discard(int(ReceiptHandle))
        return {}

    def _give_back(self, Entries: list[dict[str, Any]], **_: Any) -> dict[str, Any]:
        with self._lock:
            for entry in Entries:
                number = int(entry["ReceiptHandle"])
                if number in self._held:
                    self._held.discard(number)
                    self._visible.append(number)
        return {}


def _key(number: int) -> str:
    return f"uploads/{number:08}/original"


def _document(number: int) -> StatusDocument:
    key = _key(number)
    failed = number % 2 == 0
    return StatusDocument(
        state=State.FAILED if failed else State.SUCCEEDED,
        upload=Subject("uploads", key, etag=str(number)),
        job_id=job_id("uploads", key, str(number)),
        execution=f"e{number}",
        error=Problem("Internal", _URL, retryable=True),
        created_at=timestamp(NOON),
        updated_at=timestamp(NOON + timedelta(seconds=number)),
    )


def _letter(key: int, number: int) -> dict[str, Any]:
    thing = {"key": _key(key), "size": 9, "etag": str(key), "sequencer": "1"}
    event = {
        "source": "aws.s3",
        "detail": {"bucket": {"name": "uploads"}, "object": thing},
        "padding": "x" * 600,
    }
    return {"MessageId": str(number), "ReceiptHandle": str(number), "Body": json.dumps(event)}


def _missing(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, code)
