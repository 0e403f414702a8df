# Promises a role that one service of AWS takes on, for this account where it says so, with nothing but its own policy.
# Hides trust, path and boundary, the way into a network, logs and traces, and that the policy follows a role made anew.
# Does not know what the role is for: whoever wants one says it.

data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "LendToOneService"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = [var.lent_to.service]
    }

    # Not every service is known to say for whom and for which thing it comes: docs/decisions/0063.
    dynamic "condition" {
      for_each = nonsensitive(var.lent_to.source_account != null) ? ["account"] : []

      content {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [var.lent_to.source_account]
      }
    }

    dynamic "condition" {
      for_each = nonsensitive(var.lent_to.source_arn != null) ? ["thing"] : []

      content {
        test     = "ArnEquals"
        variable = "aws:SourceArn"
        values = concat(
          [var.lent_to.source_arn],
          [for label in var.lent_to.labels : "${var.lent_to.source_arn}/${label}"],
        )
      }
    }
  }
}

resource "aws_iam_role" "lent" {
  # Roles are global: without the region, instances of one name in two regions would collide.
  name                 = "${var.name}-${var.surroundings.place.region}"
  path                 = var.surroundings.role_path
  description          = var.description
  permissions_boundary = var.surroundings.permissions_boundary_arn
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  tags                 = var.surroundings.tags

  lifecycle {
    # A region that a plan does not know yet is not another region: docs/decisions/0062.
    ignore_changes = [name]
  }
}

resource "aws_iam_role_policy" "own" {
  name = var.policy.name
  # By its id: unknown when another path makes the role anew, so that the policy is made anew with it.
  role   = aws_iam_role.lent.id
  policy = data.aws_iam_policy_document.own.json
}

data "aws_iam_policy_document" "own" {
  source_policy_documents = [var.policy.json]

  dynamic "statement" {
    for_each = local._attaches ? ["network"] : []

    content {
      # Lambda makes the interfaces with the function's role; these actions cannot be narrowed beforehand.
      sid = "AttachToTheNetwork"
      actions = [
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:UnassignPrivateIpAddresses",
      ]
      resources = ["*"]
    }
  }

  dynamic "statement" {
    for_each = local._delivers_logs ? ["logs"] : []

    content {
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

  dynamic "statement" {
    for_each = local._sends_traces ? ["traces"] : []

    content {
      # A trace has no ARN.
      sid       = "SendTraces"
      actions   = concat(["xray:PutTelemetryRecords", "xray:PutTraceSegments"], local._samples[var.lent_to.service])
      resources = ["*"]
    }
  }
}

locals {
  _attaches = var.lent_to.service == "lambda.amazonaws.com" && nonsensitive(var.surroundings.network != null)

  # Lambda writes logs as the function, in its own log group.
  _delivers_logs = var.lent_to.service == "states.amazonaws.com"

  # Of what sends traces: Lambda knows by itself how many to take, Step Functions asks.
  _samples = {
    "lambda.amazonaws.com" = []
    "states.amazonaws.com" = ["xray:GetSamplingRules", "xray:GetSamplingTargets"]
  }
  _sends_traces = var.surroundings.tracing && contains(keys(local._samples), var.lent_to.service)
}
