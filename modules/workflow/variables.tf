variable "name" {
  type        = string
  description = "Name of the state machine and prefix of resource names."
}

variable "current" {
  type        = object({ account_id = string, partition = string, region = string })
  description = "Account, partition and region of the module."
}

variable "workflow" {
  type        = object({ type = string })
  description = "STANDARD or EXPRESS."
}

variable "functions" {
  type = object({
    convert_image  = object({ name = string, arn = string, timeout_seconds = number })
    record_failure = object({ name = string, arn = string, timeout_seconds = number })
  })
  description = "What the states of the workflow run."
}

variable "dead_letters" {
  type        = object({ name = string, arn = string, url = string })
  description = "Keeps what could not be delivered to record_failure."
}

variable "iam" {
  type        = object({ path = string, permissions_boundary_arn = optional(string) })
  description = "What every role is made with."
}

variable "kms_key_arn" {
  type        = string
  description = "Key that encrypts the log; null means CloudWatch's own."
}

variable "log_retention_days" {
  type        = number
  description = "Days for which the log is kept."
}

variable "tags" {
  type        = map(string)
  description = "Tags of every resource."
}
