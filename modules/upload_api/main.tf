# Promises one call that answers with an upload form and a status URL, and a page that makes it.
# Hides the HTTP API, its authorization, throttling and access log, and the function behind it.
# Does not see a picture: clients send those to S3.

locals {
  # The page is one public file; only issuing asks who is calling.
  _routes = merge(
    { issue = { key = "POST /uploads", authorization = var.upload_api.authorization } },
    var.upload_api.page ? { page = { key = "GET /", authorization = "NONE" } } : {},
  )

  # API Gateway's word for requests signed with IAM credentials.
  _authorization_type = { IAM = "AWS_IAM", JWT = "JWT", NONE = "NONE" }

  _jwt = nonsensitive(var.upload_api.jwt == null) ? {} : { jwt = var.upload_api.jwt }
}

resource "aws_apigatewayv2_api" "upload_api" {
  region        = var.surroundings.region
  name          = "${var.name}-upload-api"
  description   = "Issues uploads of ${var.name}."
  protocol_type = "HTTP"

  dynamic "cors_configuration" {
    for_each = nonsensitive(length(var.allowed_origins) > 0) ? ["pages"] : []

    content {
      # A web view's own scheme, such as capacitor://, API Gateway takes by no name. All pages may then call: who is
      # answered is the authorization's to say, which rests on no cookie.
      allow_origins = (
        alltrue([for origin in var.allowed_origins : startswith(origin, "http")]) ? var.allowed_origins : ["*"]
      )
      allow_methods = ["POST"]
      # The last three belong to requests that a browser signs with temporary credentials.
      allow_headers = ["authorization", "content-type", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"]
      # Seconds; no browser remembers a preflight for longer.
      max_age = 7200
    }
  }

  tags = var.surroundings.tags
}

resource "aws_apigatewayv2_authorizer" "jwt" {
  for_each = local._jwt

  region           = var.surroundings.region
  api_id           = aws_apigatewayv2_api.upload_api.id
  name             = "jwt"
  authorizer_type  = "JWT"
  identity_sources = ["$request.header.Authorization"]

  jwt_configuration {
    issuer   = each.value.issuer
    audience = each.value.audiences
  }

  lifecycle {
    # API Gateway keeps an authorizer that a route refers to: routes leave it first. Otherwise Terraform destroys what
    # others depend on before it changes them.
    create_before_destroy = true
  }
}

resource "aws_apigatewayv2_integration" "issue_upload" {
  region                 = var.surroundings.region
  api_id                 = aws_apigatewayv2_api.upload_api.id
  integration_type       = "AWS_PROXY"
  integration_method     = "POST" # the only one Lambda knows
  integration_uri        = aws_lambda_function.issue_upload.invoke_arn
  payload_format_version = "2.0"
  # The function's own time-out comes first and gives the clearer error.
  timeout_milliseconds = (local._timeout_seconds + 1) * 1000
}

resource "aws_apigatewayv2_route" "served" {
  for_each = local._routes

  region               = var.surroundings.region
  api_id               = aws_apigatewayv2_api.upload_api.id
  route_key            = each.value.key
  target               = "integrations/${aws_apigatewayv2_integration.issue_upload.id}"
  authorization_type   = local._authorization_type[each.value.authorization]
  authorizer_id        = each.value.authorization == "JWT" ? aws_apigatewayv2_authorizer.jwt["jwt"].id : null
  authorization_scopes = each.value.authorization == "JWT" ? var.upload_api.jwt.scopes : null
}

# The stage without a name: paths are the routes' own.
resource "aws_apigatewayv2_stage" "live" {
  region      = var.surroundings.region
  api_id      = aws_apigatewayv2_api.upload_api.id
  name        = "$default"
  auto_deploy = true

  default_route_settings {
    throttling_rate_limit  = var.upload_api.throttle.requests_per_second
    throttling_burst_limit = var.upload_api.throttle.burst
  }

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    # Routes, not paths: neither a query nor a token ever stands in this log.
    format = jsonencode({
      time                = "$context.requestTime"
      request_id          = "$context.requestId"
      source_ip           = "$context.identity.sourceIp"
      route               = "$context.routeKey"
      status              = "$context.status"
      latency_ms          = "$context.responseLatency"
      function_request_id = "$context.integration.requestId"
      function_error      = "$context.integration.error"
      authorizer_error    = "$context.authorizer.error"
    })
  }

  tags = var.surroundings.tags
}

resource "aws_cloudwatch_log_group" "access" {
  region = var.surroundings.region
  # Below this prefix the account's resource policy for logs does not grow with every API.
  name              = "/aws/vendedlogs/apigateway/${var.name}-upload-api"
  retention_in_days = var.surroundings.log_retention_days
  kms_key_id        = var.surroundings.kms_key_arn
  tags              = var.surroundings.tags
}
