locals {
  trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = var.other ? ["lambda.amazonaws.com", "states.amazonaws.com"] : ["lambda.amazonaws.com"] }
    }]
  })
  permission = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["s3:GetObject"], Resource = var.other ? "arn:aws:s3:::b/*" : "arn:aws:s3:::a/*" }]
  })
}

resource "aws_iam_role" "worker" {
  name                  = "standin-worker"
  path                  = "/standin/"
  description           = var.other ? "b" : "a"
  assume_role_policy    = local.trust
  max_session_duration  = var.other ? 7200 : 3600
  permissions_boundary  = var.other ? aws_iam_policy.second.arn : aws_iam_policy.first.arn
  force_detach_policies = var.other
  tags                  = var.other ? { side = "b" } : { side = "a", old = "yes" }
}

resource "aws_iam_role" "plain" {
  name_prefix        = "standin-plain-"
  assume_role_policy = local.trust
}

resource "aws_iam_role_policy" "worker" {
  name   = "read"
  role   = aws_iam_role.worker.name
  policy = local.permission
}

resource "aws_iam_policy" "first" {
  name        = "standin-first"
  path        = "/standin/"
  description = "The first."
  policy      = local.permission
  tags        = var.other ? { side = "b" } : { side = "a", old = "yes" }
}

resource "aws_iam_policy" "second" {
  name_prefix = "standin-second-"
  policy      = local.permission
}

resource "aws_iam_role_policy_attachment" "plain" {
  role       = aws_iam_role.plain.name
  policy_arn = aws_iam_policy.first.arn
}
