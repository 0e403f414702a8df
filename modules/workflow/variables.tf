variable "name" {
  type        = string
  description = "Name of the state machine and prefix of resource names."
}

variable "surroundings" {
  type = object({
    place                    = object({ account_id = string, partition = string, region = string })
    region                   = optional(string)
    role_path                = string
    permissions_boundary_arn = optional(string)
    kms_key_arn              = optional(string)
    log_retention_days       = number
    tracing                  = optional(bool, false)
    tags                     = map(string)
  })
  description = "Where everything is made and by which rules."
}

variable "workflow" {
  type = object({
    type   = string
    before = optional(object({ function_arn = string, timeout_seconds = number }))
  })
  description = "STANDARD or EXPRESS, and what is asked before the conversion."
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
