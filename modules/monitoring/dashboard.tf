# One page, from top to bottom in the order in which an image travels.

locals {
  _at = { region = var.surroundings.place.region, period = 60, view = "timeSeries", stacked = false }

  _rule = ["AWS/Events", "MatchedEvents", "RuleName", var.upload_rule.name]
  _states = {
    for name in [
      "Started", "Succeeded", "Failed", "TimedOut", "Aborted",
    ] : name => ["AWS/States", "Executions${name}", "StateMachineArn", var.state_machine.arn]
  }
  _convert = {
    for name in [
      "Invocations", "Errors", "Throttles", "ConcurrentExecutions", "Duration",
    ] : name => ["AWS/Lambda", name, "FunctionName", var.functions.convert_image.name]
  }
  _record = {
    for name in [
      "Invocations", "Errors", "Throttles",
    ] : name => ["AWS/Lambda", name, "FunctionName", var.functions.record_failure.name]
  }
  _letters = {
    for name in [
      "ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage",
    ] : name => ["AWS/SQS", name, "QueueName", var.dead_letters.name]
  }
  _jobs = {
    for name in [
      "Remade", "RemakeIgnored", "RemakeRejected",
      "Succeeded", "Rejected", "Failed", "Ignored", "TimeToResult", "ConversionTime", "UploadBytes", "RenditionBytes",
    ] : name => ["UploadWorkflow", name, "Workflow", var.name]
  }

  # Each is half as wide as the page.
  _graphs = concat([for api in var.upload_api[*] : {
    title = "Issued: calls of the upload API"
    metrics = [
      ["AWS/ApiGateway", "Count", "ApiId", api.api_id, { stat = "Sum", label = "calls" }],
      [
        "AWS/ApiGateway", "4xx", "ApiId", api.api_id,
        { stat = "Sum", label = "refused (4xx)", color = local._colors.rejected },
      ],
      [
        "AWS/ApiGateway", "5xx", "ApiId", api.api_id,
        { stat = "Sum", label = "our errors (5xx)", color = local._colors.failed },
      ],
    ]
    }], [
    {
      title = "Arrived: events of uploads"
      metrics = [
        concat(local._rule, [{ stat = "Sum", label = "arrived" }]),
        [
          "AWS/Events", "FailedInvocations", "RuleName", var.upload_rule.name,
          { stat = "Sum", label = "not delivered", color = local._colors.failed },
        ],
        [
          "AWS/Events", "InvocationsSentToDlq", "RuleName", var.upload_rule.name,
          { stat = "Sum", label = "kept as dead letter", color = local._colors.rejected },
        ],
      ]
    },
    {
      title = "Dead letters"
      metrics = [
        concat(local._letters.ApproximateNumberOfMessagesVisible, [
          { stat = "Maximum", label = "waiting", color = local._colors.failed },
        ]),
        concat(local._letters.ApproximateAgeOfOldestMessage, [
          { stat = "Maximum", label = "age of the oldest (s)", yAxis = "right", color = local._colors.ignored },
        ]),
      ]
    },
    {
      title = "Executions"
      metrics = concat([
        concat(local._states.Started, [{ stat = "Sum", label = "started", color = local._colors.ignored }]),
        concat(local._states.Succeeded, [{ stat = "Sum", label = "succeeded", color = local._colors.succeeded }]),
        concat(local._states.Failed, [{ stat = "Sum", label = "failed", color = local._colors.failed }]),
        concat(local._states.TimedOut, [{ stat = "Sum", label = "timed out", color = local._colors.timed_out }]),
        concat(local._states.Aborted, [{ stat = "Sum", label = "aborted", color = local._colors.aborted }]),
        [
          "AWS/States", "ExecutionThrottled", "StateMachineArn", var.state_machine.arn,
          { stat = "Sum", label = "throttled", color = local._colors.rejected },
        ],
      ])
    },
    {
      title = "convert_image: runs"
      metrics = [
        concat(local._convert.Invocations, [{ stat = "Sum", label = "runs" }]),
        concat(local._convert.Errors, [{ stat = "Sum", label = "errors", color = local._colors.failed }]),
        concat(local._convert.Throttles, [{ stat = "Sum", label = "throttled", color = local._colors.rejected }]),
        concat(local._convert.ConcurrentExecutions, [
          { stat = "Maximum", label = "at a time", yAxis = "right", color = local._colors.ignored },
        ]),
      ]
    },
    {
      title = "convert_image: duration (ms)"
      metrics = [
        concat(local._convert.Duration, [{ stat = "p50", label = "half of them" }]),
        concat(local._convert.Duration, [{ stat = "p99", label = "99 in 100" }]),
        concat(local._convert.Duration, [{ stat = "Maximum", label = "longest", color = local._colors.failed }]),
      ]
    },
    {
      title = "record_failure"
      metrics = [
        concat(local._record.Invocations, [{ stat = "Sum", label = "runs" }]),
        concat(local._record.Errors, [{ stat = "Sum", label = "errors", color = local._colors.failed }]),
        concat(local._record.Throttles, [{ stat = "Sum", label = "throttled", color = local._colors.rejected }]),
      ]
    },
    {
      title = "Outcomes of jobs"
      metrics = [
        concat(local._jobs.Succeeded, [{ stat = "Sum", label = "succeeded", color = local._colors.succeeded }]),
        concat(local._jobs.Rejected, [{ stat = "Sum", label = "rejected", color = local._colors.rejected }]),
        concat(local._jobs.Failed, [{ stat = "Sum", label = "failed", color = local._colors.failed }]),
        concat(local._jobs.Ignored, [{ stat = "Sum", label = "ignored (duplicates)", color = local._colors.ignored }]),
      ]
    },
    {
      title = "From upload to result (ms)"
      metrics = [
        concat(local._jobs.TimeToResult, [{ stat = "p50", label = "half of them" }]),
        concat(local._jobs.TimeToResult, [{ stat = "p95", label = "19 in 20", color = local._colors.rejected }]),
        concat(local._jobs.TimeToResult, [{ stat = "p99", label = "99 in 100", color = local._colors.failed }]),
        concat(local._jobs.ConversionTime, [
          { stat = "p50", label = "of it converting", color = local._colors.ignored },
        ]),
      ]
    },
    {
      title = "Bytes"
      metrics = [
        concat(local._jobs.UploadBytes, [{ stat = "Sum", label = "uploads" }]),
        concat(local._jobs.RenditionBytes, [{ stat = "Sum", label = "renditions" }]),
      ]
    },
    ], [for _ in var.state_machine.remake[*] : {
      title = "Existing uploads made anew"
      metrics = [
        concat(local._jobs.Remade, [{ stat = "Sum", label = "made", color = local._colors.succeeded }]),
        concat(local._jobs.RemakeRejected, [{ stat = "Sum", label = "rejected", color = local._colors.rejected }]),
        concat(local._jobs.RemakeIgnored, [{ stat = "Sum", label = "passed over", color = local._colors.ignored }]),
      ]
  }])

  # The colors that the CloudWatch console itself offers for good, doubtful, bad and beside the point, and two more
  # that are not bad's, which the fourth line of a graph would get.
  _colors = {
    succeeded = "#2ca02c"
    rejected  = "#ff7f0e"
    failed    = "#d62728"
    ignored   = "#7f7f7f"
    timed_out = "#9467bd"
    aborted   = "#8c564b"
  }

  _tables = {
    "Last failed jobs"   = local._queries["failed jobs"]
    "Rejections by code" = local._queries["rejections by code"]
  }

  _log_source = join(" | ", [for group in values(local._log_groups) : "SOURCE '${group}'"])

  _alarm_arns = sort(local._alarms[*].arn)

  _graphs_end = 6 + ceil(length(local._graphs) / 2) * 6
}

