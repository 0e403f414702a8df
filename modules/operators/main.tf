# Promises three policies with what `ops` calls: one for looking, one for acting as well, one for deleting as well.
# Hides which command calls what, and on what: by the names that things have, as NAME-* is also of other instances.
# Does not make a user, a group or a role: those are yours.

locals {
  _partition = var.surroundings.place.partition
  _here      = "${var.surroundings.place.region}:${var.surroundings.place.account_id}"

  _arn = {
    bus        = "arn:${local._partition}:events:${local._here}:event-bus/default"
    executions = "arn:${local._partition}:states:${local._here}:execution:${var.state_machine.name}:*"
    logs = [
      for function in values(var.functions) :
      "arn:${local._partition}:logs:${local._here}:log-group:/aws/lambda/${function.name}"
    ]
  }
}

data "aws_iam_policy_document" "reader" {
  source_policy_documents = [for document in data.aws_iam_policy_document.remake_reader : document.json]

  statement {
    sid       = "FindTheDeployment"
    actions   = ["events:DescribeRule", "events:ListTargetsByRule"]
    resources = concat([var.rules.upload.arn], var.rules.ended[*].arn)
  }

  statement {
    sid       = "CompareTheFunctions"
    actions   = ["lambda:GetFunctionConcurrency", "lambda:GetFunctionConfiguration", "lambda:GetPolicy"]
    resources = values(var.functions)[*].arn
  }

  statement {
    sid       = "CompareTheRoles"
    actions   = ["iam:ListRolePolicies"]
    resources = concat([var.roles.start_execution], var.roles.others)
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
    resources = [var.state_machine.arn]
  }

  statement {
    # Where there is no machine for remakes, `doctor` learns that.
    sid       = "FindStateMachines"
    actions   = ["states:DescribeStateMachine"]
    resources = [var.state_machine.arn, "${var.state_machine.arn}_remake"]
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
    resources = [var.dead_letters.arn]
  }

  statement {
    sid       = "ReadLogs"
    actions   = ["logs:FilterLogEvents"]
    resources = flatten([for group in local._arn.logs : [group, "${group}:*"]])
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
    resources = [var.state_machine.arn]
  }

  statement {
    sid       = "RemoveDeadLetters"
    actions   = ["sqs:DeleteMessage"]
    resources = [var.dead_letters.arn]
  }

  statement {
    sid       = "PauseAndResume"
    actions   = ["events:PutTargets"]
    resources = [var.rules.upload.arn]
  }

  statement {
    sid       = "HandTheRuleItsRole"
    actions   = ["iam:PassRole"]
    resources = [var.roles.start_execution]

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
