resource "aws_iam_role" "runner" {
  for_each = toset(["a", "b"])

  name               = "standin-runner-${each.key}"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }] })
}

resource "aws_sqs_queue" "failed" {
  for_each = toset(["a", "b"])

  name = "standin-failed-${each.key}"
}

resource "aws_lambda_function" "convert" {
  function_name                  = "standin-convert"
  description                    = var.other ? "b" : "a"
  role                           = aws_iam_role.runner[var.other ? "b" : "a"].arn
  filename                       = var.zip[var.other ? "b" : "a"]
  source_code_hash               = filebase64sha256(var.zip[var.other ? "b" : "a"])
  architectures                  = [var.other ? "arm64" : "x86_64"]
  runtime                        = var.other ? "python3.13" : "python3.12"
  handler                        = var.other ? "b.handler" : "a.handler"
  memory_size                    = var.other ? 512 : 256
  timeout                        = var.other ? 20 : 10
  reserved_concurrent_executions = var.other ? 3 : 2
  publish                        = true
  kms_key_arn                    = "arn:aws:kms:eu-central-1:000000000000:key/${var.other ? "bbbbbbbb" : "aaaaaaaa"}-2222-3333-4444-555555555555"
  tags                           = var.other ? { side = "b" } : { side = "a", old = "yes" }

  environment {
    variables = var.other ? { SIDE = "b" } : { SIDE = "a", OLD = "1" }
  }
  dead_letter_config {
    target_arn = aws_sqs_queue.failed[var.other ? "b" : "a"].arn
  }
  ephemeral_storage {
    size = var.other ? 1024 : 2048
  }
  logging_config {
    log_format            = "JSON"
    application_log_level = var.other ? "INFO" : "DEBUG"
    system_log_level      = var.other ? "WARN" : "INFO"
    log_group             = var.other ? "/standin/b" : "/standin/a"
  }
  tracing_config {
    mode = var.other ? "PassThrough" : "Active"
  }
  vpc_config {
    subnet_ids         = [var.other ? "subnet-bbbbbbbb" : "subnet-aaaaaaaa"]
    security_group_ids = [var.other ? "sg-bbbbbbbb" : "sg-aaaaaaaa"]
  }
}

resource "aws_lambda_function" "plain" {
  function_name = "standin-plain"
  role          = aws_iam_role.runner["a"].arn
  s3_bucket     = var.code_bucket
  s3_key        = "code.zip"
  runtime       = "python3.12"
  handler       = "a.handler"
}

resource "aws_lambda_permission" "events" {
  statement_id   = "events"
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.convert.function_name
  principal      = "events.amazonaws.com"
  source_arn     = "arn:aws:events:eu-central-1:000000000000:rule/some"
  source_account = "000000000000"
}
