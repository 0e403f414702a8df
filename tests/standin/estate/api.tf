resource "aws_iam_role" "gateway" {
  for_each = toset(["a", "b"])

  name               = "standin-gateway-${each.key}"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "apigateway.amazonaws.com" } }] })
}

resource "aws_apigatewayv2_api" "uploads" {
  name                         = var.other ? "standin-b" : "standin-a"
  protocol_type                = "HTTP"
  description                  = var.other ? "b" : "a"
  version                      = var.other ? "2" : "1"
  disable_execute_api_endpoint = var.other
  ip_address_type              = var.other ? "dualstack" : "ipv4"
  tags                         = var.other ? { side = "b" } : { side = "a", old = "yes" }

  cors_configuration {
    allow_credentials = var.other
    allow_headers     = [var.other ? "x-b" : "x-a"]
    allow_methods     = [var.other ? "PUT" : "POST"]
    allow_origins     = [var.other ? "https://b.example" : "https://a.example"]
    expose_headers    = [var.other ? "x-c" : "x-d"]
    max_age           = var.other ? 60 : 30
  }
}

resource "aws_apigatewayv2_api" "socket" {
  name                         = "standin-socket"
  protocol_type                = "WEBSOCKET"
  route_selection_expression   = var.other ? "$request.body.b" : "$request.body.a"
  api_key_selection_expression = var.other ? "$context.authorizer.usageIdentifierKey" : "$request.header.x-api-key"
}

resource "aws_apigatewayv2_authorizer" "jwt" {
  api_id           = aws_apigatewayv2_api.uploads.id
  name             = var.other ? "b" : "a"
  authorizer_type  = "JWT"
  identity_sources = [var.other ? "$request.header.X-Token" : "$request.header.Authorization"]

  jwt_configuration {
    audience = [var.other ? "b" : "a"]
    issuer   = var.other ? "https://b.example" : "https://a.example"
  }
}

resource "aws_apigatewayv2_authorizer" "function" {
  api_id                            = aws_apigatewayv2_api.uploads.id
  name                              = "function"
  authorizer_type                   = "REQUEST"
  authorizer_uri                    = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:000000000000:function:${var.other ? "b" : "a"}/invocations"
  authorizer_credentials_arn        = aws_iam_role.gateway[var.other ? "b" : "a"].arn
  authorizer_payload_format_version = var.other ? "1.0" : "2.0"
  authorizer_result_ttl_in_seconds  = var.other ? 60 : 30
  enable_simple_responses           = !var.other
  identity_sources                  = ["$request.header.Authorization"]
}

resource "aws_apigatewayv2_integration" "issue" {
  api_id                 = aws_apigatewayv2_api.uploads.id
  integration_type       = "AWS_PROXY"
  integration_method     = var.other ? "PUT" : "POST"
  integration_uri        = "arn:aws:lambda:eu-central-1:000000000000:function:${var.other ? "b" : "a"}"
  credentials_arn        = aws_iam_role.gateway[var.other ? "b" : "a"].arn
  description            = var.other ? "b" : "a"
  payload_format_version = var.other ? "1.0" : "2.0"
  timeout_milliseconds   = var.other ? 2000 : 1000
  request_parameters     = { "overwrite:header.side" = var.other ? "b" : "a" }
}

resource "aws_apigatewayv2_route" "issue" {
  api_id               = aws_apigatewayv2_api.uploads.id
  route_key            = var.other ? "POST /b" : "POST /a"
  target               = "integrations/${aws_apigatewayv2_integration.issue.id}"
  authorization_type   = "JWT"
  authorizer_id        = aws_apigatewayv2_authorizer.jwt.id
  authorization_scopes = [var.other ? "b" : "a"]
  operation_name       = var.other ? "b" : "a"
}

resource "aws_apigatewayv2_route" "open" {
  api_id             = aws_apigatewayv2_api.uploads.id
  route_key          = "GET /open"
  authorization_type = var.other ? "AWS_IAM" : "NONE"
}

resource "aws_apigatewayv2_stage" "all" {
  api_id          = aws_apigatewayv2_api.uploads.id
  name            = "$default"
  auto_deploy     = !var.other
  description     = var.other ? "b" : "a"
  stage_variables = { side = var.other ? "b" : "a" }
  tags            = var.other ? { side = "b" } : { side = "a", old = "yes" }

  access_log_settings {
    destination_arn = "arn:aws:logs:eu-central-1:000000000000:log-group:${var.other ? "b" : "a"}"
    format          = var.other ? "$context.requestId" : "$context.requestId $context.status"
  }
  default_route_settings {
    detailed_metrics_enabled = var.other
    throttling_burst_limit   = var.other ? 20 : 10
    throttling_rate_limit    = var.other ? 40 : 30
  }
  route_settings {
    route_key              = "GET /open"
    throttling_burst_limit = var.other ? 2 : 1
    throttling_rate_limit  = var.other ? 4 : 3
  }
}

resource "aws_kms_key" "uploads" {
  description             = var.other ? "b" : "a"
  deletion_window_in_days = var.other ? 8 : 7
  enable_key_rotation     = true
  rotation_period_in_days = var.other ? 120 : 100
  is_enabled              = !var.other
  policy                  = jsonencode({ Version = "2012-10-17", Statement = [{ Sid = var.other ? "b" : "a", Effect = "Allow", Principal = { AWS = "arn:aws:iam::000000000000:root" }, Action = "kms:*", Resource = "*" }] })
  tags                    = var.other ? { side = "b" } : { side = "a", old = "yes" }
}

resource "aws_kms_key" "plain" {
  enable_key_rotation = var.other
}
