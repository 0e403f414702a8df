variable "name" {
  type        = string
  description = "Prefix of every resource name, at most 25 characters: drawn anew for each proof."
}

variable "package_file" {
  type        = string
  description = "Zip with the functions."
}

variable "issuer_file" {
  type        = string
  description = "Zip with a function that answers as an OpenID issuer does; its module is called issuer."
}

variable "published_keys" {
  type        = string
  description = "JSON Web Key Set of the issuer."
}
