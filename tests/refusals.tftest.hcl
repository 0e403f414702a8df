# Every input that would make something else than meant is refused.
# tests/only_variables is the module's variables.tf and nothing else: a run of it takes a moment.

variables {
  package_file = "versions.tf" # any file: nothing runs it here
}

run "what_is_left_out_is_accepted_as_it_is" {
  command = plan

  module {
    source = "./tests/only_variables"
  }
}

run "a_name_that_would_not_fit_into_a_buckets_name_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    name = "holiday-photographs-of-2026x"
  }

  expect_failures = [var.name]
}

run "a_name_in_capitals_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    name = "Photos"
  }

  expect_failures = [var.name]
}

run "a_name_that_ends_with_a_hyphen_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    name = "photos-"
  }

  expect_failures = [var.name]
}

run "an_uploads_prefix_without_a_slash_at_its_end_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    uploads = { prefix = "uploads" }
  }

  expect_failures = [var.uploads]
}

run "an_uploads_prefix_that_begins_with_a_slash_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    uploads = { prefix = "/uploads/" }
  }

  expect_failures = [var.uploads]
}

run "no_uploads_prefix_at_all_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    uploads = { prefix = "" }
  }

  expect_failures = [var.uploads]
}

run "uploads_kept_for_half_a_day_are_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    uploads = { retention_days = 1.5 }
  }

  expect_failures = [var.uploads]
}

run "uploads_kept_for_no_day_are_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    uploads = { retention_days = 0 }
  }

  expect_failures = [var.uploads]
}

run "uploads_kept_for_a_word_other_than_forever_are_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    uploads = { retention_days = "never" }
  }

  expect_failures = [var.uploads]
}

run "results_kept_for_a_word_other_than_forever_are_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    results = { retention_days = "never" }
  }

  expect_failures = [var.results]
}

run "a_results_prefix_without_a_slash_at_its_end_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    results = { prefix = "results" }
  }

  expect_failures = [var.results]
}

run "results_kept_for_no_day_are_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    results = { retention_days = 0 }
  }

  expect_failures = [var.results]
}

run "a_url_that_lives_longer_than_a_signature_may_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    results = { url_life_seconds = 604801 }
  }

  expect_failures = [var.results]
}

run "a_url_that_dies_before_it_is_read_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    results = { url_life_seconds = 59 }
  }

  expect_failures = [var.results]
}

run "a_status_url_that_ends_before_a_slow_upload_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    results    = { url_life_seconds = 600 }
    upload_api = { authorization = "NONE" }
  }

  expect_failures = [var.results]
}

run "results_that_would_start_the_workflow_again_are_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    uploads = { bucket = { name = "media" }, prefix = "in/" }
    results = { bucket = { name = "media" }, prefix = "in/out/" }
  }

  expect_failures = [var.results]
}

run "results_beside_uploads_without_a_prefix_of_their_own_are_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    uploads = { bucket = { name = "media" } }
    results = { bucket = { name = "media" }, prefix = "" }
  }

  expect_failures = [var.results]
}

run "every_origin_at_once_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    allowed_origins = ["*"]
  }

  expect_failures = [var.allowed_origins]
}

run "a_wildcard_in_an_origin_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    allowed_origins = ["https://*.example.com"]
  }

  expect_failures = [var.allowed_origins]
}

run "an_origin_with_a_path_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    allowed_origins = ["https://example.com/"]
  }

  expect_failures = [var.allowed_origins]
}

run "no_renditions_are_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    renditions = {}
  }

  expect_failures = [var.renditions]
}

run "more_renditions_than_a_function_can_be_told_of_are_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    renditions = { for n in range(21) : "r${n}" => { width_px = 10, format = "jpeg" } }
  }

  expect_failures = [var.renditions]
}

run "a_rendition_with_a_slash_in_its_name_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    renditions = { "a/b" = { width_px = 10, format = "jpeg" } }
  }

  expect_failures = [var.renditions]
}

run "an_unknown_format_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    renditions = { thumbnail = { width_px = 10, format = "jpg" } }
  }

  expect_failures = [var.renditions]
}

run "an_unknown_fit_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    renditions = { thumbnail = { width_px = 10, height_px = 10, format = "jpeg", fit = "crop" } }
  }

  expect_failures = [var.renditions]
}

