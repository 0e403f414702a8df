# Promises that what lies in the uploads bucket can be made anew, whole prefixes at a time, beside the uploads of today.
# Hides the state machine, which Step Functions spreads over thousands of executions, its role and its log group.
# Does not know what a conversion is, nor when one is due: convert_image reads that from the status document.

locals {
  _files = "${path.module}/../../statemachine"

  # What one batch works on at a time; batches times this stay at or below the bound.
  _objects_at_once = min(4, var.remake.max_concurrency)
  # Of the five minutes that an Express execution lasts, each object has twelve seconds.
  _objects_a_batch = 25 * local._objects_at_once

  _values = {
    partition                     = var.surroundings.place.partition
    uploads_bucket                = var.uploads.bucket
    results_bucket                = var.results.bucket
    reports_prefix                = trimsuffix(local.reports_prefix, "/")
    convert_image_arn             = var.functions.convert_image.arn
    convert_image_timeout_seconds = var.functions.convert_image.timeout_seconds + 5
    throttle_interval_seconds     = 2
    batches_at_once               = floor(var.remake.max_concurrency / local._objects_at_once)
    objects_at_once               = local._objects_at_once
    objects_a_batch               = local._objects_a_batch
    tolerated_failure_percent     = var.remake.tolerated_failure_percent
  }

  # With a character that no instance's name has: another's machine may be called NAME-remake.
  _name = "${var.name}_remake"

  # Beside the renditions, not among them: below the results prefix a CDN may read.
  reports_prefix = "${var.name}-remakes/"

  _frame   = jsondecode(templatefile("${local._files}/remake.asl.json", local._values))
  _batches = templatefile("${local._files}/remake_batches.asl.json", local._values)
  _object  = jsondecode(templatefile("${local._files}/remake_object.asl.json", local._values))

  # The object's workflow stands where the batch names its file. With a step of the embedder's own, it is another one.
  _batch = replace(
    replace(local._batches, "\"remake_object.asl.json\"", one(concat(local._asking_first, local._unasked))),
    # Placeholders for numbers stand in strings, too. A bucket's name may be all digits, and stays a string.
    "/(Seconds|Concurrency|Percentage|PerBatch)\":( ?)\"([0-9]+)\"/", "$1\":$2$3"
  )
  _unasked = [for object in [jsonencode(local._object)] : object if var.before == null]

  # Step Functions wants every name once in a machine: in a batch each is followed by the source's.
  _processor = jsondecode(local._batch).ItemProcessor
  _names     = concat(keys(local._processor.States), keys(local._processor.States["Each object"].ItemProcessor.States))
  _maps = {
    for name, state in local._frame.States : name => jsondecode(
      replace(local._batch, "/\"(${join("|", local._names)})\"/", "\"$1 (${state.Label})\"")
    ) if state.Type == "Map"
  }

  definition = jsonencode(merge(local._frame, {
    States = { for name, state in local._frame.States : name => merge(state, lookup(local._maps, name, {})) }
  }))
}

resource "aws_sfn_state_machine" "remake" {
  region     = var.surroundings.region
  name       = local._name
  type       = "STANDARD"
  role_arn   = module.role.role.arn
  definition = local.definition

  logging_configuration {
    level                  = "ERROR"
    include_execution_data = false
    log_destination        = "${aws_cloudwatch_log_group.remake.arn}:*"
  }

  tracing_configuration {
    enabled = var.surroundings.tracing
  }

  tags = var.surroundings.tags
}

resource "aws_cloudwatch_log_group" "remake" {
  region            = var.surroundings.region
  name              = "/aws/vendedlogs/states/${local._name}"
  retention_in_days = var.surroundings.log_retention_days
  kms_key_id        = var.surroundings.kms_key_arn
  tags              = var.surroundings.tags
}
