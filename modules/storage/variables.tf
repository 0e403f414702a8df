variable "name" {
  type        = string
  description = "Prefix of resource names."
}

variable "current" {
  type        = object({ account_id = string, partition = string, region = string })
  description = "Account, partition and region of the module."
}

variable "uploads" {
  type        = object({ bucket = optional(object({ name = string })), prefix = string, retention_days = number })
  description = "Where uploads land; a null bucket is made."
}

variable "results" {
  type        = object({ bucket = optional(object({ name = string })), prefix = string, retention_days = number, url_life_seconds = number })
  description = "Where results wait; a null bucket is made."
}

variable "allowed_origins" {
  type        = list(string)
  description = "Origins of pages that may upload and read results."
}

variable "kms_key_arn" {
  type        = string
  description = "Key that encrypts the buckets; null means S3's own."
}

variable "force_destroy" {
  type        = bool
  description = "May a bucket with objects be destroyed."
}

variable "tags" {
  type        = map(string)
  description = "Tags of every resource."
}