run "an_unknown_position_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    renditions = { thumbnail = { width_px = 10, format = "jpeg", position = "middle" } }
  }

  expect_failures = [var.renditions]
}

run "a_background_by_name_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    renditions = { thumbnail = { width_px = 10, format = "jpeg", background = "white" } }
  }

  expect_failures = [var.renditions]
}

run "a_quality_above_100_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    renditions = { thumbnail = { width_px = 10, format = "jpeg", quality = 101 } }
  }

  expect_failures = [var.renditions]
}

run "a_quality_with_a_fraction_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    renditions = { thumbnail = { width_px = 10, format = "jpeg", quality = 82.5 } }
  }

  expect_failures = [var.renditions]
}

run "a_rendition_without_a_box_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    renditions = { thumbnail = { format = "jpeg" } }
  }

  expect_failures = [var.renditions]
}

run "an_edge_longer_than_webp_allows_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    renditions = { thumbnail = { width_px = 16384, format = "jpeg" } }
  }

  expect_failures = [var.renditions]
}

run "an_edge_of_nothing_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    renditions = { thumbnail = { width_px = 0, format = "jpeg" } }
  }

  expect_failures = [var.renditions]
}

run "a_salient_position_without_a_cut_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    renditions = { thumbnail = { width_px = 10, height_px = 10, format = "jpeg", fit = "contain", position = "salient" } }
  }

  expect_failures = [var.renditions]
}

run "an_overlay_with_its_defaults_is_accepted" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    renditions = { thumbnail = { width_px = 10, format = "jpeg", overlay = { bucket = "brand", key = "mark.png" } } }
  }
}

run "an_overlay_at_an_unknown_place_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    renditions = { thumbnail = { width_px = 10, format = "jpeg", overlay = { bucket = "brand", key = "mark.png", position = "salient" } } }
  }

  expect_failures = [var.renditions]
}

run "an_overlay_wider_than_the_rendition_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    renditions = { thumbnail = { width_px = 10, format = "jpeg", overlay = { bucket = "brand", key = "mark.png", width_percent = 101 } } }
  }

  expect_failures = [var.renditions]
}

run "an_overlay_that_nobody_sees_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    renditions = { thumbnail = { width_px = 10, format = "jpeg", overlay = { bucket = "brand", key = "mark.png", opacity_percent = 0 } } }
  }

  expect_failures = [var.renditions]
}

