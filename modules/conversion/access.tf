# What each function may touch, and nothing else. One role each.

locals {
  _keys = {
    uploads = "${var.uploads.arn}/${var.uploads.prefix}*"
    # A key that no URL can carry has its results in a folder named by its hash.
    results = [for folder in ["${var.uploads.prefix}*", "sha256-*"] : "${var.results.arn}/${var.results.prefix}${folder}"]
  }
  _bus = "arn:${var.surroundings.partition}:events:${var.surroundings.region}:${var.surroundings.account_id}:event-bus/default"
}

data "aws_iam_policy_document" "trust" {
  for_each = local._functions

  statement {
    sid     = "OnlyThisFunction"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.surroundings.account_id]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = ["arn:${var.surroundings.partition}:lambda:${var.surroundings.region}:${var.surroundings.account_id}:function:${each.value.name}"]
    }
  }
}

resource "aws_iam_role" "function" {
  for_each = local._functions

  name                 = "${each.value.name}-${var.surroundings.region}"
  path                 = var.surroundings.iam.path
  description          = each.value.description
  permissions_boundary = var.surroundings.iam.permissions_boundary_arn
  assume_role_policy   = data.aws_iam_policy_document.trust[each.key].json
  tags                 = var.surroundings.tags
}

resource "aws_iam_role_policy" "function" {
  for_each = { convert_image = data.aws_iam_policy_document.convert_image.json, record_failure = data.aws_iam_policy_document.record_failure.json }

  name   = replace(each.key, "_", "-")
  role   = aws_iam_role.function[each.key].name
  policy = each.value
}

data "aws_iam_policy_document" "convert_image" {
  source_policy_documents = [data.aws_iam_policy_document.log["convert_image"].json, data.aws_iam_policy_document.surroundings.json]

  statement {
    sid       = "ReadUploads"
    actions   = ["s3:GetObject", "s3:GetObjectVersion"]
    resources = [local._keys.uploads]
  }

  statement {
    # GetObject also signs the renditions' URLs.
    sid       = "WriteResults"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = local._keys.results
  }

  statement {
    # With it a missing object is "missing"; without it S3 says "denied", which is a failure of ours.
    sid       = "TellMissingFromDenied"
    actions   = ["s3:ListBucket"]
    resources = [var.uploads.arn, var.results.arn]
  }
}

data "aws_iam_policy_document" "record_failure" {
  source_policy_documents = [data.aws_iam_policy_document.log["record_failure"].json, data.aws_iam_policy_document.surroundings.json]

  statement {
    sid       = "WriteStatusDocuments"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = [for folder in local._keys.results : "${folder}/status.json"]
  }

  statement {
    sid       = "TellMissingFromDenied"
    actions   = ["s3:ListBucket"]
    resources = var.workflow.trigger == "malware_scan" ? [var.uploads.arn, var.results.arn] : [var.results.arn]
  }

  # GuardDuty's event does not say which version is the newer one; S3 does.
  dynamic "statement" {
    for_each = var.workflow.trigger == "malware_scan" ? [local._keys.uploads] : []

    content {
      sid       = "SeeWhichVersionIsTheNewest"
      actions   = ["s3:GetObject"]
      resources = [statement.value]
    }
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

# Empty without a key or a network of the caller's.
data "aws_iam_policy_document" "surroundings" {
  dynamic "statement" {
    for_each = var.surroundings.kms_key_arn[*]

    content {
      sid       = "UseTheKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = var.surroundings.network[*]

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
}
