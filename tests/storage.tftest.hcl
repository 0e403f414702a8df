# What the buckets promise to clients, to their owner and to the law.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name = "photos"
  surroundings = {
    place     = { account_id = "123456789012", dns_suffix = "amazonaws.com", partition = "aws", region = "eu-central-1" }
    role_path = "/"
    tags      = {}
  }
  uploads         = { bucket = null, prefix = "uploads/", retention_days = 7, delete_on_success = false }
  results         = { bucket = null, prefix = "results/", retention_days = 30, url_life_seconds = 3600 }
  workflow        = { trigger = "object_created" }
  allowed_origins = []
  force_destroy   = false
}

run "nothing_in_a_bucket_is_ever_public" {
  module {
    source = "./modules/storage"
  }

  assert {
    condition = keys(aws_s3_bucket_public_access_block.made) == ["results", "uploads"] && alltrue([
      for block in values(aws_s3_bucket_public_access_block.made) :
      block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets
    ])
    error_message = "Public access is blocked by ${jsonencode(aws_s3_bucket_public_access_block.made)}."
  }
}

run "what_a_client_uploads_belongs_to_the_buckets_owner" {
  module {
    source = "./modules/storage"
  }

  assert {
    condition     = [for controls in values(aws_s3_bucket_ownership_controls.made) : controls.rule[0].object_ownership] == ["BucketOwnerEnforced", "BucketOwnerEnforced"]
    error_message = "Objects are owned by ${jsonencode(values(aws_s3_bucket_ownership_controls.made)[*].rule)}."
  }
}

run "every_object_is_encrypted" {
  module {
    source = "./modules/storage"
  }

  assert {
    condition = { for role, made in aws_s3_bucket_server_side_encryption_configuration.made : role => [for rule in made.rule : rule.apply_server_side_encryption_by_default[0].sse_algorithm] } == {
      results = ["AES256"], uploads = ["AES256"]
    }
    error_message = "The buckets encrypt by ${jsonencode(values(aws_s3_bucket_server_side_encryption_configuration.made)[*].rule)}."
  }
}

run "every_object_is_encrypted_with_the_key_that_was_brought" {
  variables {
    surroundings = {
      place       = { account_id = "123456789012", dns_suffix = "amazonaws.com", partition = "aws", region = "eu-central-1" }
      role_path   = "/"
      kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/1"
      tags        = {}
    }
  }

  module {
    source = "./modules/storage"
  }

  assert {
    condition = alltrue([for made in values(aws_s3_bucket_server_side_encryption_configuration.made) : alltrue([
      for rule in made.rule :
      rule.bucket_key_enabled
      && rule.apply_server_side_encryption_by_default[0].sse_algorithm == "aws:kms"
      && rule.apply_server_side_encryption_by_default[0].kms_master_key_id == "arn:aws:kms:eu-central-1:123456789012:key/1"
    ])])
    error_message = "The buckets encrypt by ${jsonencode(values(aws_s3_bucket_server_side_encryption_configuration.made)[*].rule)}."
  }

  assert {
    condition     = one([for statement in data.aws_iam_policy_document.signer.statement : statement.resources if statement.sid == "UseTheKeyThroughS3"]) == toset(["arn:aws:kms:eu-central-1:123456789012:key/1"])
    error_message = "The signer may do ${jsonencode(data.aws_iam_policy_document.signer.statement)}."
  }
}

run "an_upload_that_is_overwritten_keeps_its_version" {
  module {
    source = "./modules/storage"
  }

  assert {
    condition     = { for role, versioning in aws_s3_bucket_versioning.uploads : role => versioning.versioning_configuration[0].status } == { uploads = "Enabled" }
    error_message = "Versions are kept by ${jsonencode(aws_s3_bucket_versioning.uploads)}."
  }
}

