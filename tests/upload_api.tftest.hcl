# Who may have uploads issued, and what the issuing function may do.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name = "photos"
  surroundings = {
    place              = { account_id = "123456789012", partition = "aws", region = "eu-central-1" }
    role_path          = "/"
    log_retention_days = 30
    tags               = {}
  }
  upload_api         = { authorization = "NONE", jwt = null, page = false, throttle = { requests_per_second = 10, burst = 20 } }
  package            = { file = "versions.tf", architecture = "x86_64" }
  signer_policy_json = "{}"
  signer_environment = { MAX_BYTES = "1000" }
  allowed_origins    = []
}

run "an_api_for_tokens_asks_for_them_to_issue_and_not_to_show_the_page" {
  variables {
    upload_api = { authorization = "JWT", jwt = { issuer = "https://issuer.example/", audiences = ["uploads"], scopes = ["upload"] }, page = true, throttle = { requests_per_second = 10, burst = 20 } }
  }

  module {
    source = "./modules/upload_api"
  }

  assert {
    condition     = { for key, route in aws_apigatewayv2_route.served : route.route_key => route.authorization_type } == { "POST /uploads" = "JWT", "GET /" = "NONE" }
    error_message = "The routes are ${jsonencode({ for key, route in aws_apigatewayv2_route.served : route.route_key => route.authorization_type })}."
  }

  assert {
    condition     = aws_apigatewayv2_route.served["issue"].authorization_scopes == toset(["upload"]) && aws_apigatewayv2_route.served["page"].authorizer_id == null
    error_message = "The scopes are ${jsonencode(aws_apigatewayv2_route.served["issue"].authorization_scopes)}, the page's authorizer is ${jsonencode(aws_apigatewayv2_route.served["page"].authorizer_id)}."
  }

  assert {
    condition     = one([for authorizer in values(aws_apigatewayv2_authorizer.jwt) : authorizer.jwt_configuration[0]]) == { issuer = "https://issuer.example/", audience = toset(["uploads"]) }
    error_message = "Tokens are judged by ${jsonencode(values(aws_apigatewayv2_authorizer.jwt)[*].jwt_configuration)}."
  }
}

run "an_api_for_signed_requests_asks_for_the_signature" {
  variables {
    upload_api = { authorization = "IAM", jwt = null, page = false, throttle = { requests_per_second = 10, burst = 20 } }
  }

  module {
    source = "./modules/upload_api"
  }

  assert {
    condition     = { for key, route in aws_apigatewayv2_route.served : route.route_key => route.authorization_type } == { "POST /uploads" = "AWS_IAM" }
    error_message = "The routes are ${jsonencode({ for key, route in aws_apigatewayv2_route.served : route.route_key => route.authorization_type })}."
  }
}

run "only_the_apis_routes_may_invoke_the_function" {
  variables {
    upload_api = { authorization = "NONE", jwt = null, page = true, throttle = { requests_per_second = 10, burst = 20 } }
  }

  module {
    source = "./modules/upload_api"
  }

  assert {
    condition = { for key, permission in aws_lambda_permission.route : key => [permission.principal, permission.source_arn] } == {
      issue = ["apigateway.amazonaws.com", "arn:aws:execute-api:eu-central-1:123456789012:abc/*/POST/uploads"]
      page  = ["apigateway.amazonaws.com", "arn:aws:execute-api:eu-central-1:123456789012:abc/*/GET/"]
    }
    error_message = "The function may be invoked by ${jsonencode([for permission in aws_lambda_permission.route : permission.source_arn])}."
  }
}

run "a_flood_of_requests_is_held_back" {
  module {
    source = "./modules/upload_api"
  }

  assert {
    condition     = [for settings in aws_apigatewayv2_stage.live.default_route_settings : [settings.throttling_rate_limit, settings.throttling_burst_limit]] == [[10, 20]]
    error_message = "Requests pass by ${jsonencode(aws_apigatewayv2_stage.live.default_route_settings)}."
  }
}

