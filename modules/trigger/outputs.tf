output "dead_letters" {
  description = "Queue of the events that could not be delivered."
  value = {
    name = aws_sqs_queue.dead_letters.name
    arn  = aws_sqs_queue.dead_letters.arn
    url  = aws_sqs_queue.dead_letters.url
  }
}

output "start_role_arn" {
  description = "Role that starts executions, paused or not."
  value       = module.role.arn
}

output "upload_rule" {
  description = "Rule that starts an execution for each upload, and the one that counts arrivals before a scan."
  value = {
    name          = aws_cloudwatch_event_rule.upload_ready.name
    arn           = aws_cloudwatch_event_rule.upload_ready.arn
    arrivals_name = one(values(aws_cloudwatch_event_rule.upload_arrived)[*].name)
  }
}
