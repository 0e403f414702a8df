# Ready means: an alarm that fires now arrives.

output "monitoring" {
  description = "Where on-call looks: the topic that alarms are told to, the alarms by name, the dashboard's address."
  value = {
    topic_arn     = local._topic_arn
    alarm_arns    = { for alarm in local._alarms : trimprefix(alarm.alarm_name, "${var.name}-") => alarm.arn }
    dashboard_url = "${local._console}#dashboards/dashboard/${aws_cloudwatch_dashboard.journey.dashboard_name}"
  }

  depends_on = [aws_sns_topic_policy.alarms]
}

locals {
  _alarms = concat(values(aws_cloudwatch_metric_alarm.trouble), values(aws_cloudwatch_metric_alarm.mismatch))

  # In a partition that is younger than this table: the console's name as most have it.
  _console_host = lookup({
    aws        = "console.aws.amazon.com"
    aws-cn     = "console.amazonaws.cn"
    aws-us-gov = "console.amazonaws-us-gov.com"
    aws-eusc   = "console.amazonaws-eusc.eu"
  }, var.surroundings.place.partition, "console.${var.surroundings.place.dns_suffix}")

  _console = join("", [
    "https://${var.surroundings.place.region}.${local._console_host}",
    "/cloudwatch/home?region=${var.surroundings.place.region}",
  ])
}
