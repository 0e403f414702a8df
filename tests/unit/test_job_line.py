"""The line a job leaves in the log: one line, its facts, and metrics CloudWatch can read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from upload_workflow.run.job_line import KEPT, JobLine, to_json

NOW_MS = 1_790_000_000_000


def line(**facts: Any) -> JobLine:
    defaults: dict[str, Any] = {
        "state": "SUCCEEDED",
        "execution": "e-1",
        "attempt": 0,
        "redrive": False,
    }
    return JobLine(**(defaults | facts))


def read(line: JobLine) -> dict[str, Any]:
    return dict(json.loads(to_json(line, "photos", NOW_MS)))


def emitted(document: dict[str, Any]) -> dict[str, Any]:
    """The metrics as CloudWatch would find them: every name must point at a value in the root."""
    (directive,) = document["_aws"]["CloudWatchMetrics"]
    return {metric["Name"]: document[metric["Name"]] for metric in directive["Metrics"]}


def test_a_success_emits_its_count_times_and_bytes() -> None:
    document = read(
        line(
            job_id="j",
            upload_bytes=3_000_000,
            rendition_bytes=400_000,
            stages_ms={"claim": 9, "convert": 90},
            since_event_ms=350,
        )
    )
    assert emitted(document) == {
        "Succeeded": 1,
        "TimeToResult": 350,
        "ConversionTime": 90,
        "UploadBytes": 3_000_000,
        "RenditionBytes": 400_000,
    }


@pytest.mark.parametrize(
    ("state", "metric"),
    [("SUCCEEDED", "Succeeded"), ("REJECTED", "Rejected"), ("FAILED", "Failed")],
)
def test_each_end_of_a_job_is_counted_under_its_own_name(state: str, metric: str) -> None:
    assert emitted(read(line(state=state))) == {metric: 1}


def test_a_duplicate_counts_as_ignored_and_measures_nothing() -> None:
    document = read(line(state="IGNORED", reason="duplicate", since_event_ms=9, upload_bytes=1))
    assert emitted(document) == {"Ignored": 1}
    assert document["reason"] == "duplicate"


def test_a_redriven_job_does_not_make_us_look_slow() -> None:
    assert "TimeToResult" not in emitted(read(line(redrive=True, since_event_ms=86_400_000)))


def test_every_metric_has_the_one_dimension_and_the_dimension_has_its_value() -> None:
    document = read(line())
    (directive,) = document["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "UploadWorkflow"
    assert directive["Dimensions"] == [["Workflow"]]
    assert document["Workflow"] == "photos"
    assert document["_aws"]["Timestamp"] == NOW_MS


def test_an_error_that_nobody_foresaw_is_counted_and_its_fence_is_no_dimension() -> None:
    document = read(line(state="REJECTED", unforeseen=True, fence="memfd"))
    assert emitted(document) == {"Rejected": 1, "Unforeseen": 1}
    assert document["fence"] == "memfd"
    assert "unforeseen" not in document


def test_an_original_that_was_to_go_and_stayed_is_counted_with_its_cause() -> None:
    kept = read(line(original=KEPT, cause="AccessDenied"))
    assert emitted(kept) == {"Succeeded": 1, "OriginalsKept": 1}
    assert (kept["original"], kept["cause"]) == ("kept", "AccessDenied")
    gone = read(line(state="IGNORED", reason="recorded", original="deleted"))
    assert emitted(gone) == {"Ignored": 1}
    assert gone["original"] == "deleted"


def test_facts_that_are_not_known_are_left_out() -> None:
    document = read(line())
    assert {"key", "code", "stages_ms", "version_id"}.isdisjoint(document)


def test_a_hostile_key_stays_within_the_line() -> None:
    key = 'uploads/a\n{"_aws":1}\r\u2028\U0001f600".jpg'
    text = to_json(line(key=key), "photos", NOW_MS)
    assert len(text.splitlines()) == 1
    assert text.isascii()
    assert json.loads(text)["key"] == key


def test_a_long_cause_keeps_its_beginning_and_its_end() -> None:
    cause = "Traceback" + "x" * 300_000 + "ValueError: no"
    kept = read(line(state="FAILED", cause=cause))["cause"]
    assert kept.startswith("Traceback")
    assert kept.endswith("ValueError: no")
    assert len(kept) < 2_100


@pytest.mark.parametrize(
    ("state", "metric"),
    [("SUCCEEDED", "Remade"), ("REJECTED", "RemakeRejected"), ("IGNORED", "RemakeIgnored")],
)
def test_what_a_remake_does_is_counted_by_itself(state: str, metric: str) -> None:
    """Alarms and latencies of uploads hear nothing of it."""
    counted = line(state=state, remake="r1", since_event_ms=9, stages_ms={"convert": 90})
    assert emitted(read(counted)) == {metric: 1}