run "uploads_and_results_are_forgotten_after_their_days" {
  module {
    source = "./modules/storage"
  }

  assert {
    condition = { for role, made in aws_s3_bucket_lifecycle_configuration.made : role => one([
      for rule in made.rule : [rule.expiration[0].days, rule.noncurrent_version_expiration[0].noncurrent_days, rule.status] if rule.id == "forget-objects"
    ]) } == { results = [30, 30, "Enabled"], uploads = [7, 7, "Enabled"] }
    error_message = "The buckets forget by ${jsonencode({ for role, made in aws_s3_bucket_lifecycle_configuration.made : role => made.rule })}."
  }
}

run "what_is_kept_for_ever_is_kept_and_what_was_replaced_or_never_ended_goes" {
  variables {
    uploads = { bucket = null, prefix = "uploads/", retention_days = "forever", delete_on_success = false }
    results = { bucket = null, prefix = "results/", retention_days = "forever", url_life_seconds = 3600 }
  }

  module {
    source = "./modules/storage"
  }

  assert {
    condition = alltrue([
      for made in values(aws_s3_bucket_lifecycle_configuration.made) : one([
        for rule in made.rule : length(rule.expiration) == 0 && rule.noncurrent_version_expiration[0].noncurrent_days == 14 && rule.abort_incomplete_multipart_upload[0].days_after_initiation == 1
        if rule.id == "forget-objects"
      ])
    ])
    error_message = "The buckets forget by ${jsonencode({ for role, made in aws_s3_bucket_lifecycle_configuration.made : role => made.rule })}."
  }
}

run "a_multipart_upload_that_never_ended_is_forgotten_after_a_day" {
  module {
    source = "./modules/storage"
  }

  assert {
    condition     = [for made in values(aws_s3_bucket_lifecycle_configuration.made) : one([for rule in made.rule : rule.abort_incomplete_multipart_upload[0].days_after_initiation if rule.id == "forget-objects"])] == [1, 1]
    error_message = "The buckets forget by ${jsonencode({ for role, made in aws_s3_bucket_lifecycle_configuration.made : role => made.rule })}."
  }
}

run "the_markers_of_forgotten_uploads_are_forgotten_too" {
  module {
    source = "./modules/storage"
  }

  assert {
    condition     = one([for rule in aws_s3_bucket_lifecycle_configuration.made["uploads"].rule : rule.expiration[0].expired_object_delete_marker && rule.status == "Enabled" if rule.id == "forget-delete-markers"])
    error_message = "The uploads are forgotten by ${jsonencode(aws_s3_bucket_lifecycle_configuration.made["uploads"].rule)}."
  }
}

run "uploads_are_told_to_eventbridge_and_results_are_not" {
  module {
    source = "./modules/storage"
  }

  assert {
    condition     = { for role, notification in aws_s3_bucket_notification.uploads : role => notification.eventbridge } == { uploads = true }
    error_message = "EventBridge hears of ${jsonencode(keys(aws_s3_bucket_notification.uploads))}."
  }
}

run "no_web_page_gets_in_unless_its_origin_is_named" {
  module {
    source = "./modules/storage"
  }

  assert {
    condition     = length(aws_s3_bucket_cors_configuration.made) == 0
    error_message = "Web pages get into ${jsonencode(keys(aws_s3_bucket_cors_configuration.made))}."
  }
}

run "a_named_origin_uploads_to_one_bucket_and_reads_from_the_other" {
  variables {
    allowed_origins = ["https://example.com"]
  }

  module {
    source = "./modules/storage"
  }

  assert {
    condition = { for role, cors in aws_s3_bucket_cors_configuration.made : role => one([for rule in cors.cors_rule : [rule.allowed_methods, rule.allowed_origins]]) } == {
      results = [toset(["GET", "HEAD"]), toset(["https://example.com"])]
      uploads = [toset(["POST", "PUT"]), toset(["https://example.com"])]
    }
    error_message = "Web pages get in by ${jsonencode({ for role, cors in aws_s3_bucket_cors_configuration.made : role => cors.cors_rule })}."
  }

  assert {
    condition     = alltrue([for cors in values(aws_s3_bucket_cors_configuration.made) : alltrue([for rule in cors.cors_rule : contains(rule.expose_headers, "ETag")])])
    error_message = "A page that polls cannot read the ETag: ${jsonencode({ for role, cors in aws_s3_bucket_cors_configuration.made : role => cors.cors_rule })}."
  }
}

