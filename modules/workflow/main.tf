# Promises that an execution records its outcome, and that an end from outside is recorded too.
# Hides the state machine, its role and log group, and the rule on executions that end abnormally.
# Does not know what a conversion is: that is statemachine/convert_image.asl.json.

locals {
  _definition_file = "${path.module}/../../statemachine/convert_image.asl.json"

  _own_step_file = "${path.module}/../../statemachine/own_step.asl.json"

  _values = {
    partition          = var.surroundings.place.partition
    convert_image_arn  = var.functions.convert_image.arn
    record_failure_arn = var.functions.record_failure.arn
    # A little longer than the function's own time-out, which gives the clearer error.
    convert_image_timeout_seconds  = var.functions.convert_image.timeout_seconds + 5
    record_failure_timeout_seconds = var.functions.record_failure.timeout_seconds + 5
    throttle_interval_seconds      = 2
    # The longest patience with a throttled burst is 40 attempts of up to 60 seconds. Express ends after five minutes.
    execution_timeout_seconds = var.workflow.type == "STANDARD" ? 3600 : 300
    own_step_arn              = one(var.workflow.before[*].function_arn)
    own_step_timeout_seconds  = one(var.workflow.before[*].timeout_seconds)
  }

  # Placeholders stand in strings, so that the file is JSON before it is rendered: a string of digits was one for a
  # number. A checkout with other line ends is the same workflow.
  _machine = replace(
    replace(templatefile(local._definition_file, local._values), "/\"([0-9]+)\"/", "$1"), "\r\n", "\n"
  )

  # With a step of the embedder's own, that comes first, and the conversion hears its answer.
  _without = jsondecode(local._machine)
  _convert = local._without.States["Convert image"]
  _before = [
    for _ in var.workflow.before[*] : jsondecode(
      replace(templatefile(local._own_step_file, local._values), "/\"([0-9]+)\"/", "$1")
    )
  ]
  _with = [
    for before in local._before : jsonencode(merge(local._without, {
      StartAt = before.StartAt
      States = merge(before.States, local._without.States, {
        "Convert image" = merge(local._convert, {
          Arguments = merge(local._convert.Arguments, {
            Payload = merge(local._convert.Arguments.Payload, { own_step = "{% $own_step %}" })
          })
        })
      })
    }))
  ]

  definition = one(concat(local._with, [for machine in [local._machine] : machine if length(local._with) == 0]))

  _told_of_ends = var.workflow.type == "STANDARD" ? toset(["STANDARD"]) : toset([])
}

resource "aws_sfn_state_machine" "convert_image" {
  region     = var.surroundings.region
  name       = var.name
  type       = var.workflow.type
  role_arn   = module.role.role.arn
  definition = local.definition

  logging_configuration {
    level = "ERROR"
    # Inputs hold keys and metadata of clients; the history has them for those who may see it.
    include_execution_data = false
    log_destination        = "${aws_cloudwatch_log_group.state_machine.arn}:*"
  }

  tracing_configuration {
    enabled = var.surroundings.tracing
  }

  tags = var.surroundings.tags
}

resource "aws_cloudwatch_log_group" "state_machine" {
  region = var.surroundings.region
  # Below this prefix the account's resource policy for logs does not grow with every state machine.
  name              = "/aws/vendedlogs/states/${var.name}"
  retention_in_days = var.surroundings.log_retention_days
  kms_key_id        = var.surroundings.kms_key_arn
  tags              = var.surroundings.tags
}

# An execution that Step Functions ended itself has run no Catch. EventBridge is told as well as may be: what it is not
# told shows as STUCK. Express executions emit no such event.
resource "aws_cloudwatch_event_rule" "execution_ended" {
  for_each = local._told_of_ends

  region      = var.surroundings.region
  name        = "${var.name}-execution-ended"
  description = "An execution of ${var.name} failed, timed out or was aborted."

  event_pattern = jsonencode({
    source      = ["aws.states"]
    detail-type = ["Step Functions Execution Status Change"]
    detail = {
      stateMachineArn = [aws_sfn_state_machine.convert_image.arn]
      status          = ["FAILED", "TIMED_OUT", "ABORTED"]
    }
  })

  tags = var.surroundings.tags
}

resource "aws_cloudwatch_event_target" "record_failure" {
  for_each = aws_cloudwatch_event_rule.execution_ended

  region = var.surroundings.region
  # By its id: unknown when the rule is made anew, so that the target is made anew with it.
  rule      = each.value.id
  target_id = "record-failure"
  arn       = var.functions.record_failure.arn

  retry_policy {
    maximum_event_age_in_seconds = 86400
    maximum_retry_attempts       = 185
  }

  dead_letter_config {
    arn = var.dead_letters.arn
  }

  depends_on = [aws_lambda_permission.record_failure]
}

resource "aws_lambda_permission" "record_failure" {
  for_each = aws_cloudwatch_event_rule.execution_ended

  region       = var.surroundings.region
  statement_id = "execution-ended"
  action       = "lambda:InvokeFunction"
  # By its ARN: unknown when the function is made anew, so that the permission is made anew with it.
  function_name = var.functions.record_failure.arn
  principal     = "events.amazonaws.com"
  # The rule's ARN names the account. EventBridge sends no account beside it: a condition on one would never hold.
  source_arn = each.value.arn
}
