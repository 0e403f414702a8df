# Every execution ends with an outcome that somebody can read.

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
  workflow     = { type = "STANDARD" }
  dead_letters = { name = "photos-dead-letters", arn = "arn:aws:sqs:eu-central-1:123456789012:photos-dead-letters", url = "https://sqs" }
  functions = {
    convert_image  = { name = "photos-convert-image", arn = "arn:aws:lambda:eu-central-1:123456789012:function:photos-convert-image", timeout_seconds = 60 }
    record_failure = { name = "photos-record-failure", arn = "arn:aws:lambda:eu-central-1:123456789012:function:photos-record-failure", timeout_seconds = 30 }
  }
}

run "an_execution_that_was_ended_from_outside_is_recorded" {
  module {
    source = "./modules/workflow"
  }

  assert {
    condition = one([for rule in values(aws_cloudwatch_event_rule.execution_ended) : jsondecode(rule.event_pattern)]) == {
      source      = ["aws.states"]
      detail-type = ["Step Functions Execution Status Change"]
      detail      = { stateMachineArn = [aws_sfn_state_machine.convert_image.arn], status = ["FAILED", "TIMED_OUT", "ABORTED"] }
    }
    error_message = "record_failure hears of ${jsonencode(values(aws_cloudwatch_event_rule.execution_ended)[*].event_pattern)}."
  }

  assert {
    condition     = one(values(aws_cloudwatch_event_target.record_failure)).arn == var.functions.record_failure.arn && one(values(aws_cloudwatch_event_target.record_failure)).dead_letter_config[0].arn == var.dead_letters.arn
    error_message = "The rule's target is ${jsonencode(values(aws_cloudwatch_event_target.record_failure))}."
  }
}

run "only_that_rule_may_invoke_the_recorder" {
  module {
    source = "./modules/workflow"
  }

  assert {
    condition = one([for permission in values(aws_lambda_permission.record_failure) : [permission.principal, permission.source_arn, permission.action]]) == [
      "events.amazonaws.com", one(values(aws_cloudwatch_event_rule.execution_ended)).arn, "lambda:InvokeFunction",
    ]
    error_message = "The recorder may be invoked by ${jsonencode(values(aws_lambda_permission.record_failure))}."
  }

  # EventBridge sends no account to Lambda: a condition on one would never hold.
  assert {
    condition     = alltrue([for permission in values(aws_lambda_permission.record_failure) : permission.source_account == null])
    error_message = "The recorder may be invoked only with ${jsonencode(values(aws_lambda_permission.record_failure)[*].source_account)}."
  }
}

run "an_express_workflow_has_no_rule_that_would_never_match" {
  variables {
    workflow = { type = "EXPRESS" }
  }

  module {
    source = "./modules/workflow"
  }

  assert {
    condition     = length(aws_cloudwatch_event_rule.execution_ended) + length(aws_cloudwatch_event_target.record_failure) + length(aws_lambda_permission.record_failure) == 0
    error_message = "Express executions emit no events, but there are ${jsonencode(keys(aws_cloudwatch_event_rule.execution_ended))}."
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.convert_image.definition).TimeoutSeconds == 300
    error_message = "An Express execution lasts ${jsondecode(aws_sfn_state_machine.convert_image.definition).TimeoutSeconds} seconds."
  }
}

run "a_state_waits_a_little_longer_than_its_function" {
  module {
    source = "./modules/workflow"
  }

  assert {
    condition     = [for name in ["Convert image", "Record failure"] : jsondecode(aws_sfn_state_machine.convert_image.definition).States[name].TimeoutSeconds] == [65, 35]
    error_message = "The states wait ${jsonencode([for name in ["Convert image", "Record failure"] : jsondecode(aws_sfn_state_machine.convert_image.definition).States[name].TimeoutSeconds])} seconds for functions that take 60 and 30."
  }
}

run "an_execution_ends_within_the_hour" {
  module {
    source = "./modules/workflow"
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.convert_image.definition).TimeoutSeconds == 3600
    error_message = "An execution lasts ${jsondecode(aws_sfn_state_machine.convert_image.definition).TimeoutSeconds} seconds."
  }
}

run "the_log_holds_errors_and_nothing_of_the_clients" {
  module {
    source = "./modules/workflow"
  }

  assert {
    condition     = aws_sfn_state_machine.convert_image.logging_configuration[0].level == "ERROR" && aws_sfn_state_machine.convert_image.logging_configuration[0].include_execution_data == false
    error_message = "The log is written by ${jsonencode(aws_sfn_state_machine.convert_image.logging_configuration)}."
  }

  assert {
    condition     = aws_cloudwatch_log_group.state_machine.name == "/aws/vendedlogs/states/photos" && aws_cloudwatch_log_group.state_machine.retention_in_days == 30 && aws_sfn_state_machine.convert_image.logging_configuration[0].log_destination == "${aws_cloudwatch_log_group.state_machine.arn}:*"
    error_message = "The log is ${jsonencode(aws_cloudwatch_log_group.state_machine)}."
  }
}

run "an_execution_may_run_its_two_functions_and_announce_as_nobody_else" {
  module {
    source = "./modules/workflow"
  }

  assert {
    condition = { for statement in data.aws_iam_policy_document.state_machine.statement : statement.sid => [statement.actions, statement.resources] } == {
      RunTheFunctions = [toset(["lambda:InvokeFunction"]), toset([var.functions.convert_image.arn, var.functions.record_failure.arn])]
      AnnounceResults = [toset(["events:PutEvents"]), toset(["arn:aws:events:eu-central-1:123456789012:event-bus/default"])]
    }
    error_message = "An execution may do ${jsonencode(data.aws_iam_policy_document.state_machine.statement)}."
  }

  assert {
    condition     = one([for statement in data.aws_iam_policy_document.state_machine.statement : [one(statement.condition).variable, one(statement.condition).values] if statement.sid == "AnnounceResults"]) == ["events:source", tolist(["upload-workflow"])]
    error_message = "An execution may announce as ${jsonencode([for statement in data.aws_iam_policy_document.state_machine.statement : statement.condition if statement.sid == "AnnounceResults"])}."
  }
}

run "a_step_of_the_embedders_own_comes_before_the_conversion_which_hears_its_answer" {
  module {
    source = "./modules/workflow"
  }

  variables {
    workflow = {
      type   = "EXPRESS"
      before = { function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:consent:live", timeout_seconds = 7 }
    }
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.convert_image.definition).StartAt == "Ask own step"
    error_message = "An execution starts with ${jsondecode(aws_sfn_state_machine.convert_image.definition).StartAt}."
  }

  assert {
    condition = (
      jsondecode(aws_sfn_state_machine.convert_image.definition).States["Ask own step"].TimeoutSeconds == 7
      && jsondecode(aws_sfn_state_machine.convert_image.definition).States["Ask own step"].Arguments.FunctionName == var.workflow.before.function_arn
      && jsondecode(aws_sfn_state_machine.convert_image.definition).States["Convert image"].Arguments.Payload.own_step == "{% $own_step %}"
    )
    error_message = "The definition is ${aws_sfn_state_machine.convert_image.definition}."
  }
}

run "without_a_step_of_ones_own_the_workflow_is_the_file_as_it_stands" {
  module {
    source = "./modules/workflow"
  }

  assert {
    condition     = keys(jsondecode(aws_sfn_state_machine.convert_image.definition).States) == ["Announce result", "Convert image", "Job failed", "Record failure"]
    error_message = "The states are ${jsonencode(keys(jsondecode(aws_sfn_state_machine.convert_image.definition).States))}."
  }
}
