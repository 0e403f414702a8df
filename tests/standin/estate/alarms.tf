locals {
  places = [for side in ["a", "b", "c"] : "arn:aws:sns:eu-central-1:000000000000:standin-${side}"]
}

resource "aws_cloudwatch_metric_alarm" "failed" {
  alarm_name                = "standin-failed"
  alarm_description         = var.other ? "b" : "a"
  namespace                 = var.other ? "AWS/Lambda" : "AWS/States"
  metric_name               = var.other ? "Errors" : "ExecutionsFailed"
  dimensions                = { StateMachineArn = var.other ? "b" : "a" }
  statistic                 = var.other ? "Average" : "Sum"
  comparison_operator       = var.other ? "LessThanThreshold" : "GreaterThanThreshold"
  threshold                 = var.other ? 2 : 0
  period                    = var.other ? 120 : 60
  evaluation_periods        = var.other ? 3 : 2
  datapoints_to_alarm       = var.other ? 2 : 1
  treat_missing_data        = var.other ? "breaching" : "notBreaching"
  unit                      = var.other ? "Seconds" : "Count"
  actions_enabled           = !var.other
  alarm_actions             = [local.places[var.other ? 1 : 0]]
  ok_actions                = [local.places[var.other ? 2 : 1]]
  insufficient_data_actions = [local.places[var.other ? 0 : 2]]
  tags                      = var.other ? { side = "b" } : { side = "a", old = "yes" }
}

resource "aws_cloudwatch_metric_alarm" "slow" {
  alarm_name                            = "standin-slow"
  namespace                             = "AWS/Lambda"
  metric_name                           = "Duration"
  extended_statistic                    = var.other ? "p99" : "p95"
  evaluate_low_sample_count_percentiles = var.other ? "ignore" : "evaluate"
  comparison_operator                   = "GreaterThanThreshold"
  threshold                             = 1.5
  period                                = 60
  evaluation_periods                    = 1
}

resource "aws_cloudwatch_metric_alarm" "share" {
  alarm_name          = "standin-share"
  comparison_operator = "GreaterThanUpperThreshold"
  evaluation_periods  = 1
  threshold_metric_id = var.other ? "band2" : "band"

  metric_query {
    id          = var.other ? "band2" : "band"
    expression  = var.other ? "ANOMALY_DETECTION_BAND(runs, 3)" : "ANOMALY_DETECTION_BAND(runs, 2)"
    label       = var.other ? "b" : "a"
    return_data = true
  }
  metric_query {
    id          = "runs"
    return_data = true

    metric {
      namespace   = "AWS/States"
      metric_name = "ExecutionsStarted"
      dimensions  = { StateMachineArn = var.other ? "b" : "a" }
      period      = var.other ? 120 : 60
      stat        = "Sum"
      unit        = "Count"
    }
  }
}

resource "aws_cloudwatch_dashboard" "all" {
  dashboard_name = "standin-all"
  dashboard_body = jsonencode({ widgets = [{ type = "text", x = 0, y = 0, width = 6, height = 3, properties = { markdown = var.other ? "b" : "a" } }] })
}

resource "aws_cloudwatch_log_group" "kept" {
  name              = "/standin/kept"
  retention_in_days = var.other ? 30 : 7
  kms_key_id        = "arn:aws:kms:eu-central-1:000000000000:key/a"
  tags              = var.other ? { side = "b" } : { side = "a", old = "yes" }
}

resource "aws_cloudwatch_log_group" "plain" {
  name_prefix       = "/standin/plain-"
  log_group_class   = "INFREQUENT_ACCESS"
  retention_in_days = var.other ? 0 : 1
}

resource "aws_cloudwatch_query_definition" "failures" {
  name            = var.other ? "standin/b" : "standin/a"
  query_string    = var.other ? "fields @message | limit 20" : "fields @message | limit 10"
  log_group_names = var.other ? [aws_cloudwatch_log_group.kept.name] : [aws_cloudwatch_log_group.plain.name]
}
