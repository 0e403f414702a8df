terraform {
  # 1.9 lets a validation look at other variables.
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # 6.22 to 6.39 plan a change of every new bucket for ever (blocked_encryption_types).
      version = ">= 6.40, < 7.0"
    }
  }
}
