# The whole workflow with nothing but names for the renditions.

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

  name = "photos"

  renditions = {
    large     = { width_px = 2048, height_px = 2048, format = "jpeg" }
    thumbnail = { width_px = 320, height_px = 320, format = "webp", fit = "cover" }
  }
}

output "uploads" {
  value = module.upload_workflow.uploads
}

output "results" {
  value = module.upload_workflow.results
}
