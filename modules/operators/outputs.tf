output "reader_policy_json" {
  description = "IAM policy for whoever looks."
  value       = data.aws_iam_policy_document.reader.json
}

output "operator_policy_json" {
  description = "IAM policy for whoever looks and acts."
  value       = data.aws_iam_policy_document.operator.json
}
