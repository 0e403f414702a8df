"""What a dead letter says, whoever put it there."""

from __future__ import annotations

import json
from typing import Any

from upload_workflow.ops.letters import Letter, Origin, parse

EVENT = {
    "id": "1",
    "source": "aws.s3",
    "detail-type": "Object Created",
    "time": "2026-03-01T12:00:00Z",
    "detail": {
        "bucket": {"name": "b"},
        "object": {"key": "uploads/a+b%20c.jpg", "size": 9, "etag": "e", "sequencer": "1"},
    },
}


def letter(body: object, **attributes: str) -> Letter:
    message = {
        "MessageId": "m",
        "ReceiptHandle": "r",
        "Body": body if isinstance(body, str) else json.dumps(body),
        "Attributes": {"SentTimestamp": "1772366400000"},
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
        },
    }
    return parse(message)


def ended(text: Any) -> dict[str, Any]:
    return {"source": "aws.states", "detail": {"status": "TIMED_OUT", "name": "x", "input": text}}


def test_an_event_that_eventbridge_gave_up_on_names_the_error() -> None:
    told = letter(EVENT, ERROR_CODE="NO_PERMISSIONS", ERROR_MESSAGE="not authorized")
    assert told.origin is Origin.NOT_DELIVERED
    assert told.error == "NO_PERMISSIONS: not authorized"
    assert told.upload is not None
    assert told.upload.key == "uploads/a+b%20c.jpg"  # raw, as in the event


def test_an_event_without_an_error_was_held_while_paused() -> None:
    assert letter(EVENT).origin is Origin.HELD


def test_a_failure_nobody_recorded_carries_the_input_of_its_execution() -> None:
    told = letter(ended(json.dumps(EVENT)), ErrorCode="200", ErrorMessage="Unhandled")
    assert told.origin is Origin.NOT_RECORDED
    assert told.input == EVENT
    assert told.error == "200: Unhandled"


def test_what_holds_no_upload_is_unreadable() -> None:
    bodies: list[object] = [
        "hello",
        "[1]",
        {"source": "aws.s3", "detail": {}},
        ended("no json"),
        ended(None),
        ended("[" * 9000),
        "[" * 9000,
        {"source": "aws.states", "detail": "x"},
    ]
    for body in bodies:
        told = letter(body)
        assert (told.origin, told.input, told.upload) == (Origin.UNREADABLE, None, None), body


def test_the_time_of_a_letter_is_when_it_came_here() -> None:
    assert letter(EVENT).sent_at.isoformat() == "2026-03-01T12:00:00+00:00"
