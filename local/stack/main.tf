# The laptop's instance of the module: what a user's own root configuration would hold.
# Nothing here tells it that AWS is local; the environment does, by AWS_ENDPOINT_URL.

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.40, < 7.0"
    }
  }

  # The path is given at init, in an ignored folder.
  backend "local" {}
}

provider "aws" {
  # A local endpoint has no host name for every bucket.
  s3_use_path_style = true

  default_tags {
    tags = { stack = "local" }
  }
}

module "upload_workflow" {
  source = "../.."

  name            = var.name
  package_file    = var.package_file
  uploads         = var.uploads
  results         = var.results
  renditions      = var.renditions
  limits          = var.limits
  workflow        = var.workflow
  conversion      = var.conversion
  upload_api      = var.upload_api
  monitoring      = var.monitoring
  allowed_origins = var.allowed_origins
  force_destroy   = var.force_destroy
}

output "upload_workflow" {
  description = "All outputs of the module."
  value       = module.upload_workflow
}
