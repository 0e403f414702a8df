"""Every alarm names what exists, fires, goes back, and arrives where somebody reads it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local.stack import Stack
from tests.local.laboratory import wait_for
from tests.ops.conftest import NAME
from tests.ops.metric_math import alarm_state, evaluate
from upload_workflow.job_line import JobLine, to_json

OPERATIONS = Path("docs/operations.md")
CATALOGUE = json.loads(Path("tests/ops/metrics_catalogue.json").read_text())

Alarm = Mapping[str, Any]


@pytest.fixture(scope="session")
def alarms(stack: Stack) -> dict[str, Alarm]:
    """As CloudWatch has them, by name without the workflow's."""
    pages = stack.aws.client("cloudwatch").get_paginator("describe_alarms").paginate()
    found = [alarm for page in pages for alarm in page["MetricAlarms"]]
    return {alarm["AlarmName"].removeprefix(f"{NAME}-"): alarm for alarm in found}


@pytest.fixture(scope="session")
def queries(stack: Stack) -> dict[str, list[dict[str, Any]]]:
    """The metric queries of the alarms on expressions, from Terraform's state.

    The local AWS forgets them: it describes such an alarm without them.
    """
    document = json.loads(stack.root.run("show", "-json").stdout)
    found = {}
    for resource in _resources(document["values"]["root_module"]):
        if resource["type"] == "aws_cloudwatch_metric_alarm" and resource["values"]["metric_query"]:
            name = resource["values"]["alarm_name"].removeprefix(f"{NAME}-")
            found[name] = resource["values"]["metric_query"]
    return found


