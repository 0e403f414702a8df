"""What CloudWatch would know of a run, taken from what the run left on a local AWS.

The local AWS publishes next to none. They are counted here from the same facts that AWS counts
them from: job lines, reports of runs, executions and their histories, letters in the queue.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tools.dashboard import insights
from upload_workflow.ops.workflow import Aws, Workflow

Point = tuple[float, float]  # seconds since the epoch, value
Key = tuple[str, ...]  # namespace, name, dimension, value, ...


@dataclass(frozen=True)
class Figures:
    """points: by metric. tables: of the log widgets, by query. alarms: state by ARN."""

    points: Mapping[Key, Sequence[Point]]
    tables: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    alarms: Mapping[str, str] = field(default_factory=dict)

    def span(self) -> tuple[float, float]:
        times = [time for points in self.points.values() for time, _ in points]
        return (min(times), max(times)) if times else (0.0, 1.0)

    def series(self, key: Key, stat: str, period: float) -> list[Point]:
        """One value for each period that has data points."""
        periods: dict[float, list[float]] = {}
        for time, value in self.points.get(key, ()):
            periods.setdefault(time // period * period, []).append(value)
        return [(start, statistic(stat, periods[start])) for start in sorted(periods)]


def statistic(stat: str, values: Sequence[float]) -> float:
    """One of CloudWatch's statistics; percentiles are interpolated."""
    if stat == "Average":
        return sum(values) / len(values)
    simple = {"Sum": sum, "Minimum": min, "Maximum": max, "SampleCount": len}
    if stat in simple:
        return float(simple[stat](values))  # type: ignore[operator]
    ordered = sorted(values)
    rank = float(stat.removeprefix("p")) / 100 * (len(ordered) - 1)
    low = math.floor(rank)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (rank - low)


@dataclass(frozen=True)
class _LogEvent:
    function: str
    seconds: float
    message: str


def collect(aws: Aws, cloudwatch: Any, workflow: Workflow, body: Mapping[str, Any]) -> Figures:
    """Everything that the widgets of a dashboard ask for."""
    log = list(_log(aws, workflow))
    points: dict[Key, list[Point]] = {}
    for key, point in _counted(aws, workflow, log):
        points.setdefault(key, []).append(point)
    queries = [
        widget["properties"]["query"] for widget in body["widgets"] if widget["type"] == "log"
    ]
    rows = [insights.row(event.message, int(event.seconds * 1000)) for event in log]
    found = cloudwatch.describe_alarms()["MetricAlarms"]
    return Figures(
        points=points,
        tables={query: insights.answer(query, rows) for query in queries},
        alarms={alarm["AlarmArn"]: alarm["StateValue"] for alarm in found},
    )


def _log(aws: Aws, workflow: Workflow) -> Iterator[_LogEvent]:
    for group in workflow.log_groups:
        pages = aws.logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        for event in [event for page in pages for event in page["events"]]:
            function = group.rpartition("/")[2]
            yield _LogEvent(function, event["timestamp"] / 1000, event["message"])


def _counted(aws: Aws, workflow: Workflow, log: Sequence[_LogEvent]) -> Iterator[tuple[Key, Point]]:
    yield from _embedded(log)
    yield from _of_functions(log)
    yield from _of_executions(aws, workflow)
    yield from _of_letters(aws, workflow)


def _embedded(log: Sequence[_LogEvent]) -> Iterator[tuple[Key, Point]]:
    """Metrics in log lines, read as the embedded metric format's specification says."""
    for event in log:
        if not event.message.startswith("{"):
            continue
        line = json.loads(event.message)
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", []):
            for metric in directive["Metrics"]:
                for names in directive["Dimensions"]:
                    dimensions = [part for name in names for part in (name, line[name])]
                    key = (directive["Namespace"], metric["Name"], *dimensions)
                    yield key, (line["_aws"]["Timestamp"] / 1000, line[metric["Name"]])


_REPORT = re.compile(r"REPORT RequestId: \S+\tDuration: ([\d.]+) ms")


def _of_functions(log: Sequence[_LogEvent]) -> Iterator[tuple[Key, Point]]:
    """Runs, their durations, and how many went on at a time."""
    runs: dict[str, list[tuple[float, float]]] = {}
    for event in log:
        if match := _REPORT.match(event.message):
            seconds = float(match[1]) / 1000
            runs.setdefault(event.function, []).append((event.seconds - seconds, event.seconds))
    for function, spans in runs.items():
        dimension = ("FunctionName", function)
        for start, end in spans:
            at_once = sum(other <= start < until for other, until in spans)
            yield ("AWS/Lambda", "Invocations", *dimension), (end, 1)
            yield ("AWS/Lambda", "Duration", *dimension), (end, (end - start) * 1000)
            yield ("AWS/Lambda", "ConcurrentExecutions", *dimension), (start, at_once)


_ENDED = {
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "TIMED_OUT": "ExecutionsTimedOut",
    "ABORTED": "ExecutionsAborted",
}


def _of_executions(aws: Aws, workflow: Workflow) -> Iterator[tuple[Key, Point]]:
    machine = ("StateMachineArn", workflow.state_machine_arn)
    pages = aws.states.get_paginator("list_executions").paginate(
        stateMachineArn=workflow.state_machine_arn
    )
    for execution in [execution for page in pages for execution in page["executions"]]:
        started = execution["startDate"].timestamp()
        yield ("AWS/States", "ExecutionsStarted", *machine), (started, 1)
        # The rule matched the event that started it; redrives are started by hand.
        if not execution["name"].startswith("redrive-"):
            yield ("AWS/Events", "MatchedEvents", "RuleName", workflow.rule), (started, 1)
        if execution["status"] in _ENDED:
            ended = execution["stopDate"].timestamp()
            yield ("AWS/States", _ENDED[execution["status"]], *machine), (ended, 1)
        yield from _of_attempts(aws, workflow, execution["executionArn"])


def _of_attempts(aws: Aws, workflow: Workflow, execution: str) -> Iterator[tuple[Key, Point]]:
    """Runs of a function that failed or were refused, as the execution saw them."""
    pages = aws.states.get_paginator("get_execution_history").paginate(executionArn=execution)
    state = ""
    for event in [event for page in pages for event in page["events"]]:
        if event["type"] == "TaskStateEntered":
            state = event["stateEnteredEventDetails"]["name"]
        elif event["type"] == "TaskFailed" and state in _FUNCTIONS:
            throttled = "TooManyRequests" in event["taskFailedEventDetails"].get("error", "")
            name = "Throttles" if throttled else "Errors"
            function = f"{workflow.name}-{_FUNCTIONS[state]}"
            key = ("AWS/Lambda", name, "FunctionName", function)
            yield key, (event["timestamp"].timestamp(), 1)


_FUNCTIONS = {"Convert image": "convert-image", "Record failure": "record-failure"}


def _of_letters(aws: Aws, workflow: Workflow) -> Iterator[tuple[Key, Point]]:
    answer = aws.sqs.get_queue_attributes(
        QueueUrl=workflow.dead_letters_url, AttributeNames=["ApproximateNumberOfMessages"]
    )
    waiting = int(answer["Attributes"]["ApproximateNumberOfMessages"])
    key = ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName")
    yield (*key, f"{workflow.name}-dead-letters"), (datetime.now(UTC).timestamp(), waiting)
