# What is trouble, in the order in which an image travels. Every key has its paragraph in docs/operations.md.

locals {
  # Five minutes: long enough to hold a burst and its retries, short enough for somebody who waits.
  _period_seconds = 300

  # notBreaching: these metrics exist only while something happens; silence is not trouble.
  _counted = { periods = 1, missing = "notBreaching" }
  # A quarter of an hour. The workflow retries by itself for longer than one period.
  _lasting = { periods = 3, missing = "notBreaching" }

  # How long a dead letter can be redriven: SQS keeps it for 14 days, the bucket the upload that it
  # speaks of for its days, or "forever".
  _letter_days = min(14, try(tonumber(var.uploads.retention_days), 14))

  alarms = merge(
    local._api_alarms,
    local._upload_event_alarms,
    local._ended_event_alarms,
    local._dead_letter_alarms,
    local._execution_alarms,
    local._convert_image_alarms,
    local._record_failure_alarms,
    local._remake_alarms,
    local._result_alarms,
    local._original_alarms,
  )

  _api_alarms = { for api in var.upload_api[*] : "upload-api-failing" => merge(local._counted, {
    metric = { namespace = "AWS/ApiGateway", name = "5xx", statistic = "Sum", dimensions = { ApiId = api.api_id } }
    # One may be a cold start that took too long; several in five minutes are clients turned away.
    threshold = 3
    text = join(" ", [
      "The upload API answers with errors of ours (5xx): clients cannot start uploads. Look at the log of",
      "${api.function.name}.",
    ])
  }) }

  _upload_event_alarms = {
    "upload-events-not-delivered" = merge(local._counted, {
      metric = {
        namespace  = "AWS/Events", name = "FailedInvocations", statistic = "Sum"
        dimensions = { RuleName = var.upload_rule.name }
      }
      threshold = 1
      text = join(" ", [
        "EventBridge gave up starting executions for uploads; the events wait as dead letters. Repair what",
        "refuses them, then run `ops redrive`.",
      ])
    })
    "upload-events-lost" = merge(local._counted, {
      metric = {
        namespace  = "AWS/Events", name = "InvocationsFailedToBeSentToDlq", statistic = "Sum"
        dimensions = { RuleName = var.upload_rule.name }
      }
      threshold = 1
      text = join(" ", [
        "Events of uploads could neither be delivered nor kept: nothing will start those jobs by itself. `ops",
        "jobs --state WAITING` lists them, `ops redrive` starts them.",
      ])
    })
  }

  # Express executions emit no events, so there is no rule to watch.
  _ended_event_alarms = merge([for rule in var.ended_rules : {
    "failure-events-not-delivered" = merge(local._counted, {
      metric = {
        namespace  = "AWS/Events", name = "FailedInvocations", statistic = "Sum"
        dimensions = { RuleName = rule.name }
      }
      threshold = 1
      text = join(" ", [
        "Executions ended abnormally and EventBridge could not tell record_failure: clients still see RUNNING.",
        "The events wait as dead letters; `ops redrive` ends the jobs.",
      ])
    })
    "failure-events-lost" = merge(local._counted, {
      metric = {
        namespace  = "AWS/Events", name = "InvocationsFailedToBeSentToDlq", statistic = "Sum"
        dimensions = { RuleName = rule.name }
      }
      threshold = 1
      text = join(" ", [
        "Events of failed executions could neither be delivered nor kept: clients see RUNNING for ever. `ops jobs",
        "--state STUCK` lists the jobs, `ops redrive` ends them.",
      ])
    })
  }]...)

  _dead_letter_alarms = {
    "dead-letters-present" = {
      metric = {
        namespace  = "AWS/SQS", name = "ApproximateNumberOfMessagesVisible", statistic = "Maximum"
        dimensions = { QueueName = var.dead_letters.name }
      }
      threshold = 1
      periods   = 1
      # A queue that nobody touches for six hours falls silent with its letters in it.
      missing = "ignore"
      text = join(" ", [
        "Dead letters wait: uploads that started nothing, or failures that nobody recorded (or the workflow is",
        "paused). `ops redrive` shows them, with --yes it works them off.",
      ])
    }
    "dead-letters-expire" = {
      metric = {
        namespace  = "AWS/SQS", name = "ApproximateAgeOfOldestMessage", statistic = "Maximum"
        dimensions = { QueueName = var.dead_letters.name }
      }
      # Half the time until either the letter (14 days) or the upload it speaks of is deleted.
      threshold = local._letter_days / 2 * 86400
      periods   = 1
      # An empty queue has no oldest message.
      missing = "notBreaching"
      text = join(" ", [
        "The oldest dead letter has used up half of the time in which it can still be redriven. After",
        "${local._letter_days} days the letter or its upload is deleted. Run `ops redrive`.",
      ])
    }
  }

  _execution_alarms = {
    "executions-failed" = merge(local._counted, {
      metric = {
        namespace  = "AWS/States", name = "ExecutionsFailed", statistic = "Sum"
        dimensions = { StateMachineArn = var.state_machine.arn }
      }
      threshold = var.monitoring.failed_jobs
      text = join(" ", [
        "Jobs failed for a reason of ours (rejected uploads do not count). `ops jobs --state FAILED` lists them,",
        "`ops why KEY` names the cause, `ops redrive` runs them again.",
      ])
    })
    "executions-timed-out" = merge(local._counted, {
      metric = {
        namespace  = "AWS/States", name = "ExecutionsTimedOut", statistic = "Sum"
        dimensions = { StateMachineArn = var.state_machine.arn }
      }
      threshold = 1
      text = join(" ", [
        "Executions ran into the time-out of the whole workflow, usually after throttling that lasted. Look at",
        "convert-image-throttled, raise the concurrency, then run `ops redrive`.",
      ])
    })
    "executions-aborted" = merge(local._counted, {
      metric = {
        namespace  = "AWS/States", name = "ExecutionsAborted", statistic = "Sum"
        dimensions = { StateMachineArn = var.state_machine.arn }
      }
      threshold = 1
      text      = <<-EOT
        Executions were stopped by somebody. EventBridge is told of it as well as may be, and record_failure with it:
        a job of which nobody heard stays RUNNING. `ops jobs --state STUCK` lists those, `ops redrive` runs them again.
      EOT
    })
    "executions-throttled" = merge(local._lasting, {
      metric = {
        namespace  = "AWS/States", name = "ExecutionThrottled", statistic = "Sum"
        dimensions = { StateMachineArn = var.state_machine.arn }
      }
      threshold = 1
      text = join(" ", [
        "Step Functions has slowed executions down for a quarter of an hour: the account's quota of state",
        "transitions is too small for this load. Results come late, none is lost. Have the quota raised.",
      ])
    })
  }

  _convert_image_alarms = {
    "convert-image-errors" = merge(local._lasting, {
      metric = {
        namespace  = "AWS/Lambda", name = "Errors", statistic = "Sum"
        dimensions = { FunctionName = var.functions.convert_image.name }
      }
      # Single errors are retried and end well; thirty in a quarter of an hour have one cause.
      threshold = 10
      text = join(" ", [
        "convert_image keeps raising errors. Retries may still hide them from clients. Look at its log for the",
        "exception, and at the last deployment.",
      ])
    })
    "convert-image-throttled" = merge(local._lasting, {
      metric = {
        namespace  = "AWS/Lambda", name = "Throttles", statistic = "Sum"
        dimensions = { FunctionName = var.functions.convert_image.name }
      }
      threshold = 1
      text = join(" ", [
        "Conversions have been refused for a quarter of an hour: more uploads than the concurrency lets through.",
        "Each retry is a billed transition, and after 40 a job fails. Raise the ceiling or pause.",
      ])
    })
    "convert-image-near-time-out" = merge(local._counted, {
      metric = {
        namespace  = "AWS/Lambda", name = "Duration", statistic = "Maximum"
        dimensions = { FunctionName = var.functions.convert_image.name }
      }
      # In milliseconds. A difficult picture is rejected long before, at limits.max_seconds: this is S3 or the machine.
      threshold = var.functions.convert_image.timeout_seconds * 1000 * 0.8
      text = join(" ", [
        "A conversion used more than 80 % of the function's time-out; a little slower and jobs fail with",
        "TimedOut. `stages_ms` in the log says which step took so long.",
      ])
    })
  }

  _record_failure_alarms = {
    "record-failure-errors" = merge(local._counted, {
      metric = {
        namespace  = "AWS/Lambda", name = "Errors", statistic = "Sum"
        dimensions = { FunctionName = var.functions.record_failure.name }
      }
      threshold = 1
      text = join(" ", [
        "record_failure, the last resort of a job, failed itself: clients may see RUNNING although the job is",
        "dead. Look at its log; `ops jobs --state STUCK` lists the jobs, `ops redrive` ends them.",
      ])
    })
    "record-failure-throttled" = merge(local._lasting, {
      metric = {
        namespace  = "AWS/Lambda", name = "Throttles", statistic = "Sum"
        dimensions = { FunctionName = var.functions.record_failure.name }
      }
      threshold = 1
      text = join(" ", [
        "record_failure has been refused for a quarter of an hour: the account's concurrency is used up, and",
        "failures are told late. Raise the quota or bound other functions.",
      ])
    })
    "record-failure-near-time-out" = merge(local._counted, {
      metric = {
        namespace  = "AWS/Lambda", name = "Duration", statistic = "Maximum"
        dimensions = { FunctionName = var.functions.record_failure.name }
      }
      threshold = var.functions.record_failure.timeout_seconds * 1000 * 0.8
      text = join(" ", [
        "record_failure used more than 80 % of its time-out for two small writes: S3 or EventBridge is unwell or",
        "not reachable. Failures may stay unrecorded; look at `ops jobs --state STUCK` afterwards.",
      ])
    })
  }

  _remake_alarms = { for remake in var.state_machine.remake[*] : "remakes-failed" => merge(local._counted, {
    metric = {
      namespace  = "AWS/States", name = "ExecutionsFailed", statistic = "Sum"
      dimensions = { StateMachineArn = remake.arn }
    }
    threshold = 1
    text = join(" ", [
      "A remake of existing uploads ended before it was through. Clients notice nothing, and nobody needs to get up.",
      "Its error and its report say what failed; started again it passes over what is done.",
    ])
  }) }

  _result_alarms = {
    "results-slow" = merge(local._lasting, {
      metric = {
        namespace  = "UploadWorkflow", name = "TimeToResult", statistic = "p95"
        dimensions = { Workflow = var.name }
      }
      threshold = var.monitoring.slow_seconds * 1000
      text = join(" ", [
        "For a quarter of an hour one job in twenty took longer than ${var.monitoring.slow_seconds} seconds from",
        "upload to result. The dashboard shows whether conversions are slow or are waiting.",
      ])
    })
    "pictures-unforeseen" = merge(local._counted, {
      metric = {
        namespace  = "UploadWorkflow", name = "Unforeseen", statistic = "Sum"
        dimensions = { Workflow = var.name }
      }
      threshold = 1
      text = join(" ", [
        "An upload raised an error in the converter that nobody foresaw. Its client was told Corrupt, no job waits,",
        "and nobody needs to get up. By day, read its traceback in the log of ${var.functions.convert_image.name}.",
      ])
    })
  }

  _original_alarms = { for on in [var.uploads.delete_on_success] : "originals-kept" => merge(local._counted, {
    metric = {
      namespace  = "UploadWorkflow", name = "OriginalsKept", statistic = "Sum"
      dimensions = { Workflow = var.name }
    }
    threshold = 1
    text = join(" ", [
      "A job succeeded, and its original could not be deleted as uploads.delete_on_success asks. Its client has the",
      "result, and nobody needs to get up. By day, read the cause in the log of ${var.functions.convert_image.name}.",
      "What is left goes after uploads.retention_days.",
    ])
  }) if on }

  _ours = { for name in ["Succeeded", "Rejected", "Failed", "Ignored"] : lower(name) => {
    namespace = "UploadWorkflow", name = name, statistic = "Sum", dimensions = { Workflow = var.name }
  } }

  mismatch_alarms = merge(local._scan_alarms, local._flow_alarms)

  _scan_alarms = { for name in var.upload_rule.arrivals_name[*] : "uploads-not-scanned" => merge(local._lasting, {
    label = "Uploads arrive, none is scanned"
    metrics = {
      arrived = {
        namespace  = "AWS/Events", name = "MatchedEvents", statistic = "Sum"
        dimensions = { RuleName = name }
      }
      scanned = {
        namespace  = "AWS/Events", name = "MatchedEvents", statistic = "Sum"
        dimensions = { RuleName = var.upload_rule.name }
      }
    }
    expression = "IF((FILL(arrived, 0) >= 1) AND (FILL(scanned, 0) < 1), 1, 0)"
    threshold  = 1
    text = join(" ", [
      "Uploads arrive and for a quarter of an hour GuardDuty has told no verdict: their jobs do not start. Look at the",
      "status of its plan for the uploads bucket; `ops jobs --state WAITING` lists the uploads.",
    ])
  }) }

  _flow_alarms = {
    "rejections-many" = merge(local._lasting, {
      label   = "Rejected uploads in percent"
      metrics = { rejected = local._ours.rejected, succeeded = local._ours.succeeded }
      # A handful of bad pictures on a quiet night is no trend: at least 20 in five minutes.
      expression = "IF(FILL(rejected, 0) >= 20, 100 * rejected / (rejected + FILL(succeeded, 0)), 0)"
      threshold  = var.monitoring.rejected_percent
      text = join(" ", [
        "At least ${var.monitoring.rejected_percent} % of the uploads are rejected: a client sends what we do not",
        "accept, or a limit is too tight. The query `rejections by code` says which. Nobody needs to get up for",
        "this.",
      ])
    })
    "nothing-leaves" = merge(local._lasting, {
      label = "Uploads arrive, nothing leaves"
      metrics = merge(local._ours, {
        arrived = {
          namespace  = "AWS/Events", name = "MatchedEvents", statistic = "Sum"
          dimensions = { RuleName = var.upload_rule.name }
        }
      })
      # Sees what the metrics of executions cannot: jobs that never started.
      expression = format(
        "IF((FILL(arrived, 0) >= 1) AND (%s < 1), 1, 0)",
        "FILL(succeeded, 0) + FILL(rejected, 0) + FILL(failed, 0) + FILL(ignored, 0)"
      )
      threshold = 1
      text = join(" ", [
        "Uploads arrive and for a quarter of an hour not one job has ended, whatever the other alarms say. Is the",
        "workflow paused? If not, start at `ops jobs --since 1h` and follow one upload with `ops show KEY`.",
      ])
    })
  }
}
