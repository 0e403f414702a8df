output "dead_letters" {
  description = "Queue of the events that could not be delivered."
  value = {
    name = aws_sqs_queue.dead_letters.name
    arn  = aws_sqs_queue.dead_letters.arn
    url  = aws_sqs_queue.dead_letters.url
  }
}

output "upload_rule" {
  description = "Rule that starts an execution for each upload."
  value       = { name = aws_cloudwatch_event_rule.upload_ready.name, arn = aws_cloudwatch_event_rule.upload_ready.arn }
}
