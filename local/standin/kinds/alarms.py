"""CloudWatch: alarms, alarms of alarms, and the dashboard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.standin.cloud import Aws
from local.standin.crud import Crud, pairs, terraform, unpairs
from local.standin.values import State

NAMES = {
    "arn": "AlarmArn",
    "ok_actions": "OKActions",
    "evaluate_low_sample_count_percentiles": "EvaluateLowSampleCountPercentile",
    "metric_query": "Metrics",
    "metric_query.metric": "MetricStat",
}


class AlarmOfAnyKind(Crud):
    """What single, metric-math and composite alarms share: tags and how they go."""

    def tag(self, aws: Aws, state: State, tags: Mapping[str, str], removed: list[str]) -> None:
        cloudwatch, arn = aws.client("cloudwatch"), state["arn"]
        if removed:
            cloudwatch.untag_resource(ResourceARN=arn, TagKeys=removed)
        if tags:
            cloudwatch.tag_resource(ResourceARN=arn, Tags=pairs(tags))

    def _tags(self, aws: Aws, arn: str) -> dict[str, str]:
        answer = aws.client("cloudwatch").list_tags_for_resource(ResourceARN=arn)
        return unpairs(answer.get("Tags"))

    def _find(self, aws: Aws, name: str, alarm_type: str) -> dict[str, Any] | None:
        answer = aws.client("cloudwatch").describe_alarms(
            AlarmNames=[name], AlarmTypes=[alarm_type]
        )
        return next(iter(answer.get(f"{alarm_type}s", [])), None)

    def delete(self, aws: Aws, state: State) -> None:
        aws.client("cloudwatch").delete_alarms(AlarmNames=[state["id"]])

    def put(self, aws: Aws, state: State, **more: Any) -> None:
        raise NotImplementedError

    def create(self, aws: Aws, state: State) -> None:
        self.put(aws, state, Tags=pairs(state["tags_all"]))
        state["id"] = state["alarm_name"]

    def update(self, aws: Aws, prior: State, state: State) -> None:
        self.put(aws, state)


@terraform("aws_cloudwatch_metric_alarm", names=NAMES)
class MetricAlarm(AlarmOfAnyKind):
    arguments = (
        "actions_enabled",
        "alarm_actions",
        "alarm_description",
        "alarm_name",
        "comparison_operator",
        "datapoints_to_alarm",
        "evaluate_low_sample_count_percentiles",
        "evaluation_periods",
        "extended_statistic",
        "insufficient_data_actions",
        "metric_name",
        "metric_query",
        "namespace",
        "ok_actions",
        "period",
        "statistic",
        "threshold",
        "threshold_metric_id",
        "treat_missing_data",
        "unit",
    )

    def put(self, aws: Aws, state: State, **more: Any) -> None:
        wanted = self.wire.out(state, *self.arguments)
        if state["dimensions"]:
            wanted["Dimensions"] = pairs(state["dimensions"], "Name")
        wanted["Metrics"] = [_query_out(query) for query in wanted.pop("Metrics", [])]
        if not wanted["Metrics"]:
            del wanted["Metrics"]
        aws.client("cloudwatch").put_metric_alarm(**wanted, **more)

    def read(self, aws: Aws, state: State) -> State | None:
        found = self._find(aws, state["id"], "MetricAlarm")
        if found is None:
            return None
        if not found.get("MetricName"):  # of metric math alone, where MiniStack makes up both
            found["Period"] = None
        if not found.get("MetricName") or found.get("ExtendedStatistic"):
            found["Statistic"] = None
        found["Metrics"] = [_query_back(query) for query in found.get("Metrics") or []]
        return {
            **self.wire.back(found, *self.arguments, "arn"),
            "id": state["id"],
            "dimensions": unpairs(found.get("Dimensions"), "Name"),
            "tags_all": self._tags(aws, found["AlarmArn"]),
        }


def _query_out(query: dict[str, Any]) -> dict[str, Any]:
    """Terraform writes the metric flat; CloudWatch puts its name and dimensions one level down."""
    flat = query.get("MetricStat")
    if not flat:
        return query
    metric = {name: flat[name] for name in ("MetricName", "Namespace") if name in flat}
    metric["Dimensions"] = pairs(flat.get("Dimensions") or {}, "Name")
    rest = {name: flat[name] for name in ("Period", "Stat", "Unit") if flat.get(name)}
    return {**query, "MetricStat": {"Metric": metric, **rest}}


def _query_back(query: dict[str, Any]) -> dict[str, Any]:
    stat = query.get("MetricStat")
    if not stat:
        return query
    metric = stat.get("Metric", {})
    flat = {**stat, **metric, "Dimensions": unpairs(metric.get("Dimensions"), "Name")}
    return {**query, "MetricStat": flat}


@terraform("aws_cloudwatch_composite_alarm", names=NAMES)
class CompositeAlarm(AlarmOfAnyKind):
    arguments = (
        "actions_enabled",
        "alarm_actions",
        "alarm_description",
        "alarm_name",
        "alarm_rule",
        "insufficient_data_actions",
        "ok_actions",
    )

    def put(self, aws: Aws, state: State, **more: Any) -> None:
        wanted = self.wire.out(state, *self.arguments)
        for suppressor in state["actions_suppressor"]:
            wanted["ActionsSuppressor"] = suppressor["alarm"]
            wanted["ActionsSuppressorExtensionPeriod"] = suppressor["extension_period"]
            wanted["ActionsSuppressorWaitPeriod"] = suppressor["wait_period"]
        aws.client("cloudwatch").put_composite_alarm(**wanted, **more)

    def read(self, aws: Aws, state: State) -> State | None:
        found = self._find(aws, state["id"], "CompositeAlarm")
        if found is None:
            return None
        suppressor = {
            "alarm": found.get("ActionsSuppressor"),
            "extension_period": found.get("ActionsSuppressorExtensionPeriod"),
            "wait_period": found.get("ActionsSuppressorWaitPeriod"),
        }
        return {
            **self.wire.back(found, *self.arguments, "arn"),
            "id": state["id"],
            "actions_suppressor": [suppressor] if suppressor["alarm"] else [],
            "tags_all": self._tags(aws, found["AlarmArn"]),
        }


@terraform("aws_cloudwatch_dashboard")
class Dashboard(Crud):
    arguments = ("dashboard_name", "dashboard_body", "dashboard_arn")

    def update(self, aws: Aws, prior: State, state: State) -> None:
        aws.client("cloudwatch").put_dashboard(
            **self.wire.out(state, "dashboard_name", "dashboard_body")
        )

    def create(self, aws: Aws, state: State) -> None:
        self.update(aws, state, state)
        state["id"] = state["dashboard_name"]

    def read(self, aws: Aws, state: State) -> State | None:
        found = aws.client("cloudwatch").get_dashboard(DashboardName=state["id"])
        return {**self.wire.back(found, *self.arguments), "id": state["id"]}

    def delete(self, aws: Aws, state: State) -> None:
        aws.client("cloudwatch").delete_dashboards(DashboardNames=[state["id"]])
