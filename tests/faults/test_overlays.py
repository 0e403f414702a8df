"""The watermark of a deployed function: read once a worker, and told when it cannot be."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from PIL import Image

from tests.faults.conftest import ENVIRONMENT, Functions, started
from tests.faults.test_functions import document, put
from tests.support.pictures import saved
from tests.support.upload_world import RESULTS, picture
from upload_workflow.errors import UnusableOverlay

KEY = "brand/mark.png"
OVERLAY = {"bucket": RESULTS, "key": KEY}
MARK = saved(Image.new("RGB", (20, 10), "red"), "PNG")


@pytest.fixture
def functions() -> Iterator[Functions]:
    """A fresh worker each time: what it read it keeps."""
    renditions = {"large": {"width_px": 24, "overlay": OVERLAY}, "small": {"width_px": 8}}
    with started(ENVIRONMENT | {"RENDITIONS": json.dumps(renditions)}) as functions:
        yield functions


def test_a_mark_is_read_once_a_worker(functions: Functions) -> None:
    functions.s3.put_object(Bucket=RESULTS, Key=KEY, Body=MARK)
    for key in ("uploads/a", "uploads/b"):
        assert functions.convert(put(functions, key, picture()))["state"] == "SUCCEEDED"
    assert functions.s3.calls.count(("GetObject", KEY)) == 1


@pytest.mark.parametrize("mark", [None, b"no picture"])
def test_a_job_without_its_mark_fails_by_name_and_succeeds_once_it_is_there(
    functions: Functions, mark: bytes | None
) -> None:
    if mark:
        functions.s3.put_object(Bucket=RESULTS, Key=KEY, Body=mark)
    event = put(functions, "uploads/a", picture())
    with pytest.raises(UnusableOverlay, match=rf"^The overlay s3://{RESULTS}/{KEY} .*\.$"):
        functions.convert(event)
    functions.record(event, "UnusableOverlay")
    assert document(functions, "uploads/a")["error"]["code"] == "UnusableOverlay"
