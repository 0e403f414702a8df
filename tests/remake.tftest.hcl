# Existing uploads are made anew by Step Functions' own engine, beside the uploads of today.

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
  before    = null
  remake    = { max_concurrency = 20, tolerated_failure_percent = 5 }
  uploads   = { bucket = "photos-uploads", arn = "arn:aws:s3:::photos-uploads", prefix = "uploads/" }
  results   = { bucket = "photos-results", arn = "arn:aws:s3:::photos-results" }
  functions = { convert_image = { name = "photos-convert-image", arn = "arn:aws:lambda:eu-central-1:123456789012:function:photos-convert-image", timeout_seconds = 60 } }
}

run "batches_times_objects_stay_at_the_bound" {
  module {
    source = "./modules/remake"
  }

  assert {
    condition = alltrue([
      for state in values(jsondecode(aws_sfn_state_machine.remake.definition).States) :
      state.MaxConcurrency * one([for inner in values(state.ItemProcessor.States) : inner.MaxConcurrency if inner.Type == "Map"]) == 20
      if state.Type == "Map"
    ])
    error_message = "The definition is ${aws_sfn_state_machine.remake.definition}."
  }

  assert {
    condition = alltrue([
      for state in values(jsondecode(aws_sfn_state_machine.remake.definition).States) :
      state.ToleratedFailurePercentage == 5 && state.ItemProcessor.ProcessorConfig.ExecutionType == "EXPRESS"
      if state.Type == "Map"
    ])
    error_message = "The definition is ${aws_sfn_state_machine.remake.definition}."
  }
}

run "a_bound_that_does_not_divide_is_not_passed" {
  module {
    source = "./modules/remake"
  }

  variables {
    remake = { max_concurrency = 3, tolerated_failure_percent = 0 }
  }

  assert {
    condition = alltrue([
      for state in values(jsondecode(aws_sfn_state_machine.remake.definition).States) :
      state.MaxConcurrency * one([for inner in values(state.ItemProcessor.States) : inner.MaxConcurrency if inner.Type == "Map"]) == 3
      if state.Type == "Map"
    ])
    error_message = "The definition is ${aws_sfn_state_machine.remake.definition}."
  }
}

