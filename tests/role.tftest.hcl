# A role is lent to one service, for this account, and takes its policy along.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name        = "photos-convert-image"
  description = "Makes every rendition of an upload."
  lent_to     = { service = "lambda.amazonaws.com", source_account = "123456789012" }
  policy      = { name = "own", json = "{\"Statement\":[]}" }
  surroundings = {
    place     = { region = "eu-central-1" }
    role_path = "/"
    tags      = {}
  }
}

run "a_function_is_trusted_for_its_account_alone" {
  module {
    source = "./modules/role"
  }

  # Lambda is not known to say for which function it comes: a condition on one might never hold.
  assert {
    condition = one([for statement in data.aws_iam_policy_document.trust.statement : {
      for condition in statement.condition : condition.variable => condition.values
    }]) == { "aws:SourceAccount" = tolist(["123456789012"]) }
    error_message = "The role is lent by ${jsonencode(data.aws_iam_policy_document.trust.statement)}."
  }

  assert {
    condition     = one(data.aws_iam_policy_document.trust.statement[0].principals).identifiers == toset(["lambda.amazonaws.com"])
    error_message = "The role is lent to ${jsonencode(data.aws_iam_policy_document.trust.statement[0].principals)}."
  }
}

run "whoever_says_for_which_thing_it_comes_is_trusted_for_that_alone" {
  variables {
    lent_to = { service = "states.amazonaws.com", source_account = "123456789012", source_arn = "arn:aws:states:eu-central-1:123456789012:stateMachine:photos" }
  }

  module {
    source = "./modules/role"
  }

  assert {
    condition = one([for statement in data.aws_iam_policy_document.trust.statement : {
      for condition in statement.condition : condition.variable => [condition.test, condition.values]
      }]) == {
      "aws:SourceAccount" = ["StringEquals", tolist(["123456789012"])]
      "aws:SourceArn"     = ["ArnEquals", tolist(["arn:aws:states:eu-central-1:123456789012:stateMachine:photos"])]
    }
    error_message = "The role is lent by ${jsonencode(data.aws_iam_policy_document.trust.statement)}."
  }
}

run "a_role_is_made_as_the_surroundings_demand" {
  variables {
    surroundings = {
      place                    = { region = "eu-central-1" }
      role_path                = "/media/"
      permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
      tags                     = { team = "media" }
    }
  }

  module {
    source = "./modules/role"
  }

  assert {
    condition = [aws_iam_role.lent.name, aws_iam_role.lent.path, aws_iam_role.lent.permissions_boundary, aws_iam_role.lent.tags.team] == [
      "photos-convert-image-eu-central-1", "/media/", "arn:aws:iam::123456789012:policy/boundary", "media",
    ]
    error_message = "The role is ${jsonencode(aws_iam_role.lent)}."
  }
}

run "without_a_network_no_role_may_touch_one" {
  module {
    source = "./modules/role"
  }

  assert {
    condition     = length(data.aws_iam_policy_document.own.statement) == 0
    error_message = "Beside its own the role may do ${jsonencode(data.aws_iam_policy_document.own.statement)}."
  }
}

run "in_a_network_the_role_of_a_function_makes_and_removes_its_interfaces" {
  variables {
    surroundings = {
      place     = { region = "eu-central-1" }
      role_path = "/"
      network   = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
      tags      = {}
    }
  }

  module {
    source = "./modules/role"
  }

  assert {
    condition = length(setsubtract(
      ["ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"],
      one(data.aws_iam_policy_document.own.statement[*].actions)
    )) == 0
    error_message = "In a network the role may do ${jsonencode(data.aws_iam_policy_document.own.statement)}."
  }
}

run "in_a_network_the_role_of_a_workflow_has_no_business_with_it" {
  variables {
    lent_to = { service = "states.amazonaws.com", source_account = "123456789012", source_arn = "arn:aws:states:eu-central-1:123456789012:stateMachine:photos" }
    surroundings = {
      place     = { region = "eu-central-1" }
      role_path = "/"
      network   = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
      tags      = {}
    }
  }

  module {
    source = "./modules/role"
  }

  assert {
    condition     = one(data.aws_iam_policy_document.own.statement[*].sid) == "DeliverLogs"
    error_message = "Beside its own the role may do ${jsonencode(data.aws_iam_policy_document.own.statement)}."
  }

  # The developer guide, "Logging using CloudWatch Logs": each of them is called when a state machine is made.
  assert {
    condition = one(data.aws_iam_policy_document.own.statement[*].actions) == toset([
      "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies",
      "logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
    ])
    error_message = "A state machine's role delivers logs by ${jsonencode(data.aws_iam_policy_document.own.statement)}."
  }
}

run "where_traces_are_asked_for_a_function_sends_them" {
  variables {
    surroundings = { place = { region = "eu-central-1" }, role_path = "/", tracing = true, tags = {} }
  }

  module {
    source = "./modules/role"
  }

  assert {
    condition = toset(one(data.aws_iam_policy_document.own.statement[*].actions)) == toset([
      "xray:PutTelemetryRecords", "xray:PutTraceSegments",
    ])
    error_message = "Of traces the function may do ${jsonencode(data.aws_iam_policy_document.own.statement)}."
  }
}

run "a_workflow_asks_how_many_traces_to_take" {
  variables {
    lent_to      = { service = "states.amazonaws.com" }
    surroundings = { place = { region = "eu-central-1" }, role_path = "/", tracing = true, tags = {} }
  }

  module {
    source = "./modules/role"
  }

  assert {
    condition = length(setsubtract(
      ["xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutTraceSegments"],
      one([for own in data.aws_iam_policy_document.own.statement : own.actions if own.sid == "SendTraces"])
    )) == 0
    error_message = "Of traces the workflow may do ${jsonencode(data.aws_iam_policy_document.own.statement)}."
  }
}

run "a_rule_sends_no_traces" {
  variables {
    lent_to      = { service = "events.amazonaws.com" }
    surroundings = { place = { region = "eu-central-1" }, role_path = "/", tracing = true, tags = {} }
  }

  module {
    source = "./modules/role"
  }

  assert {
    condition     = length(data.aws_iam_policy_document.own.statement) == 0
    error_message = "Beside its own the role may do ${jsonencode(data.aws_iam_policy_document.own.statement)}."
  }
}
