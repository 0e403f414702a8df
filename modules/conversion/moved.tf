# Where releases before 0.2.0 kept what is made elsewhere today: an upgrade takes it along.

moved {
  from = aws_iam_role.function["convert_image"]
  to   = module.role["convert_image"].aws_iam_role.lent
}

moved {
  from = aws_iam_role.function["record_failure"]
  to   = module.role["record_failure"].aws_iam_role.lent
}

moved {
  from = aws_iam_role_policy.function["convert_image"]
  to   = module.role["convert_image"].aws_iam_role_policy.own
}

moved {
  from = aws_iam_role_policy.function["record_failure"]
  to   = module.role["record_failure"].aws_iam_role_policy.own
}
