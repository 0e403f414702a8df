# Promises two buckets that only their owner's signatures open, over TLS, and that forget in time.
# Hides encryption, ownership, policies, lifecycle and the EventBridge switch.
# Does not touch a bucket that was brought along.

locals {
  _kinds = {
    uploads = {
      brought = var.uploads.bucket
      days    = try(tonumber(var.uploads.retention_days), null) # null: for ever
      # Upload forms and tickets are used within minutes of being signed.
      signature_days = 1
      # Of forms and of tickets.
      methods = ["POST", "PUT"]
    }
    results = {
      brought = var.results.bucket
      days    = try(tonumber(var.results.retention_days), null)
      # A URL of a rendition lives as long as it was asked to.
      signature_days = 7
      methods        = ["GET", "HEAD"]
    }
  }

  # What is kept for ever is what is there. A version that was replaced or deleted goes once no dead letter can speak of
  # it any more.
  _noncurrent_days = { for kind, wanted in local._kinds : kind => coalesce(wanted.days, 14) }

  # The buckets made here. Whether one was brought is no secret, also where its name is.
  _made = { for kind, wanted in local._kinds : kind => wanted if nonsensitive(wanted.brought == null) }

  # Of uploads every version is kept and every event is told.
  _made_uploads = { for kind, made in local._made : kind => made if kind == "uploads" }

  _cors = { for kind, made in local._made : kind => made if nonsensitive(length(var.allowed_origins) > 0) }

  # As modules/remake names it.
  _reports_prefix = "${var.name}-remakes/"

  # Whether reports of remakes lie in what was made here.
  _remakes = nonsensitive(var.workflow.remake != null) ? ["forget-remakes"] : []

  # Whether a CDN reads what was made here.
  _served = nonsensitive(var.results.served_from != null) ? ["cdn"] : []

  _bucket = { for kind, wanted in local._kinds : kind => try(aws_s3_bucket.made[kind].bucket, wanted.brought.name) }
  _arn    = { for kind, bucket in local._bucket : kind => "arn:${var.surroundings.place.partition}:s3:::${bucket}" }
}

resource "aws_s3_bucket" "made" {
  for_each = local._made

  region        = var.surroundings.region
  bucket        = "${var.name}-${each.key}-${var.surroundings.place.account_id}-${var.surroundings.place.region}"
  force_destroy = var.force_destroy
  tags          = var.surroundings.tags

  lifecycle {
    # A bucket keeps the name that it was made with: another one would cost what is in it, and an account or a region
    # that a plan does not know yet is not another one. docs/decisions/0062.
    ignore_changes = [bucket]
    # Replacing it is refused, as its name is taken, before anything of it is gone: S3 would refuse to delete a bucket
    # with objects only after its policy and its settings.
    create_before_destroy = true
  }
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
    bucket_key_enabled = nonsensitive(var.surroundings.kms_key_arn != null)

    apply_server_side_encryption_by_default {
      sse_algorithm     = nonsensitive(var.surroundings.kms_key_arn == null) ? "AES256" : "aws:kms"
      kms_master_key_id = var.surroundings.kms_key_arn
    }
  }
}

# A job reads exactly the version its event speaks of, also when the key was uploaded again meanwhile.
resource "aws_s3_bucket_versioning" "uploads" {
  for_each = local._made_uploads

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

    dynamic "expiration" {
      for_each = each.value.days[*]

      content {
        days = expiration.value
      }
    }

    noncurrent_version_expiration {
      noncurrent_days = local._noncurrent_days[each.key]
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

  # Reports are read in the days after a remake; they would lie beside results that stay for ever.
  dynamic "rule" {
    for_each = each.key == "results" && each.value.days == null ? local._remakes : []

    content {
      id     = rule.value
      status = "Enabled"

      filter {
        prefix = local._reports_prefix
      }

      expiration {
        days = 30
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
  for_each = local._made_uploads

  region      = var.surroundings.region
  bucket      = aws_s3_bucket.made[each.key].bucket
  eventbridge = true
}
