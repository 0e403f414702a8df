# A worker of yours reads a queue at its own pace.

resource "aws_sqs_queue" "ended" {
  name                    = "${var.name}-ended"
  sqs_managed_sse_enabled = true
}

# The rule alone may send, and names the account: EventBridge states no source account to queues.
data "aws_iam_policy_document" "send" {
  for_each = { ended = aws_sqs_queue.ended.arn, untold = aws_sqs_queue.untold.arn }

  statement {
    sid       = "OnlyTheRule"
    actions   = ["sqs:SendMessage"]
    resources = [each.value]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.ended.arn]
    }
  }
}

resource "aws_sqs_queue_policy" "ended" {
  queue_url = aws_sqs_queue.ended.id
  policy    = data.aws_iam_policy_document.send["ended"].json
}

resource "aws_sqs_queue_policy" "untold" {
  queue_url = aws_sqs_queue.untold.id
  policy    = data.aws_iam_policy_document.send["untold"].json
}

resource "aws_cloudwatch_event_target" "queue" {
  rule = aws_cloudwatch_event_rule.ended.name
  arn  = aws_sqs_queue.ended.arn

  dead_letter_config {
    arn = aws_sqs_queue.untold.arn
  }

  depends_on = [aws_sqs_queue_policy.ended, aws_sqs_queue_policy.untold]
}

output "queue_url" {
  value = aws_sqs_queue.ended.id
}
