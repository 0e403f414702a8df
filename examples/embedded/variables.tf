variable "region" {
  type        = string
  description = "Where everything is made."
  default     = "eu-central-1"
}

variable "network" {
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  description = "Private subnets with a way to S3, EventBridge and SQS, such as by VPC endpoints."
}

variable "permissions_boundary_arn" {
  type        = string
  description = "Boundary that every role here must have."
}

variable "identity" {
  type = object({
    issuer    = string
    audiences = list(string)
  })
  description = "Who signs the tokens of the people that upload."
}
