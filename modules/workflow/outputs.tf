output "state_machine" {
  description = "What an upload starts."
  value       = { name = aws_sfn_state_machine.convert_image.name, arn = aws_sfn_state_machine.convert_image.arn }
}

output "ended_rule" {
  description = "Rule on executions that Step Functions ended itself."
  value       = { name = aws_cloudwatch_event_rule.execution_ended.name, arn = aws_cloudwatch_event_rule.execution_ended.arn }
}