run "a_batch_has_objects_for_five_minutes_however_few_it_works_on_at_a_time" {
  module {
    source = "./modules/remake"
  }

  variables {
    remake = { max_concurrency = 1, tolerated_failure_percent = 0 }
    before = { function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:consent:live", timeout_seconds = 7 }
    # A bucket of somebody who names it by the account.
    uploads = { bucket = "123456789012", arn = "arn:aws:s3:::123456789012", prefix = "uploads/" }
    results = { bucket = "210987654321", arn = "arn:aws:s3:::210987654321" }
  }

  assert {
    condition = alltrue([
      for state in values(jsondecode(aws_sfn_state_machine.remake.definition).States) :
      state.ItemBatcher.MaxItemsPerBatch * 12 <= 300 && state.ItemBatcher.MaxItemsPerBatch >= 1
      if state.Type == "Map"
    ])
    error_message = "The definition is ${aws_sfn_state_machine.remake.definition}."
  }

  assert {
    condition = alltrue([
      for state in values(jsondecode(aws_sfn_state_machine.remake.definition).States) :
      strcontains(jsonencode(state), "{\"name\":\"123456789012\"}") && strcontains(jsonencode(state), "\"Bucket\":\"210987654321\"")
      && strcontains(jsonencode(state), "\"TimeoutSeconds\":7")
      if state.Type == "Map"
    ])
    error_message = "The definition is ${aws_sfn_state_machine.remake.definition}."
  }
}

run "a_step_of_the_embedders_own_is_asked_about_the_object" {
  module {
    source = "./modules/remake"
  }

  variables {
    before = { function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:consent:live", timeout_seconds = 7 }
  }

  assert {
    condition = alltrue([
      for state in values(jsondecode(aws_sfn_state_machine.remake.definition).States) :
      one([
        for inner in values(state.ItemProcessor.States) :
        inner.ItemProcessor.StartAt == "Ask own step (${state.Label})"
        && inner.ItemProcessor.States["Ask own step (${state.Label})"].Arguments.Payload.event == "{% $states.input.event %}"
        && inner.ItemProcessor.States["Convert image (${state.Label})"].Arguments.Payload.own_step == "{% $own_step %}"
        if inner.Type == "Map"
      ])
      if state.Type == "Map"
    ])
    error_message = "The definition is ${aws_sfn_state_machine.remake.definition}."
  }
}

run "a_remake_that_ends_red_rings_and_has_a_graph" {
  module {
    source = "./modules/monitoring"
  }

  variables {
    surroundings  = { place = { account_id = "123456789012", dns_suffix = "amazonaws.com", partition = "aws", region = "eu-central-1" }, tags = {} }
    monitoring    = { email_addresses = [], runbook_url = "https://example.com/runbook", failed_jobs = 1, slow_seconds = 60, rejected_percent = 50 }
    upload_api    = null
    uploads       = { retention_days = "7", delete_on_success = false }
    upload_rule   = { name = "photos-upload-ready", arn = "arn:aws:events:eu-central-1:123456789012:rule/photos-upload-ready" }
    ended_rules   = []
    dead_letters  = { name = "photos-dead-letters", arn = "arn:aws:sqs:eu-central-1:123456789012:photos-dead-letters", url = "https://sqs" }
    state_machine = { name = "photos", arn = "arn:aws:states:eu-central-1:123456789012:stateMachine:photos", remake = { arn = "arn:aws:states:eu-central-1:123456789012:stateMachine:photos_remake" } }
    functions = {
      convert_image  = { name = "photos-convert-image", arn = "arn:aws:lambda:eu-central-1:123456789012:function:photos-convert-image", timeout_seconds = 60 }
      record_failure = { name = "photos-record-failure", arn = "arn:aws:lambda:eu-central-1:123456789012:function:photos-record-failure", timeout_seconds = 30 }
    }
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.trouble["remakes-failed"].metric_name == "ExecutionsFailed"
      && aws_cloudwatch_metric_alarm.trouble["remakes-failed"].dimensions == tomap({ StateMachineArn = var.state_machine.remake.arn })
      && aws_cloudwatch_metric_alarm.trouble["remakes-failed"].threshold == 1
    )
    error_message = "The alarms are ${jsonencode(keys(aws_cloudwatch_metric_alarm.trouble))}."
  }

  assert {
    condition = length([
      for widget in jsondecode(aws_cloudwatch_dashboard.journey.dashboard_body).widgets : widget
      if try(widget.properties.title, "") == "Existing uploads made anew"
    ]) == 1
    error_message = "The dashboard is ${aws_cloudwatch_dashboard.journey.dashboard_body}."
  }
}

run "its_reports_are_forgotten_where_results_are_not" {
  module {
    source = "./modules/storage"
  }

  variables {
    surroundings    = { place = { account_id = "123456789012", dns_suffix = "amazonaws.com", partition = "aws", region = "eu-central-1" }, role_path = "/", tags = {} }
    uploads         = { prefix = "uploads/", retention_days = "7", delete_on_success = false }
    results         = { prefix = "results/", retention_days = "forever", url_life_seconds = 3600 }
    workflow        = { trigger = "object_created", remake = {} }
    allowed_origins = []
    force_destroy   = false
  }

  assert {
    condition = [
      for rule in aws_s3_bucket_lifecycle_configuration.made["results"].rule : [rule.filter[0].prefix, rule.expiration[0].days]
      if rule.id == "forget-remakes"
    ] == [["photos-remakes/", 30]]
    error_message = "The rules are ${jsonencode(aws_s3_bucket_lifecycle_configuration.made["results"].rule)}."
  }
}
