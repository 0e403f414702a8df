variable "name" {
  type        = string
  description = "Prefix of resource names."
}

variable "surroundings" {
  type = object({
    place       = object({ account_id = string, partition = string, region = string })
    role_path   = string
    kms_key_arn = optional(string)
  })
  description = "Where everything is made and by which rules."
}

variable "uploads" {
  type        = object({ arn = string, prefix = string })
  description = "Where uploads land."
}

variable "results" {
  type        = object({ arn = string, prefix = string })
  description = "Where results wait."
}

variable "remake" {
  type = object({
    state_machine    = object({ name = string, arn = string })
    reports          = object({ bucket = string, prefix = string })
    inventory_bucket = optional(string)
  })
  description = "What makes existing uploads anew; null if nothing does."
}
