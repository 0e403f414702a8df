# Where jobs wait for a scan, GuardDuty looks at every upload in a bucket made here. Who brings one brings its plan.

locals {
  _scanned = { for kind, made in local._made_uploads : kind => made if var.workflow.trigger == "malware_scan" }

  _guardduty = "malware-protection-plan.guardduty.amazonaws.com"
  _here      = "${var.surroundings.place.region}:${var.surroundings.place.account_id}"
  # GuardDuty hears of uploads by a rule of its own.
  _its_rules = join(":", [
    "arn:${var.surroundings.place.partition}:events:${local._here}",
    "rule/DO-NOT-DELETE-AmazonGuardDutyMalwareProtectionS3*",
  ])
}

resource "aws_guardduty_malware_protection_plan" "uploads" {
  for_each = local._scanned

  region = var.surroundings.region
  role   = module.scan_role[each.key].role.arn

  protected_resource {
    s3_bucket {
      bucket_name     = aws_s3_bucket.made[each.key].bucket
      object_prefixes = [var.uploads.prefix]
    }
  }

  tags = var.surroundings.tags

  # Both set the bucket's notifications, and GuardDuty puts an object to see whether it may.
  depends_on = [aws_s3_bucket_notification.uploads, aws_s3_bucket_policy.made]
}

module "scan_role" {
  source   = "../role"
  for_each = local._scanned

  name         = "${var.name}-scan"
  description  = "Looks for malware in each upload."
  surroundings = var.surroundings
  lent_to      = { service = local._guardduty }
  policy       = { name = "scan", json = data.aws_iam_policy_document.scan[each.key].json }
}

# As GuardDuty's guide asks for, without tags on what was scanned: the verdict comes by event.
data "aws_iam_policy_document" "scan" {
  for_each = local._scanned

  statement {
    sid       = "HearOfUploads"
    actions   = ["events:DeleteRule", "events:PutRule", "events:PutTargets", "events:RemoveTargets"]
    resources = [local._its_rules]

    condition {
      test     = "StringLike"
      variable = "events:ManagedBy"
      values   = [local._guardduty]
    }
  }

  statement {
    sid       = "SeeWhetherItHears"
    actions   = ["events:DescribeRule", "events:ListTargetsByRule"]
    resources = [local._its_rules]
  }

  statement {
    sid       = "SwitchEventsOn"
    actions   = ["s3:GetBucketNotification", "s3:ListBucket", "s3:PutBucketNotification"]
    resources = [aws_s3_bucket.made[each.key].arn]
  }

  statement {
    sid       = "ProveAccess"
    actions   = ["s3:PutObject"]
    resources = ["${aws_s3_bucket.made[each.key].arn}/malware-protection-resource-validation-object"]
  }

  statement {
    sid       = "ReadUploads"
    actions   = ["s3:GetObject", "s3:GetObjectVersion"]
    resources = ["${aws_s3_bucket.made[each.key].arn}/*"]
  }

  dynamic "statement" {
    for_each = nonsensitive(var.surroundings.kms_key_arn != null) ? ["key"] : []

    content {
      sid       = "UseTheKeyThroughS3"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [var.surroundings.kms_key_arn]

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["s3.${var.surroundings.place.region}.${var.surroundings.place.dns_suffix}"]
      }
    }
  }
}
