# The workflow inside infrastructure that exists: own buckets, own key, own network, own identity
# provider. Two instances side by side, one for each kind of upload.

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.40, < 7.0"
    }
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = { team = "media" }
  }
}

locals {
  instances = {
    avatars = {
      renditions = {
        round = { width_px = 256, height_px = 256, fit = "cover", format = "webp" }
      }
    }
    articles = {
      renditions = {
        hero   = { width_px = 2048, format = "auto" }
        teaser = { width_px = 640, format = "auto" }
      }
    }
  }
}

module "upload_workflow" {
  source   = "../.."
  for_each = local.instances

  name            = "media-${each.key}"
  renditions      = each.value.renditions
  allowed_origins = ["https://www.example.com"]

  uploads = { bucket = { name = aws_s3_bucket.media.bucket }, prefix = "${each.key}/uploads/" }
  results = { bucket = { name = aws_s3_bucket.media.bucket }, prefix = "results/" }

  upload_api = {
    authorization = "JWT"
    jwt           = var.identity
  }

  surroundings = {
    kms_key_arn              = aws_kms_key.media.arn
    role_path                = "/media/"
    permissions_boundary_arn = var.permissions_boundary_arn
    network                  = var.network
  }

  log_retention_days = 90
}

output "upload_urls" {
  value = { for name, workflow in module.upload_workflow : name => workflow.upload_api.url }
}
