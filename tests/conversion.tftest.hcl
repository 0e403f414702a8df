# The functions have what they need, and no more.

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
  package      = { file = "versions.tf", architecture = "arm64" }
  uploads      = { bucket = "media", arn = "arn:aws:s3:::media", prefix = "in/", delete_on_success = false }
  results      = { bucket = "shown", arn = "arn:aws:s3:::shown", prefix = "out/", url_life_seconds = 600 }
  renditions   = { thumbnail = { width_px = 320, fit = "inside", position = "center", background = "#ffffff", format = "jpeg", enlarge = false, animated = false, keep_copyright = false } }
  limits       = { max_bytes = 1, max_pixels = 2, max_frame_pixels = 3, max_scan_pixels = 4, max_memory_mb = 5, max_seconds = 6 }
  workflow     = { trigger = "object_created", start_role_arn = "arn:aws:iam::123456789012:role/photos-start-execution-eu-central-1" }
  conversion   = { memory_mb = 2048, timeout_seconds = 45, max_concurrency = null }
  dead_letters = { name = "photos-dead-letters", arn = "arn:aws:sqs:eu-central-1:123456789012:photos-dead-letters", url = "https://sqs" }
}

run "the_functions_are_the_package_for_its_architecture" {
  module {
    source = "./modules/conversion"
  }

  assert {
    condition = { for key, function in aws_lambda_function.workflow : function.handler => [function.runtime, function.architectures, function.source_code_hash == filebase64sha256("versions.tf")] } == {
      "upload_workflow.handlers.convert_image.handler"  = ["python3.13", tolist(["arm64"]), true]
      "upload_workflow.handlers.record_failure.handler" = ["python3.13", tolist(["arm64"]), true]
    }
    error_message = "The functions are ${jsonencode({ for key, function in aws_lambda_function.workflow : function.handler => [function.runtime, function.architectures, function.source_code_hash] })}."
  }
}

run "a_handler_of_ones_own_converts_and_records_nothing" {
  module {
    source = "./modules/conversion"
  }

  variables {
    conversion = { memory_mb = 2048, timeout_seconds = 45, max_concurrency = null, handler = "waveform.handler" }
  }

  assert {
    condition     = toset(values(aws_lambda_function.workflow)[*].handler) == toset(["waveform.handler", "upload_workflow.handlers.record_failure.handler"])
    error_message = "The handlers are ${jsonencode(values(aws_lambda_function.workflow)[*].handler)}."
  }
}

run "a_conversion_gets_the_memory_and_time_that_were_asked_for" {
  module {
    source = "./modules/conversion"
  }

  assert {
    condition     = [aws_lambda_function.workflow["convert_image"].memory_size, aws_lambda_function.workflow["convert_image"].timeout] == [2048, 45]
    error_message = "A conversion gets ${aws_lambda_function.workflow["convert_image"].memory_size} MB for ${aws_lambda_function.workflow["convert_image"].timeout} s."
  }
}

run "no_job_is_taken_from_a_function_that_still_lives" {
  module {
    source = "./modules/conversion"
  }

  assert {
    condition     = tonumber(aws_lambda_function.workflow["convert_image"].environment[0].variables.LEASE_SECONDS) > aws_lambda_function.workflow["convert_image"].timeout
    error_message = "A lease of ${aws_lambda_function.workflow["convert_image"].environment[0].variables.LEASE_SECONDS} s ends before a function of ${aws_lambda_function.workflow["convert_image"].timeout} s."
  }
}

run "nothing_is_reserved_unless_asked_for" {
  module {
    source = "./modules/conversion"
  }

  assert {
    condition     = values(aws_lambda_function.workflow)[*].reserved_concurrent_executions == [-1, -1]
    error_message = "Reserved are ${jsonencode(values(aws_lambda_function.workflow)[*].reserved_concurrent_executions)}."
  }
}

run "a_ceiling_holds_conversions_back_and_never_the_recorder" {
  variables {
    conversion = { memory_mb = 2048, timeout_seconds = 45, max_concurrency = 4 }
  }

  module {
    source = "./modules/conversion"
  }

  assert {
    condition     = { for key, function in aws_lambda_function.workflow : key => function.reserved_concurrent_executions } == { convert_image = 4, record_failure = -1 }
    error_message = "Reserved are ${jsonencode({ for key, function in aws_lambda_function.workflow : key => function.reserved_concurrent_executions })}."
  }
}

run "a_failure_that_could_not_be_recorded_is_kept" {
  module {
    source = "./modules/conversion"
  }

  assert {
    condition     = { for key, function in aws_lambda_function.workflow : key => join(" ", function.dead_letter_config[*].target_arn) } == { convert_image = "", record_failure = var.dead_letters.arn }
    error_message = "Kept is ${jsonencode({ for key, function in aws_lambda_function.workflow : key => function.dead_letter_config[*].target_arn })}."
  }
}

run "logs_are_json_and_end_after_their_days" {
  module {
    source = "./modules/conversion"
  }

  assert {
    condition     = values(aws_cloudwatch_log_group.function)[*].retention_in_days == [30, 30]
    error_message = "Logs are kept for ${jsonencode(values(aws_cloudwatch_log_group.function)[*].retention_in_days)} days."
  }

  assert {
    condition     = [for key, function in aws_lambda_function.workflow : [function.logging_config[0].log_format, function.logging_config[0].log_group == aws_cloudwatch_log_group.function[key].name]] == [["JSON", true], ["JSON", true]]
    error_message = "Logs are written by ${jsonencode(values(aws_lambda_function.workflow)[*].logging_config)}."
  }
}

run "without_a_network_no_function_is_in_one" {
  module {
    source = "./modules/conversion"
  }

  assert {
    condition     = length(flatten(values(aws_lambda_function.workflow)[*].vpc_config)) == 0
    error_message = "The functions run in ${jsonencode(values(aws_lambda_function.workflow)[*].vpc_config)}."
  }
}

