# Promises three policies with what `ops` calls: one for looking, one for acting as well, one for deleting as well.
# Hides the names and places of everything that the commands touch.
# Does not make a user, a group or a role: those are yours.

locals {
  _partition = var.surroundings.place.partition
  _here      = "${var.surroundings.place.region}:${var.surroundings.place.account_id}"

  _arn = {
    bus        = "arn:${local._partition}:events:${local._here}:event-bus/default"
    executions = "arn:${local._partition}:states:${local._here}:execution:${var.name}:*"
    functions  = "arn:${local._partition}:lambda:${local._here}:function:${var.name}-*"
    letters    = "arn:${local._partition}:sqs:${local._here}:${var.name}-dead-letters"
    logs       = "arn:${local._partition}:logs:${local._here}:log-group:/aws/lambda/${var.name}-*"
    machine    = "arn:${local._partition}:states:${local._here}:stateMachine:${var.name}"
    roles      = "arn:${local._partition}:iam::${var.surroundings.place.account_id}:role${var.surroundings.role_path}"
    rules      = "arn:${local._partition}:events:${local._here}:rule/${var.name}-*"
  }
}

data "aws_iam_policy_document" "reader" {
  source_policy_documents = [for document in data.aws_iam_policy_document.remake_reader : document.json]

  statement {
    sid       = "FindTheDeployment"
    actions   = ["events:DescribeRule", "events:ListTargetsByRule"]
    resources = [local._arn.rules]
  }

  statement {
    sid       = "CompareTheFunctions"
    actions   = ["lambda:GetFunctionConcurrency", "lambda:GetFunctionConfiguration", "lambda:GetPolicy"]
    resources = [local._arn.functions]
  }

  statement {
    sid       = "CompareTheRoles"
    actions   = ["iam:ListRolePolicies"]
    resources = ["${local._arn.roles}${var.name}-*"]
  }

  statement {
    # Both are granted for the account or not at all.
    sid       = "ListRulesAndAlarms"
    actions   = ["cloudwatch:DescribeAlarms", "events:ListRules"]
    resources = ["*"]
  }

  statement {
    sid       = "FollowExecutions"
    actions   = ["states:ListExecutions"]
    resources = [local._arn.machine]
  }

  statement {
    # Where there is no machine for remakes, `doctor` learns that.
    sid       = "FindStateMachines"
    actions   = ["states:DescribeStateMachine"]
    resources = [local._arn.machine, "${local._arn.machine}-remake"]
  }

  statement {
    sid       = "ReadExecutions"
    actions   = ["states:DescribeExecution", "states:GetExecutionHistory"]
    resources = [local._arn.executions]
  }

  statement {
    sid       = "ListUploadsAndResults"
    actions   = ["s3:GetBucketNotification", "s3:ListBucket"]
    resources = distinct([var.uploads.arn, var.results.arn])
  }

  statement {
    sid       = "ReadUploadsAndResults"
    actions   = ["s3:GetObject"]
    resources = ["${var.uploads.arn}/${var.uploads.prefix}*", "${var.results.arn}/${var.results.prefix}*"]
  }

  statement {
    sid       = "LookAtDeadLetters"
    actions   = ["sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage"]
    resources = [local._arn.letters]
  }

  statement {
    sid       = "ReadLogs"
    actions   = ["logs:FilterLogEvents"]
    resources = [local._arn.logs, "${local._arn.logs}:*"]
  }

  dynamic "statement" {
    for_each = nonsensitive(var.surroundings.kms_key_arn != null) ? ["key"] : []

    content {
      sid       = "ReadWithTheKey"
      actions   = ["kms:Decrypt"]
      resources = [var.surroundings.kms_key_arn]
    }
  }
}

data "aws_iam_policy_document" "operator" {
  source_policy_documents = concat(
    [data.aws_iam_policy_document.reader.json],
    [for document in data.aws_iam_policy_document.remake_operator : document.json],
  )

  statement {
    sid       = "RunJobsAgain"
    actions   = ["states:StartExecution"]
    resources = [local._arn.machine]
  }

  statement {
    sid       = "RemoveDeadLetters"
    actions   = ["sqs:DeleteMessage"]
    resources = [local._arn.letters]
  }

  statement {
    sid       = "PauseAndResume"
    actions   = ["events:PutTargets"]
    resources = [local._arn.rules]
  }

  statement {
    sid       = "HandTheRuleItsRole"
    actions   = ["iam:PassRole"]
    resources = ["${local._arn.roles}${var.name}-start-execution-${var.surroundings.place.region}"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["events.amazonaws.com"]
    }
  }
}

# What is deleted is gone: no right of whoever is on call.
data "aws_iam_policy_document" "forget" {
  source_policy_documents = [data.aws_iam_policy_document.reader.json]

  statement {
    sid       = "FindEveryVersion"
    actions   = ["s3:ListBucketVersions"]
    resources = distinct([var.uploads.arn, var.results.arn])
  }

  statement {
    sid       = "DeleteUploadsAndResults"
    actions   = ["s3:DeleteObject", "s3:DeleteObjectVersion"]
    resources = ["${var.uploads.arn}/${var.uploads.prefix}*", "${var.results.arn}/${var.results.prefix}*"]
  }

  statement {
    sid       = "StopPromising"
    actions   = ["s3:PutObject"]
    resources = ["${var.results.arn}/${var.results.prefix}*/status.json"]
  }

  statement {
    sid       = "TellThatItIsGone"
    actions   = ["events:PutEvents"]
    resources = [local._arn.bus]

    condition {
      # The key has a value for each entry of the call.
      test     = "ForAllValues:StringEquals"
      variable = "events:source"
      values   = ["upload-workflow"]
    }
  }

  dynamic "statement" {
    for_each = nonsensitive(var.surroundings.kms_key_arn != null) ? ["key"] : []

    content {
      sid       = "WriteWithTheKey"
      actions   = ["kms:GenerateDataKey"]
      resources = [var.surroundings.kms_key_arn]
    }
  }
}
