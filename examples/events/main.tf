# Who else hears of an upload's end: a queue, a function and a server of yours. docs/events.md explains.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.40, < 7.0"
    }
  }
}

module "upload_workflow" {
  source = "../.."

  name         = var.name
  package_file = var.package_file
}

# One rule for every end. The pattern names this workflow's buckets, so that another one is not heard.
resource "aws_cloudwatch_event_rule" "ended" {
  name          = "${var.name}-ended"
  description   = "Uploads of ${var.name} that came to an end."
  event_pattern = module.upload_workflow.events.pattern_json
}

# What a consumer did not take after a day of trying.
resource "aws_sqs_queue" "untold" {
  name                      = "${var.name}-untold"
  message_retention_seconds = 14 * 86400
  sqs_managed_sse_enabled   = true
}

output "upload_workflow" {
  value = module.upload_workflow
}
