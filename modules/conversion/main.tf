# Promises functions that make the renditions and that record what failed.
# Hides the package, memory, time-outs, concurrency, roles and log groups, each with its reason.
# Does not know when they run: that is the workflow's.

locals {
  _common_environment = {
    WORKFLOW_NAME  = var.name
    RESULTS_BUCKET = var.results.bucket
    RESULTS_PREFIX = var.results.prefix
  }

  # Long enough for the SDK's own retries of two small S3 calls and one event.
  _record_failure_timeout_seconds = 30

  _functions = {
    convert_image = {
      name            = "${var.name}-convert-image"
      description     = "Makes every rendition of an upload and writes its status document."
      handler         = coalesce(var.conversion.handler, "upload_workflow.handlers.convert_image.handler")
      timeout_seconds = var.conversion.timeout_seconds
      memory_mb       = var.conversion.memory_mb
      # -1 reserves nothing.
      concurrency = coalesce(var.conversion.max_concurrency, -1)
      environment = merge(local._common_environment, {
        RENDITIONS = jsonencode({
          for name, rendition in var.renditions : name => { for k, v in rendition : k => v if v != null && v != false }
        })
        LIMITS           = jsonencode(var.limits)
        URL_LIFE_SECONDS = tostring(var.results.url_life_seconds)
        SERVED_FROM      = var.results.served_from == null ? "" : var.results.served_from
        # A claim outlives the function that made it, so that nobody takes a job from a living worker.
        LEASE_SECONDS = tostring(var.conversion.timeout_seconds + 15)
        # The gate holds here too: events that went round the rule convert nothing unscanned.
        SCANNED_ONLY      = jsonencode(var.workflow.trigger == "malware_scan")
        DELETE_ON_SUCCESS = jsonencode(var.uploads.delete_on_success)
      })
    }
    record_failure = {
      name            = "${var.name}-record-failure"
      description     = "Writes and announces the failure of a job whose execution could not."
      handler         = "upload_workflow.handlers.record_failure.handler"
      timeout_seconds = local._record_failure_timeout_seconds
      # It reads and writes a few kilobytes; less memory would mean a slow start.
      memory_mb   = 512
      concurrency = -1
      environment = merge(local._common_environment, {
        # Not read by it but by `ops`, which puts the rule's target back: a paused one names no role, and a role's name
        # may be older than the instance's. docs/decisions/0187.
        START_ROLE_ARN = var.workflow.start_role_arn
      })
    }
  }
}

resource "aws_lambda_function" "workflow" {
  for_each = local._functions

  region        = var.surroundings.region
  function_name = each.value.name
  description   = each.value.description
  role          = module.role[each.key].role.arn

  filename         = var.package.file
  source_code_hash = filebase64sha256(var.package.file)
  handler          = each.value.handler
  runtime          = "python3.13"
  architectures    = [var.package.architecture]

  memory_size                    = each.value.memory_mb
  timeout                        = each.value.timeout_seconds
  reserved_concurrent_executions = each.value.concurrency

  environment {
    variables = each.value.environment
  }

  dynamic "vpc_config" {
    for_each = nonsensitive(var.surroundings.network != null) ? ["in"] : []

    content {
      subnet_ids         = var.surroundings.network.subnet_ids
      security_group_ids = var.surroundings.network.security_group_ids
    }
  }

  # EventBridge invokes asynchronously: what Lambda gives up on is kept as it was.
  dynamic "dead_letter_config" {
    for_each = each.key == "record_failure" ? [var.dead_letters.arn] : []

    content {
      target_arn = dead_letter_config.value
    }
  }

  tracing_config {
    mode = var.surroundings.tracing ? "Active" : "PassThrough"
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.function[each.key].name
  }

  tags = var.surroundings.tags

  lifecycle {
    precondition {
      # Lambda counts the bytes of the variables' JSON, in which the quotes of our JSON are escaped.
      condition     = length(replace(urlencode(jsonencode(each.value.environment)), "/%../", "-")) <= 4096
      error_message = "The settings of ${each.value.name} do not fit into its 4096 bytes: make fewer renditions."
    }
  }
}

resource "aws_cloudwatch_log_group" "function" {
  for_each = local._functions

  region            = var.surroundings.region
  name              = "/aws/lambda/${each.value.name}"
  retention_in_days = var.surroundings.log_retention_days
  kms_key_id        = var.surroundings.kms_key_arn
  tags              = var.surroundings.tags
}
