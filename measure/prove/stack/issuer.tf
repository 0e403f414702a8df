# A throwaway issuer of tokens: two public documents. The key that signs never leaves the machine of the proof.

resource "aws_apigatewayv2_api" "issuer" {
  name          = "${var.name}-issuer"
  protocol_type = "HTTP"
}

resource "aws_apigatewayv2_integration" "issuer" {
  api_id                 = aws_apigatewayv2_api.issuer.id
  integration_type       = "AWS_PROXY"
  integration_method     = "POST"
  integration_uri        = aws_lambda_function.issuer.invoke_arn
  payload_format_version = "2.0"
}

resource "aws_apigatewayv2_route" "issuer" {
  for_each = toset(["GET /.well-known/openid-configuration", "GET /keys"])

  api_id    = aws_apigatewayv2_api.issuer.id
  route_key = each.value
  target    = "integrations/${aws_apigatewayv2_integration.issuer.id}"
}

# Last, so that whoever knows its address finds an issuer there.
resource "aws_apigatewayv2_stage" "issuer" {
  api_id      = aws_apigatewayv2_api.issuer.id
  name        = "$default"
  auto_deploy = true

  depends_on = [aws_apigatewayv2_route.issuer, aws_lambda_permission.issuer]
}

resource "aws_lambda_permission" "issuer" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.issuer.function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.issuer.execution_arn}/*/*"
}

resource "aws_lambda_function" "issuer" {
  function_name    = "${var.name}-issuer"
  role             = aws_iam_role.issuer.arn
  filename         = var.issuer_file
  source_code_hash = filebase64sha256(var.issuer_file)
  handler          = "issuer.handler"
  runtime          = "python3.13"

  environment {
    variables = { KEYS = var.published_keys }
  }
}

resource "aws_iam_role" "issuer" {
  name               = "${var.name}-issuer"
  assume_role_policy = data.aws_iam_policy_document.issuer.json
}

data "aws_iam_policy_document" "issuer" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}
