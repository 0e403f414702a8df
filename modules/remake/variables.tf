variable "name" {
  type        = string
  description = "Prefix of resource names."
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

variable "remake" {
  type = object({
    max_concurrency           = number
    tolerated_failure_percent = number
    inventory_bucket          = optional(string)
  })
  description = "How much of the account a remake takes, how much may fail, and whose inventories it may read."
}

variable "before" {
  type        = object({ function_arn = string, timeout_seconds = number })
  description = "What is asked before a conversion; null if nothing is."
}

variable "uploads" {
  type        = object({ bucket = string, arn = string, prefix = string })
  description = "What is made anew."
}

variable "results" {
  type        = object({ bucket = string, arn = string })
  description = "Where its report goes."
}

variable "functions" {
  type        = object({ convert_image = object({ name = string, arn = string, timeout_seconds = number }) })
  description = "What each object goes through."
}