run "a_bucket_that_holds_something_outlives_a_destroy" {
  module {
    source = "./modules/storage"
  }

  assert {
    condition     = !anytrue(values(aws_s3_bucket.made)[*].force_destroy)
    error_message = "A destroy takes ${jsonencode([for role, bucket in aws_s3_bucket.made : role if bucket.force_destroy])} away with all that is in it."
  }
}

run "a_destroy_takes_everything_when_asked_to" {
  variables {
    force_destroy = true
  }

  module {
    source = "./modules/storage"
  }

  assert {
    condition     = alltrue(values(aws_s3_bucket.made)[*].force_destroy)
    error_message = "A destroy leaves ${jsonencode([for role, bucket in aws_s3_bucket.made : role if !bucket.force_destroy])}."
  }
}

run "a_reader_reads_results_and_nothing_else" {
  module {
    source = "./modules/storage"
  }

  assert {
    condition = { for statement in data.aws_iam_policy_document.reader.statement : statement.sid => [statement.actions, statement.resources] } == {
      ReadResults = [toset(["s3:GetObject"]), toset(["${output.results.arn}/results/*"])]
    }
    error_message = "The reader may do ${jsonencode(data.aws_iam_policy_document.reader.statement)}."
  }
}

run "a_cdn_of_the_account_reads_renditions_and_no_document" {
  variables {
    results = { bucket = null, prefix = "results/", retention_days = 30, url_life_seconds = 3600, served_from = "https://img.example.com" }
  }

  module {
    source = "./modules/storage"
  }

  assert {
    condition = {
      for statement in data.aws_iam_policy_document.bucket["results"].statement : statement.sid => [
        coalesce(statement.effect, "Allow"), statement.actions, [for principal in statement.principals : principal.identifiers],
        { for condition in statement.condition : condition.variable => condition.values },
      ] if length(regexall("Cdn", statement.sid)) > 0
      } == {
      LetTheCdnReadRenditions = ["Allow", toset(["s3:GetObject"]), [toset(["cloudfront.amazonaws.com"])], {
        "aws:SourceAccount" = tolist(["123456789012"])
        "aws:SourceArn"     = tolist(["arn:aws:cloudfront::123456789012:distribution/*"])
      }]
      KeepDocumentsFromTheCdn = ["Deny", toset(["s3:GetObject"]), [toset(["cloudfront.amazonaws.com"])], {}]
    }
    error_message = "The results' policy says ${jsonencode(data.aws_iam_policy_document.bucket["results"].statement)}."
  }

  assert {
    # Reports of remakes lie beside the results, which are all that the bucket has where their prefix is empty.
    condition = toset(flatten([
      for statement in data.aws_iam_policy_document.bucket["results"].statement : tolist(statement.resources) if statement.sid == "KeepDocumentsFromTheCdn"
    ])) == toset([for documents in ["*/status.json", "photos-remakes/*"] : "${aws_s3_bucket.made["results"].arn}/${documents}"])
    error_message = "The results' policy says ${jsonencode(data.aws_iam_policy_document.bucket["results"].statement)}."
  }

  assert {
    condition     = !anytrue([for statement in data.aws_iam_policy_document.bucket["uploads"].statement : length(regexall("Cdn", statement.sid)) > 0])
    error_message = "A CDN gets at uploads: ${jsonencode(data.aws_iam_policy_document.bucket["uploads"].statement)}."
  }
}