run "the_access_log_holds_neither_queries_nor_tokens" {
  module {
    source = "./modules/upload_api"
  }

  assert {
    condition     = length(regexall("path|query|header|jwt|claims|token", aws_apigatewayv2_stage.live.access_log_settings[0].format)) == 0
    error_message = "The access log may hold a query or a token: ${aws_apigatewayv2_stage.live.access_log_settings[0].format}."
  }
}

run "pages_of_other_origins_stay_outside_unless_named" {
  module {
    source = "./modules/upload_api"
  }

  assert {
    condition     = length(aws_apigatewayv2_api.upload_api.cors_configuration) == 0 && length(output.page_origins) == 0
    error_message = "Pages of ${jsonencode(aws_apigatewayv2_api.upload_api.cors_configuration)} may call, and the buckets let in ${jsonencode(output.page_origins)}."
  }
}

run "the_own_page_gets_into_the_buckets" {
  variables {
    upload_api = { authorization = "NONE", jwt = null, page = true, throttle = { requests_per_second = 10, burst = 20 } }
  }

  module {
    source = "./modules/upload_api"
  }

  assert {
    condition     = output.page_origins == tolist(["https://abc.execute-api.eu-central-1.amazonaws.com"]) && output.upload_api.url == "https://abc.execute-api.eu-central-1.amazonaws.com/"
    error_message = "The page is at ${output.upload_api.url}, the buckets let in ${jsonencode(output.page_origins)}."
  }
}

run "the_function_is_told_what_any_backend_would_be_told" {
  module {
    source = "./modules/upload_api"
  }

  assert {
    condition     = aws_lambda_function.issue_upload.environment[0].variables == tomap({ MAX_BYTES = "1000" })
    error_message = "The function hears ${jsonencode(aws_lambda_function.issue_upload.environment[0].variables)}."
  }
}

run "a_browser_that_signs_with_temporary_credentials_passes_the_preflight" {
  variables {
    allowed_origins = ["https://www.example.com"]
  }

  module {
    source = "./modules/upload_api"
  }

  assert {
    condition = alltrue([for cors in aws_apigatewayv2_api.upload_api.cors_configuration : length(setsubtract(
      ["authorization", "content-type", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"],
      cors.allow_headers
    )) == 0]) && length(aws_apigatewayv2_api.upload_api.cors_configuration) == 1
    error_message = "Pages may send ${jsonencode(aws_apigatewayv2_api.upload_api.cors_configuration)}."
  }
}

run "pages_that_are_named_may_call_and_no_others" {
  variables {
    allowed_origins = ["https://www.example.com", "https://localhost"]
  }

  module {
    source = "./modules/upload_api"
  }

  assert {
    condition     = [for cors in aws_apigatewayv2_api.upload_api.cors_configuration : cors.allow_origins] == [toset(["https://www.example.com", "https://localhost"])]
    error_message = "Pages of ${jsonencode(aws_apigatewayv2_api.upload_api.cors_configuration)} may call."
  }
}

run "a_web_view_whose_scheme_api_gateway_refuses_is_let_in_with_all_others" {
  variables {
    allowed_origins = ["https://localhost", "capacitor://localhost"]
  }

  module {
    source = "./modules/upload_api"
  }

  assert {
    condition     = [for cors in aws_apigatewayv2_api.upload_api.cors_configuration : cors.allow_origins] == [toset(["*"])]
    error_message = "Pages of ${jsonencode(aws_apigatewayv2_api.upload_api.cors_configuration)} may call."
  }

  assert {
    condition     = !anytrue([for cors in aws_apigatewayv2_api.upload_api.cors_configuration : coalesce(cors.allow_credentials, false)])
    error_message = "Pages of all origins may call with a visitor's cookies."
  }
}

run "settings_that_a_function_cannot_take_are_refused" {
  command = plan

  variables {
    signer_environment = { CONTENT_TYPES = join("", [for _ in range(700) : "写写"]) }
  }

  module {
    source = "./modules/upload_api"
  }

  expect_failures = [aws_lambda_function.issue_upload]
}
