# Ready means: an alarm that fires now arrives.

output "monitoring" {
  description = "Where on-call looks: the topic that alarms are told to, the alarms by name, the dashboard's address."
  value = {
    topic_arn     = local._topic_arn
    alarm_arns    = { for alarm in concat(values(aws_cloudwatch_metric_alarm.trouble), values(aws_cloudwatch_metric_alarm.mismatch)) : trimprefix(alarm.alarm_name, "${var.name}-") => alarm.arn }
    dashboard_url = "https://${var.surroundings.region}.${local._console[var.surroundings.partition]}/cloudwatch/home?region=${var.surroundings.region}#dashboards/dashboard/${aws_cloudwatch_dashboard.journey.dashboard_name}"
  }

  depends_on = [aws_sns_topic_policy.alarms]
}

locals {
  _console = {
    aws        = "console.aws.amazon.com"
    aws-cn     = "console.amazonaws.cn"
    aws-us-gov = "console.amazonaws-us-gov.com"
  }
}
