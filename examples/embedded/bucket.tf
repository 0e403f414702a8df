# One bucket of ours for both kinds. The module never touches its settings, so what the workflow
# relies on is said here: EventBridge, versions, and access for browsers.

data "aws_caller_identity" "current" {}

resource "aws_s3_bucket" "media" {
  bucket = "example-media-${data.aws_caller_identity.current.account_id}"
}

# A bucket has one notification configuration: whoever owns the bucket owns this.
resource "aws_s3_bucket_notification" "media" {
  bucket      = aws_s3_bucket.media.bucket
  eventbridge = true
}

resource "aws_s3_bucket_versioning" "media" {
  bucket = aws_s3_bucket.media.bucket

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_public_access_block" "media" {
  bucket                  = aws_s3_bucket.media.bucket
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "media" {
  bucket = aws_s3_bucket.media.bucket

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.media.arn
    }
  }
}

resource "aws_s3_bucket_cors_configuration" "media" {
  bucket = aws_s3_bucket.media.bucket

  cors_rule {
    allowed_methods = ["POST", "GET", "HEAD"]
    allowed_origins = ["https://www.example.com"]
    allowed_headers = ["*"]
    expose_headers  = ["ETag"]
  }
}

# The module says what its promises need, for each instance and kind; whoever owns the bucket sets it.
locals {
  _demands = flatten([for workflow in module.upload_workflow : values(workflow.brought_buckets)])
}

data "aws_iam_policy_document" "media" {
  source_policy_documents = local._demands[*].policy_json
}

resource "aws_s3_bucket_policy" "media" {
  bucket = aws_s3_bucket.media.bucket
  policy = data.aws_iam_policy_document.media.json

  depends_on = [aws_s3_bucket_public_access_block.media]
}

resource "aws_s3_bucket_lifecycle_configuration" "media" {
  bucket = aws_s3_bucket.media.bucket

  dynamic "rule" {
    for_each = local._demands[*].lifecycle_rule

    content {
      id     = rule.value.id
      status = "Enabled"

      filter {
        prefix = rule.value.prefix
      }

      # None where retention_days is "forever".
      dynamic "expiration" {
        for_each = rule.value.days[*]

        content {
          days = expiration.value
        }
      }

      noncurrent_version_expiration {
        noncurrent_days = rule.value.noncurrent_days
      }

      abort_incomplete_multipart_upload {
        days_after_initiation = rule.value.abort_multipart_days
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.media]
}