run "an_overlay_of_many_objects_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    renditions = { thumbnail = { width_px = 10, format = "jpeg", overlay = { bucket = "brand", key = "marks/*" } } }
  }

  expect_failures = [var.renditions]
}

run "an_overlay_in_no_bucket_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    renditions = { thumbnail = { width_px = 10, format = "jpeg", overlay = { bucket = "", key = "mark.png" } } }
  }

  expect_failures = [var.renditions]
}

run "every_fit_and_a_salient_cut_are_accepted" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    renditions = {
      salient = { width_px = 10, height_px = 10, format = "jpeg", fit = "cover", position = "salient" }
      fill    = { width_px = 10, height_px = 10, format = "jpeg", fit = "fill" }
      outside = { width_px = 10, height_px = 10, format = "jpeg", fit = "outside" }
    }
  }
}

run "a_box_that_is_covered_has_both_sides_or_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    renditions = { thumbnail = { width_px = 10, format = "jpeg", fit = "cover" } }
  }

  expect_failures = [var.renditions]
}

run "an_animated_jpeg_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    renditions = { thumbnail = { width_px = 10, format = "jpeg", animated = true } }
  }

  expect_failures = [var.renditions]
}

run "renditions_longer_than_an_environment_are_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    renditions = { for n in range(20) : "a-long-name-of-a-rendition${n}" => { width_px = 1234, height_px = 1234, format = "auto", fit = "contain", position = "bottom-right", quality = 100 } }
  }

  expect_failures = [var.renditions]
}

run "a_limit_of_nothing_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    limits = { max_pixels = 0 }
  }

  expect_failures = [var.limits]
}

run "more_bytes_than_s3_takes_in_one_upload_are_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    limits = { max_bytes = 5368709121 }
  }

  expect_failures = [var.limits]
}

run "decoding_in_more_memory_than_the_function_has_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    limits     = { max_memory_mb = 900 }
    conversion = { memory_mb = 1024 }
  }

  expect_failures = [var.limits]
}

run "a_conversion_longer_than_the_function_lives_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    limits     = { max_seconds = 30 }
    conversion = { timeout_seconds = 34 }
  }

  expect_failures = [var.limits]
}

run "a_format_that_no_decoder_reads_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    limits = { formats = ["jpeg", "svg"] }
  }

  expect_failures = [var.limits]
}

run "no_format_at_all_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    limits = { formats = [] }
  }

  expect_failures = [var.limits]
}

run "an_unknown_type_of_workflow_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    workflow = { type = "express" }
  }

  expect_failures = [var.workflow]
}

run "an_unknown_trigger_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    workflow = { trigger = "object-created" }
  }

  expect_failures = [var.workflow]
}

run "an_express_workflow_that_would_be_cut_off_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    workflow   = { type = "EXPRESS" }
    conversion = { timeout_seconds = 121 }
  }

  expect_failures = [var.workflow]
}

run "an_unknown_architecture_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    conversion = { architecture = "amd64" }
  }

  expect_failures = [var.conversion]
}

run "too_little_memory_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    conversion = { memory_mb = 511 }
    limits     = { max_memory_mb = 300 }
  }

  expect_failures = [var.conversion]
}

run "a_time_out_longer_than_lambda_allows_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    conversion = { timeout_seconds = 841 }
  }

  expect_failures = [var.conversion]
}

run "a_time_out_shorter_than_a_start_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    conversion = { timeout_seconds = 9 }
    limits     = { max_seconds = 5 }
  }

  expect_failures = [var.conversion]
}

run "a_ceiling_of_no_conversion_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    conversion = { max_concurrency = 0 }
  }

  expect_failures = [var.conversion]
}

run "a_remake_of_no_object_at_a_time_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    workflow = { remake = { max_concurrency = 0 } }
  }

  expect_failures = [var.workflow]
}

run "a_remake_that_leaves_uploads_no_room_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    workflow   = { remake = { max_concurrency = 20 } }
    conversion = { max_concurrency = 20 }
  }

  expect_failures = [var.workflow]
}

run "a_remake_that_tolerates_more_than_everything_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    workflow = { remake = { tolerated_failure_percent = 101 } }
  }

  expect_failures = [var.workflow]
}

run "inventories_in_an_arn_are_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    workflow = { remake = { inventory_bucket = "arn:aws:s3:::inventories" } }
  }

  expect_failures = [var.workflow]
}

run "a_remake_of_conversions_that_outlast_its_batches_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    workflow   = { remake = {} }
    conversion = { timeout_seconds = 241 }
  }

  expect_failures = [var.workflow]
}

run "a_missing_package_is_refused_before_anything_is_made" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    package_file = "build/nothing.zip"
  }

  expect_failures = [var.package_file]
}

run "a_key_by_its_alias_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    surroundings = { kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:alias/media" }
  }

  expect_failures = [var.surroundings]
}

run "a_role_path_without_slashes_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    surroundings = { role_path = "media" }
  }

  expect_failures = [var.surroundings]
}

run "a_network_without_subnets_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    surroundings = { network = { subnet_ids = [], security_group_ids = ["sg-1"] } }
  }

  expect_failures = [var.surroundings]
}

run "a_network_without_security_groups_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    surroundings = { network = { subnet_ids = ["subnet-1"], security_group_ids = [] } }
  }

  expect_failures = [var.surroundings]
}

run "a_retention_that_cloudwatch_does_not_know_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    log_retention_days = 31
  }

  expect_failures = [var.log_retention_days]
}

run "logs_for_ever_are_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    log_retention_days = 0
  }

  expect_failures = [var.log_retention_days]
}

run "who_may_call_is_never_assumed" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    upload_api = { authorization = "" }
  }

  expect_failures = [var.upload_api]
}

run "an_unknown_authorization_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    upload_api = { authorization = "OPEN" }
  }

  expect_failures = [var.upload_api]
}

run "tokens_without_an_audience_are_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    upload_api = { authorization = "JWT", jwt = { issuer = "https://issuer.example/", audiences = [] } }
  }

  expect_failures = [var.upload_api]
}

run "tokens_without_an_issuer_are_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    upload_api = { authorization = "JWT" }
  }

  expect_failures = [var.upload_api]
}

run "an_issuer_beside_another_authorization_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    upload_api = { authorization = "NONE", jwt = { issuer = "https://issuer.example/", audiences = ["uploads"] } }
  }

  expect_failures = [var.upload_api]
}

run "an_issuer_reached_without_tls_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    upload_api = { authorization = "JWT", jwt = { issuer = "http://issuer.example/", audiences = ["uploads"] } }
  }

  expect_failures = [var.upload_api]
}

run "a_page_that_would_have_to_sign_requests_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    upload_api = { authorization = "IAM", page = true }
  }

  expect_failures = [var.upload_api]
}

run "a_wildcard_among_the_content_types_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    upload_api = { authorization = "NONE", content_types = ["image/*"] }
  }

  expect_failures = [var.upload_api]
}

run "a_content_type_that_the_package_does_not_read_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    upload_api = { authorization = "NONE", content_types = ["image/jpeg", "image/heic"] }
  }

  expect_failures = [var.upload_api]
}

run "a_pdf_that_the_package_does_not_read_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    upload_api = { authorization = "NONE", content_types = ["application/pdf"] }
    conversion = { extras = ["heic"] }
  }

  expect_failures = [var.upload_api]
}

run "a_content_type_that_an_extra_reads_is_accepted_with_it" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    upload_api = { authorization = "NONE", content_types = ["image/jpeg", "image/heic", "application/pdf"] }
    conversion = { extras = ["pdf", "heic"] }
  }
}

run "an_unknown_extra_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    conversion = { extras = ["heif"] }
  }

  expect_failures = [var.conversion]
}

run "a_handler_of_ones_own_is_accepted_with_its_zip_and_its_types" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    upload_api = { authorization = "NONE", content_types = ["audio/wav", "application/pdf"] }
    conversion = { handler = "sounds.waveform.handler" }
  }
}

run "a_handler_that_names_no_module_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    conversion = { handler = "waveform" }
  }

  expect_failures = [var.conversion]
}

run "a_handler_without_a_zip_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    package_file = null
    conversion   = { handler = "waveform.handler" }
  }

  expect_failures = [var.package_file]
}

run "a_handler_of_ones_own_whose_types_nobody_knows_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    upload_api = { authorization = "NONE" }
    conversion = { handler = "waveform.handler" }
  }

  expect_failures = [var.upload_api]
}

run "a_form_that_lives_for_hours_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    upload_api = { authorization = "NONE", form_life_seconds = 7200 }
  }

  expect_failures = [var.upload_api]
}

run "a_throttle_that_lets_nothing_pass_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    upload_api = { authorization = "NONE", throttle = { burst = 0 } }
  }

  expect_failures = [var.upload_api]
}

run "alarms_told_to_a_topics_name_are_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    monitoring = { topic = { arn = "on-call" } }
  }

  expect_failures = [var.monitoring]
}

run "an_address_that_is_none_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    monitoring = { email_addresses = ["on-call"] }
  }

  expect_failures = [var.monitoring]
}

run "a_runbook_that_names_its_paragraph_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    monitoring = { runbook_url = "https://example.com/runbook#top" }
  }

  expect_failures = [var.monitoring]
}

run "an_alarm_on_no_failure_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    monitoring = { failed_jobs = 0 }
  }

  expect_failures = [var.monitoring]
}

run "an_alarm_on_every_upload_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    monitoring = { slow_seconds = 0 }
  }

  expect_failures = [var.monitoring]
}

run "an_alarm_on_no_rejection_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    monitoring = { rejected_percent = 0 }
  }

  expect_failures = [var.monitoring]
}

run "a_name_that_s3_keeps_for_itself_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    name = "xn--photos"
  }

  expect_failures = [var.name]
}

run "an_uploads_bucket_by_its_arn_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    uploads = { bucket = { name = "arn:aws:s3:::media" } }
  }

  expect_failures = [var.uploads]
}

run "an_uploads_bucket_in_capitals_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    uploads = { bucket = { name = "Shop_In" } }
  }

  expect_failures = [var.uploads]
}

run "an_uploads_bucket_whose_dots_break_tls_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    uploads = { bucket = { name = "media.example.com" } }
  }

  expect_failures = [var.uploads]
}

run "a_results_bucket_by_its_address_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    results = { bucket = { name = "https://media.s3.amazonaws.com" } }
  }

  expect_failures = [var.results]
}

run "an_uploads_prefix_of_nothing_but_a_slash_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    uploads = { prefix = "/" }
  }

  expect_failures = [var.uploads]
}

run "an_uploads_prefix_that_means_others_in_a_policy_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    uploads = { prefix = "in/*/" }
  }

  expect_failures = [var.uploads]
}

