output "role_arns" {
  description = "The functions' roles."
  value       = values(module.role)[*].arn
}

output "functions" {
  description = "The workflow's functions by name."
  value = { for key, function in aws_lambda_function.workflow : key => {
    name            = function.function_name
    arn             = function.arn
    timeout_seconds = function.timeout
  } }
}
