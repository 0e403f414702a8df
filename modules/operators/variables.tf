variable "surroundings" {
  type = object({
    place       = object({ account_id = string, partition = string, region = string })
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

variable "rules" {
  type = object({
    upload = object({ arn = string })
    ended  = list(object({ arn = string }))
  })
  description = "What starts executions, which is paused and resumed, and what tells of their ends."
}

variable "dead_letters" {
  type        = object({ arn = string })
  description = "Queue of the events that could not be delivered."
}

variable "state_machine" {
  type        = object({ name = string, arn = string })
  description = "What an upload starts."
}

variable "functions" {
  type        = map(object({ name = string, arn = string }))
  description = "What the states of the workflow run."
}

variable "roles" {
  type        = object({ start_execution = string, others = list(string) })
  description = "ARNs of the role that the rule's target has, and of the others on an upload's way."
}

variable "remake" {
  type = object({
    state_machine    = object({ name = string, arn = string })
    reports          = object({ bucket = string, prefix = string })
    inventory_bucket = optional(string)
  })
  description = "What makes existing uploads anew; null if nothing does."
}
