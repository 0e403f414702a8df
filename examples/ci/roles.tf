# The two roles of the pipeline. What the apply role may do is yours to narrow: the module makes
# buckets, queues, rules, functions, state machines, log groups, alarms and roles named after `name`.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.40, < 7.0"
    }
  }
}

variable "repository" {
  type        = string
  description = "Repository that deploys, such as \"example/photos\"."
}

variable "provider_arn" {
  type        = string
  description = "ARN of the account's OIDC identity provider token.actions.githubusercontent.com."
}

locals {
  # A pull request may read; only the protected environment may change.
  _subjects = {
    plan  = "repo:${var.repository}:pull_request"
    apply = "repo:${var.repository}:environment:production"
  }
}

data "aws_iam_policy_document" "trust" {
  for_each = local._subjects

  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [var.provider_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:aud"
      values   = ["sts.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:sub"
      values   = [each.value]
    }
  }
}

resource "aws_iam_role" "pipeline" {
  for_each = local._subjects

  name               = "upload-workflow-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.trust[each.key].json
}

output "role_arns" {
  value = { for name, role in aws_iam_role.pipeline : name => role.arn }
}
