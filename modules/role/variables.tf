variable "name" {
  type        = string
  description = "Name of the role, to which the region is added."
}

variable "description" {
  type        = string
  description = "What the role is for."
}

variable "surroundings" {
  type = object({
    place                    = object({ region = string })
    role_path                = string
    permissions_boundary_arn = optional(string)
    network                  = optional(object({ subnet_ids = list(string), security_group_ids = list(string) }))
    tracing                  = optional(bool, false)
    tags                     = map(string)
  })
  description = "Where everything is made and by which rules."
}

variable "lent_to" {
  type = object({
    service        = string
    source_account = optional(string)
    source_arn     = optional(string)
    labels         = optional(list(string), []) # of Distributed Maps in that state machine
  })
  description = "Service that takes the role on, and for whom and for which thing as far as it is known to say so."
}

variable "policy" {
  type        = object({ name = string, json = string })
  description = "What the role may do, and under which name that is kept with it."
}
