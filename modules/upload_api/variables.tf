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
    network                  = optional(object({ subnet_ids = list(string), security_group_ids = list(string) }))
    kms_key_arn              = optional(string)
    log_retention_days       = number
    tracing                  = optional(bool, false)
    tags                     = map(string)
  })
  description = "Where everything is made and by which rules."
}

variable "upload_api" {
  type = object({
    authorization = string
    jwt           = optional(object({ issuer = string, audiences = list(string), scopes = list(string) }))
    page          = bool
    throttle      = object({ requests_per_second = number, burst = number })
  })
  description = "Who may call, how often, and for what."
}

variable "package" {
  type        = object({ file = string, architecture = string })
  description = "Zip with the functions, and what it was made for."
}

variable "signer_policy_json" {
  type        = string
  description = "What whoever issues uploads needs."
}

variable "signer_environment" {
  type        = map(string)
  description = "Settings of whoever issues uploads, as environment variables."
}

variable "allowed_origins" {
  type        = list(string)
  description = "Origins of pages that may call."
}
