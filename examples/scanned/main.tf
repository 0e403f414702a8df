# Nothing is converted that GuardDuty has not looked at.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.40, < 7.0"
    }
  }
}

provider "aws" {
  region = "eu-central-1"
}

module "upload_workflow" {
  source = "../.."

  name       = "scanned"
  upload_api = { authorization = "IAM" }

  renditions = {
    large     = { width_px = 2048, format = "webp" }
    thumbnail = { width_px = 320, height_px = 320, fit = "cover", format = "webp" }
  }

  # GuardDuty's plan for the uploads bucket and its role come with it, and the alarm `uploads-not-scanned`.
  workflow = { trigger = "malware_scan" }
}

output "uploads" {
  value = module.upload_workflow.uploads
}

output "api" {
  value = module.upload_workflow.upload_api.url
}