def _resources(module: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from _resources(child)


@pytest.fixture(scope="session")
def dashboard(stack: Stack) -> dict[str, Any]:
    answer = stack.aws.client("cloudwatch").get_dashboard(DashboardName=NAME)
    return dict(json.loads(answer["DashboardBody"]))


Named = tuple[str, str, dict[str, str]]


@pytest.fixture(scope="session")
def named(
    alarms: Mapping[str, Alarm],
    queries: Mapping[str, list[dict[str, Any]]],
    dashboard: Mapping[str, Any],
) -> list[Named]:
    """Namespace, metric and dimensions of all that alarms and dashboard name."""
    found = [*_by_alarms(alarms), *_by_queries(queries), *_by_dashboard(dashboard)]
    assert len(found) > 50
    return found


def _by_alarms(alarms: Mapping[str, Alarm]) -> Iterator[Named]:
    for alarm in alarms.values():
        if "MetricName" in alarm:
            pairs = {pair["Name"]: pair["Value"] for pair in alarm["Dimensions"]}
            yield alarm["Namespace"], alarm["MetricName"], pairs


def _by_queries(queries: Mapping[str, list[dict[str, Any]]]) -> Iterator[Named]:
    for query in queries.values():
        for metric in [metric for part in query for metric in part["metric"]]:
            yield metric["namespace"], metric["metric_name"], metric["dimensions"]


def _by_dashboard(dashboard: Mapping[str, Any]) -> Iterator[Named]:
    for widget in dashboard["widgets"]:
        for entry in widget["properties"].get("metrics", []):
            namespace, metric, *pairs = [part for part in entry if isinstance(part, str)]
            yield namespace, metric, dict(zip(pairs[::2], pairs[1::2], strict=True))


def written_by_the_code() -> dict[str, str]:
    """Metric and dimension of every line that a job can leave."""
    emitted = {}
    for state in ("SUCCEEDED", "REJECTED", "IGNORED", "FAILED"):
        line = JobLine(
            state=state,
            execution="e",
            attempt=0,
            redrive=False,
            upload_bytes=1,
            rendition_bytes=1,
            stages_ms={"convert": 1},
            since_event_ms=1,
        )
        document = json.loads(to_json(line, NAME, 0))
        (directive,) = document["_aws"]["CloudWatchMetrics"]
        ((dimension,),) = directive["Dimensions"]
        for metric in directive["Metrics"]:
            emitted[f"{directive['Namespace']} {metric['Name']}"] = dimension
    return emitted


def test_every_metric_and_dimension_that_is_named_exists(named: list[Named]) -> None:
    ours = written_by_the_code()
    for namespace, metric, dimensions in named:
        if namespace == "UploadWorkflow":
            assert [ours.get(f"{namespace} {metric}")] == list(dimensions), metric
        else:
            known = CATALOGUE[namespace]["metrics"].get(metric)
            assert known, f"{namespace} publishes no {metric}"
            assert sorted(dimensions) in known["dimensions"], (metric, dimensions)


def test_every_dimension_has_the_name_of_something_that_is_there(
    named: list[Named], stack: Stack
) -> None:
    outputs = stack.outputs
    rules = stack.aws.client("events").list_rules()["Rules"]
    there = {
        "Workflow": {NAME},
        "QueueName": {outputs["dead_letters"]["name"]},
        "StateMachineArn": {outputs["state_machine"]["arn"]},
        "FunctionName": {function["name"] for function in outputs["functions"].values()},
        "RuleName": {rule["Name"] for rule in rules},
        "ApiId": {outputs["upload_api"]["api_id"]},
    }
    for _, metric, dimensions in named:
        for name, value in dimensions.items():
            assert value in there[name], (metric, name, value)


def test_every_alarm_says_what_to_do_and_links_to_its_paragraph(
    alarms: Mapping[str, Alarm],
) -> None:
    headings = set(re.findall(r"^### ([a-z-]+)$", OPERATIONS.read_text(), re.MULTILINE))
    for name, alarm in alarms.items():
        text = alarm["AlarmDescription"]
        assert text.endswith(f" https://example.com/operations.md#{name}"), name
        assert 100 < len(text) <= 1024, name  # CloudWatch's limit
        assert name in headings, f"docs/operations.md has no paragraph on {name}"


def test_every_paragraph_says_the_same_four_things() -> None:
    paragraphs = re.split(r"^### ", OPERATIONS.read_text(), flags=re.MULTILINE)[1:]
    of_alarms = [p for p in paragraphs if re.match(r"[a-z-]+\n", p)]
    assert len(of_alarms) >= 19
    for paragraph in of_alarms:
        for word in ("**Means.**", "**False alarm.**", "**Look.**", "**Repair.**"):
            assert word in paragraph, f"{word} is missing in {paragraph.splitlines()[0]}"


def test_no_paragraph_speaks_of_an_alarm_that_is_gone(alarms: Mapping[str, Alarm]) -> None:
    headings = set(re.findall(r"^### ([a-z]+-[a-z-]+)$", OPERATIONS.read_text(), re.MULTILINE))
    assert headings <= set(alarms)


def test_every_alarm_tells_its_topic_of_trouble_and_of_its_end(
    alarms: Mapping[str, Alarm], stack: Stack
) -> None:
    topic = stack.outputs["monitoring"]["topic_arn"]
    for name, alarm in alarms.items():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [topic], name
        assert alarm["ActionsEnabled"], name


def test_silence_alarms_nobody_and_heals_no_dead_letter(alarms: Mapping[str, Alarm]) -> None:
    silence = [None] * 5
    for name, alarm in alarms.items():
        assert alarm_state(alarm, silence, before="OK") == "OK", name
    kept = {name for name, a in alarms.items() if alarm_state(a, silence, "ALARM") == "ALARM"}
    assert kept == {"dead-letters-present"}


LASTING = {
    "executions-throttled",
    "convert-image-errors",
    "convert-image-throttled",
    "record-failure-throttled",
    "results-slow",
    "rejections-many",
    "nothing-leaves",
}


def test_what_heals_by_itself_calls_nobody_before_it_has_lasted(
    alarms: Mapping[str, Alarm],
) -> None:
    for name, alarm in alarms.items():
        trouble = alarm["Threshold"]
        once = alarm_state(alarm, [0, 0, trouble])
        assert once == ("OK" if name in LASTING else "ALARM"), name
        assert alarm_state(alarm, [trouble] * 3) == "ALARM", name
        assert alarm_state(alarm, [trouble, trouble, 0]) == "OK", name


N = None  # a period without a data point
NONE = [N, N, N]
ARRIVE = [9, 1, 5]


def fires(
    alarm: Alarm, query: list[dict[str, Any]], metrics: Mapping[str, list[float | None]]
) -> str:
    (expression,) = [part["expression"] for part in query if part["expression"]]
    (returned,) = [part["id"] for part in query if part["return_data"]]
    assert returned == "mismatch"
    named = [part["id"] for part in query if part["metric"]]
    series = evaluate(expression, {name: metrics.get(name, NONE) for name in named})
    return alarm_state(alarm, series)


@pytest.mark.parametrize(
    ("metrics", "state"),
    [
        ({}, "OK"),  # nothing happens at all
        ({"arrived": ARRIVE, "succeeded": [9, 8, 9], "rejected": [N, 1, N]}, "OK"),
        # everything is rejected, everything fails, everything is a duplicate: that leaves too
        ({"arrived": ARRIVE, "rejected": ARRIVE}, "OK"),
        ({"arrived": ARRIVE, "failed": ARRIVE}, "OK"),
        ({"arrived": ARRIVE, "ignored": ARRIVE}, "OK"),
        # one long conversion at the edge of a period
        ({"arrived": ARRIVE, "succeeded": [9, N, 9]}, "OK"),
        # uploads arrive and nothing leaves, while every other metric is silent
        ({"arrived": ARRIVE}, "ALARM"),
        ({"arrived": ARRIVE, "succeeded": [0, 0, 0], "rejected": [N, 0, N]}, "ALARM"),
        # the last upload was long ago
        ({"arrived": [9, N, N]}, "OK"),
    ],
)
def test_nothing_leaves_fires_when_uploads_arrive_and_no_job_ends(
    alarms: Mapping[str, Alarm],
    queries: Mapping[str, list[dict[str, Any]]],
    metrics: Mapping[str, list[float | None]],
    state: str,
) -> None:
    assert fires(alarms["nothing-leaves"], queries["nothing-leaves"], metrics) == state


@pytest.mark.parametrize(
    ("metrics", "state"),
    [
        ({"succeeded": [500, 500, 500]}, "OK"),
        ({"rejected": [19, 19, 19]}, "OK"),  # a handful on a quiet night
        ({"rejected": [20, 20, 20]}, "ALARM"),
        ({"rejected": [40, 40, 40], "succeeded": [100, 100, 100]}, "OK"),
        ({"rejected": [100, 100, 100], "succeeded": [100, 100, 100]}, "ALARM"),
        # just below half in one of three periods
        ({"rejected": [100, 100, 100], "succeeded": [101, 100, 100]}, "OK"),
        ({"rejected": [100, N, 100], "succeeded": [100, 100, 100]}, "OK"),
    ],
)
def test_rejections_are_many_by_share_and_by_number_and_only_when_it_lasts(
    alarms: Mapping[str, Alarm],
    queries: Mapping[str, list[dict[str, Any]]],
    metrics: Mapping[str, list[float | None]],
    state: str,
) -> None:
    assert fires(alarms["rejections-many"], queries["rejections-many"], metrics) == state


class Inbox:
    """A queue that is subscribed to the alarms' topic, as an operator's tool would be."""

    def __init__(self, stack: Stack) -> None:
        self._sqs = stack.aws.client("sqs")
        self._url = self._sqs.create_queue(QueueName="inbox")["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        queue, topic = (
            attributes["Attributes"]["QueueArn"],
            stack.outputs["monitoring"]["topic_arn"],
        )
        allowed = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": policy})
        stack.aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
        self.told: dict[tuple[str, str], dict[str, Any]] = {}

    def read(self) -> None:
        """Adds what has come: alarm and new state -> message."""
        while messages := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in messages:
                told = json.loads(json.loads(message["Body"])["Message"])
                name = told["AlarmName"].removeprefix(f"{NAME}-")
                self.told[name, told["NewStateValue"]] = told
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])

    def names(self, state: str) -> set[str]:
        self.read()
        return {name for name, told in self.told if told == state}


