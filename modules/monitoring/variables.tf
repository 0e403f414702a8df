variable "name" {
  type        = string
  description = "Prefix of resource names, and the value of the metrics' dimension Workflow."
}

variable "surroundings" {
  type = object({
    place       = object({ account_id = string, dns_suffix = string, partition = string, region = string })
    region      = optional(string)
    kms_key_arn = optional(string)
    tags        = map(string)
  })
  description = "Where everything is made and by which rules."
}

variable "monitoring" {
  type = object({
    topic            = optional(object({ arn = string }))
    email_addresses  = list(string)
    runbook_url      = string
    failed_jobs      = number
    slow_seconds     = number
    rejected_percent = number
  })
  description = "Whom to tell, and from when on."
}

variable "upload_api" {
  type        = object({ api_id = string, function = object({ name = string }) })
  description = "The API that issues uploads; null if there is none."
}

variable "uploads" {
  type        = object({ retention_days = string, delete_on_success = bool })
  description = "How long an upload can still be redriven, and whether it goes once its job has succeeded."
}

variable "upload_rule" {
  type        = object({ name = string, arn = string, arrivals_name = optional(string) })
  description = "Rule that starts an execution for each upload, and the one that counts arrivals before a scan."
}

variable "ended_rules" {
  type        = list(object({ name = string, arn = string }))
  description = "Rule on executions that Step Functions ended itself; none for Express."
}

variable "dead_letters" {
  type        = object({ name = string, arn = string, url = string })
  description = "Queue of the events that could not be delivered."
}

variable "state_machine" {
  type        = object({ name = string, arn = string, remake = optional(object({ arn = string })) })
  description = "What an upload starts, and what makes all of them anew; null if nothing does."
}

variable "functions" {
  type        = map(object({ name = string, arn = string, timeout_seconds = number }))
  description = "The workflow's functions by name."
}
