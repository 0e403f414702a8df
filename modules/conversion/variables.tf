variable "name" {
  type        = string
  description = "Prefix of resource names."
}

variable "current" {
  type        = object({ account_id = string, partition = string, region = string })
  description = "Account, partition and region of the module."
}

variable "package_file" {
  type        = string
  description = "Zip with the functions."
}

variable "uploads" {
  type        = object({ bucket = string, arn = string, prefix = string })
  description = "Where uploads land."
}

variable "results" {
  type        = object({ bucket = string, arn = string, prefix = string, url_life_seconds = number })
  description = "Where results wait, and how long their URLs live."
}

variable "renditions" {
  type = map(object({
    width_px   = optional(number)
    height_px  = optional(number)
    fit        = string
    position   = string
    background = string
    format     = string
    quality    = optional(number)
    enlarge    = bool
    animated   = bool
  }))
  description = "What is made from every upload, by name."
}

variable "limits" {
  type = object({
    max_bytes        = number
    max_pixels       = number
    max_frame_pixels = number
    max_scan_pixels  = number
    max_memory_mb    = number
    max_seconds      = number
  })
  description = "What is refused."
}

variable "conversion" {
  type = object({
    architecture    = string
    memory_mb       = number
    timeout_seconds = number
    max_concurrency = optional(number)
  })
  description = "What the conversion function gets."
}

variable "network" {
  type        = object({ subnet_ids = list(string), security_group_ids = list(string) })
  description = "Where the functions run; null means no VPC."
}

variable "dead_letters" {
  type        = object({ name = string, arn = string, url = string })
  description = "Keeps what record_failure could not record."
}

variable "iam" {
  type        = object({ path = string, permissions_boundary_arn = optional(string) })
  description = "What every role is made with."
}

variable "kms_key_arn" {
  type        = string
  description = "Key of the buckets, the dead letters and the logs; null means AWS's own."
}

variable "log_retention_days" {
  type        = number
  description = "Days for which logs are kept."
}

variable "tags" {
  type        = map(string)
  description = "Tags of every resource."
}
