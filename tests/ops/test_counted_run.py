"""What the bill counts is what a run does."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from local.stack import Stack
from measure.cost.counted_run import count, filled
from tests.ops.operator_desk import picture
from upload_workflow.ops.estimate import Machine, estimate
from upload_workflow.ops.rates import PRICES, REQUEST_MS, Facts

UPLOADS = 3


@pytest.fixture(scope="module")
def counted(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Facts:
    photo = tmp_path_factory.mktemp("photo") / "photo.jpg"
    photo.write_bytes(picture())
    return count(stack, photo, UPLOADS)


def renditions(stack: Stack) -> int:
    client = stack.aws.client("lambda")
    name = stack.outputs["functions"]["convert_image"]["name"]
    settings = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    return len(json.loads(settings["RENDITIONS"]))


@pytest.mark.parametrize(
    "fact",
    [
        "transitions",
        "reads",
        "events",
        "api_requests",
        "function_runs",
        "access_bytes",
        "convert_image_mb",
        "issue_upload_mb",
    ],
)
def test_a_run_still_does_what_is_billed(counted: Facts, fact: str) -> None:
    assert getattr(counted, fact) == getattr(Facts.committed(), fact)


def test_a_run_writes_once_for_each_rendition_and_four_times_besides(
    counted: Facts, stack: Stack
) -> None:
    # the ticket, the seeded document, the claim, the end
    assert (counted.writes, Facts.committed().writes) == (renditions(stack) + 4, 4 + 4)


def test_a_client_polls_at_least_once(counted: Facts) -> None:
    assert counted.polls >= 1  # how often depends on how busy the machine is


def test_a_run_logs_as_many_bytes_as_are_billed(counted: Facts) -> None:
    # Names, numbers and times differ in length.
    assert counted.line_bytes == pytest.approx(Facts.committed().line_bytes, rel=0.05)


@pytest.mark.parametrize("kind", ["remade", "unchanged"])
def test_a_remake_asks_s3_for_what_is_billed(counted: Facts, stack: Stack, kind: str) -> None:
    found, billed = getattr(counted, kind), getattr(Facts.committed(), kind)
    more = renditions(stack) - Facts.RENDITIONS if kind == "remade" else 0
    assert (found.reads, found.writes - more, found.events) == (
        billed.reads,
        billed.writes,
        billed.events,
    )
    assert found.line_bytes == pytest.approx(billed.line_bytes, rel=0.05)


def test_a_plan_is_within_a_twentieth_of_what_a_counted_remake_is_billed(
    counted: Facts, stack: Stack
) -> None:
    """Milliseconds are the machine's, so the photograph's stand for this picture's."""
    committed = Facts.committed()
    timed = replace(
        committed,
        remade=replace(counted.remade, ms=committed.remade.ms),
        unchanged=replace(counted.unchanged, ms=committed.unchanged.ms),
    )
    machine = Machine(100, 4, 20, renditions(stack), committed.convert_image_mb, "x86_64")
    for objects in ((1_000_000, 0), (0, 1_000_000), (600_000, 400_000)):
        planned = estimate(*objects, machine, committed, PRICES).together
        # As if the counted one had made four.
        as_four = replace(
            timed.remade, writes=timed.remade.writes + Facts.RENDITIONS - renditions(stack)
        )
        billed = estimate(*objects, machine, replace(timed, remade=as_four), PRICES).together
        assert planned == pytest.approx(billed, rel=0.05)


def test_every_run_is_longer_than_its_waits_for_s3(counted: Facts) -> None:
    rounds = 5  # status, upload, claim, renditions, end
    assert counted.convert_image_ms > rounds * REQUEST_MS
    assert counted.issue_upload_ms > REQUEST_MS


def test_a_variable_of_the_access_log_whose_length_nobody_knows_is_an_error() -> None:
    assert filled("$context.status!", {"$context.status": "201"}) == "201!"
    with pytest.raises(KeyError):
        filled("$context.path", {})
