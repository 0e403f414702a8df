"""The bill adds up, keeps its promise, and is the one that docs/cost.md shows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from measure.cost.bill import POLLS, bill, burst
from tests.support.upload_world import World
from upload_workflow.ops.estimate import Machine, estimate
from upload_workflow.ops.rates import PRICES, REQUEST_MS, Facts

KEY = "uploads/one"
FACTS = Facts.committed()
KINDS = [(express, arch) for express in (False, True) for arch in ("x86_64", "arm64")]


def test_a_job_reads_twice_and_writes_a_claim_its_renditions_and_its_end() -> None:
    world = World()
    world.issue(KEY)
    event = world.put(KEY)
    before = len(world.s3.calls)
    told = world.convert(event)
    calls = [operation for operation, _ in world.s3.calls[before:]]
    assert calls.count("GetObject") == FACTS.reads == 2
    assert calls.count("PutObject") == len(told["renditions"]) + 2
    assert len(calls) == calls.count("GetObject") + calls.count("PutObject")


def test_the_happy_path_has_the_transitions_that_are_billed() -> None:
    definition = json.loads(Path("statemachine/convert_image.asl.json").read_text())
    states, name, entered = definition["States"], definition["StartAt"], 0
    while name:
        entered += 1
        name = states[name].get("Next")
    assert entered == FACTS.transitions == 2


@pytest.mark.parametrize(("express", "most"), [(False, 105), (True, 56)])
def test_a_million_uploads_cost_no_more_than_promised(express: bool, most: float) -> None:
    dollars = bill(FACTS, PRICES, express=express, architecture="x86_64")
    assert sum(dollars.values()) <= most


@pytest.mark.parametrize(
    ("fact", "item", "dollars"),
    [
        ("transitions", "executions", 25),
        ("writes", "S3 writes", 5),
        ("reads", "S3 reads", 0.4),
        ("events", "events", 1),
        ("api_requests", "issuing", 1),
        ("function_runs", "function requests", 0.2),
    ],
)
def test_one_more_for_every_upload_costs_its_price_a_million_times(
    fact: str, item: str, dollars: float
) -> None:
    def of(facts: Facts) -> float:
        return bill(facts, PRICES, express=False, architecture="x86_64")[item]

    more = replace(FACTS, **{fact: getattr(FACTS, fact) + 1})
    assert of(more) - of(FACTS) == pytest.approx(dollars)


@pytest.mark.parametrize(("counted", "billed"), [(1, 3), (3, 3), (7, 7)])
def test_no_fewer_polls_are_billed_than_are_assumed(counted: float, billed: float) -> None:
    facts = replace(FACTS, polls=counted)
    reads = bill(facts, PRICES, express=False, architecture="x86_64")["S3 reads"]
    assert reads == pytest.approx((FACTS.reads + billed) * 0.4)


def test_a_gigabyte_of_log_and_a_gb_second_cost_what_the_list_says() -> None:
    more = replace(FACTS, line_bytes=FACTS.line_bytes + 1000, convert_image_mb=1024)
    same = replace(FACTS, convert_image_mb=1024)
    longer = replace(same, convert_image_ms=same.convert_image_ms + 1000)
    bills = [bill(f, PRICES, express=False, architecture="arm64") for f in (same, more, longer)]
    assert bills[1]["logs"] - bills[0]["logs"] == pytest.approx(0.50)
    assert bills[2]["conversion"] - bills[0]["conversion"] == pytest.approx(13.3334)


def test_every_retry_is_a_transition() -> None:
    assert burst(1, PRICES) == pytest.approx(25)


MACHINE = Machine(
    batch=100,
    objects_at_once=4,
    at_once=20,
    renditions=4,
    memory_mb=FACTS.convert_image_mb,
    architecture="x86_64",
)
# How an upload's bill names what a remake does, too.
BILLED = {
    "S3 writes": ["S3 writes"],
    "S3 reads": ["S3 reads"],
    "function": ["conversion", "function requests"],
    "events": ["events"],
    "logs": ["logs"],
}


@pytest.mark.parametrize("arch", ["x86_64", "arm64"])
@pytest.mark.parametrize("kind", ["remade", "unchanged"])
def test_a_plan_asks_as_much_for_an_object_as_the_bill_does_for_the_same_work(
    kind: str, arch: str
) -> None:
    """Within 5 %: by the bill of an upload that is neither issued nor polled."""
    one = getattr(FACTS, kind)
    same = replace(
        FACTS,
        reads=one.reads - POLLS,  # the bill adds those
        polls=0,
        writes=one.writes,
        events=one.events,
        line_bytes=one.line_bytes,
        access_bytes=0,
        api_requests=0,
        function_runs=1,
        convert_image_ms=one.ms,
        stock_ms=FACTS.stock_ms if kind == "remade" else 0,
    )
    billed = bill(same, PRICES, express=True, architecture=arch)
    made, passed = (1_000_000, 0) if kind == "remade" else (0, 1_000_000)
    planned = estimate(made, passed, replace(MACHINE, architecture=arch), FACTS, PRICES).dollars
    for item, names in BILLED.items():
        assert planned[item] == pytest.approx(sum(billed[name] for name in names), rel=0.05)
    # A hundred objects to an execution of Express, which each upload would have to itself.
    assert planned["executions"] < billed["executions"]


def test_a_million_unchanged_objects_cost_less_than_five_dollars_to_pass_over() -> None:
    assert estimate(0, 1_000_000, MACHINE, FACTS, PRICES).together < 5
    assert FACTS.unchanged.ms > REQUEST_MS and FACTS.unchanged.reads == 1


def test_the_document_shows_the_figures_of_the_tool() -> None:
    text = Path("docs/cost.md").read_text()
    bills = [bill(FACTS, PRICES, express=e, architecture=arch) for e, arch in KINDS]
    for item in bills[0]:
        row = " | ".join(f"{one[item]:.2f}" for one in bills)
        assert f"| {item} | {row} |" in text
    row = " | ".join(f"**{sum(one.values()):.2f}**" for one in bills)
    assert f"| **together** | {row} |" in text
    anew, passed = (
        estimate(*objects, MACHINE, FACTS, PRICES).dollars
        for objects in ((1_000_000, 0), (0, 1_000_000))
    )
    for item in anew:
        assert f"| {item} | {anew[item]:.2f} | {passed[item]:.2f} |" in text
    row = " | ".join(f"**{sum(one.values()):.2f}**" for one in (anew, passed))
    assert f"| **together** | {row} |" in text
    assert f"{FACTS.remade.ms:.0f} ms" in text and f"{FACTS.unchanged.ms:.0f} ms" in text
    assert PRICES["read_on"] in text
    assert FACTS.measured_on in text
    for fact in ("convert_image_ms", "issue_upload_ms", "stock_ms", "line_bytes", "access_bytes"):
        assert f"{getattr(FACTS, fact):,.0f}" in text, fact
