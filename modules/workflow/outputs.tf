output "state_machine" {
  description = "What an upload starts."
  value       = { name = aws_sfn_state_machine.convert_image.name, arn = aws_sfn_state_machine.convert_image.arn }
}

output "role_arn" {
  description = "Role that executions have."
  value       = module.role.arn
}

output "ended_rules" {
  description = "Rule on executions that Step Functions ended itself; none for Express."
  value       = [for rule in values(aws_cloudwatch_event_rule.execution_ended) : { name = rule.name, arn = rule.arn }]
}
