"""What the bill counts is what a run does."""

from __future__ import annotations

import json

import pytest

from local.stack import Stack
from measure.cost.counted_run import count, filled
from tests.ops.operator_desk import picture
from upload_workflow.ops.rates import REQUEST_MS, Facts

UPLOADS = 3


@pytest.fixture(scope="module")
def counted(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Facts:
    photo = tmp_path_factory.mktemp("photo") / "photo.jpg"
    photo.write_bytes(picture())
    return count(stack, photo, UPLOADS)


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
    client = stack.aws.client("lambda")
    name = stack.outputs["functions"]["convert_image"]["name"]
    renditions = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    made = len(json.loads(renditions["RENDITIONS"]))
    # the ticket, the seeded document, the claim, the end
    assert (counted.writes, Facts.committed().writes) == (made + 4, 4 + 4)


def test_a_client_polls_at_least_once(counted: Facts) -> None:
    assert counted.polls >= 1  # how often depends on how busy the machine is


def test_a_run_logs_as_many_bytes_as_are_billed(counted: Facts) -> None:
    # Names, numbers and times differ in length.
    assert counted.line_bytes == pytest.approx(Facts.committed().line_bytes, rel=0.05)


def test_every_run_is_longer_than_its_waits_for_s3(counted: Facts) -> None:
    rounds = 5  # status, upload, claim, renditions, end
    assert counted.convert_image_ms > rounds * REQUEST_MS
    assert counted.issue_upload_ms > REQUEST_MS


def test_a_variable_of_the_access_log_whose_length_nobody_knows_is_an_error() -> None:
    assert filled("$context.status!", {"$context.status": "201"}) == "201!"
    with pytest.raises(KeyError):
        filled("$context.path", {})
