# Everything that the module can do, twice: STANDARD with a key, signed requests and alarms; EXPRESS with
# tokens. For an account in which nobody lives; `python -m measure.prove` makes and unmakes it.

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
  default_tags {
    tags = { proof = var.name }
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  _renditions = {
    thumbnail = { width_px = 160, height_px = 160, fit = "cover", format = "webp" }
    large     = { width_px = 2048, format = "jpeg" }
  }
}

module "standard" {
  source = "../../.."

  name          = "${var.name}-s"
  package_file  = var.package_file
  renditions    = local._renditions
  upload_api    = { authorization = "IAM" }
  surroundings  = { kms_key_arn = aws_kms_key.proof.arn }
  workflow      = { remake = {} }
  monitoring    = {}
  force_destroy = true
}

module "express" {
  source = "../../.."

  name          = "${var.name}-e"
  package_file  = var.package_file
  renditions    = local._renditions
  uploads       = { delete_on_success = true }
  workflow      = { type = "EXPRESS" }
  upload_api    = { authorization = "JWT", jwt = { issuer = trimsuffix(aws_apigatewayv2_stage.issuer.invoke_url, "/"), audiences = ["proof"] } }
  monitoring    = null
  force_destroy = true
}

output "proof" {
  value = {
    standard      = module.standard
    express       = module.express
    key_arn       = aws_kms_key.proof.arn
    issuer        = trimsuffix(aws_apigatewayv2_stage.issuer.invoke_url, "/")
    announcements = aws_sqs_queue.announcements.url
  }
}
