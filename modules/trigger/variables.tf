variable "name" {
  type        = string
  description = "Prefix of resource names."
}

variable "surroundings" {
  type = object({
    place                    = object({ account_id = string, region = string })
    region                   = optional(string)
    role_path                = string
    permissions_boundary_arn = optional(string)
    kms_key_arn              = optional(string)
    tags                     = map(string)
  })
  description = "Where everything is made and by which rules."
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
