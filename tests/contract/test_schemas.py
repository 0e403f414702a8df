"""Every document and announcement that the code can make is one that the schemas describe."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.support.upload_world import (
    NOON,
    OWN,
    PICTURES,
    RESULTS,
    UPLOADS,
    Killed,
    World,
    picture,
)
from upload_workflow.errors import FailureCode, Rejected, RejectionCode
from upload_workflow.job.announcement import (
    Results,
    forgotten_announcement,
    malformed_announcement,
)
from upload_workflow.job.document import State, StatusDocument
from upload_workflow.job.keys import status_key
from upload_workflow.job.transitions import (
    TRANSITIONS,
    Answer,
    Asker,
    Standing,
    forget,
    seed,
)

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "lambda_src/upload_workflow/schemas"
KEY = "uploads/one"
STATED: dict[str, Any] = {
    "original_name": "ü",
    "owner": "anna",
    "metadata": {"album": "Sommer"},
    "checksum_sha256": "A" * 43 + "=",
}


def validator(name: str) -> Draft202012Validator:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


STATUS, ANNOUNCEMENT = validator("status"), validator("announcement")


def documents_of(world: World) -> list[dict[str, Any]]:
    """Every status document that was ever readable, as the client reads it."""
    written: list[dict[str, Any]] = []

    def keep(operation: str, request: dict[str, Any]) -> None:
        if operation == "PutObject" and request["Key"].endswith("status.json"):
            written.append(json.loads(request["Body"]))

    world.s3.after = keep
    return written


def lives() -> dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
    """The documents and announcements of one job of each kind."""
    found = {}
    for name in (
        "succeeded",
        "rejected",
        "failed",
        "duplicate",
        "superseded",
        "spent",
        "redriven",
        "served",
        "own kind",
    ):
        world = World(
            served_from="https://img.example.com" if name == "served" else None,
            kind=OWN if name == "own kind" else PICTURES,
        )
        seeded = seed(UPLOADS, KEY, NOON, expires_at="2026-03-01T13:00:00.000Z", **STATED)
        documents = documents_of(world)
        if name != "superseded":  # which only an upload that nobody issued can be
            place = status_key("results/", KEY)
            world.s3.put_object(Bucket=RESULTS, Key=place, Body=seeded.to_bytes())
        event = world.put(KEY, b"no" if name == "rejected" else picture())
        if name in ("superseded", "spent"):
            world.execute(world.put(KEY, picture(2)), "e2")
        if name in ("failed", "redriven"):
            world.record(event, "e1", "States.Timeout")
        else:
            world.execute(event, "e1")
        if name == "duplicate":
            world.execute(event, "e2")
        if name == "redriven":
            world.execute(event | {"redrive": True}, "e2")
        found[name] = (documents, world.announced)
    return found


LIVES = lives()


@pytest.mark.parametrize("kind", LIVES)
def test_what_a_client_reads_is_what_the_schema_describes(kind: str) -> None:
    documents, _ = LIVES[kind]
    assert len(documents) >= 2
    for document in documents:
        assert [error.message for error in STATUS.iter_errors(document)] == []


@pytest.mark.parametrize("kind", LIVES)
def test_what_is_announced_is_what_the_schema_describes(kind: str) -> None:
    _, announcements = LIVES[kind]
    assert announcements
    for told in announcements:
        assert [error.message for error in ANNOUNCEMENT.iter_errors(told)] == []


def test_a_malformed_event_is_announced_as_the_schema_describes() -> None:
    told = malformed_announcement(Rejected(RejectionCode.MALFORMED_EVENT, "It is."))
    assert [error.message for error in ANNOUNCEMENT.iter_errors(told)] == []


def test_what_was_forgotten_is_announced_as_the_schema_describes() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    who = "arn:aws:sts::123456789012:assumed-role/privacy/somebody@example.com"
    told_before = [one for lives, _ in LIVES.values() for one in lives]
    documents = [StatusDocument.from_bytes(json.dumps(one).encode()) for one in told_before]
    for document in [None, *documents]:
        forgotten = forget(document, "uploads", "uploads/one", now)
        told = json.loads(forgotten.to_bytes())
        assert [error.message for error in STATUS.iter_errors(told)] == []
        told = forgotten_announcement(forgotten, Results("results", "results/"), who)
        assert [error.message for error in ANNOUNCEMENT.iter_errors(told)] == []
        assert told["state"] == "FORGOTTEN" and told["forgotten_by"] == who


def example(kind: str) -> dict[str, Any]:
    return dict(LIVES[kind][0][-1])


@pytest.mark.parametrize(
    ("kind", "lie"),
    [
        ("succeeded", {"renditions": []}),
        ("succeeded", {"error": {"code": "Internal", "message": "m.", "retryable": True}}),
        ("succeeded", {"lease_until": "2026-03-01T13:00:00.000Z"}),
        ("rejected", {"error": None}),
        ("failed", {"job_id": None}),
        ("failed", {"state": "DONE"}),
        ("failed", {"created_at": "yesterday"}),
        ("succeeded", {"schema": "2"}),
    ],
)
def test_a_document_that_lies_is_not_valid(kind: str, lie: dict[str, Any]) -> None:
    assert list(STATUS.iter_errors(example(kind) | lie))


@pytest.mark.parametrize("side", ["width", "height"])
def test_a_rendition_of_a_picture_has_both_its_sides(side: str) -> None:
    """Also where there is no picture, one side without the other is none."""
    for kind, schema, examples in (("succeeded", STATUS, 0), ("succeeded", ANNOUNCEMENT, 1)):
        told = json.loads(json.dumps(LIVES[kind][examples][-1]))
        assert schema.is_valid(told)
        del told["renditions"][0][side]
        assert not schema.is_valid(told)
        del told["image"]
        assert not schema.is_valid(told)


def test_an_announcement_with_a_url_is_not_valid() -> None:
    told = json.loads(json.dumps(LIVES["succeeded"][1][-1]))
    told["renditions"][0]["url"] = "https://example.com"
    assert list(ANNOUNCEMENT.iter_errors(told))


def test_every_code_is_explained_to_clients() -> None:
    page = (ROOT / "docs/client.md").read_text("utf-8")
    explained = set(re.findall(r"^\| `([A-Z][a-z]\w+)` \|", page, re.MULTILINE))
    assert explained == {code.value for code in (*RejectionCode, *FailureCode)}


def test_the_example_in_the_documentation_is_a_status_document() -> None:
    page = (ROOT / "docs/client.md").read_text("utf-8")
    examples = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    assert examples
    for text in examples:
        assert [error.message for error in STATUS.iter_errors(json.loads(text))] == []


STATES = {
    Standing.FREE: set(),  # of this version there is none
    Standing.AWAITED: {State.PENDING},
    Standing.LEASED: {State.RUNNING},
    Standing.ABANDONED: {State.RUNNING},
    Standing.DELIVERED: {State.SUCCEEDED, State.REJECTED},
    Standing.OUTDATED: {State.SUCCEEDED, State.REJECTED},
    Standing.FAILED: {State.FAILED},
}
LEADS_TO = {"claim": {State.RUNNING}, "fail": {State.FAILED}}
# A remake's claim is not written, only what becomes of it.
REMAKE_LEADS_TO = {"claim": {State.SUCCEEDED, State.REJECTED}}


def test_the_picture_of_the_states_shows_every_transition_and_no_other() -> None:
    page = (ROOT / "docs/client.md").read_text("utf-8")
    drawn = set(re.findall(r"^  ([A-Z]+) --> ([A-Z]+)", page, re.MULTILINE))
    # The claim itself becomes its result; the table is asked only when it was lost.
    possible = {("RUNNING", "SUCCEEDED"), ("RUNNING", "REJECTED")} | {
        (before.value, after.value)
        for ask, rows in TRANSITIONS.items()
        for standing, answers in rows.items()
        for asker, answer in answers.items()
        if answer is Answer.WRITE
        for before in STATES[standing]
        for after in (REMAKE_LEADS_TO if asker is Asker.REMAKE else LEADS_TO)[ask]
    }
    # What was told as good stays: `replace_outdated` keeps it, and its own test says so.
    assert drawn == possible - {("SUCCEEDED", "REJECTED")}


def test_a_killed_worker_leaves_a_document_that_says_running() -> None:
    world = World()
    event, documents = world.put(KEY), documents_of(world)

    def kill(operation: str, request: dict[str, Any]) -> None:
        if request["Key"].endswith("small.jpg"):
            raise Killed

    world.s3.before = kill
    with pytest.raises(Killed):
        world.convert(event)
    assert documents[-1]["state"] == "RUNNING"
    assert [error.message for error in STATUS.iter_errors(documents[-1])] == []
