resource "aws_iam_role" "machine" {
  for_each = toset(["a", "b"])

  name               = "standin-machine-${each.key}"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "states.amazonaws.com" } }] })
}

resource "aws_cloudwatch_log_group" "machine" {
  for_each = toset(["a", "b"])

  name = "/aws/vendedlogs/states/standin-${each.key}"
}

resource "aws_sfn_state_machine" "convert" {
  name       = "standin-convert"
  role_arn   = aws_iam_role.machine[var.other ? "b" : "a"].arn
  type       = "STANDARD"
  publish    = true
  definition = jsonencode({ StartAt = "Wait", States = { Wait = { Type = "Wait", Seconds = var.other ? 2 : 1, End = true } } })
  tags       = var.other ? { side = "b" } : { side = "a", old = "yes" }

  logging_configuration {
    level                  = var.other ? "ERROR" : "ALL"
    include_execution_data = var.other
    log_destination        = "${aws_cloudwatch_log_group.machine[var.other ? "b" : "a"].arn}:*"
  }
  tracing_configuration {
    enabled = !var.other
  }
  encryption_configuration {
    type                              = "CUSTOMER_MANAGED_KMS_KEY"
    kms_key_id                        = "arn:aws:kms:eu-central-1:000000000000:key/${var.other ? "bbbbbbbb" : "aaaaaaaa"}-2222-3333-4444-555555555555"
    kms_data_key_reuse_period_seconds = var.other ? 120 : 60
  }
}

resource "aws_sfn_state_machine" "plain" {
  name_prefix = "standin-plain-"
  role_arn    = aws_iam_role.machine["a"].arn
  type        = "EXPRESS"
  definition  = jsonencode({ StartAt = "End", States = { End = { Type = "Succeed" } } })
}
