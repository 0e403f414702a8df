output "reader_policy_json" {
  description = "IAM policy for whoever looks."
  value       = data.aws_iam_policy_document.reader.json
}

output "forget_policy_json" {
  description = "IAM policy for whoever looks and deletes."
  value       = data.aws_iam_policy_document.forget.json
}

output "operator_policy_json" {
  description = "IAM policy for whoever looks and acts."
  value       = data.aws_iam_policy_document.operator.json
}
