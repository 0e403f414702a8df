# What an execution may touch: its two functions, and the default bus.

locals {
  _here = "${var.surroundings.place.region}:${var.surroundings.place.account_id}"
}

module "role" {
  source = "../role"

  name         = "${var.name}-workflow"
  description  = "Runs the workflow of an upload."
  surroundings = var.surroundings
  policy       = { name = "workflow", json = data.aws_iam_policy_document.state_machine.json }

  lent_to = {
    service        = "states.amazonaws.com"
    source_account = var.surroundings.place.account_id
    source_arn     = "arn:${var.surroundings.place.partition}:states:${local._here}:stateMachine:${var.name}"
  }
}

data "aws_iam_policy_document" "state_machine" {
  statement {
    sid     = "RunTheFunctions"
    actions = ["lambda:InvokeFunction"]
    resources = concat(
      [var.functions.convert_image.arn, var.functions.record_failure.arn],
      var.workflow.before[*].function_arn,
    )
  }

  statement {
    sid       = "AnnounceResults"
    actions   = ["events:PutEvents"]
    resources = ["arn:${var.surroundings.place.partition}:events:${local._here}:event-bus/default"]

    condition {
      # The key has a value for each entry of the call.
      test     = "ForAllValues:StringEquals"
      variable = "events:source"
      values   = ["upload-workflow"]
    }
  }
}
