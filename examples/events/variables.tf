variable "name" {
  type        = string
  description = "Prefix of every name."
  default     = "photos"
}

variable "package_file" {
  type        = string
  description = "Zip of the workflow's functions; null means the one in build/."
  default     = null
}

variable "consumer_package" {
  type        = string
  description = "Zip with handler.py: `zip --junk-paths consumer.zip consumer/handler.py`."
}

variable "backend" {
  type        = object({ url = string, key = string })
  description = "Your server: the address that takes a POST, and the key that it wants as x-api-key."
  sensitive   = true
}
