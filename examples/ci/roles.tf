# The two roles of the pipeline. The apply role may make, change and destroy an instance of the module: what is named
# after `name`, and what AWS grants for everything or nothing. What the plan role may read, and the bucket of the state,
# is yours to add, as is a KMS key of yours. It gives roles their policies, so trust it as you would an administrator,
# or let `iam:PermissionsBoundary` bind it.

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

variable "name" {
  type        = string
  description = "The module's `name`."
  default     = "upload-workflow"
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

data "aws_partition" "current" {}

resource "aws_iam_role_policy" "apply" {
  name = "apply"
  role = aws_iam_role.pipeline["apply"].name
  policy = templatefile("${path.module}/apply_policy.json", {
    name      = var.name
    partition = data.aws_partition.current.partition
  })
}

output "role_arns" {
  value = { for name, role in aws_iam_role.pipeline : name => role.arn }
}
