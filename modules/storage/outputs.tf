# Ready means: policies, encryption and the EventBridge switch are in place.

output "uploads" {
  description = "Where uploads land, and whether they go once their jobs have succeeded."
  value = {
    bucket            = local._bucket.uploads
    arn               = local._arn.uploads
    prefix            = var.uploads.prefix
    delete_on_success = var.uploads.delete_on_success
  }

  depends_on = [
    aws_s3_bucket_notification.uploads,
    aws_s3_bucket_policy.made,
    aws_s3_bucket_server_side_encryption_configuration.made,
    aws_s3_bucket_versioning.uploads,
  ]
}

output "results" {
  description = "Where results wait, and how long their URLs live."
  value = {
    bucket           = local._bucket.results
    arn              = local._arn.results
    prefix           = var.results.prefix
    url_life_seconds = var.results.url_life_seconds
    served_from      = var.results.served_from
  }

  depends_on = [
    aws_s3_bucket_policy.made,
    aws_s3_bucket_server_side_encryption_configuration.made,
  ]
}

output "signer_policy_json" {
  description = "IAM policy for whoever issues uploads."
  value       = data.aws_iam_policy_document.signer.json
}

output "brought_buckets" {
  description = "What a bucket that was brought should have, by kind; none for a bucket that is made."
  value       = local._wanted
}

output "results_reader_policy_json" {
  description = "IAM policy for whoever shows results later."
  value       = data.aws_iam_policy_document.reader.json
}
