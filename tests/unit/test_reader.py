"""A result is shown again with URLs that live from now on."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest
from jsonschema import Draft202012Validator

from tests.support.upload_world import PREFIX, RESULTS, World, signer
from upload_workflow.aws.store import Store
from upload_workflow.issue import read_again
from upload_workflow.job.document import timestamp

KEY = "uploads/a photo"
SCHEMA = Path(__file__).parents[2] / "lambda_src/upload_workflow/schemas/status.schema.json"
STATUS = Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))


def again(world: World, key: str = KEY) -> dict[str, Any] | None:
    store = Store(cast(Any, world.s3), RESULTS)
    life = timedelta(minutes=15)
    return read_again(signer(), store, PREFIX, key, life=life, now=world.now)


def test_every_url_is_new_and_nothing_else_is() -> None:
    world = World()
    world.convert(world.put(KEY))
    before = world.document(KEY)
    assert before is not None
    world.pass_time(days=100)
    read = again(world)
    assert read is not None
    assert [error.message for error in STATUS.iter_errors(read)] == []
    end = world.now.replace(microsecond=0) + timedelta(minutes=15)
    for made, old in zip(read["renditions"], before.renditions, strict=True):
        url = urlsplit(made.pop("url"))
        assert url.path.endswith(old.key.replace(" ", "%20"))
        assert parse_qs(url.query)["X-Amz-Expires"] == ["900"]
        assert made.pop("url_expires_at") == timestamp(end)
    old_facts = json.loads(before.to_bytes())
    for made in old_facts["renditions"]:
        del made["url"], made["url_expires_at"]
    assert read == old_facts
    assert world.document(KEY) == before  # the document itself is left alone


def test_urls_without_an_end_stay() -> None:
    world = World(served_from="https://img.example.com")
    world.convert(world.put(KEY))
    before, read = world.document(KEY), again(world)
    assert before is not None and read == json.loads(before.to_bytes())


@pytest.mark.parametrize("body", [b"no picture", None])
def test_a_document_without_renditions_is_read_as_it_is(body: bytes | None) -> None:
    world = World()
    if body is None:
        world.issue(KEY)
    else:
        world.convert(world.put(KEY, body))
    before, read = world.document(KEY), again(world)
    assert before is not None and read == json.loads(before.to_bytes())


def test_of_what_is_not_there_there_is_nothing_to_read() -> None:
    assert again(World(), "uploads/nothing") is None
