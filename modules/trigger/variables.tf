variable "name" {
  type        = string
  description = "Prefix of resource names."
}

variable "current" {
  type        = object({ account_id = string, partition = string, region = string })
  description = "Account, partition and region of the module."
}

variable "workflow" {
  type        = object({ trigger = string, paused = bool })
  description = "What starts an execution, and whether uploads wait instead."
}

variable "uploads" {
  type        = object({ bucket = string, arn = string, prefix = string })
  description = "Where uploads land."
}

variable "state_machine" {
  type        = object({ name = string, arn = string })
  description = "What an upload starts."
}

variable "ended_rules" {
  type        = list(object({ name = string, arn = string }))
  description = "Rules on executions that Step Functions ended; they keep their undelivered events here too."
}

variable "iam" {
  type        = object({ path = string, permissions_boundary_arn = optional(string) })
  description = "What every role is made with."
}

variable "kms_key_arn" {
  type        = string
  description = "Key that encrypts the dead letters; null means SQS's own."
}

variable "tags" {
  type        = map(string)
  description = "Tags of every resource."
}