@pytest.fixture(scope="session")
def inbox(stack: Stack) -> Inbox:
    return Inbox(stack)


def test_every_alarm_on_one_metric_fires_goes_back_and_arrives(
    alarms: Mapping[str, Alarm], stack: Stack, inbox: Inbox
) -> None:
    cloudwatch = stack.aws.client("cloudwatch")
    driven = {name: alarm for name, alarm in alarms.items() if "MetricName" in alarm}
    # The local AWS looks back over all periods of an alarm. These data points are about to leave
    # that view, so that the way back does not take a quarter of an hour.
    seconds_in_view = 3

    def put(alarm: Alarm, value: float, time_: datetime) -> None:
        datum = {"MetricName": alarm["MetricName"], "Value": value, "Timestamp": time_}
        datum["Dimensions"] = alarm["Dimensions"]
        cloudwatch.put_metric_data(Namespace=alarm["Namespace"], MetricData=[datum])

    now = datetime.now(UTC)
    for alarm in driven.values():
        view = timedelta(seconds=alarm["Period"] * alarm["EvaluationPeriods"] - seconds_in_view)
        put(alarm, alarm["Threshold"], now - view)
    wait_for("every alarm", lambda: inbox.names("ALARM") >= set(driven))

    time.sleep(seconds_in_view)
    for alarm in driven.values():
        put(alarm, 0, datetime.now(UTC))
    wait_for("every way back", lambda: inbox.names("OK") >= set(driven))

    for name, alarm in driven.items():
        for state in ("ALARM", "OK"):
            assert inbox.told[name, state]["AlarmDescription"] == alarm["AlarmDescription"]


def test_the_alarms_on_expressions_arrive_too(
    alarms: Mapping[str, Alarm], stack: Stack, inbox: Inbox
) -> None:
    """When they fire is shown above: the local AWS does not evaluate expressions."""
    cloudwatch = stack.aws.client("cloudwatch")
    driven = {name for name, alarm in alarms.items() if "MetricName" not in alarm}
    assert driven == {"nothing-leaves", "rejections-many"}
    for state in ("ALARM", "OK"):
        for name in driven:
            cloudwatch.set_alarm_state(
                AlarmName=f"{NAME}-{name}", StateValue=state, StateReason="driven by a test"
            )
        wait_for(state, lambda state=state: inbox.names(state) >= driven)  # type: ignore[misc]


def test_a_second_plan_changes_nothing(stack: Stack) -> None:
    assert "No changes." in stack.root.run("plan").stdout
