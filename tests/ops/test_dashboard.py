"""The dashboard would be shown, and shows what a real run did."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from local.stack import Stack
from tests.local.laboratory import wait_for
from tests.ops.conftest import NAME
from tests.ops.operator_desk import Desk
from tools.dashboard.check import problems
from tools.dashboard.drawing import draw
from tools.dashboard.figures import Figures, collect
from tools.dashboard.insights import answer, row
from upload_workflow.ops.workflow import connect, find
from upload_workflow.run.job_line import JobLine


@pytest.fixture(scope="module")
def body(stack: Stack) -> dict[str, Any]:
    name = f"{NAME}-{stack.aws.region}"
    answer = stack.aws.client("cloudwatch").get_dashboard(DashboardName=name)
    return dict(json.loads(answer["DashboardBody"]))


@pytest.fixture(scope="module")
def queries(stack: Stack) -> dict[str, str]:
    """Saved queries by name, as Logs Insights lists them."""
    saved = stack.aws.client("logs").describe_query_definitions(
        queryDefinitionNamePrefix=f"{NAME}/"
    )["queryDefinitions"]
    return {one["name"].removeprefix(f"{NAME}/"): one["queryString"] for one in saved}


@pytest.fixture(scope="module")
def figures(stack: Stack, body: dict[str, Any]) -> Figures:
    """Of a run of eight good uploads and two bad ones."""
    desk = Desk(stack, NAME)
    desk.upload(f"drawn/{number}.jpg" for number in range(8))
    desk.upload([f"drawn/bad-{number}" for number in range(2)], b"no image")
    wanted = {"SUCCEEDED": 8, "REJECTED": 2}
    wait_for("ends", lambda: Counter(desk.states("drawn/").values()) == wanted, 60)
    with desk.signed_in():
        aws = connect(None, None, None)
        return collect(aws, stack.aws.client("cloudwatch"), find(aws, NAME), body)


def total(figures: Figures, namespace: str, name: str) -> float:
    found = [points for key, points in figures.points.items() if key[:2] == (namespace, name)]
    return sum(value for points in found for _, value in points)


def test_cloudwatch_would_show_every_widget(body: dict[str, Any]) -> None:
    assert problems(body) == []


def test_the_widgets_stand_in_the_order_in_which_an_image_travels(body: dict[str, Any]) -> None:
    placed = sorted(body["widgets"], key=lambda widget: (widget["y"], widget["x"]))
    titles = [widget["properties"].get("title") for widget in placed]
    journey = [
        "Issued: calls of the upload API",
        "Arrived: events of uploads",
        "Dead letters",
        "Executions",
        "convert_image: runs",
        "Outcomes of jobs",
        "From upload to result (ms)",
    ]
    assert [title for title in titles if title in journey] == journey


def test_the_alarm_widget_shows_every_alarm(body: dict[str, Any], stack: Stack) -> None:
    (widget,) = [widget for widget in body["widgets"] if widget["type"] == "alarm"]
    arns = stack.outputs["monitoring"]["alarm_arns"].values()
    assert sorted(widget["properties"]["alarms"]) == sorted(arns)


def test_the_counts_of_a_run_are_the_counts_of_its_jobs(figures: Figures) -> None:
    # At least: this local AWS is shared with other tests.
    for namespace, name, least in (
        ("UploadWorkflow", "Succeeded", 8),
        ("UploadWorkflow", "Rejected", 2),
        ("AWS/States", "ExecutionsStarted", 10),
        ("AWS/States", "ExecutionsSucceeded", 10),
        ("AWS/Events", "MatchedEvents", 10),
        ("AWS/Lambda", "Invocations", 10),
    ):
        assert total(figures, namespace, name) >= least, name


def test_every_job_that_cloudwatch_counts_is_one_that_step_functions_ended(
    figures: Figures,
) -> None:
    ours = sum(
        total(figures, "UploadWorkflow", name)
        for name in ("Succeeded", "Rejected", "Ignored", "Failed")
    )
    theirs = sum(
        total(figures, "AWS/States", f"Executions{name}")
        for name in ("Succeeded", "Failed", "TimedOut", "Aborted")
    )
    assert ours == theirs


def test_the_page_draws_what_happened(body: dict[str, Any], figures: Figures) -> None:
    page = draw(body, figures, "A run")
    for title in ("Executions", "Outcomes of jobs", "From upload to result (ms)"):
        (graph,) = [part for part in page.split("<h2>") if part.startswith(f"{title}<")]
        assert "<circle" in graph, title
    (table,) = [part for part in page.split("<h2>") if part.startswith("Rejections by code<")]
    assert "<td>NotAnImage" in table


def test_every_field_that_a_query_names_is_one_that_a_line_has(queries: dict[str, str]) -> None:
    facts = {name: 1 for name in JobLine.__dataclass_fields__ if name != "stages_ms"}
    stages = dict.fromkeys(("status", "open", "claim", "read", "convert", "write", "finish"), 1)
    metrics = {"TimeToResult": 1, "ConversionTime": 1}
    # Lambda's own line about an exception, with log_format JSON.
    lambdas = {"errorType": "E", "errorMessage": "m", "requestId": "1"}
    known = row(json.dumps({**facts, **metrics, **lambdas, "stages_ms": stages}), 0)
    known |= {"state": "FAILED", "key": "PUT THE KEY HERE", "attempt": 1}
    assert len(queries) == 7
    for name, query in queries.items():
        states = ("FAILED", "REJECTED", "IGNORED")
        found = [one for state in states for one in answer(query, [{**known, "state": state}])]
        assert found, name
        assert all(value is not None for one in found for value in one.values()), (name, found)
