# The workflow with one step more: a function of a few lines that may refuse a picture and guides crops.

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

variable "step_package" {
  type        = string
  description = "Zip of consent.py: `zip consent.zip consent.py` in this folder."
  default     = "consent.zip"
}

module "upload_workflow" {
  source = "../.."

  name = "portraits"

  renditions = {
    portrait = { width_px = 480, height_px = 640, fit = "cover", format = "jpeg" }
  }

  workflow = {
    before = { function_arn = aws_lambda_function.consent.arn, timeout_seconds = 5 }
  }
}

resource "aws_lambda_function" "consent" {
  function_name    = "portraits-consent"
  description      = "Asks whether the person on a picture agreed, and where the face is."
  role             = aws_iam_role.consent.arn
  filename         = var.step_package
  source_code_hash = filebase64sha256(var.step_package)
  handler          = "consent.handler"
  runtime          = "python3.13"
  memory_size      = 256
  timeout          = 4 # less than the workflow waits
}

resource "aws_iam_role" "consent" {
  name               = "portraits-consent"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role_policy" "consent" {
  name   = "read-what-clients-say"
  role   = aws_iam_role.consent.id
  policy = data.aws_iam_policy_document.consent.json
}

# What a client says about its picture is metadata of the object.
data "aws_iam_policy_document" "consent" {
  statement {
    actions   = ["s3:GetObject"]
    resources = ["${module.upload_workflow.uploads.arn}/*"]
  }

  statement {
    actions   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["arn:aws:logs:*:*:log-group:/aws/lambda/portraits-consent:*"]
  }
}
