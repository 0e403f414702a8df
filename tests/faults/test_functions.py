"""The functions as deployed, on the real SDK, with S3's answers made in memory."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest

from tests.faults.conftest import CONTEXT, ENVIRONMENT, Functions
from tests.support.upload_world import RESULTS, UPLOADS, created_event, picture
from upload_workflow.job import keys

SIGNED = re.compile(r"X-Amz-|x-amz-|Signature|session-token|AKIDEXAMPLE|https?://")

KEYS = {
    "space": "uploads/a b",
    "plus": "uploads/a+b",
    "encoded plus": "uploads/a%2Bb",
    "percent": "uploads/100%",
    "composed": "uploads/caf\u00e9",
    "decomposed": "uploads/cafe\u0301",
    "newline": "uploads/a\nb",
    "carriage return": "uploads/a\r\nERROR b",
    "escape": "uploads/a\x1b[31mred",
    "parent": "uploads/../b",
    "self": "uploads/./b",
    "empty segments": "uploads//a///b",
    "leading slash": "/uploads/a",
    "trailing slash": "uploads/a/",
    "emoji": "uploads/\U0001f4f7",
    "1024 bytes": "uploads/" + "x" * 1016,
    "ampersand": "uploads/a&b=c",
    "question mark": "uploads/a?b",
    "hash": "uploads/a#b",
    "right to left": "uploads/\u202egnp.exe",
    "quotes": "uploads/\"'<script>`",
    "backslash": "uploads\\a",
}


def put(functions: Functions, key: str, body: bytes) -> dict[str, Any]:
    functions.s3.put_object(Bucket=UPLOADS, Key=key, Body=body)
    version = functions.s3.current(UPLOADS, key)
    assert version is not None
    return created_event(key, version)


def document(functions: Functions, key: str) -> dict[str, Any]:
    there = functions.s3.current(RESULTS, keys.status_key("results/", key))
    assert there is not None and there.body is not None
    facts: dict[str, Any] = json.loads(there.body)
    return facts


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS.keys())
def test_every_key_that_s3_allows_is_converted_as_it_is(functions: Functions, key: str) -> None:
    told = functions.convert(put(functions, key, picture()))
    assert told["state"] == "SUCCEEDED"
    status = document(functions, key)
    assert status["upload"]["key"] == key
    for rendition in status["renditions"]:
        assert functions.s3.current(RESULTS, rendition["key"]) is not None
    # The claim, two renditions, the end: nothing else was written anywhere.
    assert len(functions.s3.keys(RESULTS)) == 3


def test_keys_that_look_alike_are_different_jobs(functions: Functions) -> None:
    alike = [
        "uploads/a b",
        "uploads/a+b",
        "uploads/a%2Bb",
        "uploads/caf\u00e9",
        "uploads/cafe\u0301",
    ]
    told = [functions.convert(put(functions, key, picture())) for key in alike]
    assert len({each["job_id"] for each in told}) == len(alike)
    assert [document(functions, key)["state"] for key in alike] == ["SUCCEEDED"] * len(alike)


@pytest.mark.parametrize(
    "event", [None, {}, [], "x", {"detail": {}}, {"detail": {"object": {"key": "k"}}}, {"time": 1}]
)
def test_a_malformed_event_is_a_rejection_and_no_crash(
    functions: Functions, event: object, capsys: pytest.CaptureFixture[str]
) -> None:
    told = functions.convert(event)
    assert (told["state"], told["error"]["code"]) == ("REJECTED", "MalformedEvent")
    assert functions.record(event, "Lambda.Unknown")["error"]["code"] == "MalformedEvent"
    assert functions.s3.calls == []
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["code"] for line in lines] == ["MalformedEvent"] * 2


@pytest.mark.parametrize("payload", [{}, {"event": {}}, {"detail": {}}, {"source": "aws.states"}])
def test_a_payload_of_nobody_is_a_rejection_and_no_crash(
    functions: Functions, payload: dict[str, Any]
) -> None:
    for handler in (functions.convert_image, functions.record_failure):
        assert handler(payload, CONTEXT)["error"]["code"] == "MalformedEvent"


@pytest.mark.parametrize("key", ["uploads/a", "uploads/a\nERROR b\x1b[31m\u202e"])
def test_each_job_leaves_one_line_that_names_it(
    functions: Functions, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    event = put(functions, key, picture())
    functions.convert(event)
    functions.convert(event, "e2")
    functions.convert(put(functions, key, b"no image"), "e3")
    functions.record(put(functions, key, picture(3)), "Lambda.Unknown", "e4")
    lines = capsys.readouterr().out.splitlines()
    facts = [json.loads(line) for line in lines]
    assert [line["state"] for line in facts] == ["SUCCEEDED", "IGNORED", "REJECTED", "FAILED"]
    assert [line["execution"] for line in facts] == ["e1", "e2", "e3", "e4"]
    assert all(line["key"] == key and line["job_id"] for line in facts)
    assert {"status", "open", "claim", "read", "convert", "write", "finish"} == set(
        facts[0]["stages_ms"]
    )
    assert all(line.isprintable() and line.isascii() for line in lines)


def test_no_signed_url_and_no_credential_is_printed_returned_or_announced(
    functions: Functions, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    returned = [
        functions.convert(put(functions, "uploads/a", picture())),
        functions.convert(put(functions, "uploads/b", b"no image")),
        functions.record(put(functions, "uploads/c", picture()), "Lambda.Unknown"),
    ]
    printed = "".join(capfd.readouterr()) + caplog.text
    for text in (printed, json.dumps(returned), json.dumps(functions.wire.events)):
        assert text != "" and not SIGNED.search(text)
    # The document itself is where the URL belongs, and the test would see one.
    assert SIGNED.search(json.dumps(document(functions, "uploads/a")))


def test_a_failure_is_announced_as_an_event_of_ours(functions: Functions) -> None:
    told = functions.record(put(functions, "uploads/c", picture()), "States.Timeout")
    (entry,) = functions.wire.events
    assert (entry["Source"], entry["DetailType"]) == ("upload-workflow", "Upload Failed")
    assert json.loads(entry["Detail"]) == told
    assert told["error"]["code"] == "TimedOut"


def test_the_objects_carry_the_headers_that_clients_rely_on(functions: Functions) -> None:
    functions.convert(put(functions, "uploads/a", picture()))
    status = functions.s3.current(RESULTS, "results/uploads/a/status.json")
    job = document(functions, "uploads/a")
    image = functions.s3.current(RESULTS, job["renditions"][0]["key"])
    assert status is not None and image is not None
    assert status.headers == {
        "ContentType": "application/json",
        "CacheControl": "private, no-cache",
        "ContentDisposition": None,
    }
    assert image.headers == {
        "ContentType": "image/jpeg",
        "CacheControl": "max-age=31536000, immutable",
        "ContentDisposition": "inline",
    }


def test_a_worker_holds_no_decoder_and_its_converters_nothing_of_aws() -> None:
    """What is not there cannot leak; and a cold start loads decoders beside the SDK."""
    program = (
        "import sys, upload_workflow.handlers.convert_image as handler\n"
        "assert handler._FENCE.way == 'memfd'\n"
        "print([name for name in sys.modules if name.startswith('PIL.')])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "['PIL._version']\n"  # named by the renditions' recipe
