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
    tags                     = map(string)
  })
  description = "Where everything is made and by which rules."
}

variable "upload_api" {
  type = object({
    authorization     = string
    jwt               = optional(object({ issuer = string, audiences = list(string), scopes = list(string) }))
    page              = bool
    content_types     = optional(list(string)) # null: all that the package reads
    forms             = bool
    form_life_seconds = number
    throttle          = object({ requests_per_second = number, burst = number })
  })
  description = "Who may call, how often, and for what."
}

variable "package" {
  type        = object({ file = string, architecture = string, content_types = list(string) })
  description = "Zip with the functions, what it was made for and what it reads."
}

variable "uploads" {
  type        = object({ bucket = string, arn = string, prefix = string })
  description = "Where uploads land."
}

variable "results" {
  type = object({
    bucket           = string
    arn              = string
    prefix           = string
    url_life_seconds = number
    served_from      = optional(string)
  })
  description = "Where results wait, and how long their URLs live."
}

variable "signer_policy_json" {
  type        = string
  description = "What whoever issues uploads needs."
}

variable "max_bytes" {
  type        = number
  description = "Largest upload that is issued."
}

variable "allowed_origins" {
  type        = list(string)
  description = "Origins of pages that may call."
}
