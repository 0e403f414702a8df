resource "aws_sqs_queue" "events" {
  for_each = toset(["a", "b"])

  name = "standin-events-${each.key}"
}

resource "aws_iam_role" "events" {
  for_each = toset(["a", "b"])

  name               = "standin-events-${each.key}"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "events.amazonaws.com" } }] })
}

resource "aws_cloudwatch_event_rule" "uploaded" {
  name          = "standin-uploaded"
  description   = var.other ? "b" : "a"
  event_pattern = jsonencode({ source = ["aws.s3"], "detail-type" = ["Object Created"], detail = { bucket = { name = [var.other ? "b" : "a"] } } })
  role_arn      = aws_iam_role.events[var.other ? "b" : "a"].arn
  state         = var.other ? "DISABLED" : "ENABLED"
  force_destroy = var.other
  tags          = var.other ? { side = "b" } : { side = "a", old = "yes" }
}

resource "aws_cloudwatch_event_rule" "hourly" {
  name_prefix         = "standin-hourly-"
  schedule_expression = var.other ? "rate(2 hours)" : "rate(1 hour)"
}

resource "aws_cloudwatch_event_target" "queue" {
  rule          = aws_cloudwatch_event_rule.uploaded.name
  target_id     = "queue"
  arn           = aws_sqs_queue.events[var.other ? "b" : "a"].arn
  role_arn      = aws_iam_role.events[var.other ? "b" : "a"].arn
  input_path    = var.other ? "$.detail.b" : "$.detail.a"
  force_destroy = var.other

  dead_letter_config {
    arn = aws_sqs_queue.events[var.other ? "a" : "b"].arn
  }
  retry_policy {
    maximum_event_age_in_seconds = var.other ? 120 : 60
    maximum_retry_attempts       = var.other ? 4 : 3
  }
}

resource "aws_cloudwatch_event_target" "told" {
  rule      = aws_cloudwatch_event_rule.uploaded.name
  target_id = "told"
  arn       = aws_sqs_queue.events["a"].arn

  input_transformer {
    input_paths    = { key = var.other ? "$.detail.object.etag" : "$.detail.object.key" }
    input_template = var.other ? "{\"b\": <key>}" : "{\"a\": <key>}"
  }
}

resource "aws_sqs_queue" "events_ordered" {
  name       = "standin-ordered.fifo"
  fifo_queue = true
}

resource "aws_cloudwatch_event_target" "plain" {
  rule  = aws_cloudwatch_event_rule.hourly.name
  arn   = aws_sqs_queue.events_ordered.arn
  input = jsonencode({ side = var.other ? "b" : "a" })

  sqs_target {
    message_group_id = var.other ? "b" : "a"
  }
}

resource "aws_cloudwatch_event_connection" "backend" {
  name               = "standin-backend"
  description        = var.other ? "b" : "a"
  authorization_type = "API_KEY"

  auth_parameters {
    api_key {
      key   = "x-api-key"
      value = var.other ? "b" : "a"
    }
  }
}

resource "aws_cloudwatch_event_connection" "spare" {
  name               = "standin-spare"
  authorization_type = "API_KEY"

  auth_parameters {
    api_key {
      key   = "x-api-key"
      value = "c"
    }
  }
}

resource "aws_cloudwatch_event_api_destination" "backend" {
  name                             = "standin-backend"
  description                      = var.other ? "b" : "a"
  connection_arn                   = var.other ? aws_cloudwatch_event_connection.spare.arn : aws_cloudwatch_event_connection.backend.arn
  http_method                      = var.other ? "PUT" : "POST"
  invocation_endpoint              = "https://backend.example.com/${var.other ? "b" : "a"}"
  invocation_rate_limit_per_second = var.other ? 5 : 4
}
