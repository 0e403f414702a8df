"""Every alarm names what exists, fires by its data alone, goes back, and arrives.

What is the local AWS's part in that and what is ours, tests/ops/alarm_watch.py says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from local.stack import Stack
from tests.local.laboratory import wait_for
from tests.ops.alarm_watch import Measured, Metric, Past, Watch, publish
from tests.ops.conftest import NAME
from tests.ops.metric_math import alarm_state
from upload_workflow.run.job_line import KEPT, JobLine, to_json

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
    name = f"{NAME}-{stack.aws.region}"
    answer = stack.aws.client("cloudwatch").get_dashboard(DashboardName=name)
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
    # A remake records no failure.
    for state, remake in set(
        product(("SUCCEEDED", "REJECTED", "IGNORED", "FAILED"), (None, "r"))
    ) - {("FAILED", "r")}:
        line = JobLine(
            state=state,
            execution="e",
            attempt=0,
            redrive=False,
            remake=remake,
            upload_bytes=1,
            rendition_bytes=1,
            stages_ms={"convert": 1},
            since_event_ms=1,
            unforeseen=True,
            original=KEPT,
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
        "StateMachineArn": {
            outputs["state_machine"]["arn"],
            outputs["remake"]["state_machine"]["arn"],
        },
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
    assert len(of_alarms) >= 20
    for paragraph in of_alarms:
        for word in ("**Means.**", "**False alarm.**", "**Look.**", "**Repair.**"):
            assert word in paragraph, f"{word} is missing in {paragraph.splitlines()[0]}"


def test_no_paragraph_speaks_of_an_alarm_that_is_gone(alarms: Mapping[str, Alarm]) -> None:
    headings = set(re.findall(r"^### ([a-z]+-[a-z-]+)$", OPERATIONS.read_text(), re.MULTILINE))
    # Made where jobs wait for a scan, and where originals go: neither is so in this stack.
    assert headings <= {*alarms, "uploads-not-scanned", "originals-kept"}


def test_every_alarm_tells_its_topic_of_trouble_and_of_its_end(
    alarms: Mapping[str, Alarm], stack: Stack
) -> None:
    topic = stack.outputs["monitoring"]["topic_arn"]
    for name, alarm in alarms.items():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [topic], name
        assert alarm["ActionsEnabled"], name


@pytest.mark.parametrize(
    ("points", "ignore", "not_breaching"),
    [
        ("0-X-X", "OK", "OK"),
        ("0----", "OK", "OK"),
        ("-----", "as before", "OK"),
        ("0XX-X", "ALARM", "ALARM"),
        ("----X", "as before", "OK"),
        ("X----", "as before", "OK"),
    ],
)
def test_missing_data_are_judged_as_in_the_table_of_the_guide_to_cloudwatch(
    points: str, ignore: str, not_breaching: str
) -> None:
    series = [{"0": 0.0, "X": 1.0, "-": None}[point] for point in points]
    for missing, state in (("ignore", ignore), ("notBreaching", not_breaching)):
        alarm = {
            "EvaluationPeriods": 3,
            "Threshold": 1.0,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "TreatMissingData": missing,
        }
        assert alarm_state(alarm, series, "as before") == state


@pytest.fixture(scope="session")
def watches(
    alarms: Mapping[str, Alarm], queries: Mapping[str, list[dict[str, Any]]], stack: Stack
) -> dict[str, Watch]:
    cloudwatch = stack.aws.client("cloudwatch")
    assert set(queries) == {"rejections-many", "nothing-leaves"}
    return {
        name: Watch.on_expression(cloudwatch, alarm, queries[name])
        if name in queries
        else Watch.on_metric(cloudwatch, alarm)
        for name, alarm in alarms.items()
    }


@pytest.fixture(scope="session")
def past() -> Past:
    return Past()


# How AWS or a job's line tells of a trouble that is, or is not quite, as bad as a threshold.
Shape = Callable[[float, bool], Measured]


def times(threshold: float, bad: bool) -> Measured:
    return happened(int(threshold) if bad else int(threshold) - 1)


def happened(count: int) -> Measured:
    return {1: count} if count else {0: 1}


def worst_of_ten(threshold: float, bad: bool) -> Measured:
    value = threshold if bad else threshold - 1
    return {value: 1, value / 2: 9}


def one_in_twenty(threshold: float, bad: bool) -> Measured:
    as_slow = 6 if bad else 5
    return {threshold: as_slow, 0: 100 - as_slow}


@pytest.fixture(scope="session")
def troubles(stack: Stack) -> dict[str, tuple[Metric, Shape]]:
    """By alarm. Not read from the alarms, whose mistakes would then be right."""
    outputs = stack.outputs
    convert, record = (
        {"FunctionName": outputs["functions"][name]["name"]}
        for name in ("convert_image", "record_failure")
    )
    uploads, ended = (
        {"RuleName": f"{NAME}-{rule}"} for rule in ("upload-ready", "execution-ended")
    )
    queue = {"QueueName": outputs["dead_letters"]["name"]}
    machine = {"StateMachineArn": outputs["state_machine"]["arn"]}
    remake = {"StateMachineArn": outputs["remake"]["state_machine"]["arn"]}
    api = {"ApiId": outputs["upload_api"]["api_id"]}
    undelivered, lost = "FailedInvocations", "InvocationsFailedToBeSentToDlq"
    letters, oldest = "ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"
    slow = Metric.of("UploadWorkflow", "TimeToResult", {"Workflow": NAME})
    of = Metric.of
    return {
        "upload-api-failing": (of("AWS/ApiGateway", "5xx", api), times),
        "upload-events-not-delivered": (of("AWS/Events", undelivered, uploads), times),
        "upload-events-lost": (of("AWS/Events", lost, uploads), times),
        "failure-events-not-delivered": (of("AWS/Events", undelivered, ended), times),
        "failure-events-lost": (of("AWS/Events", lost, ended), times),
        "dead-letters-present": (of("AWS/SQS", letters, queue), worst_of_ten),
        "dead-letters-expire": (of("AWS/SQS", oldest, queue), worst_of_ten),
        "executions-failed": (of("AWS/States", "ExecutionsFailed", machine), times),
        "executions-timed-out": (of("AWS/States", "ExecutionsTimedOut", machine), times),
        "executions-aborted": (of("AWS/States", "ExecutionsAborted", machine), times),
        "executions-throttled": (of("AWS/States", "ExecutionThrottled", machine), times),
        "remakes-failed": (of("AWS/States", "ExecutionsFailed", remake), times),
        "convert-image-errors": (of("AWS/Lambda", "Errors", convert), times),
        "convert-image-throttled": (of("AWS/Lambda", "Throttles", convert), times),
        "convert-image-near-time-out": (of("AWS/Lambda", "Duration", convert), worst_of_ten),
        "record-failure-errors": (of("AWS/Lambda", "Errors", record), times),
        "record-failure-throttled": (of("AWS/Lambda", "Throttles", record), times),
        "record-failure-near-time-out": (of("AWS/Lambda", "Duration", record), worst_of_ten),
        "results-slow": (slow, one_in_twenty),
        "pictures-unforeseen": (of("UploadWorkflow", "Unforeseen", {"Workflow": NAME}), times),
    }


@pytest.fixture(scope="session")
def flows(stack: Stack) -> dict[str, Metric]:
    """What the alarms on expressions compare, by its name there."""
    rule = {"RuleName": f"{NAME}-upload-ready"}
    ends = ("Succeeded", "Rejected", "Failed", "Ignored")
    ours = {end.lower(): Metric.of("UploadWorkflow", end, {"Workflow": NAME}) for end in ends}
    return {"arrived": Metric.of("AWS/Events", "MatchedEvents", rule), **ours}


# A quarter of an hour in which something is bad enough, between periods in which it nearly is.
COURSE = [False, False, False, True, True, True, False]

Course = Mapping[Metric, list[Measured]]


@pytest.fixture(scope="session")
def courses(
    alarms: Mapping[str, Alarm],
    troubles: Mapping[str, tuple[Metric, Shape]],
    flows: Mapping[str, Metric],
) -> dict[str, Course]:
    """Metric data that take each alarm through COURSE."""
    found: dict[str, Course] = {
        name: {metric: [shape(alarms[name]["Threshold"], bad) for bad in COURSE]}
        for name, (metric, shape) in troubles.items()
    }
    found["rejections-many"] = {
        flows["rejected"]: [happened(20) for _ in COURSE],
        flows["succeeded"]: [happened(20 if bad else 21) for bad in COURSE],
    }
    found["nothing-leaves"] = {
        flows["arrived"]: [happened(1) for _ in COURSE],
        flows["ignored"]: [{} if bad else happened(1) for bad in COURSE],
    }
    assert set(found) == set(alarms)
    return found


@pytest.fixture(scope="session")
def states(
    watches: Mapping[str, Watch], courses: Mapping[str, Course], past: Past
) -> dict[str, list[str]]:
    """What each alarm makes of its course, at the end of every period."""
    return {name: run(watches[name], course, past) for name, course in courses.items()}


def run(watch: Watch, course: Course, past: Past) -> list[str]:
    (length,) = {len(series) for series in course.values()}
    ends = past.periods(length)
    for metric, series in course.items():
        publish(watch.cloudwatch, metric, ends, series)
    return list(watch.follow(ends))


LASTING = {
    "executions-throttled",
    "convert-image-errors",
    "convert-image-throttled",
    "record-failure-throttled",
    "results-slow",
    "rejections-many",
    "nothing-leaves",
}

AT_ONCE = ["OK", "OK", "OK", "ALARM", "ALARM", "ALARM", "OK"]
WHEN_IT_LASTS = ["OK", "OK", "OK", "OK", "OK", "ALARM", "OK"]


def test_every_alarm_fires_by_its_data_and_not_before_what_heals_by_itself_has_lasted(
    states: Mapping[str, list[str]],
) -> None:
    expected = {name: WHEN_IT_LASTS if name in LASTING else AT_ONCE for name in states}
    assert states == expected


def test_the_same_trouble_of_somebody_else_alarms_nobody(
    watches: Mapping[str, Watch], courses: Mapping[str, Course], past: Past
) -> None:
    for name, course in courses.items():
        theirs = {metric.elsewhere(): series for metric, series in course.items()}
        assert set(run(watches[name], theirs, past)) == {"OK"}, name


def test_silence_alarms_nobody_and_heals_no_dead_letter(
    watches: Mapping[str, Watch], past: Past
) -> None:
    silent = past.periods(1)
    assert {state for watch in watches.values() for state in watch.follow(silent, "OK")} == {"OK"}
    kept = {name for name, watch in watches.items() if [*watch.follow(silent, "ALARM")] != ["OK"]}
    assert kept == {"dead-letters-present"}


N = None  # a period without a data point
ARRIVE = [9, 1, 5]


def flow(
    watch: Watch, flows: Mapping[str, Metric], counts: Mapping[str, list[int | None]], past: Past
) -> str:
    """The state after three periods in which so many did this and that."""
    nothing: list[Measured] = [{}, {}, {}]
    course = {flows["arrived"]: nothing} | {
        flows[name]: [{} if count is None else happened(count) for count in series]
        for name, series in counts.items()
    }
    return run(watch, course, past)[-1]


@pytest.mark.parametrize(
    ("counts", "state"),
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
    watches: Mapping[str, Watch],
    flows: Mapping[str, Metric],
    past: Past,
    counts: Mapping[str, list[int | None]],
    state: str,
) -> None:
    assert flow(watches["nothing-leaves"], flows, counts, past) == state


@pytest.mark.parametrize(
    ("counts", "state"),
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
    watches: Mapping[str, Watch],
    flows: Mapping[str, Metric],
    past: Past,
    counts: Mapping[str, list[int | None]],
    state: str,
) -> None:
    assert flow(watches["rejections-many"], flows, counts, past) == state


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
        self._told: list[dict[str, Any]] = []

    def read(self) -> list[dict[str, Any]]:
        """All messages of alarms that have come so far."""
        while messages := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in messages:
                self._told.append(json.loads(json.loads(message["Body"])["Message"]))
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return self._told


def test_every_alarm_and_its_end_arrive_with_what_to_do(
    states: Mapping[str, list[str]], watches: Mapping[str, Watch], stack: Stack
) -> None:
    for watch in watches.values():
        watch.say("OK", "before the course")
    inbox = Inbox(stack)
    for name, watch in watches.items():
        for period, state in enumerate(states[name], 1):
            watch.say(state, f"as of period {period}")

    told = wait_for("all", lambda: len(inbox.read()) >= 2 * len(watches) and inbox.read())
    expected = {
        (watch.alarm["AlarmName"], state, f"as of period {period}", watch.alarm["AlarmDescription"])
        for name, watch in watches.items()
        for state, period in (("ALARM", 6 if name in LASTING else 4), ("OK", 7))
    }
    names = ("AlarmName", "NewStateValue", "NewStateReason", "AlarmDescription")
    assert {tuple(message[name] for name in names) for message in told} == expected


def test_a_second_plan_changes_nothing(stack: Stack) -> None:
    assert "No changes." in stack.root.run("plan").stdout
