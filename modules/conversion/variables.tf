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

variable "package" {
  type        = object({ file = string, architecture = string })
  description = "Zip with the functions, and what it was made for."
}

variable "uploads" {
  type        = object({ bucket = string, arn = string, prefix = string, delete_on_success = bool })
  description = "Where uploads land, and whether they go once their jobs have succeeded."
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

variable "renditions" {
  type = map(object({
    width_px       = optional(number)
    height_px      = optional(number)
    fit            = string
    position       = string
    background     = string
    format         = string
    quality        = optional(number)
    enlarge        = bool
    animated       = bool
    keep_copyright = bool
    overlay = optional(object({
      bucket          = string
      key             = string
      position        = string
      width_percent   = number
      opacity_percent = number
    }))
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
    formats          = optional(list(string))
  })
  description = "What is refused."
}

variable "workflow" {
  type        = object({ trigger = string, start_role_arn = string })
  description = "Whose event starts an execution, and with which role."
}

variable "conversion" {
  type = object({
    memory_mb       = number
    timeout_seconds = number
    max_concurrency = optional(number)
    handler         = optional(string)
  })
  description = "What the conversion function gets."
}

variable "dead_letters" {
  type        = object({ name = string, arn = string, url = string })
  description = "Keeps what record_failure could not record."
}
