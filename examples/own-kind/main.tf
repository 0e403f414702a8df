# The workflow with another kind of work: sounds become pictures of their waveforms.

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

variable "kind_package" {
  type        = string
  description = "Zip of the functions with waveform.py in it; README.md says how it is made."
  default     = "waveform.zip"
}

module "upload_workflow" {
  source = "../.."

  name         = "sounds"
  package_file = var.kind_package
  conversion   = { handler = "waveform.handler" }
  limits       = { max_bytes = 20000000, max_seconds = 10 }
  upload_api   = { authorization = "IAM", content_types = ["audio/wav", "audio/x-wav"] }
}
