variable "name" {
  type        = string
  description = "Prefix of resource names."
}

variable "current" {
  type        = object({ account_id = string, partition = string, region = string })
  description = "Account, partition and region of the module."
}

variable "upload_api" {
  type = object({
    authorization     = string
    jwt               = optional(object({ issuer = string, audiences = list(string), scopes = list(string) }))
    page              = bool
    content_types     = list(string)
    form_life_seconds = number
    throttle          = object({ requests_per_second = number, burst = number })
  })
  description = "Who may call, how often, and for what."
}

variable "package_file" {
  type        = string
  description = "Zip with the functions."
}

variable "architecture" {
  type        = string
  description = "What the zip was made for."
}

variable "uploads" {
  type        = object({ bucket = string, arn = string, prefix = string })
  description = "Where uploads land."
}

variable "results" {
  type        = object({ bucket = string, arn = string, prefix = string, url_life_seconds = number })
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

variable "iam" {
  type        = object({ path = string, permissions_boundary_arn = optional(string) })
  description = "What the role is made with."
}

variable "kms_key_arn" {
  type        = string
  description = "Key of the logs; null means CloudWatch's own."
}

variable "log_retention_days" {
  type        = number
  description = "Days for which logs are kept."
}

variable "tags" {
  type        = map(string)
  description = "Tags of every resource."
}
