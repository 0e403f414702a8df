# What looking and acting take where there are remakes: as long as the module was asked for them.

locals {
  # Whether there are any is no secret, also where a bucket's name is.
  _remakes = nonsensitive(var.remake == null) ? {} : { "on" = {
    machine    = var.remake.state_machine.arn
    executions = "arn:${local._partition}:states:${local._here}:execution:${var.remake.state_machine.name}:*"
    map_runs   = "arn:${local._partition}:states:${local._here}:mapRun:${var.remake.state_machine.name}/*"
    reports    = "${var.results.arn}/${var.remake.reports.prefix}*"
    lists      = [for bucket in var.remake.inventory_bucket[*] : "arn:${local._partition}:s3:::${bucket}/*"]
  } }
}

data "aws_iam_policy_document" "remake_reader" {
  for_each = local._remakes

  statement {
    sid       = "FollowRemakes"
    actions   = ["states:ListExecutions"]
    resources = [each.value.machine]
  }

  statement {
    sid       = "SeeHowFarRemakesAre"
    actions   = ["states:DescribeExecution", "states:DescribeMapRun", "states:ListMapRuns"]
    resources = [each.value.executions, each.value.map_runs]
  }

  statement {
    sid       = "ReadReportsAndInventories"
    actions   = ["s3:GetObject"]
    resources = concat([each.value.reports], each.value.lists)
  }
}

data "aws_iam_policy_document" "remake_operator" {
  for_each = local._remakes

  statement {
    sid       = "StartRemakes"
    actions   = ["states:StartExecution"]
    resources = [each.value.machine]
  }

  statement {
    sid       = "StopAndResumeRemakes"
    actions   = ["states:RedriveExecution", "states:StopExecution"]
    resources = [each.value.executions]
  }

  statement {
    sid       = "HandOverKeys"
    actions   = ["s3:PutObject"]
    resources = ["${each.value.reports}/keys.jsonl"]
  }

  dynamic "statement" {
    # A list of keys is encrypted like all that lies in the bucket.
    for_each = nonsensitive(var.surroundings.kms_key_arn != null) ? ["key"] : []

    content {
      sid       = "HandOverWithTheKey"
      actions   = ["kms:GenerateDataKey"]
      resources = [var.surroundings.kms_key_arn]
    }
  }
}
