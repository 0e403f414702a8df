# Where everything is made and by which rules. Looked up once, handed down as one object.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {
  region = var.region

  lifecycle {
    # AWS would refuse them in the middle of an apply.
    postcondition {
      condition     = try(split(":", var.surroundings.kms_key_arn)[3], self.region) == self.region
      error_message = "The KMS key is of another region than ${self.region}, where the module makes everything."
    }

    postcondition {
      condition     = try(split(":", var.monitoring.topic.arn)[3], self.region) == self.region
      error_message = "The topic is of another region than ${self.region}, where the module makes everything."
    }

    postcondition {
      condition     = try(split(":", var.workflow.before.function_arn)[3], self.region) == self.region
      error_message = "The function of workflow.before is of another region than ${self.region}, which calls it."
    }
  }
}

locals {
  surroundings = merge(var.surroundings, {
    # What resources are told; null means the provider's, which it knows in every plan.
    region = var.region
    # What names and ARNs are made of. Not known in a plan that waits for a `depends_on` of the module.
    place = {
      account_id = data.aws_caller_identity.current.account_id
      partition  = data.aws_partition.current.partition
      dns_suffix = data.aws_partition.current.dns_suffix
      region     = data.aws_region.current.region
    }
    log_retention_days = var.log_retention_days
    tags               = var.tags
  })

  # As the converter has them (image/header.py); the upload API offers all that are switched on unless told otherwise.
  _always_read = ["jpeg", "png", "webp", "gif", "avif", "tiff", "bmp"]
  _by_extra    = { heic = "heif", pdf = "pdf" }
  _types       = { heif = ["image/heic", "image/heif"], pdf = ["application/pdf"] }
  _formats     = concat(local._always_read, [for extra in sort(var.conversion.extras) : local._by_extra[extra]])

  package = {
    file = coalesce(var.package_file, format(
      "${path.module}/build/upload_workflow-%s.zip",
      join("-", [var.conversion.architecture], sort(var.conversion.extras))
    ))
    architecture = var.conversion.architecture
    content_types = flatten([
      for format in local._formats : lookup(local._types, format, ["image/${format}"])
      if var.limits.formats == null || contains(coalesce(var.limits.formats, []), format)
    ])
  }

  # What whoever issues uploads has to know: the function behind the upload API, or a backend of yours.
  signer_environment = {
    UPLOADS_BUCKET    = module.storage.uploads.bucket
    UPLOADS_PREFIX    = module.storage.uploads.prefix
    RESULTS_BUCKET    = module.storage.results.bucket
    RESULTS_PREFIX    = module.storage.results.prefix
    MAX_BYTES         = tostring(var.limits.max_bytes)
    CONTENT_TYPES     = jsonencode(coalesce(try(var.upload_api.content_types, null), local.package.content_types))
    FORMS             = tostring(try(var.upload_api.forms, true))
    FORM_LIFE_SECONDS = tostring(try(var.upload_api.form_life_seconds, 900))
    URL_LIFE_SECONDS  = tostring(module.storage.results.url_life_seconds)
    SERVED_FROM       = var.results.served_from == null ? "" : var.results.served_from
  }
}
