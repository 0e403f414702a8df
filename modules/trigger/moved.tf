# Where releases before 0.2.0 kept what is made elsewhere today: an upgrade takes it along.

moved {
  from = aws_iam_role.start_execution
  to   = module.role.aws_iam_role.lent
}

moved {
  from = aws_iam_role_policy.start_execution
  to   = module.role.aws_iam_role_policy.own
}
