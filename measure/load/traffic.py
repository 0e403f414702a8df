"""Clients that upload and poll, and an event bus that delivers more than once.

A client knows nothing but the form and the URL it was given. What it read while it polled is kept,
because a document that goes back on its word is a fault even if its last word is right.
"""

from __future__ import annotations

import heapq
import itertools
import json
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from local.client import TERMINAL, NoAnswer
from local.client import send as send_file
from measure.load.cargo import File, Parcel
from upload_workflow.issue.issue import Issued
from upload_workflow.issue.request import UploadRequest

# The advice of docs/client.md, in small: the local AWS is as near as can be.
_FIRST_POLL_SECONDS, _SLOWER, _LONGEST_POLL_SECONDS = 0.5, 1.5, 5.0


@dataclass
class Delivery:
    """What became of a parcel, as its client saw it. Times are seconds since the epoch."""

    parcel: Parcel
    issued: Issued
    began: float  # the first file's POST
    posted: float
    seen: list[tuple[str | None, str]] = field(
        default_factory=list
    )  # (job id, state), changes only
    document: dict[str, Any] = field(default_factory=dict)
    not_modified: int = 0
    unanswered: int = 0

    @property
    def state(self) -> str:
        return str(self.document.get("state", "UNANSWERED"))

    @property
    def file(self) -> File | None:
        """The file that the document speaks of, if it is one of those that were sent."""
        etag = self.document.get("upload", {}).get("etag")
        return next((file for file in self.parcel.sends if file.etag == etag), None)