resource "aws_cloudwatch_dashboard" "journey" {
  region = var.surroundings.region
  # Dashboards are global: without the region, instances of one name in two regions would overwrite each other's.
  dashboard_name = "${var.name}-${var.surroundings.place.region}"

  dashboard_body = jsonencode({
    start          = "-PT3H"
    periodOverride = "inherit"
    widgets = concat(
      [
        {
          type = "text", x = 0, y = 0, width = 24, height = 2
          properties = { markdown = join(" ", [
            "**${var.name}**: from the upload above to the result below. What each alarm means and how to repair it:",
            "${var.monitoring.runbook_url}. `upload-workflow ops` lists jobs, says why, redrives.",
          ]) }
        },
        {
          type       = "alarm", x = 0, y = 2, width = 24, height = 4
          properties = { title = "Alarms", alarms = local._alarm_arns }
        },
      ],
      [for index, graph in local._graphs : {
        type       = "metric", x = index % 2 * 12, y = 6 + floor(index / 2) * 6, width = 12, height = 6
        properties = merge(local._at, graph)
      }],
      [for index, title in sort(keys(local._tables)) : {
        type = "log", x = index * 12, y = local._graphs_end, width = 12, height = 6
        properties = {
          title = title, region = var.surroundings.place.region, view = "table"
          query = "${local._log_source} | ${local._tables[title]}"
        }
      }],
    )
  })
}
