# Renditions behind a CDN: URLs that last, in a document that stays private.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.40, < 7.0"
    }
  }
}

variable "domain" {
  type        = string
  description = "Where renditions are served, such as img.example.com; its DNS name points at the distribution."
}

variable "certificate_arn" {
  type        = string
  description = "ACM certificate for the domain, in us-east-1, which is where CloudFront looks."
}

module "upload_workflow" {
  source = "../.."

  name = "photos"

  # Renditions outlive the signature of no URL here, so they are kept for a year.
  results = { served_from = "https://${var.domain}", retention_days = 365 }
}

# CloudFront signs its requests to the bucket. The module's bucket policy lets distributions of this account read
# renditions, and keeps status documents from them.
resource "aws_cloudfront_origin_access_control" "results" {
  name                              = "photos-results"
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

data "aws_region" "current" {}

resource "aws_cloudfront_distribution" "renditions" {
  comment      = "Renditions of photos."
  enabled      = true
  aliases      = [var.domain]
  http_version = "http2and3"

  origin {
    origin_id                = "results"
    domain_name              = "${module.upload_workflow.results.bucket}.s3.${data.aws_region.current.region}.amazonaws.com"
    origin_access_control_id = aws_cloudfront_origin_access_control.results.id
  }

  default_cache_behavior {
    target_origin_id       = "results"
    viewer_protocol_policy = "redirect-to-https"
    allowed_methods        = ["GET", "HEAD"]
    cached_methods         = ["GET", "HEAD"]
    compress               = false # pictures are compressed already

    # AWS's own "CachingOptimized": no header, cookie or query makes another copy.
    cache_policy_id            = "658327ea-f89d-4fab-a63d-7e88639e58f6"
    response_headers_policy_id = aws_cloudfront_response_headers_policy.renditions.id
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    acm_certificate_arn      = var.certificate_arn
    ssl_support_method       = "sni-only"
    minimum_protocol_version = "TLSv1.2_2021"
  }
}

# What S3 cannot say of an object.
resource "aws_cloudfront_response_headers_policy" "renditions" {
  name = "photos-renditions"

  security_headers_config {
    content_type_options {
      override = true
    }

    content_security_policy {
      content_security_policy = "default-src 'none'; sandbox"
      override                = true
    }

    strict_transport_security {
      access_control_max_age_sec = 31536000
      override                   = true
    }
  }

  # Pages of other sites may draw renditions on a canvas.
  cors_config {
    access_control_allow_credentials = false
    origin_override                  = true

    access_control_allow_origins {
      items = ["*"]
    }

    access_control_allow_methods {
      items = ["GET", "HEAD"]
    }

    access_control_allow_headers {
      items = ["*"]
    }
  }
}

output "distribution" {
  description = "What the domain's DNS name points at."
  value       = aws_cloudfront_distribution.renditions.domain_name
}
