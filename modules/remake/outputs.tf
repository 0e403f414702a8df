output "role_arn" {
  description = "Role that remakes have."
  value       = module.role.arn
}

output "remake" {
  description = "What makes existing uploads anew: the state machine, and where its reports lie."
  value = {
    state_machine    = { name = aws_sfn_state_machine.remake.name, arn = aws_sfn_state_machine.remake.arn }
    reports          = { bucket = var.results.bucket, prefix = local.reports_prefix }
    inventory_bucket = var.remake.inventory_bucket
  }
}
