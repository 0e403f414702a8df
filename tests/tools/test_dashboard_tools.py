"""The checker of dashboards, the reader of log queries and the statistics of the drawing."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from tools.dashboard import __main__ as command
from tools.dashboard.check import problems
from tools.dashboard.drawing import draw
from tools.dashboard.figures import Figures, statistic
from tools.dashboard.insights import answer, row

ALARM = "arn:aws:cloudwatch:eu-central-1:000000000000:alarm:x"

BODY: dict[str, Any] = {
    "start": "-PT3H",
    "periodOverride": "inherit",
    "widgets": [
        {
            "type": "alarm",
            "x": 0,
            "y": 0,
            "width": 24,
            "height": 4,
            "properties": {"title": "Alarms", "alarms": [ALARM]},
        },
        {
            "type": "metric",
            "x": 0,
            "y": 4,
            "width": 12,
            "height": 6,
            "properties": {
                "title": "Jobs",
                "region": "eu-central-1",
                "view": "timeSeries",
                "metrics": [
                    ["N", "M", "D", "v", {"stat": "p95", "label": "<b>", "color": "#112233"}]
                ],
            },
        },
    ],
}


def test_a_sound_dashboard_has_no_problems() -> None:
    assert problems(BODY) == []


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda b: b.update(widget=[]), "unknown field widget"),
        (lambda b: b.update(start="3h"), "start is 3h"),
        (lambda b: b.update(widgets=[]), "there are 1 to 500 widgets"),
        (lambda b: b["widgets"][1].update(y=3), "overlap"),
        (lambda b: b["widgets"][1].update(x=13), "does not fit"),
        (lambda b: b["widgets"][1].update(type="graph"), "unknown type graph"),
        (lambda b: b["widgets"][1].pop("height"), "without height"),
        (lambda b: b["widgets"][1]["properties"].pop("region"), "without region"),
        (lambda b: b["widgets"][1]["properties"].update(colour="x"), "unknown property colour"),
        (lambda b: b["widgets"][1]["properties"].update(view="lines"), "unknown view lines"),
        (lambda b: b["widgets"][1]["properties"].update(period=90), "period 90"),
        (lambda b: b["widgets"][1]["properties"]["metrics"][0].pop(3), "dimensions in pairs"),
        (lambda b: b["widgets"][1]["properties"]["metrics"][0].insert(0, 7), "names are texts"),
        (lambda b: b["widgets"][1]["properties"].update(metrics=["M"]), "a metric is a list"),
        (lambda b: _option(b, stat="p101"), "unknown statistic p101"),
        (lambda b: _option(b, stat="Mean"), "unknown statistic Mean"),
        (lambda b: _option(b, color="red"), "no color"),
        (lambda b: _option(b, yAxis="top"), "unknown axis top"),
        (lambda b: _option(b, lable="x"), "unknown option lable"),
        (lambda b: b["widgets"][0]["properties"].update(alarms=["x"]), "no ARN of an alarm: x"),
        (lambda b: b["widgets"][0]["properties"].update(alarms=[]), "1 to 100 alarms"),
    ],
)
def test_a_spoiled_dashboard_is_noticed(
    spoil: Callable[[dict[str, Any]], Any], problem: str
) -> None:
    body = copy.deepcopy(BODY)
    spoil(body)
    assert any(problem in found for found in problems(body)), problems(body)


def _option(body: dict[str, Any], **values: str) -> None:
    body["widgets"][1]["properties"]["metrics"][0][-1].update(values)


@pytest.mark.parametrize(
    ("stat", "value"),
    {
        "Sum": 10,
        "Average": 2.5,
        "Minimum": 1,
        "Maximum": 4,
        "SampleCount": 4,
        "p50": 2.5,
        "p0": 1,
        "p100": 4,
    }.items(),
)
def test_statistics_are_cloudwatchs(stat: str, value: float) -> None:
    assert statistic(stat, [4, 1, 3, 2]) == value


def test_a_page_shows_every_title_and_escapes_labels() -> None:
    key = ("N", "M", "D", "v")
    page = draw(BODY, Figures({key: [(0.0, 1.0), (5.0, 3.0)]}, alarms={ALARM: "ALARM"}), "A page")
    assert "<h2>Jobs</h2>" in page
    assert "&lt;b&gt; (3)" in page
    assert "no data" not in page
    assert "no data" in draw(BODY, Figures({}), "An empty one")


LINES = [
    {"state": "FAILED", "code": "Internal", "key": "a", "attempt": 0},
    {"state": "REJECTED", "code": "Empty", "key": "b", "attempt": 1, "stages_ms": {"read": 5}},
    {"state": "REJECTED", "code": "Empty", "key": "c", "attempt": 3},
    {"state": "REJECTED", "code": "Corrupt", "key": "d", "attempt": 0},
]
ROWS = [row(json.dumps(line), 1000 * number) for number, line in enumerate(LINES)]
ROWS += [row("START RequestId: 1", 9000)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('fields key, code | filter state = "FAILED"', [{"key": "a", "code": "Internal"}]),
        (
            'SOURCE "x" | filter state = "REJECTED" | stats count(*) as n by code | sort n desc',
            [{"code": "Empty", "n": 2}, {"code": "Corrupt", "n": 1}],
        ),
        ("fields key | filter attempt > 0 | sort attempt desc | limit 1", [{"key": "c"}]),
        ("fields stages_ms.read | filter ispresent(stages_ms.read)", [{"stages_ms.read": 5}]),
    ],
)
def test_queries_find_what_they_ask_for(query: str, expected: list[dict[str, Any]]) -> None:
    assert answer(query, ROWS) == expected


@pytest.mark.parametrize("query", ["parse x", "filter a like b", "stats sum(a) as b by c"])
def test_an_unknown_query_is_an_error_and_no_guess(query: str) -> None:
    with pytest.raises(ValueError, match="unknown"):
        answer(query, ROWS)


def test_a_graph_says_when_it_began_and_ended() -> None:
    metric = next(widget for widget in BODY["widgets"] if widget["type"] == "metric")
    key = tuple(part for part in metric["properties"]["metrics"][0] if isinstance(part, str))
    page = draw(BODY, Figures({key: [(0.0, 1.0), (3661.0, 2.0)]}), "A run")
    assert ">00:00:00</text>" in page and ">01:01:01</text>" in page


def test_without_a_local_aws_the_drawing_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "eu-central-1")
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setattr("sys.argv", ["dashboard", "--endpoint-url", "http://127.0.0.1:1"])
    assert command.main() == 2
    said = capsys.readouterr().err
    assert "`make up` prints what to export." in said and len(said.splitlines()) == 1
