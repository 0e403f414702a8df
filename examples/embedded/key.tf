# One key for buckets, dead letters, topics and logs. Roles get their share from the module; the
# services of AWS that act in their own name get theirs here.

data "aws_partition" "current" {}

locals {
  _account = "${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}"
  _here    = "${var.region}:${data.aws_caller_identity.current.account_id}"
}

resource "aws_kms_key" "media" {
  description         = "Uploads, results, dead letters and logs."
  enable_key_rotation = true
  policy              = data.aws_iam_policy_document.key.json
}

data "aws_iam_policy_document" "key" {
  statement {
    sid       = "LetIamPoliciesDecide"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${local._account}:root"]
    }
  }

  # EventBridge is not known to say for whom it comes: a condition that never holds would lose dead letters.
  statement {
    sid       = "LetEventBridgeWriteToTheQueue"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
  }

  statement {
    sid       = "LetCloudWatchWriteToTheTopic"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }

  statement {
    sid       = "LetCloudWatchLogsEncrypt"
    actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.${var.region}.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = ["arn:${data.aws_partition.current.partition}:logs:${local._here}:log-group:/aws/*"]
    }
  }
}
