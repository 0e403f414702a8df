# A function of yours reads the status document and does something with it.

resource "aws_lambda_function" "consumer" {
  function_name    = "${var.name}-consumer"
  role             = aws_iam_role.consumer.arn
  filename         = var.consumer_package
  source_code_hash = filebase64sha256(var.consumer_package)
  handler          = "handler.handler"
  runtime          = "python3.13"
  timeout          = 30

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.consumer.name
  }

  depends_on = [aws_iam_role_policy.consumer]
}

resource "aws_cloudwatch_log_group" "consumer" {
  name              = "/aws/lambda/${var.name}-consumer"
  retention_in_days = 14
}

data "aws_iam_policy_document" "trust_lambda" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "consumer" {
  name               = "${var.name}-consumer"
  assume_role_policy = data.aws_iam_policy_document.trust_lambda.json
}

# It reads results and nothing else: neither uploads nor other buckets.
data "aws_iam_policy_document" "consumer" {
  statement {
    sid       = "ReadResults"
    actions   = ["s3:GetObject"]
    resources = ["${module.upload_workflow.results.arn}/${module.upload_workflow.results.prefix}*"]
  }

  statement {
    sid       = "WriteLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.consumer.arn}:*"]
  }
}

resource "aws_iam_role_policy" "consumer" {
  name   = "consumer"
  role   = aws_iam_role.consumer.id
  policy = data.aws_iam_policy_document.consumer.json
}

resource "aws_lambda_permission" "rule" {
  statement_id  = "OnlyTheRule"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.consumer.function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.ended.arn
}

resource "aws_cloudwatch_event_target" "function" {
  rule = aws_cloudwatch_event_rule.ended.name
  arn  = aws_lambda_function.consumer.arn

  dead_letter_config {
    arn = aws_sqs_queue.untold.arn
  }

  depends_on = [aws_lambda_permission.rule, aws_sqs_queue_policy.untold]
}
