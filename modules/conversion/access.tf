# What each function may touch, and nothing else. One role each.

locals {
  _keys = {
    uploads = "${var.uploads.arn}/${var.uploads.prefix}*"
    # A key that no URL can carry has its results in a folder named by its hash.
    results = [
      for folder in ["${var.uploads.prefix}*", "sha256-*"] : "${var.results.arn}/${var.results.prefix}${folder}"
    ]
  }
  _policies = {
    convert_image  = data.aws_iam_policy_document.convert_image.json
    record_failure = data.aws_iam_policy_document.record_failure.json
  }
  # Each mark by its own key: what lies beside it is nobody's to read.
  _overlays = sort(toset([
    for r in values(var.renditions) :
    "arn:${var.surroundings.place.partition}:s3:::${r.overlay.bucket}/${r.overlay.key}" if r.overlay != null
  ]))
  _here = "${var.surroundings.place.region}:${var.surroundings.place.account_id}"
  _bus  = "arn:${var.surroundings.place.partition}:events:${local._here}:event-bus/default"
}

module "role" {
  source   = "../role"
  for_each = local._functions

  name         = each.value.name
  description  = each.value.description
  surroundings = var.surroundings
  # Lambda says for which account it comes; that it says for which function stands in no page of AWS's.
  lent_to = { service = "lambda.amazonaws.com", source_account = var.surroundings.place.account_id }
  policy  = { name = replace(each.key, "_", "-"), json = local._policies[each.key] }
}

data "aws_iam_policy_document" "convert_image" {
  source_policy_documents = [
    data.aws_iam_policy_document.log["convert_image"].json,
    data.aws_iam_policy_document.key.json,
  ]

  statement {
    sid       = "ReadUploads"
    actions   = ["s3:GetObject", "s3:GetObjectVersion"]
    resources = [local._keys.uploads]
  }

  dynamic "statement" {
    for_each = var.uploads.delete_on_success ? ["delete"] : []

    content {
      # By version, and with a marker, under which no older version comes to light.
      sid       = "DeleteUploads"
      actions   = ["s3:DeleteObject", "s3:DeleteObjectVersion"]
      resources = [local._keys.uploads]
    }
  }

  statement {
    # GetObject also signs the renditions' URLs.
    sid       = "WriteResults"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = local._keys.results
  }

  dynamic "statement" {
    for_each = length(local._overlays) > 0 ? [local._overlays] : []

    content {
      sid       = "ReadOverlays"
      actions   = ["s3:GetObject"]
      resources = statement.value
    }
  }

  statement {
    # With it a missing object is "missing"; without it S3 says "denied", which is a failure of ours.
    sid       = "TellMissingFromDenied"
    actions   = ["s3:ListBucket"]
    resources = [var.uploads.arn, var.results.arn]
  }
}

data "aws_iam_policy_document" "record_failure" {
  source_policy_documents = [
    data.aws_iam_policy_document.log["record_failure"].json,
    data.aws_iam_policy_document.key.json,
  ]

  statement {
    sid       = "WriteStatusDocuments"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = [for folder in local._keys.results : "${folder}/status.json"]
  }

  statement {
    sid       = "TellMissingFromDenied"
    actions   = ["s3:ListBucket"]
    resources = [var.uploads.arn, var.results.arn]
  }

  statement {
    # An event of a malware scan or of a redrive does not say which version is the newer one; S3 does.
    sid       = "SeeWhichVersionIsTheNewest"
    actions   = ["s3:GetObject"]
    resources = [local._keys.uploads]
  }

  statement {
    sid       = "AnnounceFailures"
    actions   = ["events:PutEvents"]
    resources = [local._bus]

    condition {
      # The key has a value for each entry of the call.
      test     = "ForAllValues:StringEquals"
      variable = "events:source"
      values   = ["upload-workflow"]
    }
  }

  statement {
    sid       = "KeepWhatCouldNotBeRecorded"
    actions   = ["sqs:SendMessage"]
    resources = [var.dead_letters.arn]
  }
}

data "aws_iam_policy_document" "log" {
  for_each = local._functions

  statement {
    sid       = "WriteLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.function[each.key].arn}:*"]
  }
}

# Empty without a key of the caller's.
data "aws_iam_policy_document" "key" {
  dynamic "statement" {
    for_each = nonsensitive(var.surroundings.kms_key_arn != null) ? ["key"] : []

    content {
      sid       = "UseTheKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [var.surroundings.kms_key_arn]
    }
  }
}
