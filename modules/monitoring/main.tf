# Promises that whoever is on call learns of every trouble that a client would notice, and what to do about it.
# Hides the alarms with their reasons, the topic, the dashboard and the saved queries.
# Does not repair anything: docs/operations.md and `upload-workflow ops` do.

locals {
  _here = "${var.surroundings.place.region}:${var.surroundings.place.account_id}"

  _topic_arn = try(aws_sns_topic.alarms["made"].arn, var.monitoring.topic.arn)
  _made      = nonsensitive(var.monitoring.topic == null) ? toset(["made"]) : toset([])

  _mailed = {
    for address in distinct(var.monitoring.email_addresses) : nonsensitive(substr(sha256(address), 0, 8)) => address
  }
}

resource "aws_cloudwatch_metric_alarm" "trouble" {
  for_each = local.alarms

  region            = var.surroundings.region
  alarm_name        = "${var.name}-${each.key}"
  alarm_description = "${each.value.text} ${var.monitoring.runbook_url}#${each.key}"

  namespace          = each.value.metric.namespace
  metric_name        = each.value.metric.name
  dimensions         = each.value.metric.dimensions
  statistic          = startswith(each.value.metric.statistic, "p") ? null : each.value.metric.statistic
  extended_statistic = startswith(each.value.metric.statistic, "p") ? each.value.metric.statistic : null

  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = each.value.threshold
  period              = local._period_seconds
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = each.value.periods
  treat_missing_data  = each.value.missing

  alarm_actions = [local._topic_arn]
  ok_actions    = [local._topic_arn]

  tags = var.surroundings.tags

  depends_on = [aws_sns_topic_policy.alarms]
}

# The same, where one metric alone does not say it.
resource "aws_cloudwatch_metric_alarm" "mismatch" {
  for_each = local.mismatch_alarms

  region            = var.surroundings.region
  alarm_name        = "${var.name}-${each.key}"
  alarm_description = "${each.value.text} ${var.monitoring.runbook_url}#${each.key}"

  metric_query {
    id          = "mismatch"
    label       = each.value.label
    expression  = each.value.expression
    return_data = true
  }

  dynamic "metric_query" {
    for_each = each.value.metrics

    content {
      id = metric_query.key

      metric {
        namespace   = metric_query.value.namespace
        metric_name = metric_query.value.name
        dimensions  = metric_query.value.dimensions
        stat        = metric_query.value.statistic
        period      = local._period_seconds
      }
    }
  }

  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = each.value.threshold
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = each.value.periods
  treat_missing_data  = "notBreaching"

  alarm_actions = [local._topic_arn]
  ok_actions    = [local._topic_arn]

  tags = var.surroundings.tags

  depends_on = [aws_sns_topic_policy.alarms]
}

resource "aws_sns_topic" "alarms" {
  for_each = local._made

  region = var.surroundings.region
  name   = "${var.name}-alarms"
  # Never AWS's own key (alias/aws/sns): CloudWatch may not use it, and no alarm would arrive.
  kms_master_key_id = var.surroundings.kms_key_arn
  tags              = var.surroundings.tags
}

data "aws_iam_policy_document" "alarms" {
  for_each = local._made

  statement {
    sid       = "TellAlarms"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alarms[each.key].arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.surroundings.place.account_id]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${var.surroundings.place.partition}:cloudwatch:${local._here}:alarm:${var.name}-*"]
    }
  }

  statement {
    sid       = "RefusePlainHttp"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alarms[each.key].arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sns_topic_policy" "alarms" {
  for_each = local._made

  region = var.surroundings.region
  arn    = aws_sns_topic.alarms[each.key].arn
  policy = data.aws_iam_policy_document.alarms[each.key].json
}

resource "aws_sns_topic_subscription" "email" {
  # By a hash: an address may be a secret, and the key of an instance cannot be one. Not by its place in the list:
  # whoever is taken off it would move the others, who would have to confirm again.
  for_each = nonsensitive(toset(keys(local._mailed)))

  region    = var.surroundings.region
  topic_arn = local._topic_arn
  protocol  = "email"
  endpoint  = local._mailed[each.key]
}
