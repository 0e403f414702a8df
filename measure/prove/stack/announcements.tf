# Keeps what both workflows announce.

resource "aws_sqs_queue" "announcements" {
  name                      = "${var.name}-announcements"
  message_retention_seconds = 3600
}

resource "aws_sqs_queue_policy" "announcements" {
  queue_url = aws_sqs_queue.announcements.id
  policy    = data.aws_iam_policy_document.announcements.json
}

data "aws_iam_policy_document" "announcements" {
  statement {
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.announcements.arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
  }
}

resource "aws_cloudwatch_event_rule" "announcements" {
  name          = "${var.name}-announcements"
  event_pattern = jsonencode({ source = ["upload-workflow"] })
}

resource "aws_cloudwatch_event_target" "announcements" {
  rule      = aws_cloudwatch_event_rule.announcements.name
  target_id = "announcements"
  arn       = aws_sqs_queue.announcements.arn

  depends_on = [aws_sqs_queue_policy.announcements]
}
