# Where everything is made and by which rules. Looked up once, handed down as one object.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {
  region = var.region
}

locals {
  surroundings = {
    account_id         = data.aws_caller_identity.current.account_id
    partition          = data.aws_partition.current.partition
    dns_suffix         = data.aws_partition.current.dns_suffix
    region             = data.aws_region.current.region
    kms_key_arn        = var.surroundings.kms_key_arn
    iam                = { path = var.surroundings.role_path, permissions_boundary_arn = var.surroundings.permissions_boundary_arn }
    network            = var.surroundings.network
    log_retention_days = var.log_retention_days
    tags               = var.tags
  }

  package = {
    file         = coalesce(var.package_file, "${path.module}/build/upload_workflow-${var.conversion.architecture}.zip")
    architecture = var.conversion.architecture
  }
}