run "an_uploads_prefix_with_a_variable_of_iam_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    uploads = { prefix = "in/$${aws:username}/" }
  }

  expect_failures = [var.uploads]
}

run "a_results_prefix_that_means_others_in_a_policy_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    results = { prefix = "out?/" }
  }

  expect_failures = [var.results]
}

run "a_url_that_lives_for_half_a_second_more_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    results = { url_life_seconds = 3600.5 }
  }

  expect_failures = [var.results]
}

run "an_origin_in_capitals_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    allowed_origins = ["https://Example.com"]
  }

  expect_failures = [var.allowed_origins]
}

run "an_origin_with_the_port_that_no_browser_says_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    allowed_origins = ["https://example.com:443"]
  }

  expect_failures = [var.allowed_origins]
}

run "a_form_that_lives_for_half_a_second_more_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    upload_api = { authorization = "IAM", form_life_seconds = 900.5 }
  }

  expect_failures = [var.upload_api]
}

run "half_a_request_of_burst_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    upload_api = { authorization = "IAM", throttle = { burst = 1.5 } }
  }

  expect_failures = [var.upload_api]
}

run "renditions_whose_quotes_do_not_fit_are_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    renditions = { for n in range(20) : "rendition-with-a-name-${n}" => { width_px = 1000, height_px = 1000, format = "jpeg", quality = 80 } }
  }

  expect_failures = [var.renditions]
}

