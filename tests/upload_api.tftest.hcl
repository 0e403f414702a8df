# Who may have uploads issued, and what the issuing function may do.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
  mock_resource "aws_apigatewayv2_api" {
    defaults = { api_endpoint = "https://abc.execute-api.eu-central-1.amazonaws.com", execution_arn = "arn:aws:execute-api:eu-central-1:123456789012:abc" }
  }
  mock_resource "aws_apigatewayv2_stage" {
    defaults = { invoke_url = "https://abc.execute-api.eu-central-1.amazonaws.com/" }
  }
  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:eu-central-1:123456789012:function:upload-workflow", invoke_arn = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/upload-workflow/invocations" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/upload-workflow" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:upload-workflow" }
  }
  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-central-1:123456789012:upload-workflow", url = "https://sqs.eu-central-1.amazonaws.com/123456789012/upload-workflow" }
  }
  mock_resource "aws_sfn_state_machine" {
    defaults = { arn = "arn:aws:states:eu-central-1:123456789012:stateMachine:upload-workflow" }
  }
  mock_resource "aws_cloudwatch_event_rule" {
    defaults = { arn = "arn:aws:events:eu-central-1:123456789012:rule/upload-workflow" }
  }
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::upload-workflow" }
  }
}

variables {
  package_file = "versions.tf" # any file: nothing runs it here
}

run "there_is_no_api_unless_asked_for" {
  command = plan

  assert {
    condition     = output.upload_api == null && length(module.upload_api) == 0
    error_message = "Without upload_api there is an API: ${jsonencode(keys(module.upload_api))}."
  }
}

run "who_may_call_is_never_assumed" {
  command = plan

  variables {
    upload_api = { authorization = "" }
  }

  expect_failures = [var.upload_api]
}

run "an_unknown_authorization_is_refused" {
  command = plan

  variables {
    upload_api = { authorization = "OPEN" }
  }

  expect_failures = [var.upload_api]
}

run "tokens_without_an_audience_are_refused" {
  command = plan

  variables {
    upload_api = { authorization = "JWT", jwt = { issuer = "https://issuer.example/", audiences = [] } }
  }

  expect_failures = [var.upload_api]
}

run "tokens_without_an_issuer_are_refused" {
  command = plan

  variables {
    upload_api = { authorization = "JWT" }
  }

  expect_failures = [var.upload_api]
}

run "an_issuer_beside_another_authorization_is_refused" {
  command = plan

  variables {
    upload_api = { authorization = "NONE", jwt = { issuer = "https://issuer.example/", audiences = ["uploads"] } }
  }

  expect_failures = [var.upload_api]
}

run "an_issuer_reached_without_tls_is_refused" {
  command = plan

  variables {
    upload_api = { authorization = "JWT", jwt = { issuer = "http://issuer.example/", audiences = ["uploads"] } }
  }

  expect_failures = [var.upload_api]
}

run "a_page_that_would_have_to_sign_requests_is_refused" {
  command = plan

  variables {
    upload_api = { authorization = "IAM", page = true }
  }

  expect_failures = [var.upload_api]
}

run "a_wildcard_among_the_content_types_is_refused" {
  command = plan

  variables {
    upload_api = { authorization = "NONE", content_types = ["image/*"] }
  }

  expect_failures = [var.upload_api]
}

run "a_form_that_lives_for_hours_is_refused" {
  command = plan

  variables {
    upload_api = { authorization = "NONE", form_life_seconds = 7200 }
  }

  expect_failures = [var.upload_api]
}

run "a_throttle_that_lets_nothing_pass_is_refused" {
  command = plan

  variables {
    upload_api = { authorization = "NONE", throttle = { burst = 0 } }
  }

  expect_failures = [var.upload_api]
}

run "an_api_for_tokens_asks_for_them_to_issue_and_not_to_show_the_page" {
  variables {
    upload_api = {
      authorization = "JWT"
      jwt           = { issuer = "https://issuer.example/", audiences = ["uploads"], scopes = ["upload"] }
      page          = true
    }
  }

  assert {
    condition     = output.upload_api.url == "https://abc.execute-api.eu-central-1.amazonaws.com/"
    error_message = "The address is ${output.upload_api.url}."
  }
}

run "the_routes_of_an_api_for_tokens" {
  variables {
    name               = "upload-workflow"
    surroundings       = { account_id = "123456789012", partition = "aws", region = "eu-central-1", iam = { path = "/" }, network = null, kms_key_arn = null, log_retention_days = 30, tags = {} }
    upload_api         = { authorization = "JWT", jwt = { issuer = "https://issuer.example/", audiences = ["uploads"], scopes = ["upload"] }, page = true, content_types = ["image/jpeg"], form_life_seconds = 900, throttle = { requests_per_second = 10, burst = 20 } }
    package            = { file = "versions.tf", architecture = "x86_64" }
    uploads            = { bucket = "uploads", arn = "arn:aws:s3:::uploads", prefix = "uploads/" }
    results            = { bucket = "results", arn = "arn:aws:s3:::results", prefix = "results/", url_life_seconds = 3600 }
    signer_policy_json = "{}"
    max_bytes          = 1000
    allowed_origins    = []
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
    condition     = { for key, permission in aws_lambda_permission.route : key => permission.source_arn } == { issue = "arn:aws:execute-api:eu-central-1:123456789012:abc/*/POST/uploads", page = "arn:aws:execute-api:eu-central-1:123456789012:abc/*/GET/" }
    error_message = "The function may be invoked by ${jsonencode([for permission in aws_lambda_permission.route : permission.source_arn])}."
  }

  assert {
    condition     = length(regexall("path|query|header|jwt|claims|token", aws_apigatewayv2_stage.live.access_log_settings[0].format)) == 0
    error_message = "The access log may hold a query or a token: ${aws_apigatewayv2_stage.live.access_log_settings[0].format}."
  }

  assert {
    condition     = length(aws_apigatewayv2_api.upload_api.cors_configuration) == 0
    error_message = "Pages of other origins may call although none is allowed."
  }
}

run "nobody_elses_page_may_use_an_api_without_one" {
  command = plan

  variables {
    upload_api = { authorization = "NONE" }
  }

  assert {
    condition     = length(module.upload_api["api"].page_origins) == 0
    error_message = "The buckets let in ${jsonencode(module.upload_api["api"].page_origins)}."
  }
}
