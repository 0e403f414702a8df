# Promises two buckets that only their owner's signatures open, over TLS, and that forget in time.
# Hides encryption, ownership, policies, lifecycle and the EventBridge switch.
# Does not touch a bucket that was brought along.

locals {
  # The buckets made here, by role. A bucket that was brought along is absent.
  _made = { for role, brought in { uploads = var.uploads.bucket, results = var.results.bucket } : role => {
    bucket = "${var.name}-${role}-${var.surroundings.account_id}-${var.surroundings.region}"
    days   = { uploads = var.uploads.retention_days, results = var.results.retention_days }[role]
    # An upload form is used within minutes of being signed; a URL of a rendition lives as long as it was asked to.
    signature_days = { uploads = 1, results = 7 }[role]
    # Browsers send forms to one bucket and read from the other.
    methods = { uploads = ["POST"], results = ["GET", "HEAD"] }[role]
  } if brought == null }

  _cors = { for role, made in local._made : role => made if length(var.allowed_origins) > 0 }

  _bucket = {
    uploads = try(aws_s3_bucket.made["uploads"].bucket, var.uploads.bucket.name)
    results = try(aws_s3_bucket.made["results"].bucket, var.results.bucket.name)
  }
  _arn = { for role, bucket in local._bucket : role => "arn:${var.surroundings.partition}:s3:::${bucket}" }
}

resource "aws_s3_bucket" "made" {
  for_each = local._made

  region        = var.surroundings.region
  bucket        = each.value.bucket
  force_destroy = var.force_destroy
  tags          = var.surroundings.tags
}

resource "aws_s3_bucket_public_access_block" "made" {
  for_each = local._made

  region                  = var.surroundings.region
  bucket                  = aws_s3_bucket.made[each.key].bucket
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "made" {
  for_each = local._made

  region = var.surroundings.region
  bucket = aws_s3_bucket.made[each.key].bucket

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "made" {
  for_each = local._made

  region = var.surroundings.region
  bucket = aws_s3_bucket.made[each.key].bucket

  rule {
    # One call to KMS for many objects instead of one for each.
    bucket_key_enabled = var.surroundings.kms_key_arn != null

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.surroundings.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.surroundings.kms_key_arn
    }
  }
}

# A job reads exactly the version its event speaks of, also when the key was uploaded again meanwhile.
resource "aws_s3_bucket_versioning" "uploads" {
  for_each = { for role, made in local._made : role => made if role == "uploads" }

  region = var.surroundings.region
  bucket = aws_s3_bucket.made[each.key].bucket

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "made" {
  for_each = local._made

  region = var.surroundings.region
  bucket = aws_s3_bucket.made[each.key].bucket

  rule {
    id     = "forget-objects"
    status = "Enabled"

    filter {}

    expiration {
      days = each.value.days
    }

    noncurrent_version_expiration {
      noncurrent_days = each.value.days
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  # An expired version leaves a delete marker behind, which costs listing time for ever.
  dynamic "rule" {
    for_each = each.key == "uploads" ? ["forget-delete-markers"] : []

    content {
      id     = rule.value
      status = "Enabled"

      filter {}

      expiration {
        expired_object_delete_marker = true
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.uploads]
}

resource "aws_s3_bucket_cors_configuration" "made" {
  for_each = local._cors

  region = var.surroundings.region
  bucket = aws_s3_bucket.made[each.key].bucket

  cors_rule {
    allowed_methods = each.value.methods
    allowed_origins = var.allowed_origins
    allowed_headers = ["*"]
    # A page that polls sends the ETag back and reads a 304.
    expose_headers  = ["ETag"]
    max_age_seconds = 3000
  }
}

# Every event of the bucket goes to the default bus; the trigger's rule picks.
resource "aws_s3_bucket_notification" "uploads" {
  for_each = { for role, made in local._made : role => made if role == "uploads" }

  region      = var.surroundings.region
  bucket      = aws_s3_bucket.made[each.key].bucket
  eventbridge = true
}
