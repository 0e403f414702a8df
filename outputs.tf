output "uploads" {
  description = "Where clients put uploads: bucket, arn, prefix; delete_on_success: whether they go then."
  value       = module.storage.uploads
}

output "results" {
  description = "Where clients find status documents and renditions: bucket, arn, prefix."
  value       = module.storage.results
}

output "signer_policy_json" {
  description = "IAM policy with exactly what a backend needs to issue uploads."
  value       = module.storage.signer_policy_json
}

output "signer_environment" {
  description = "Settings of a backend that issues uploads itself, as environment variables of upload_workflow.issue."
  value       = local.signer_environment
}

output "brought_buckets" {
  description = "For uploads and results in a bucket of yours: policy_json and lifecycle_rule that it should have."
  value       = module.storage.brought_buckets
}

output "reader_policy_json" {
  description = "IAM policy with what `ops` needs to look: jobs, show, why, doctor, and redrive without --yes."
  value       = module.operators.reader_policy_json
}

output "operator_policy_json" {
  description = "IAM policy with what `ops` needs to look and to act: redrive --yes, pause, resume."
  value       = module.operators.operator_policy_json
}

output "forget_policy_json" {
  description = "IAM policy with what `ops forget` needs, beside what looking needs; no right of whoever is on call."
  value       = module.operators.forget_policy_json
}

output "results_reader_policy_json" {
  description = "IAM policy with exactly what a backend needs to read results and to sign their URLs again."
  value       = module.storage.results_reader_policy_json
}

output "upload_api" {
  description = "The HTTP API that issues uploads: url, api_id, invoke_arn, function; null if there is none."
  value       = one(values(module.upload_api)[*].upload_api)
}

output "state_machine" {
  description = "The workflow: name, arn."
  value       = module.workflow.state_machine
}

output "remake" {
  description = "What makes existing uploads anew: state_machine (name, arn), reports (bucket, prefix); null if off."
  value       = one(values(module.remake)[*].remake)
}

output "functions" {
  description = "The workflow's functions by name: name, arn."
  value       = module.conversion.functions
}

output "dead_letters" {
  description = "Queue of the events that could not be delivered: name, arn, url."
  value       = module.trigger.dead_letters
}

output "monitoring" {
  description = "For whoever is on call: topic_arn, alarm_arns, dashboard_url; null if monitoring is off."
  value       = one(values(module.monitoring)[*].monitoring)
}

output "events" {
  description = "What is told of every end: source, detail_types, pattern_json for your rule, schema."
  value = {
    source       = "upload-workflow"
    detail_types = ["Upload Succeeded", "Upload Rejected", "Upload Failed", "Upload Ignored", "Upload Forgotten"]
    schema       = "urn:upload-workflow:announcement:1"
    # The ends of this workflow's uploads. What was ignored changed nothing, and few want to hear of it.
    pattern_json = jsonencode({
      source      = ["upload-workflow"]
      detail-type = ["Upload Succeeded", "Upload Rejected", "Upload Failed"]
      detail = {
        upload  = { bucket = [module.storage.uploads.bucket], key = [{ prefix = module.storage.uploads.prefix }] }
        results = { bucket = [module.storage.results.bucket] }
      }
    })
  }
}
