# What a bucket that was brought would have to have to keep the promises of one that is made here: its owner's to set.

data "aws_iam_policy_document" "brought" {
  for_each = local._brought

  # Without names: the documents of several instances and kinds may be put into one policy.
  statement {
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [local._arn[each.key], "${local._arn[each.key]}/*"]

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

  statement {
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = ["${local._arn[each.key]}/${each.value.prefix}*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "StringEquals"
      variable = "s3:signatureversion"
      values   = ["AWS"]
    }
  }

  statement {
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = ["${local._arn[each.key]}/${each.value.prefix}*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "NumericGreaterThan"
      variable = "s3:signatureAge"
      values   = [each.value.signature_days * 86400 * 1000]
    }
  }
}

locals {
  _brought = { for kind, wanted in local._kinds : kind => merge(wanted, {
    prefix = { uploads = var.uploads.prefix, results = var.results.prefix }[kind]
  }) if nonsensitive(wanted.brought != null) }

  _wanted = { for kind, wanted in local._brought : kind => {
    policy_json = data.aws_iam_policy_document.brought[kind].json
    lifecycle_rule = {
      id                   = "${var.name}-forget-${kind}"
      prefix               = wanted.prefix
      days                 = wanted.days
      noncurrent_days      = local._noncurrent_days[kind]
      abort_multipart_days = 1
    }
  } }
}
