# Promises that every upload starts an execution or is kept for redrive.
# Hides the rule, its role, the retry policy and the dead-letter queue.
# Does not decide what is done with an upload.

locals {
  # SQS keeps messages for 14 days at most.
  _dead_letter_seconds = 14 * 24 * 60 * 60

  # Either S3 speaks of the upload, or GuardDuty does once it has scanned it.
  _patterns = {
    object_created = {
      source      = ["aws.s3"]
      detail-type = ["Object Created"]
      detail = {
        bucket = { name = [var.uploads.bucket] }
        object = { key = [{ prefix = var.uploads.prefix }] }
      }
    }
    malware_scan = {
      source      = ["aws.guardduty"]
      detail-type = ["GuardDuty Malware Protection Object Scan Result"]
      detail = {
        s3ObjectDetails = {
          bucketName = [var.uploads.bucket]
          objectKey  = [{ prefix = var.uploads.prefix }]
        }
      }
    }
  }
}

resource "aws_cloudwatch_event_rule" "upload_ready" {
  region        = var.surroundings.region
  name          = "${var.name}-upload-ready"
  description   = "An upload below ${var.uploads.prefix} of ${var.uploads.bucket} is ready to be worked on."
  event_pattern = jsonencode(local._patterns[var.workflow.trigger])
  tags          = var.surroundings.tags
}

# Where GuardDuty starts executions, this counts what it should have looked at: a rule is matched without a target, too.
resource "aws_cloudwatch_event_rule" "upload_arrived" {
  for_each = var.workflow.trigger == "malware_scan" ? toset(["counted"]) : toset([])

  region        = var.surroundings.region
  name          = "${var.name}-upload-arrived"
  description   = "An upload below ${var.uploads.prefix} of ${var.uploads.bucket} is there to be scanned."
  event_pattern = jsonencode(local._patterns.object_created)
  tags          = var.surroundings.tags
}

resource "aws_cloudwatch_event_target" "execution" {
  region = var.surroundings.region
  # By its id: unknown when the rule is made anew, so that the target is made anew with it.
  rule      = aws_cloudwatch_event_rule.upload_ready.id
  target_id = "execution"

  # A disabled rule would lose its events: a paused one keeps them where redrive finds them.
  arn      = var.workflow.paused ? aws_sqs_queue.dead_letters.arn : var.state_machine.arn
  role_arn = var.workflow.paused ? null : module.role.role.arn

  # EventBridge's own limits, written out: after a day the event is kept as a dead letter.
  retry_policy {
    maximum_event_age_in_seconds = 86400
    maximum_retry_attempts       = 185
  }

  dead_letter_config {
    arn = aws_sqs_queue.dead_letters.arn
  }

  depends_on = [aws_sqs_queue_policy.dead_letters]
}

module "role" {
  source = "../role"

  name         = "${var.name}-start-execution"
  description  = "Starts an execution for each upload."
  surroundings = var.surroundings
  policy       = { name = "start-execution", json = data.aws_iam_policy_document.start_execution.json }

  lent_to = {
    service        = "events.amazonaws.com"
    source_account = var.surroundings.place.account_id
    source_arn     = aws_cloudwatch_event_rule.upload_ready.arn
  }
}

data "aws_iam_policy_document" "start_execution" {
  statement {
    sid       = "StartExecution"
    actions   = ["states:StartExecution"]
    resources = [var.state_machine.arn]
  }
}