run "with_a_network_every_function_is_in_it" {
  variables {
    surroundings = {
      place              = { account_id = "123456789012", partition = "aws", region = "eu-central-1" }
      role_path          = "/"
      network            = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
      log_retention_days = 30
      tags               = {}
    }
  }

  module {
    source = "./modules/conversion"
  }

  assert {
    condition     = [for function in values(aws_lambda_function.workflow) : [function.vpc_config[0].subnet_ids, function.vpc_config[0].security_group_ids]] == [[toset(["subnet-1"]), toset(["sg-1"])], [toset(["subnet-1"]), toset(["sg-1"])]]
    error_message = "The functions run in ${jsonencode(values(aws_lambda_function.workflow)[*].vpc_config)}."
  }
}

run "with_a_key_the_functions_may_use_it_and_logs_are_encrypted" {
  variables {
    surroundings = {
      place              = { account_id = "123456789012", partition = "aws", region = "eu-central-1" }
      role_path          = "/"
      kms_key_arn        = "arn:aws:kms:eu-central-1:123456789012:key/1"
      log_retention_days = 30
      tags               = {}
    }
  }

  module {
    source = "./modules/conversion"
  }

  assert {
    condition     = one([for statement in data.aws_iam_policy_document.key.statement : [statement.actions, statement.resources]]) == [toset(["kms:Decrypt", "kms:GenerateDataKey"]), toset(["arn:aws:kms:eu-central-1:123456789012:key/1"])]
    error_message = "The functions may do ${jsonencode(data.aws_iam_policy_document.key.statement)}."
  }

  assert {
    condition     = distinct(values(aws_cloudwatch_log_group.function)[*].kms_key_id) == tolist(["arn:aws:kms:eu-central-1:123456789012:key/1"])
    error_message = "Logs are encrypted with ${jsonencode(values(aws_cloudwatch_log_group.function)[*].kms_key_id)}."
  }
}

run "settings_that_do_not_fit_into_a_function_are_refused_before_it_is_made" {
  command = plan

  variables {
    results = { bucket = "shown", arn = "arn:aws:s3:::shown", prefix = format("%4000s", "out/"), url_life_seconds = 600 }
  }

  module {
    source = "./modules/conversion"
  }

  expect_failures = [aws_lambda_function.workflow]
}

run "without_overlays_nothing_else_may_be_read" {
  module {
    source = "./modules/conversion"
  }

  assert {
    condition     = length(local._overlays) == 0 && length(data.aws_iam_policy_document.convert_image.statement) == 3
    error_message = "The function may read ${jsonencode(data.aws_iam_policy_document.convert_image.statement)}."
  }
}

run "of_overlays_the_named_objects_may_be_read_and_no_others" {
  module {
    source = "./modules/conversion"
  }

  variables {
    renditions = {
      one   = { width_px = 320, fit = "inside", position = "center", background = "#ffffff", format = "jpeg", enlarge = false, animated = false, keep_copyright = false, overlay = { bucket = "brand", key = "a/mark.png", position = "top", width_percent = 20, opacity_percent = 50 } }
      same  = { width_px = 160, fit = "inside", position = "center", background = "#ffffff", format = "jpeg", enlarge = false, animated = false, keep_copyright = false, overlay = { bucket = "brand", key = "a/mark.png", position = "left", width_percent = 20, opacity_percent = 50 } }
      plain = { width_px = 80, fit = "inside", position = "center", background = "#ffffff", format = "jpeg", enlarge = false, animated = false, keep_copyright = false }
    }
  }

  assert {
    condition = [
      for statement in data.aws_iam_policy_document.convert_image.statement : [statement.actions, statement.resources]
      if statement.sid == "ReadOverlays"
    ] == [[toset(["s3:GetObject"]), toset(["arn:aws:s3:::brand/a/mark.png"])]]
    error_message = "The function may read ${jsonencode(data.aws_iam_policy_document.convert_image.statement)}."
  }
}

run "without_being_asked_no_function_deletes_an_original" {
  module {
    source = "./modules/conversion"
  }

  assert {
    condition     = aws_lambda_function.workflow["convert_image"].environment[0].variables.DELETE_ON_SUCCESS == "false" && !contains(data.aws_iam_policy_document.convert_image.statement[*].sid, "DeleteUploads")
    error_message = "The function may ${jsonencode(data.aws_iam_policy_document.convert_image.statement)}."
  }
}

run "originals_that_are_to_go_are_deleted_by_the_function_that_converts_them" {
  variables {
    uploads = { bucket = "media", arn = "arn:aws:s3:::media", prefix = "in/", delete_on_success = true }
  }

  module {
    source = "./modules/conversion"
  }

  assert {
    condition = aws_lambda_function.workflow["convert_image"].environment[0].variables.DELETE_ON_SUCCESS == "true" && [
      for statement in data.aws_iam_policy_document.convert_image.statement : [statement.actions, statement.resources] if statement.sid == "DeleteUploads"
    ] == [[toset(["s3:DeleteObject", "s3:DeleteObjectVersion"]), toset(["arn:aws:s3:::media/in/*"])]]
    error_message = "The function may ${jsonencode(data.aws_iam_policy_document.convert_image.statement)}."
  }
}

run "settings_of_more_bytes_in_few_characters_than_a_function_takes_are_refused" {
  command = plan

  module {
    source = "./modules/conversion"
  }

  variables {
    results = { bucket = "shown", arn = "arn:aws:s3:::shown", prefix = join("", [for _ in range(700) : "写写"]), url_life_seconds = 600 }
  }

  expect_failures = [aws_lambda_function.workflow]
}