run "three_attempts_that_outlive_an_express_execution_are_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    workflow   = { type = "EXPRESS" }
    conversion = { timeout_seconds = 86 }
  }

  expect_failures = [var.workflow]
}

run "half_a_megabyte_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    conversion = { memory_mb = 1024.5 }
  }

  expect_failures = [var.conversion]
}

run "half_a_second_of_time_out_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    conversion = { timeout_seconds = 60.5 }
  }

  expect_failures = [var.conversion]
}

run "half_a_conversion_at_a_time_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    conversion = { max_concurrency = 1.5 }
  }

  expect_failures = [var.conversion]
}

run "origins_as_browsers_send_them_are_accepted" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    allowed_origins = ["https://www.example.com", "http://localhost:5173", "https://example.com:8443", "http://[::1]:8080"]
  }
}

run "a_step_of_ones_own_that_is_no_function_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    workflow = { before = { function_arn = "consent" } }
  }

  expect_failures = [var.workflow]
}

run "a_step_of_ones_own_that_outlasts_an_express_workflow_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    workflow = {
      type   = "EXPRESS"
      before = { function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:consent", timeout_seconds = 31 }
    }
  }

  expect_failures = [var.workflow]
}

run "renditions_served_without_tls_are_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    results = { served_from = "http://img.example.com" }
  }

  expect_failures = [var.results]
}

run "an_address_with_a_slash_at_its_end_is_refused_for_renditions" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    results = { served_from = "https://img.example.com/" }
  }

  expect_failures = [var.results]
}

run "an_address_with_a_query_is_refused_for_renditions" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    results = { served_from = "https://img.example.com/?key=" }
  }

  expect_failures = [var.results]
}

run "an_uploads_prefix_with_a_folder_that_every_url_parser_removes_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    uploads = { prefix = "./uploads/" }
  }

  expect_failures = [var.uploads]
}

run "an_uploads_prefix_with_a_folder_above_within_it_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    uploads = { prefix = "in/../uploads/" }
  }

  expect_failures = [var.uploads]
}

run "a_results_prefix_with_a_folder_above_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    results = { prefix = "../results/" }
  }

  expect_failures = [var.results]
}

run "a_results_prefix_with_a_dot_for_a_folder_at_its_end_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    results = { prefix = "results/./" }
  }

  expect_failures = [var.results]
}

run "dots_within_the_names_of_folders_are_accepted" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    uploads = { prefix = "v1.2/.in/up.../" }
    results = { prefix = "..out/v1./" }
  }
}

