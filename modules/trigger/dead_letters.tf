# Events that could not be delivered, each as it was, until somebody redrives them.

resource "aws_sqs_queue" "dead_letters" {
  region                    = var.surroundings.region
  name                      = "${var.name}-dead-letters"
  message_retention_seconds = local._dead_letter_seconds
  # For whoever reads letters in the console; `ops` asks for the time that it needs.
  visibility_timeout_seconds = 300
  sqs_managed_sse_enabled    = nonsensitive(var.surroundings.kms_key_arn == null) ? true : null
  kms_master_key_id          = var.surroundings.kms_key_arn
  tags                       = var.surroundings.tags
}

data "aws_iam_policy_document" "dead_letters" {
  statement {
    sid       = "KeepUndeliveredEvents"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.dead_letters.arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    # The rules' ARNs name the account. EventBridge is not known to send one beside them.
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = concat([aws_cloudwatch_event_rule.upload_ready.arn], var.ended_rules[*].arn)
    }
  }

  statement {
    sid       = "RefusePlainHttp"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [aws_sqs_queue.dead_letters.arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sqs_queue_policy" "dead_letters" {
  region    = var.surroundings.region
  queue_url = aws_sqs_queue.dead_letters.url
  policy    = data.aws_iam_policy_document.dead_letters.json
}
