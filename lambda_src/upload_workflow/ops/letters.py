"""Reads the dead letters: events that started nothing, and failures that nobody recorded.

Knows the queue and what EventBridge and Lambda write on an envelope. Does not decide what
becomes of a letter.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from typing import Any, Self

from botocore.exceptions import ClientError

from ..errors import Rejected
from ..job.upload import Upload
from . import interrupts
from .crowd import concurrently
from .workflow import THREADS, Workflow, error_code

_BATCH = 10  # SQS's limit for one call


class Origin(StrEnum):
    """Why an event lies here."""

    NOT_DELIVERED = "not delivered"
    NOT_RECORDED = "failure not recorded"
    HELD = "held while paused"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Letter:
    """input: what the execution of its upload gets or got; None if that cannot be read.

    error: EventBridge's or Lambda's code and message.
    """

    message_id: str
    origin: Origin
    sent_at: datetime
    input: Mapping[str, Any] | None = None
    upload: Upload | None = None
    error: str | None = None


class Taken:
    """Letters that nobody else sees until they are settled, or given back at the end of `with`.

    They are given back on every way out: at the end, on an error, on Ctrl-C. Only a process that
    is killed keeps them hidden, for hold_seconds at most.
    """

    def __init__(self, workflow: Workflow, hold_seconds: int) -> None:
        self._workflow = workflow
        self._hold_seconds = hold_seconds
        self._lock = threading.Lock()
        self._receipts: dict[str, str] = {}  # of what is ours, by the letter's id
        self._seen: set[str] = set()
        self._is_dry = False
        self._reading: Generator[list[Letter]] | None = None
        self.overlooked = False  # whether there were more than could be held at a time

    def __enter__(self) -> Self:
        interrupts.hold()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self._reading is not None:
                self._reading.close()  # what is just being received is ours, too
            self._give_back()
        finally:
            interrupts.release()

    def __iter__(self) -> Iterator[Letter]:
        """Every letter once, as they come."""
        self._is_dry = False
        visible = count(self._workflow).visible
        # As many batches ahead as there are letters for, and no more than are worked off in time.
        ahead = max(1, min(THREADS, -(-visible // _BATCH)))
        self._reading = concurrently(lambda _: self._receive(), self._until_dry(), ahead)
        for batch in self._reading:
            yield from batch

    def _until_dry(self) -> Iterator[None]:
        while not self._is_dry:
            yield None

    def _receive(self) -> list[Letter]:
        try:
            answer = self._workflow.aws.sqs.receive_message(
                QueueUrl=self._workflow.dead_letters_url,
                MaxNumberOfMessages=_BATCH,
                VisibilityTimeout=self._hold_seconds,
                WaitTimeSeconds=1,  # asks all servers of the queue: an empty answer means empty
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["SentTimestamp"],
            )
        except ClientError as error:
            if error_code(error).rpartition(".")[2] != "OverLimit":
                raise
            self._is_dry = self.overlooked = True  # 120,000 are held
            return []
        new = []
        with self._lock:
            for message in answer.get("Messages", []):
                self._receipts[message["MessageId"]] = message["ReceiptHandle"]
                if message["MessageId"] not in self._seen:
                    self._seen.add(message["MessageId"])
                    new.append(message)
                else:
                    # So long a queue that its first letters can be seen again.
                    self.overlooked = True
            # Nothing new: the queue is empty, or it begins again.
            self._is_dry |= not new
        return [parse(message) for message in new]

    def settle(self, letter: Letter) -> None:
        """What the letter stands for is done: it is deleted."""
        with self._lock:
            receipt = self._receipts[letter.message_id]
        self._workflow.aws.sqs.delete_message(
            QueueUrl=self._workflow.dead_letters_url, ReceiptHandle=receipt
        )
        with self._lock:
            del self._receipts[letter.message_id]

    def _give_back(self) -> None:
        with ThreadPoolExecutor(THREADS) as threads:
            # All are tried, also where one is refused.
            returned = [threads.submit(self._return, one) for one in _batches(self._receipts)]
        for future in returned:
            future.result()

    def _return(self, message_ids: Sequence[str]) -> None:
        self._workflow.aws.sqs.change_message_visibility_batch(
            QueueUrl=self._workflow.dead_letters_url,
            Entries=[
                {
                    "Id": str(index),
                    "ReceiptHandle": self._receipts[message_id],
                    "VisibilityTimeout": 0,
                }
                for index, message_id in enumerate(message_ids)
            ],
        )


@dataclass(frozen=True, slots=True)
class Count:
    """About how many letters there are. held: those that some reader has and may give back."""

    visible: int
    held: int


def count(workflow: Workflow) -> Count:
    attributes = workflow.aws.sqs.get_queue_attributes(
        QueueUrl=workflow.dead_letters_url,
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )["Attributes"]
    return Count(
        int(attributes.get("ApproximateNumberOfMessages", 0)),
        int(attributes.get("ApproximateNumberOfMessagesNotVisible", 0)),
    )


def parse(message: Mapping[str, Any]) -> Letter:
    """A message as SQS gives it."""
    attributes = {
        name: str(value.get("StringValue", ""))
        for name, value in message.get("MessageAttributes", {}).items()
    }
    # EventBridge writes ERROR_CODE, Lambda ErrorCode.
    code = attributes.get("ERROR_CODE") or attributes.get("ErrorCode")
    text = attributes.get("ERROR_MESSAGE") or attributes.get("ErrorMessage")
    milliseconds = int(message.get("Attributes", {}).get("SentTimestamp", 0))
    origin, event = _opened(str(message["Body"]), undelivered=code is not None)
    upload = None
    try:
        upload = Upload.parse(event)
    except Rejected:
        origin, event = Origin.UNREADABLE, None
    return Letter(
        message_id=message["MessageId"],
        origin=origin,
        sent_at=datetime.fromtimestamp(milliseconds / 1000, UTC),
        input=event,
        upload=upload,
        error=": ".join(part for part in (code, text) if part) or None,
    )


def _opened(body: str, *, undelivered: bool) -> tuple[Origin, Any]:
    try:
        event = json.loads(body)
        if isinstance(event, dict) and event.get("source") == "aws.states":
            return Origin.NOT_RECORDED, json.loads(event["detail"]["input"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return Origin.UNREADABLE, None
    return (Origin.NOT_DELIVERED if undelivered else Origin.HELD), event


def _batches(things: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(things)
    while batch := list(islice(rest, _BATCH)):
        yield batch
