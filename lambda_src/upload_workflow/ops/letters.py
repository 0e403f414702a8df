"""Reads the dead letters: events that started nothing, and failures that nobody recorded.

Knows the queue and what EventBridge and Lambda write on an envelope. Does not decide what
becomes of a letter.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from typing import Any

from ..errors import Rejected
from ..job.upload import Upload
from .deployment import Aws, Deployment

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
    receipt: str
    origin: Origin
    sent_at: datetime
    input: Mapping[str, Any] | None = None
    upload: Upload | None = None
    error: str | None = None


def read(aws: Aws, deployment: Deployment, hold_seconds: int) -> Iterator[Letter]:
    """Every letter once. For hold_seconds nobody else sees it, unless it is put back before."""
    seen: set[str] = set()
    while True:
        answer = aws.sqs.receive_message(
            QueueUrl=deployment.dead_letters_url,
            MaxNumberOfMessages=_BATCH,
            VisibilityTimeout=hold_seconds,
            WaitTimeSeconds=1,  # asks all servers of the queue: an empty answer means empty
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["SentTimestamp"],
        )
        new = [m for m in answer.get("Messages", []) if m["MessageId"] not in seen]
        # Nothing new: the queue is empty, or so long that its first letters are visible again.
        if not new:
            return
        for message in new:
            seen.add(message["MessageId"])
            yield parse(message)


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
        receipt=message["ReceiptHandle"],
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
    except (ValueError, KeyError, TypeError):
        return Origin.UNREADABLE, None
    return (Origin.NOT_DELIVERED if undelivered else Origin.HELD), event


def put_back(aws: Aws, deployment: Deployment, letters: Iterable[Letter]) -> None:
    """Make letters visible again that were only looked at."""
    for batch in _batches(letters):
        aws.sqs.change_message_visibility_batch(
            QueueUrl=deployment.dead_letters_url,
            Entries=[
                {"Id": str(index), "ReceiptHandle": letter.receipt, "VisibilityTimeout": 0}
                for index, letter in enumerate(batch)
            ],
        )


def remove(aws: Aws, deployment: Deployment, letters: Iterable[Letter]) -> None:
    for batch in _batches(letters):
        aws.sqs.delete_message_batch(
            QueueUrl=deployment.dead_letters_url,
            Entries=[
                {"Id": str(index), "ReceiptHandle": letter.receipt}
                for index, letter in enumerate(batch)
            ],
        )


def _batches(letters: Iterable[Letter]) -> Iterator[list[Letter]]:
    rest = iter(letters)
    while batch := list(islice(rest, _BATCH)):
        yield batch
