resource "aws_s3_bucket" "uploads" {
  bucket        = "standin-uploads"
  force_destroy = var.other
  tags          = var.other ? { team = "b", new = "yes" } : { team = "a", old = "yes" }
}

resource "aws_s3_bucket" "locked" {
  bucket_prefix       = "standin-locked-"
  object_lock_enabled = true
  force_destroy       = true
}

resource "aws_s3_bucket_versioning" "uploads" {
  bucket = aws_s3_bucket.uploads.id

  versioning_configuration {
    status = var.other ? "Suspended" : "Enabled"
  }
}

resource "aws_s3_bucket_public_access_block" "uploads" {
  bucket                  = aws_s3_bucket.uploads.id
  block_public_acls       = !var.other
  block_public_policy     = !var.other
  ignore_public_acls      = !var.other
  restrict_public_buckets = !var.other
}

resource "aws_s3_bucket_server_side_encryption_configuration" "uploads" {
  bucket = aws_s3_bucket.uploads.id

  rule {
    bucket_key_enabled       = var.other
    blocked_encryption_types = var.other ? ["NONE"] : ["SSE-C"]

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.other ? "aws:kms" : "AES256"
      kms_master_key_id = var.other ? "arn:aws:kms:eu-central-1:000000000000:key/11111111-2222-3333-4444-555555555555" : null
    }
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "locked" {
  bucket = aws_s3_bucket.locked.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "uploads" {
  bucket                                 = aws_s3_bucket.uploads.id
  transition_default_minimum_object_size = var.other ? "varies_by_storage_class" : "all_storage_classes_128K"

  rule {
    id     = "expire"
    status = var.other ? "Disabled" : "Enabled"

    filter {
      prefix = var.other ? "b/" : "a/"
    }
    expiration {
      days = var.other ? 8 : 7
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = var.other ? 2 : 1
    }
    noncurrent_version_expiration {
      noncurrent_days           = var.other ? 4 : 3
      newer_noncurrent_versions = var.other ? 6 : 5
    }
    noncurrent_version_transition {
      noncurrent_days = var.other ? 31 : 30
      storage_class   = "STANDARD_IA"
    }
    transition {
      days          = var.other ? 91 : 90
      storage_class = var.other ? "GLACIER" : "STANDARD_IA"
    }
  }

  rule {
    id     = "markers"
    status = "Enabled"

    filter {
      and {
        prefix                   = "c/"
        object_size_greater_than = var.other ? 11 : 10
        object_size_less_than    = 1000
        tags                     = { keep = var.other ? "b" : "a" }
      }
    }
    expiration {
      expired_object_delete_marker = true
    }
  }

  rule {
    id     = "tagged"
    status = "Enabled"

    filter {
      tag {
        key   = "state"
        value = var.other ? "b" : "a"
      }
    }
    expiration {
      date = "2030-01-01T00:00:00Z"
    }
  }
}

resource "aws_s3_bucket_cors_configuration" "uploads" {
  bucket = aws_s3_bucket.uploads.id

  cors_rule {
    id              = "browsers"
    allowed_origins = var.other ? ["https://b.example"] : ["https://a.example", "https://c.example"]
    allowed_methods = var.other ? ["POST"] : ["POST", "GET"]
    allowed_headers = var.other ? ["x-b"] : ["x-a"]
    expose_headers  = var.other ? ["ETag"] : []
    max_age_seconds = var.other ? 60 : 30
  }

  cors_rule {
    allowed_origins = ["*"]
    allowed_methods = ["HEAD"]
  }
}

resource "aws_s3_bucket_ownership_controls" "uploads" {
  bucket = aws_s3_bucket.uploads.id

  rule {
    object_ownership = var.other ? "BucketOwnerPreferred" : "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_policy" "uploads" {
  bucket = aws_s3_bucket.uploads.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Deny"
      Principal = "*"
      Action    = ["s3:PutObject", "s3:GetObject"]
      Resource  = ["${aws_s3_bucket.uploads.arn}/${var.other ? "b" : "a"}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

resource "aws_s3_bucket_notification" "uploads" {
  bucket      = aws_s3_bucket.uploads.id
  eventbridge = !var.other
  depends_on  = [aws_sqs_queue_policy.notified]

  queue {
    events        = ["s3:ObjectCreated:*"]
    queue_arn     = aws_sqs_queue.notified.arn
    filter_prefix = var.other ? "b/" : "a/"
    filter_suffix = ".jpg"
  }
}

resource "aws_sqs_queue" "notified" {
  name = "standin-notified"
}

resource "aws_sqs_queue_policy" "notified" {
  queue_url = aws_sqs_queue.notified.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "s3.amazonaws.com" }, Action = "sqs:SendMessage", Resource = aws_sqs_queue.notified.arn }]
  })
}
