"""The counts behind docs/cost.md are those of the code, and the bill keeps its promise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.upload_world import World
from tools.cost import FACTS, LINE_BYTES, PRICES, bill, burst
from upload_workflow.job_line import JobLine, to_json

KEY = "uploads/one"
RENDITIONS = 4
DEFINITION = json.loads(Path("statemachine/convert_image.asl.json").read_text())


def test_a_job_reads_twice_and_writes_a_claim_its_renditions_and_its_end() -> None:
    world = World()
    event = world.put(KEY)
    before = len(world.s3.calls)
    told = world.convert(event)
    calls = [operation for operation, _ in world.s3.calls[before:]]
    issued = 2  # the form's upload and the seeded document
    made = len(told["renditions"])
    assert calls.count("GetObject") == FACTS.reads
    assert calls.count("PutObject") + issued == FACTS.writes - RENDITIONS + made
    assert len(calls) == calls.count("GetObject") + calls.count("PutObject")


def test_the_happy_path_has_the_transitions_that_are_billed() -> None:
    states, name, entered = DEFINITION["States"], DEFINITION["StartAt"], 0
    while name:
        entered += 1
        name = states[name].get("Next")
    assert entered == FACTS.transitions == 2


def test_the_logged_bytes_hold_a_line_with_everything_in_it() -> None:
    line = JobLine(
        state="SUCCEEDED",
        execution="0f55b87d-f76c-4f34-993e-128a139310f9_0f55b87d-f76c-4f34-993e-128a139310f9",
        attempt=0,
        redrive=False,
        event_id="1cf3eae5-377a-4070-8866-96381d5f02c2",
        request_id="be9d84eb-7882-4cc7-9901-7e37445187fd",
        job_id="n5xrs3xoyzexx7tfvy4fee4dha",
        bucket="upload-workflow-uploads-000000000000-eu-central-1",
        key="uploads/1cf3eae5-377a-4070-8866-96381d5f02c2/original",
        version_id="L4kqtJlcpXroDTDmpUMLUo",
        sequencer="00000660EF5415F99C",
        format="JPEG",
        width=4032,
        height=3024,
        renditions=RENDITIONS,
        upload_bytes=3_000_000,
        rendition_bytes=900_000,
        stages_ms=dict.fromkeys(
            ("status", "open", "claim", "read", "convert", "write", "finish"), 99
        ),
        since_event_ms=1234,
    )
    assert len(to_json(line, "upload-workflow", 1_790_000_000_000)) <= LINE_BYTES


@pytest.mark.parametrize(("express", "most"), [(False, 105), (True, 56)])
def test_a_million_uploads_cost_no_more_than_promised(express: bool, most: float) -> None:
    prices = json.loads(PRICES.read_text())
    dollars = bill(FACTS, prices, express=express, architecture="x86_64")
    assert sum(dollars.values()) <= most


def test_every_retry_is_a_transition() -> None:
    prices = json.loads(PRICES.read_text())
    assert burst(1, prices) == pytest.approx(25)


def test_the_document_shows_the_figures_of_the_tool() -> None:
    prices = json.loads(PRICES.read_text())
    text = Path("docs/cost.md").read_text()
    for express in (False, True):
        for architecture in ("x86_64", "arm64"):
            dollars = bill(FACTS, prices, express=express, architecture=architecture)
            assert f"**{sum(dollars.values()):.2f}**" in text
    assert prices["read_on"] in text
