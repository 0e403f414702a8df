# Every upload starts one execution, or waits to be redriven.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name = "photos"
  surroundings = {
    place     = { account_id = "123456789012", region = "eu-central-1" }
    role_path = "/"
    tags      = {}
  }
  workflow      = { trigger = "object_created", paused = false }
  uploads       = { bucket = "media", arn = "arn:aws:s3:::media", prefix = "in/" }
  state_machine = { name = "photos", arn = "arn:aws:states:eu-central-1:123456789012:stateMachine:photos" }
  ended_rules   = [{ name = "photos-execution-ended", arn = "arn:aws:events:eu-central-1:123456789012:rule/photos-execution-ended" }]
}

run "a_lost_event_is_kept_for_14_days" {
  module {
    source = "./modules/trigger"
  }

  assert {
    condition     = aws_sqs_queue.dead_letters.message_retention_seconds == 1209600
    error_message = "A lost event is kept for ${aws_sqs_queue.dead_letters.message_retention_seconds} seconds."
  }
}

run "an_event_is_delivered_for_a_day_and_then_kept" {
  module {
    source = "./modules/trigger"
  }

  assert {
    condition     = aws_cloudwatch_event_target.execution.dead_letter_config[0].arn == aws_sqs_queue.dead_letters.arn
    error_message = "What cannot be delivered goes to ${jsonencode(aws_cloudwatch_event_target.execution.dead_letter_config)}."
  }

  assert {
    condition     = aws_cloudwatch_event_target.execution.retry_policy[0] == { maximum_event_age_in_seconds = 86400, maximum_retry_attempts = 185 }
    error_message = "An event is delivered by ${jsonencode(aws_cloudwatch_event_target.execution.retry_policy)}."
  }
}

run "only_what_is_created_below_the_uploads_prefix_starts_an_execution" {
  module {
    source = "./modules/trigger"
  }

  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.upload_ready.event_pattern) == {
      source      = ["aws.s3"]
      detail-type = ["Object Created"]
      detail      = { bucket = { name = ["media"] }, object = { key = [{ prefix = "in/" }] } }
    }
    error_message = "An execution is started by ${aws_cloudwatch_event_rule.upload_ready.event_pattern}."
  }

  assert {
    condition     = aws_cloudwatch_event_target.execution.arn == var.state_machine.arn && aws_cloudwatch_event_target.execution.rule == aws_cloudwatch_event_rule.upload_ready.id
    error_message = "${aws_cloudwatch_event_target.execution.rule} starts ${aws_cloudwatch_event_target.execution.arn}."
  }
}

run "with_a_malware_scan_only_its_result_starts_an_execution" {
  variables {
    workflow = { trigger = "malware_scan", paused = false }
  }

  module {
    source = "./modules/trigger"
  }

  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.upload_ready.event_pattern) == {
      source      = ["aws.guardduty"]
      detail-type = ["GuardDuty Malware Protection Object Scan Result"]
      detail      = { s3ObjectDetails = { bucketName = ["media"], objectKey = [{ prefix = "in/" }] } }
    }
    error_message = "An execution is started by ${aws_cloudwatch_event_rule.upload_ready.event_pattern}."
  }
}

run "while_paused_uploads_wait_where_redrive_finds_them" {
  variables {
    workflow = { trigger = "object_created", paused = true }
  }

  module {
    source = "./modules/trigger"
  }

  assert {
    condition     = aws_cloudwatch_event_target.execution.arn == aws_sqs_queue.dead_letters.arn && aws_cloudwatch_event_target.execution.role_arn == null
    error_message = "While paused, an upload goes to ${aws_cloudwatch_event_target.execution.arn} as ${jsonencode(aws_cloudwatch_event_target.execution.role_arn)}."
  }
}

run "only_the_workflows_rules_may_leave_dead_letters_and_only_over_tls" {
  module {
    source = "./modules/trigger"
  }

  assert {
    condition = one([for statement in data.aws_iam_policy_document.dead_letters.statement : {
      for condition in statement.condition : condition.variable => [condition.test, condition.values]
      } if statement.effect != "Deny"]) == {
      "aws:SourceArn" = ["ArnEquals", tolist([aws_cloudwatch_event_rule.upload_ready.arn, var.ended_rules[0].arn])]
    }
    error_message = "The queue lets in by ${jsonencode(data.aws_iam_policy_document.dead_letters.statement)}."
  }

  assert {
    condition     = one([for statement in data.aws_iam_policy_document.dead_letters.statement : [one(statement.condition).variable, one(statement.condition).values, statement.actions] if statement.effect == "Deny"]) == ["aws:SecureTransport", tolist(["false"]), toset(["sqs:*"])]
    error_message = "The queue refuses by ${jsonencode(data.aws_iam_policy_document.dead_letters.statement)}."
  }
}

run "dead_letters_are_encrypted" {
  module {
    source = "./modules/trigger"
  }

  assert {
    condition     = aws_sqs_queue.dead_letters.sqs_managed_sse_enabled
    error_message = "Dead letters are encrypted by ${jsonencode([aws_sqs_queue.dead_letters.sqs_managed_sse_enabled, aws_sqs_queue.dead_letters.kms_master_key_id])}."
  }
}

run "dead_letters_are_encrypted_with_the_key_that_was_brought" {
  variables {
    surroundings = {
      place       = { account_id = "123456789012", region = "eu-central-1" }
      role_path   = "/"
      kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/1"
      tags        = {}
    }
  }

  module {
    source = "./modules/trigger"
  }

  assert {
    condition     = aws_sqs_queue.dead_letters.kms_master_key_id == "arn:aws:kms:eu-central-1:123456789012:key/1"
    error_message = "Dead letters are encrypted by ${jsonencode(aws_sqs_queue.dead_letters.kms_master_key_id)}."
  }
}

run "the_rule_may_start_this_workflow_and_nothing_else" {
  module {
    source = "./modules/trigger"
  }

  assert {
    condition     = one([for statement in data.aws_iam_policy_document.start_execution.statement : [statement.actions, statement.resources]]) == [toset(["states:StartExecution"]), toset([var.state_machine.arn])]
    error_message = "The rule may do ${jsonencode(data.aws_iam_policy_document.start_execution.statement)}."
  }
}
