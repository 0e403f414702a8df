# EventBridge calls a server of yours, wherever it runs.

resource "aws_cloudwatch_event_connection" "backend" {
  name               = "${var.name}-backend"
  authorization_type = "API_KEY"

  auth_parameters {
    api_key {
      key   = "x-api-key"
      value = var.backend.key
    }
  }
}

resource "aws_cloudwatch_event_api_destination" "backend" {
  name                             = "${var.name}-backend"
  connection_arn                   = aws_cloudwatch_event_connection.backend.arn
  http_method                      = "POST"
  invocation_endpoint              = var.backend.url
  invocation_rate_limit_per_second = 50 # what the server takes; the others wait
}

data "aws_iam_policy_document" "trust_events" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "call_backend" {
  name               = "${var.name}-call-backend"
  assume_role_policy = data.aws_iam_policy_document.trust_events.json
}

data "aws_iam_policy_document" "call_backend" {
  statement {
    sid       = "CallTheBackend"
    actions   = ["events:InvokeApiDestination"]
    resources = [aws_cloudwatch_event_api_destination.backend.arn]
  }
}

resource "aws_iam_role_policy" "call_backend" {
  name   = "call-backend"
  role   = aws_iam_role.call_backend.id
  policy = data.aws_iam_policy_document.call_backend.json
}

resource "aws_cloudwatch_event_target" "backend" {
  rule     = aws_cloudwatch_event_rule.ended.name
  arn      = aws_cloudwatch_event_api_destination.backend.arn
  role_arn = aws_iam_role.call_backend.arn

  # The server gets the facts, not EventBridge's envelope.
  input_path = "$.detail"

  dead_letter_config {
    arn = aws_sqs_queue.untold.arn
  }

  depends_on = [aws_iam_role_policy.call_backend, aws_sqs_queue_policy.untold]
}
