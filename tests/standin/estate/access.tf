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
  permissions_boundary  = var.other ? "arn:aws:iam::aws:policy/ReadOnlyAccess" : "arn:aws:iam::aws:policy/AdministratorAccess"
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
