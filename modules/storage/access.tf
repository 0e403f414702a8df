# Who may not: everybody without TLS, with an outdated signature, or with one that is too old. Who may: a CDN of this
# account, where renditions are served by one.

data "aws_iam_policy_document" "bucket" {
  for_each = local._made

  statement {
    sid       = "RefusePlainHttp"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.made[each.key].arn, "${aws_s3_bucket.made[each.key].arn}/*"]

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
    # SigV2 covers neither the whole query nor, in a form, the credential's date. Its value is "AWS".
    sid       = "RefuseSignatureVersion2"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = ["${aws_s3_bucket.made[each.key].arn}/*"]

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
    # In milliseconds. Whoever signs may ask for less, never for more.
    sid       = "RefuseOldSignatures"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = ["${aws_s3_bucket.made[each.key].arn}/*"]

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

  dynamic "statement" {
    for_each = each.key == "results" ? local._served : []

    content {
      sid       = "LetTheCdnReadRenditions"
      actions   = ["s3:GetObject"]
      resources = ["${aws_s3_bucket.made[each.key].arn}/${var.results.prefix}*"]

      principals {
        type        = "Service"
        identifiers = ["cloudfront.amazonaws.com"]
      }

      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [var.surroundings.place.account_id]
      }

      condition {
        test     = "ArnLike"
        variable = "aws:SourceArn"
        values = [
          "arn:${var.surroundings.place.partition}:cloudfront::${var.surroundings.place.account_id}:distribution/*"
        ]
      }
    }
  }

  dynamic "statement" {
    for_each = each.key == "results" ? local._served : []

    content {
      # They hold a client's name for its file and, for others, signed URLs; and a CDN would keep an old one. Reports
      # of remakes lie among the renditions where the results' prefix is empty.
      sid     = "KeepDocumentsFromTheCdn"
      effect  = "Deny"
      actions = ["s3:GetObject"]
      resources = [
        for documents in ["*/status.json", "${local._reports_prefix}*"] :
        "${aws_s3_bucket.made[each.key].arn}/${documents}"
      ]

      principals {
        type        = "Service"
        identifiers = ["cloudfront.amazonaws.com"]
      }
    }
  }
}

resource "aws_s3_bucket_policy" "made" {
  for_each = local._made

  region = var.surroundings.region
  bucket = aws_s3_bucket.made[each.key].bucket
  policy = data.aws_iam_policy_document.bucket[each.key].json

  # S3 refuses two changes of one bucket's access at the same time.
  depends_on = [aws_s3_bucket_public_access_block.made, aws_s3_bucket_ownership_controls.made]
}

# What a backend needs to issue uploads: a form, the seeded status document, the status URL.
data "aws_iam_policy_document" "signer" {
  statement {
    sid       = "SignUploadForms"
    actions   = ["s3:PutObject"]
    resources = ["${local._arn.uploads}/${var.uploads.prefix}*"]
  }

  statement {
    sid       = "SignStatusDocuments"
    actions   = ["s3:GetObject"]
    resources = ["${local._arn.results}/${var.results.prefix}${var.uploads.prefix}*/status.json"]
  }

  statement {
    sid       = "SeedStatusDocuments"
    actions   = ["s3:PutObject"]
    resources = ["${local._arn.results}/${var.results.prefix}${var.uploads.prefix}*/status.json"]

    condition {
      # Where there is a document already, it is the workflow's: no other is written over it.
      test     = "Null"
      variable = "s3:if-none-match"
      values   = ["false"]
    }
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

# What a backend needs to show results later: the document, and renditions to sign URLs of.
data "aws_iam_policy_document" "reader" {
  statement {
    sid       = "ReadResults"
    actions   = ["s3:GetObject"]
    resources = ["${local._arn.results}/${var.results.prefix}*"]
  }

  dynamic "statement" {
    for_each = nonsensitive(var.surroundings.kms_key_arn != null) ? ["key"] : []

    content {
      sid       = "UseTheKeyThroughS3"
      actions   = ["kms:Decrypt"]
      resources = [var.surroundings.kms_key_arn]

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["s3.${var.surroundings.place.region}.${var.surroundings.place.dns_suffix}"]
      }
    }
  }
}
