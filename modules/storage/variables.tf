variable "name" {
  type        = string
  description = "Prefix of resource names."
}

variable "surroundings" {
  type = object({
    place                    = object({ account_id = string, dns_suffix = string, partition = string, region = string })
    region                   = optional(string)
    role_path                = string
    permissions_boundary_arn = optional(string)
    kms_key_arn              = optional(string)
    tags                     = map(string)
  })
  description = "Where everything is made and by which rules."
}

variable "uploads" {
  type = object({
    bucket            = optional(object({ name = string }))
    prefix            = string
    retention_days    = string
    delete_on_success = bool
  })
  description = "Where uploads land; a null bucket is made."
}

variable "results" {
  type = object({
    bucket           = optional(object({ name = string }))
    prefix           = string
    retention_days   = string
    url_life_seconds = number
    served_from      = optional(string)
  })
  description = "Where results wait; a null bucket is made."
}

variable "workflow" {
  type        = object({ trigger = string, remake = optional(object({})) })
  description = "With malware_scan GuardDuty looks at a bucket made here; with remakes their reports lie in one."
}

variable "allowed_origins" {
  type        = list(string)
  description = "Origins of pages that may upload and read results."
}

variable "force_destroy" {
  type        = bool
  description = "May a bucket with objects be destroyed."
}
