# The side: everything that can change in place differs between them.
variable "other" {
  type    = bool
  default = false
}

variable "zip" {
  type = map(string)
}

variable "code_bucket" {
  type = string
}
