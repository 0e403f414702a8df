# The function that issues uploads, and what it may touch.

locals {
  _name = "${var.name}-issue-upload"

  # One small write with the SDK's own retries; whoever waits is a person.
  _timeout_seconds = 10
}

resource "aws_lambda_function" "issue_upload" {
  region        = var.surroundings.region
  function_name = local._name
  description   = "Issues an upload form and a status URL."
  role          = module.role.role.arn

  filename         = var.package.file
  source_code_hash = filebase64sha256(var.package.file)
  handler          = "upload_workflow.handlers.issue_upload.handler"
  runtime          = "python3.13"
  architectures    = [var.package.architecture]

  # For the processor that comes with it: a start imports the SDK while somebody waits.
  memory_size = 1024
  timeout     = local._timeout_seconds

  environment {
    variables = var.signer_environment
  }

  dynamic "vpc_config" {
    for_each = nonsensitive(var.surroundings.network != null) ? ["in"] : []

    content {
      subnet_ids         = var.surroundings.network.subnet_ids
      security_group_ids = var.surroundings.network.security_group_ids
    }
  }

  tracing_config {
    mode = var.surroundings.tracing ? "Active" : "PassThrough"
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.issue_upload.name
  }

  tags = var.surroundings.tags

  lifecycle {
    precondition {
      # As for the functions of the workflow.
      condition     = length(replace(urlencode(jsonencode(var.signer_environment)), "/%../", "-")) <= 4096
      error_message = "The settings of ${local._name} do not fit into its 4096 bytes: name fewer content types."
    }
  }
}

# Lambda's form of an API's ARN: any stage, then the route without its space. The ARN names the account.
resource "aws_lambda_permission" "route" {
  for_each = local._routes

  region       = var.surroundings.region
  statement_id = each.key
  action       = "lambda:InvokeFunction"
  # By its ARN: unknown when the function is made anew, so that the permission is made anew with it.
  function_name = aws_lambda_function.issue_upload.arn
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.upload_api.execution_arn}/*/${replace(each.value.key, " ", "")}"
}

resource "aws_cloudwatch_log_group" "issue_upload" {
  region            = var.surroundings.region
  name              = "/aws/lambda/${local._name}"
  retention_in_days = var.surroundings.log_retention_days
  kms_key_id        = var.surroundings.kms_key_arn
  tags              = var.surroundings.tags
}

module "role" {
  source = "../role"

  name         = local._name
  description  = "Issues an upload form and a status URL."
  surroundings = var.surroundings
  lent_to      = { service = "lambda.amazonaws.com", source_account = var.surroundings.place.account_id }
  policy       = { name = "issue-upload", json = data.aws_iam_policy_document.issue_upload.json }
}

# What any backend that issues uploads gets, and a log.
data "aws_iam_policy_document" "issue_upload" {
  source_policy_documents = [var.signer_policy_json]

  statement {
    sid       = "WriteLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.issue_upload.arn}:*"]
  }
}
