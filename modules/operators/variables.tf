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
