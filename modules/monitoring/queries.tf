# Questions that come up again, ready in CloudWatch Logs Insights below the workflow's name.

locals {
  _log_groups = {
    convert_image  = "/aws/lambda/${var.functions.convert_image.name}"
    record_failure = "/aws/lambda/${var.functions.record_failure.name}"
  }

  _queries = {
    "failed jobs" = join(" | ", [
      "fields @timestamp, key, code, error, cause, execution, job_id",
      "filter state = \"FAILED\"",
      "sort @timestamp desc",
      "limit 100",
    ])
    "rejections by code" = "filter state = \"REJECTED\" | stats count(*) as rejections by code | sort rejections desc"
    "slowest jobs" = join(" | ", [
      "fields @timestamp, key, TimeToResult, ConversionTime, stages_ms.open, stages_ms.read, stages_ms.write, attempt",
      "filter ispresent(TimeToResult)",
      "sort TimeToResult desc",
      "limit 25",
    ])
    "retries"           = "filter attempt > 0 | stats count(*) as runs, max(attempt) as most by bin(5m)"
    "ignored by reason" = "filter state = \"IGNORED\" | stats count(*) as runs by reason"
    "story of a key" = join(" | ", [
      "fields @timestamp, state, code, reason, execution, attempt, event_id, request_id, @message",
      "filter key = \"PUT THE KEY HERE\"",
      "sort @timestamp asc",
    ])
    "exceptions" = join(" | ", [
      "fields @timestamp, errorType, errorMessage, requestId",
      "filter ispresent(errorType)",
      "sort @timestamp desc",
      "limit 50",
    ])
  }
}

resource "aws_cloudwatch_query_definition" "question" {
  for_each = local._queries

  region          = var.surroundings.region
  name            = "${var.name}/${each.key}"
  log_group_names = values(local._log_groups)
  query_string    = each.value
}