run "an_uploads_prefix_of_256_bytes_is_accepted" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    uploads = { prefix = "${join("", [for _ in range(85) : "写"])}/" }
  }
}

run "an_uploads_prefix_of_more_bytes_in_few_characters_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    uploads = { prefix = "${join("", [for _ in range(85) : "写"])}a/" }
  }

  expect_failures = [var.uploads]
}

run "a_results_prefix_of_more_bytes_in_few_characters_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    results = { prefix = "${join("", [for _ in range(85) : "果"])}a/" }
  }

  expect_failures = [var.results]
}

run "more_audiences_than_an_authorizer_takes_are_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    upload_api = {
      authorization = "JWT"
      jwt           = { issuer = "https://issuer.example/", audiences = [for i in range(51) : "a${i}"] }
    }
  }

  expect_failures = [var.upload_api]
}

run "more_scopes_than_a_route_takes_are_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    upload_api = {
      authorization = "JWT"
      jwt           = { issuer = "https://issuer.example/", audiences = ["a"], scopes = [for i in range(11) : "s${i}"] }
    }
  }

  expect_failures = [var.upload_api]
}

run "a_content_type_of_a_format_that_is_switched_off_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    limits     = { formats = ["jpeg"] }
    upload_api = { authorization = "IAM", content_types = ["image/jpeg", "image/tiff"] }
  }

  expect_failures = [var.upload_api]
}

run "content_types_of_the_formats_that_are_switched_on_are_accepted" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    limits     = { formats = ["jpeg", "heif"] }
    conversion = { extras = ["heic"] }
    upload_api = { authorization = "IAM", content_types = ["image/jpeg", "image/heic"] }
  }
}

run "formats_of_which_the_package_reads_none_are_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    limits = { formats = ["heif", "pdf"] }
  }

  expect_failures = [var.limits]
}

run "renditions_of_more_bytes_in_few_characters_are_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    renditions = { for i in range(7) : "r${i}" => {
      width_px = 1024
      format   = "jpeg"
      overlay  = { bucket = "marks", key = join("", [for _ in range(100) : "写"]) }
    } }
  }

  expect_failures = [var.renditions]
}

run "an_own_step_and_three_attempts_that_outlive_an_express_execution_are_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    conversion = { timeout_seconds = 76 }
    limits     = { max_seconds = 30 }
    workflow = {
      type   = "EXPRESS"
      before = { function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:consent", timeout_seconds = 28 }
    }
  }

  expect_failures = [var.workflow]
}

run "an_own_step_and_three_attempts_that_fit_into_an_express_execution_are_accepted" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    conversion = { timeout_seconds = 75 }
    workflow = {
      type   = "EXPRESS"
      before = { function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:consent", timeout_seconds = 30 }
    }
  }
}

run "an_own_step_that_outlasts_the_batches_of_a_remake_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    conversion = { timeout_seconds = 60 }
    workflow = {
      remake = {}
      before = { function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:consent", timeout_seconds = 181 }
    }
  }

  expect_failures = [var.workflow]
}

run "an_own_step_that_fits_into_the_batches_of_a_remake_is_accepted" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    conversion = { timeout_seconds = 60 }
    workflow = {
      remake = {}
      before = { function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:consent", timeout_seconds = 180 }
    }
  }
}

run "a_wildcard_in_the_path_of_the_roles_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    surroundings = { role_path = "/*/" }
  }

  expect_failures = [var.surroundings]
}

run "a_variable_of_iam_in_the_path_of_the_roles_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    surroundings = { role_path = "/$${aws:username}/" }
  }

  expect_failures = [var.surroundings]
}

run "a_path_that_iam_would_find_too_long_is_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    surroundings = { role_path = "/${join("", [for _ in range(511) : "p"])}/" }
  }

  expect_failures = [var.surroundings]
}

run "more_subnets_than_a_function_takes_are_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    surroundings = { network = { subnet_ids = [for i in range(17) : "subnet-${i}"], security_group_ids = ["sg-1"] } }
  }

  expect_failures = [var.surroundings]
}

run "more_security_groups_than_a_function_takes_are_refused" {
  command = plan

  module {
    source = "./tests/only_variables"
  }

  variables {
    surroundings = { network = { subnet_ids = ["subnet-1"], security_group_ids = [for i in range(6) : "sg-${i}"] } }
  }

  expect_failures = [var.surroundings]
}
