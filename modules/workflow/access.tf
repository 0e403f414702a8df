# What an execution may touch: its two functions, the default bus and its own log.

data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "OnlyThisStateMachine"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["states.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.surroundings.account_id]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [local._arn]
    }
  }
}

resource "aws_iam_role" "state_machine" {
  name                 = "${var.name}-workflow-${var.surroundings.region}"
  path                 = var.surroundings.iam.path
  description          = "Runs the workflow of an upload."
  permissions_boundary = var.surroundings.iam.permissions_boundary_arn
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  tags                 = var.surroundings.tags
}

data "aws_iam_policy_document" "state_machine" {
  statement {
    sid       = "RunTheFunctions"
    actions   = ["lambda:InvokeFunction"]
    resources = [var.functions.convert_image.arn, var.functions.record_failure.arn]
  }

  statement {
    sid       = "AnnounceResults"
    actions   = ["events:PutEvents"]
    resources = ["arn:${var.surroundings.partition}:events:${var.surroundings.region}:${var.surroundings.account_id}:event-bus/default"]

    condition {
      # The key has a value for each entry of the call.
      test     = "ForAllValues:StringEquals"
      variable = "events:source"
      values   = ["upload-workflow"]
    }
  }

  statement {
    # Log delivery is granted for the account or not at all: these actions know no resources.
    sid = "DeliverLogs"
    actions = [
      "logs:CreateLogDelivery",
      "logs:DeleteLogDelivery",
      "logs:DescribeLogGroups",
      "logs:DescribeResourcePolicies",
      "logs:GetLogDelivery",
      "logs:ListLogDeliveries",
      "logs:PutResourcePolicy",
      "logs:UpdateLogDelivery",
    ]
    resources = ["*"]
  }
}

resource "aws_iam_role_policy" "state_machine" {
  name   = "workflow"
  role   = aws_iam_role.state_machine.name
  policy = data.aws_iam_policy_document.state_machine.json
}
