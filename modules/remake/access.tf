# What a remake may touch: lists of keys, the function, the default bus, its own batches, and its report.

locals {
  _here    = "${var.surroundings.place.region}:${var.surroundings.place.account_id}"
  _machine = "arn:${var.surroundings.place.partition}:states:${local._here}:stateMachine:${local._name}"
  # Batches are executions below a label of ours.
  _executions = "arn:${var.surroundings.place.partition}:states:${local._here}:execution:${local._name}"
  _reports    = "${var.results.arn}/${local.reports_prefix}*"
}

module "role" {
  source = "../role"

  name         = "${var.name}-remake"
  description  = "Makes the renditions of existing uploads anew."
  surroundings = var.surroundings
  policy       = { name = "remake", json = data.aws_iam_policy_document.remake.json }

  lent_to = {
    service        = "states.amazonaws.com"
    source_account = var.surroundings.place.account_id
    source_arn     = local._machine
    # A batch is an execution of "machine/label", as the API reference of StartExecution calls it. No page says by which
    # of the two names the role is taken on for it. From the file, which every plan knows.
    labels = [
      for state in jsondecode(file("${path.module}/../../statemachine/remake.asl.json")).States : state.Label
      if state.Type == "Map"
    ]
  }
}

data "aws_iam_policy_document" "remake" {
  statement {
    sid       = "RunTheFunctions"
    actions   = ["lambda:InvokeFunction"]
    resources = concat([var.functions.convert_image.arn], var.before[*].function_arn)
  }

  statement {
    sid       = "AnnounceResults"
    actions   = ["events:PutEvents"]
    resources = ["arn:${var.surroundings.place.partition}:events:${local._here}:event-bus/default"]

    condition {
      # The key has a value for each entry of the call.
      test     = "ForAllValues:StringEquals"
      variable = "events:source"
      values   = ["upload-workflow"]
    }
  }

  statement {
    sid       = "ListUploads"
    actions   = ["s3:ListBucket"]
    resources = [var.uploads.arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["${var.uploads.prefix}*"]
    }
  }

  statement {
    sid     = "ReadLists"
    actions = ["s3:GetObject"]
    resources = concat(
      [local._reports],
      [for bucket in var.remake.inventory_bucket[*] : "arn:${var.surroundings.place.partition}:s3:::${bucket}/*"],
    )
  }

  statement {
    # The Step Functions developer guide, "ResultWriter": large reports go up in parts.
    sid       = "WriteReports"
    actions   = ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:PutObject"]
    resources = [local._reports]
  }

  statement {
    sid       = "StartBatches"
    actions   = ["states:StartExecution"]
    resources = [local._machine]
  }

  statement {
    sid       = "FollowBatches"
    actions   = ["states:DescribeExecution", "states:StopExecution"]
    resources = ["${local._executions}:*", "${local._executions}/*"]
  }

  statement {
    sid       = "RunBatchesAgain"
    actions   = ["states:RedriveExecution"]
    resources = ["${local._executions}/*"]
  }

  dynamic "statement" {
    for_each = nonsensitive(var.surroundings.kms_key_arn != null) ? ["key"] : []

    content {
      sid       = "UseTheKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [var.surroundings.kms_key_arn]
    }
  }
}
