"""Alarms driven by the data in the local CloudWatch, which does not judge them as AWS does.

The local AWS's own are the metrics (PutMetricData, and GetMetricData by dimensions, period and
statistic), the alarms as Terraform made them, and the message that a change of state sends. It
forgets the queries of an alarm on an expression, and judges the others without regard to
dimensions, periods and missing data. So which state follows from the data is decided here, by
`metric_math`, and said by SetAlarmState.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.ops.metric_math import EXTRA_PERIODS, Series, alarm_state, evaluate

PERIOD = timedelta(minutes=5)  # of all our alarms

# What was measured in one period: value -> how often.
Measured = Mapping[float, int]


@dataclass(frozen=True)
class Metric:
    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, namespace: str, name: str, dimensions: Mapping[str, str]) -> Metric:
        return cls(namespace, name, tuple(sorted(dimensions.items())))

    def elsewhere(self) -> Metric:
        """The same of somebody else."""
        dimensions = {name: f"another-{value}" for name, value in self.dimensions}
        return Metric.of(self.namespace, self.name, dimensions)

    @property
    def described(self) -> list[dict[str, str]]:
        """Its dimensions as CloudWatch writes them."""
        return [{"Name": name, "Value": value} for name, value in self.dimensions]


@dataclass
class Past:
    """Hands out stretches of time in which nothing was measured yet.

    All lie further back than the local AWS looks when it judges an alarm by itself.
    """

    _end: datetime = field(default_factory=lambda: datetime.now(UTC))

    def periods(self, count: int) -> list[datetime]:
        """The ends of that many periods in a row, with an hour of silence before them."""
        seconds = PERIOD.total_seconds()
        last = (self._end.timestamp() // seconds) * seconds - 3600
        ends = [datetime.fromtimestamp(last, UTC) - n * PERIOD for n in range(count)]
        self._end = ends[-1] - PERIOD
        return ends[::-1]


def publish(
    cloudwatch: Any, metric: Metric, ends: Sequence[datetime], series: Sequence[Measured]
) -> None:
    """Puts what was measured in the periods that end then; nothing where nothing was."""
    data = [
        {
            "MetricName": metric.name,
            "Dimensions": metric.described,
            "Timestamp": end - PERIOD / 2,
            "Values": [float(value) for value in measured],
            "Counts": [float(times) for times in measured.values()],
        }
        for end, measured in zip(ends, series, strict=True)
        if measured
    ]
    if data:
        cloudwatch.put_metric_data(Namespace=metric.namespace, MetricData=data)


@dataclass(frozen=True)
class Watch:
    """One alarm. queries: the metrics that its expression names, as GetMetricData takes them."""

    cloudwatch: Any
    alarm: Mapping[str, Any]
    queries: Sequence[Mapping[str, Any]]
    expression: str

    @classmethod
    def on_metric(cls, cloudwatch: Any, alarm: Mapping[str, Any]) -> Watch:
        """alarm: as DescribeAlarms gives it."""
        statistic = alarm.get("ExtendedStatistic") or alarm["Statistic"]
        named = {name: alarm[name] for name in ("Namespace", "MetricName", "Dimensions")}
        query = _query("value", named, alarm["Period"], statistic)
        return cls(cloudwatch, alarm, [query], "value")

    @classmethod
    def on_expression(
        cls, cloudwatch: Any, alarm: Mapping[str, Any], parts: Sequence[Mapping[str, Any]]
    ) -> Watch:
        """parts: the alarm's blocks `metric_query` as Terraform's state has them."""
        (returned,) = [part for part in parts if part["return_data"]]
        queries = []
        for part in parts:
            for metric in part["metric"]:
                found = Metric.of(metric["namespace"], metric["metric_name"], metric["dimensions"])
                named = {
                    "Namespace": found.namespace,
                    "MetricName": found.name,
                    "Dimensions": found.described,
                }
                queries.append(_query(part["id"], named, metric["period"], metric["stat"]))
        return cls(cloudwatch, alarm, queries, returned["expression"])

    def follow(self, ends: Sequence[datetime], before: str = "OK") -> Iterator[str]:
        """The state at the end of each period, the first one coming from `before`."""
        for end in ends:
            before = alarm_state(self.alarm, self._series(end), before)
            yield before

    def say(self, state: str, reason: str) -> None:
        """Tells CloudWatch, which tells the alarm's topic if that is a change."""
        self.cloudwatch.set_alarm_state(
            AlarmName=self.alarm["AlarmName"], StateValue=state, StateReason=reason
        )

    def _series(self, end: datetime) -> Series:
        """The alarm's values by period, as far back as CloudWatch looks."""
        count = self.alarm["EvaluationPeriods"] + EXTRA_PERIODS
        starts = [end - number * PERIOD for number in range(count, 0, -1)]
        answer = self.cloudwatch.get_metric_data(
            MetricDataQueries=self.queries, StartTime=starts[0], EndTime=end
        )
        metrics = {}
        for result in answer["MetricDataResults"]:
            points = dict(zip(result["Timestamps"], result["Values"], strict=True))
            assert set(points) <= set(starts)  # periods are aligned as we count them
            metrics[result["Id"]] = [points.get(start) for start in starts]
        return evaluate(self.expression, metrics)


def _query(
    name: str, metric: Mapping[str, Any], period_seconds: int, statistic: str
) -> dict[str, Any]:
    assert metric["Dimensions"]  # without any the local AWS would answer for all of them
    assert period_seconds == PERIOD.total_seconds()
    return {
        "Id": name,
        "MetricStat": {"Metric": dict(metric), "Period": period_seconds, "Stat": statistic},
    }