def upload(
    parcels: Sequence[Parcel],
    clients: int,
    issue: Callable[[UploadRequest], Issued],
    uploaded: Callable[[Delivery], None],
    posting: Callable[[Parcel, Issued], None] = lambda parcel, issued: None,
) -> None:
    """Send all parcels, this many at once.

    Calls `posting` before and `uploaded` after each, from the clients' threads.
    """
    waiting = iter(parcels)
    lock = threading.Lock()
    problems: list[BaseException] = []

    def client() -> None:
        try:
            while True:
                with lock:
                    parcel = next(waiting, None)
                if parcel is None:
                    return
                uploaded(send(parcel, issue, posting))
        except BaseException as problem:  # noqa: BLE001  raised in the caller's thread
            problems.append(problem)

    threads = [threading.Thread(target=client, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]


def send(
    parcel: Parcel,
    issue: Callable[[UploadRequest], Issued],
    posting: Callable[[Parcel, Issued], None] = lambda parcel, issued: None,
) -> Delivery:
    issued = issue(UploadRequest("image/jpeg", original_name=f"photo {parcel.number}.jpg"))
    posting(parcel, issued)
    began = time.time()
    for file in parcel.sends:
        send_file(issued.upload.to_json(), "photo.jpg", file.data)
    return Delivery(parcel, issued, began, time.time())


class Followers:
    """Polls the status of every delivery until it has its end, with ETags and growing intervals."""

    def __init__(self, threads: int, at_once: int) -> None:
        self._at_once = at_once
        self._due: list[tuple[float, int, float, Delivery, str | None]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._open, self._over = 0, False
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def follow(self, delivery: Delivery) -> None:
        """Waits first while too many have no end yet: a crowd of clients, not an endless queue."""
        with self._changed:
            while self._open >= self._at_once:
                self._changed.wait()
            self._open += 1
            self._push(delivery, _FIRST_POLL_SECONDS, None)

    def wait(self, seconds: float) -> int:
        """Until all have their end or the time is over; how many have none."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while self._open and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
            self._over = True
            self._due.clear()
            self._changed.notify_all()
            return self._open

    def _push(self, delivery: Delivery, interval: float, etag: str | None) -> None:
        due = time.monotonic() + interval
        heapq.heappush(self._due, (due, next(self._numbers), interval, delivery, etag))
        self._changed.notify_all()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._due or self._due[0][0] > time.monotonic():
                    if self._over:
                        return
                    wait = self._due[0][0] - time.monotonic() if self._due else None
                    self._changed.wait(wait)
                _, _, interval, delivery, etag = heapq.heappop(self._due)
            try:
                etag = poll(delivery, etag)
            except NoAnswer:
                delivery.unanswered += 1  # a client asks again, too
            with self._changed:
                if delivery.state in TERMINAL:
                    self._open -= 1
                    self._changed.notify_all()
                else:
                    self._push(delivery, min(interval * _SLOWER, _LONGEST_POLL_SECONDS), etag)


def poll(delivery: Delivery, etag: str | None) -> str | None:
    """Read the status once; returns its ETag."""
    url = urlsplit(delivery.issued.status.url)
    connection = HTTPConnection(url.netloc, timeout=30)
    try:
        headers = {"If-None-Match": etag} if etag else {}
        connection.request("GET", f"{url.path}?{url.query}", headers=headers)
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, HTTPException) as error:
        raise NoAnswer(f"GET {url.path}: {error!r}") from error
    finally:
        connection.close()
    if answer.status == 304:
        delivery.not_modified += 1
        return etag
    if answer.status != 200:
        raise NoAnswer(f"GET {url.path}: {answer.status} {body!r}")
    delivery.document = json.loads(body)
    read = (delivery.document["job_id"], delivery.document["state"])
    if not delivery.seen or delivery.seen[-1] != read:
        delivery.seen.append(read)
    return answer.headers["ETag"]


class Bus:
    """Hears all events of the local AWS, and sends some of those of uploads again, in any order."""

    def __init__(self, client: Callable[[str], Any], bucket: str, state_machine: str) -> None:
        self._sqs, self._workflow = client("sqs"), client("stepfunctions")
        self._events, self._state_machine = client("events"), state_machine
        self._urls: dict[str, str] = {}
        patterns = {
            "uploads": {"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}},
            "ends": {"source": ["upload-workflow"]},
        }
        for name, pattern in patterns.items():
            url = self._sqs.create_queue(QueueName=f"load-{name}")["QueueUrl"]
            self._urls[name] = url
            found = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
            self._events.put_rule(Name=f"load-{name}", EventPattern=json.dumps(pattern))
            target = {"Id": "queue", "Arn": found["Attributes"]["QueueArn"]}
            self._events.put_targets(Rule=f"load-{name}", Targets=[target])

    def close(self) -> None:
        for name, url in self._urls.items():
            self._events.remove_targets(Rule=f"load-{name}", Ids=["queue"])
            self._events.delete_rule(Name=f"load-{name}")
            self._sqs.delete_queue(QueueUrl=url)

    def drain(self, name: str, quiet_seconds: float) -> list[dict[str, Any]]:
        """The events of a queue, until none has come for this long."""
        found: list[dict[str, Any]] = []
        last = time.monotonic()
        while time.monotonic() - last < quiet_seconds:
            if batch := self._receive(name):
                found += batch
                last = time.monotonic()
        return found

    def _receive(self, name: str) -> list[dict[str, Any]]:
        url = self._urls[name]
        messages = self._sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1
        ).get("Messages", [])
        if messages:
            entries = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(messages)
            ]
            self._sqs.delete_message_batch(QueueUrl=url, Entries=entries)
        return [json.loads(message["Body"]) for message in messages]

    def repeat(self, extra: Callable[[str], int], seed: int, done: threading.Event) -> int:
        """Start executions for the copies that `extra` grants a key; how many were started."""
        dice = random.Random(seed)
        waiting: list[tuple[float, int, str]] = []
        numbers, started, left = itertools.count(), 0, 2
        while waiting or left:
            batch = self._receive("uploads")
            for event in batch:
                for _ in range(extra(event["detail"]["object"]["key"])):
                    due = time.monotonic() + dice.uniform(0, 3)
                    heapq.heappush(waiting, (due, next(numbers), json.dumps(event)))
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, text = heapq.heappop(waiting)
                self._workflow.start_execution(stateMachineArn=self._state_machine, input=text)
                started += 1
            # Twice nothing after the last upload: the queue is empty.
            left = 2 if batch or not done.is_set() else left - 1 if left else 0
        return started

    def executions(self) -> list[dict[str, Any]]:
        """Every execution with its status, its input and the seconds that it took, if it ended."""
        found = []
        pages = self._workflow.get_paginator("list_executions")
        for page in pages.paginate(stateMachineArn=self._state_machine):
            for execution in page["executions"]:
                described = self._workflow.describe_execution(
                    executionArn=execution["executionArn"]
                )
                begun, ended = described["startDate"], described.get("stopDate")
                found.append(
                    {
                        "status": described["status"],
                        "input": described["input"],
                        "seconds": (ended - begun).total_seconds() if ended else 0.0,
                    }
                )
        return found