run "who_comes_without_tls_or_with_an_old_signature_is_refused" {
  module {
    source = "./modules/storage"
  }

  assert {
    condition = alltrue([for role in ["results", "uploads"] : {
      for statement in data.aws_iam_policy_document.bucket[role].statement : statement.sid => [
        statement.effect, one(statement.condition).test, one(statement.condition).variable, one(statement.condition).values,
      ]
      } == {
      RefusePlainHttp         = ["Deny", "Bool", "aws:SecureTransport", tolist(["false"])]
      RefuseSignatureVersion2 = ["Deny", "StringEquals", "s3:signatureversion", tolist(["AWS"])]
      RefuseOldSignatures     = ["Deny", "NumericGreaterThan", "s3:signatureAge", tolist([{ results = "604800000", uploads = "86400000" }[role]])]
    }])
    error_message = "The buckets' policies say ${jsonencode({ for role, policy in data.aws_iam_policy_document.bucket : role => policy.statement })}."
  }

  assert {
    condition     = alltrue([for policy in values(data.aws_iam_policy_document.bucket) : alltrue([for statement in policy.statement : statement.actions == toset(["s3:*"]) && contains(statement.principals[*].type, "*")])])
    error_message = "Not everybody and everything is meant by ${jsonencode({ for role, policy in data.aws_iam_policy_document.bucket : role => policy.statement })}."
  }
}

run "a_backend_may_issue_uploads_and_nothing_else" {
  module {
    source = "./modules/storage"
  }

  assert {
    condition = { for statement in data.aws_iam_policy_document.signer.statement : statement.sid => [statement.actions, statement.resources] } == {
      SignUploadForms     = [toset(["s3:PutObject"]), toset(["arn:aws:s3:::photos-uploads-123456789012-eu-central-1/uploads/*"])]
      SignStatusDocuments = [toset(["s3:GetObject"]), toset(["arn:aws:s3:::photos-results-123456789012-eu-central-1/results/uploads/*/status.json"])]
      SeedStatusDocuments = [toset(["s3:PutObject"]), toset(["arn:aws:s3:::photos-results-123456789012-eu-central-1/results/uploads/*/status.json"])]
    }
    error_message = "The signer may do ${jsonencode(data.aws_iam_policy_document.signer.statement)}."
  }

  assert {
    condition     = one([for statement in data.aws_iam_policy_document.signer.statement : [for c in statement.condition : [c.test, c.variable, join("", c.values)]] if statement.sid == "SeedStatusDocuments"]) == [["Null", "s3:if-none-match", "false"]]
    error_message = "The signer may overwrite status documents: ${jsonencode(data.aws_iam_policy_document.signer.statement)}."
  }
}

run "a_bucket_that_was_brought_is_not_touched" {
  variables {
    uploads = { bucket = { name = "media" }, prefix = "in/", retention_days = 7, delete_on_success = false }
  }

  module {
    source = "./modules/storage"
  }

  assert {
    condition = alltrue([for made in [
      aws_s3_bucket.made, aws_s3_bucket_lifecycle_configuration.made, aws_s3_bucket_ownership_controls.made,
      aws_s3_bucket_policy.made, aws_s3_bucket_public_access_block.made, aws_s3_bucket_server_side_encryption_configuration.made,
    ] : keys(made) == ["results"]]) && length(aws_s3_bucket_notification.uploads) == 0 && length(aws_s3_bucket_versioning.uploads) == 0
    error_message = "The module made ${jsonencode(keys(aws_s3_bucket.made))}, notifications of ${jsonencode(keys(aws_s3_bucket_notification.uploads))}, versioning of ${jsonencode(keys(aws_s3_bucket_versioning.uploads))}."
  }

  assert {
    condition     = output.uploads == { bucket = "media", arn = "arn:aws:s3:::media", prefix = "in/", delete_on_success = var.uploads.delete_on_success }
    error_message = "Uploads land at ${jsonencode(output.uploads)}."
  }
}

run "in_china_the_key_is_used_through_the_s3_of_china" {
  variables {
    surroundings = {
      place       = { account_id = "123456789012", dns_suffix = "amazonaws.com.cn", partition = "aws-cn", region = "cn-north-1" }
      role_path   = "/"
      kms_key_arn = "arn:aws-cn:kms:cn-north-1:123456789012:key/1"
      tags        = {}
    }
  }

  module {
    source = "./modules/storage"
  }

  assert {
    condition     = one([for statement in data.aws_iam_policy_document.signer.statement : one(statement.condition).values if statement.sid == "UseTheKeyThroughS3"]) == tolist(["s3.cn-north-1.amazonaws.com.cn"])
    error_message = "The signer may do ${jsonencode(data.aws_iam_policy_document.signer.statement)}."
  }
}
