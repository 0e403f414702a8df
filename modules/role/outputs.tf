# Ready means: whoever takes the role on may do its work.

output "role" {
  description = "The role, once it has its policy."
  value       = { name = aws_iam_role.lent.name, arn = aws_iam_role.lent.arn }

  depends_on = [aws_iam_role_policy.own]
}

output "arn" {
  description = "The role's ARN, for whoever only tells it: also before it has its policy."
  value       = aws_iam_role.lent.arn
}
