"""CloudWatch: alarms, alarms of alarms, and the dashboard."""

from __future__ import annotations

from local.terraform.standin.cloud import Aws
from local.terraform.standin.crud import Crud, Tags, terraform
from local.terraform.standin.values import State
from local.terraform.standin.wire import Document

NAMES = {"arn": "AlarmArn", "ok_actions": "OKActions"}


class Alarm(Crud):
    """What alarms of both types share."""

    tags = Tags("cloudwatch", "ResourceARN", pair=("Key", "Value"))
    identity = "{alarm_name}"

    def _find(self, aws: Aws, name: str, kind: str) -> Document | None:
        answer = aws.client("cloudwatch").describe_alarms(AlarmNames=[name], AlarmTypes=[kind])
        return next(iter(answer.get(f"{kind}s", [])), None)

    def delete(self, aws: Aws, state: State) -> None:
        aws.client("cloudwatch").delete_alarms(AlarmNames=[state["id"]])


@terraform(
    "aws_cloudwatch_metric_alarm",
    names={
        **NAMES,
        "dimensions": "Dimensions<Name>",
        "evaluate_low_sample_count_percentiles": "EvaluateLowSampleCountPercentile",
        "metric_query": "Metrics",
        "metric_query.metric": "MetricStat",
        "metric_query.metric.dimensions": "Metric.Dimensions<Name>",
        "metric_query.metric.metric_name": "Metric.MetricName",
        "metric_query.metric.namespace": "Metric.Namespace",
    },
)
class MetricAlarm(Alarm):
    def put(self, aws: Aws, state: State) -> None:
        aws.client("cloudwatch").put_metric_alarm(**self.wire.out(state))

    def read(self, aws: Aws, state: State) -> State | None:
        found = self._find(aws, state["id"], "MetricAlarm")
        if found is None:
            return None
        if not found.get("MetricName"):  # metric math, of which MiniStack makes up both
            found["Period"] = None
        if not found.get("MetricName") or found.get("ExtendedStatistic"):
            found["Statistic"] = None
        return self.wire.back(found, "arn")


SUPPRESSOR = {  # a block in Terraform, three arguments in the API
    "alarm": "ActionsSuppressor",
    "extension_period": "ActionsSuppressorExtensionPeriod",
    "wait_period": "ActionsSuppressorWaitPeriod",
}


@terraform("aws_cloudwatch_dashboard")
class Dashboard(Crud):
    identity = "{dashboard_name}"

    def put(self, aws: Aws, state: State) -> None:
        aws.client("cloudwatch").put_dashboard(**self.wire.out(state))

    def read(self, aws: Aws, state: State) -> State | None:
        found = aws.client("cloudwatch").get_dashboard(DashboardName=state["id"])
        return self.wire.back(found, "dashboard_arn")

    def delete(self, aws: Aws, state: State) -> None:
        aws.client("cloudwatch").delete_dashboards(DashboardNames=[state["id"]])
