# In the order in which an image travels.

variable "name" {
  type        = string
  description = "Prefix of every resource name; several instances in one account need different names."
  default     = "upload-workflow"
  nullable    = false

  validation {
    # Buckets are the tightest: 63 characters hold "-uploads-", the account (12), "-" and the longest region name (14).
    condition     = can(regex("^[a-z][a-z0-9-]{1,25}[a-z0-9]$", var.name))
    error_message = "The name has 3 to 27 lower-case letters, digits and hyphens, starts with a letter and ends with a letter or digit: longer ones do not fit into the bucket names made from it."
  }
}

variable "region" {
  type        = string
  description = "AWS region of every resource; null means the provider's region."
  default     = null
}

variable "uploads" {
  type = object({
    bucket         = optional(object({ name = string })) # yours; null: one is made
    prefix         = optional(string, "uploads/")        # only keys below it start the workflow
    retention_days = optional(number, 7)                 # originals, as long as a redrive may need them
  })
  description = "Where uploads land. A bucket of yours keeps its own settings and must have EventBridge notifications switched on."
  default     = {}
  nullable    = false

  validation {
    condition     = can(regex("^([^/].*)?/$", var.uploads.prefix)) && length(var.uploads.prefix) <= 256
    error_message = "The uploads prefix ends with a slash, does not start with one and has at most 256 characters, such as \"uploads/\"."
  }

  validation {
    condition     = var.uploads.retention_days >= 1 && floor(var.uploads.retention_days) == var.uploads.retention_days
    error_message = "Uploads are kept for a whole number of days, at least 1."
  }
}

variable "results" {
  type = object({
    bucket           = optional(object({ name = string })) # yours; null: one is made
    prefix           = optional(string, "results/")        # <prefix><upload key>/status.json
    retention_days   = optional(number, 30)
    url_life_seconds = optional(number, 3600) # of the renditions' URLs; see docs/client.md for what shortens it
  })
  description = "Where status documents and renditions wait for the client. A bucket of yours keeps its own settings."
  default     = {}
  nullable    = false

  validation {
    condition     = var.results.prefix == "" || can(regex("^[^/].*/$", var.results.prefix)) && length(var.results.prefix) <= 256
    error_message = "The results prefix is empty, or ends with a slash, does not start with one and has at most 256 characters, such as \"results/\"."
  }

  validation {
    condition     = var.results.retention_days >= 1 && floor(var.results.retention_days) == var.results.retention_days
    error_message = "Results are kept for a whole number of days, at least 1."
  }

  validation {
    # SigV4 allows seven days.
    condition     = var.results.url_life_seconds >= 60 && var.results.url_life_seconds <= 604800
    error_message = "The life of a URL is 60 to 604800 seconds (seven days)."
  }

  validation {
    condition = !(
      try(var.uploads.bucket.name == var.results.bucket.name, false) &&
      startswith("${var.results.prefix}${var.uploads.prefix}", var.uploads.prefix)
    )
    error_message = "Results would land below the uploads prefix of the same bucket and start the workflow again, without end: give the results a prefix outside it, such as \"results/\", or a bucket of their own."
  }
}

variable "allowed_origins" {
  type        = list(string)
  description = "Origins of web pages that may upload and read results, such as https://example.com; none means no browser access."
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for origin in var.allowed_origins : can(regex("^https?://[^/*]+$", origin))])
    error_message = "Each origin is a scheme and a host without a path or a wildcard, such as \"https://example.com\"."
  }
}

variable "upload_api" {
  type = object({
    authorization = string # IAM: signed requests; JWT: tokens of your issuer; NONE: anybody on the internet
    jwt = optional(object({
      issuer    = string                     # the token's "iss", with its discovery document below it
      audiences = list(string)               # a token names at least one
      scopes    = optional(list(string), []) # and has at least one, if there are any
    }))
    page              = optional(bool, false) # serve the upload page at /
    content_types     = optional(list(string), ["image/jpeg", "image/png", "image/webp", "image/gif", "image/avif", "image/tiff", "image/bmp"])
    form_life_seconds = optional(number, 900) # an upload starts within it
    throttle = optional(object({
      requests_per_second = optional(number, 10) # of all clients together
      burst               = optional(number, 20)
    }), {})
  })
  description = "HTTP API that issues uploads; null means none, and your backend signs with signer_policy_json."
  default     = null

  validation {
    condition     = var.upload_api == null || contains(["IAM", "JWT", "NONE"], try(var.upload_api.authorization, ""))
    error_message = "The authorization of the upload API is \"IAM\", \"JWT\" or, if anybody on the internet may upload, \"NONE\"."
  }

  validation {
    condition     = var.upload_api == null || (try(var.upload_api.authorization, "") == "JWT") == (try(var.upload_api.jwt, null) != null)
    error_message = "Authorization \"JWT\" comes with jwt = { issuer = ..., audiences = [...] }, and the other kinds come without it."
  }

  validation {
    condition     = try(var.upload_api.jwt, null) == null || try(length(var.upload_api.jwt.audiences) > 0, false)
    error_message = "JWT authorization names at least one audience: without one, a token that the issuer made for any other service would do."
  }

  validation {
    # API Gateway wants https; a local AWS may have its issuer beside it.
    condition     = try(var.upload_api.jwt, null) == null || can(regex("^(https://|http://127\\.0\\.0\\.1[:/])[^?#]+$", var.upload_api.jwt.issuer))
    error_message = "The issuer is the https URL in the token's \"iss\", such as \"https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_abc\"."
  }

  validation {
    condition     = !try(var.upload_api.page, false) || try(var.upload_api.authorization, "") != "IAM"
    error_message = "A browser cannot sign requests with IAM credentials: the page goes with authorization \"NONE\" or \"JWT\"."
  }

  validation {
    condition = var.upload_api == null || try(
      length(var.upload_api.content_types) > 0 && length(var.upload_api.content_types) <= 30
      && alltrue([for type in var.upload_api.content_types : can(regex("^[a-z]+/[a-z0-9][a-z0-9.+-]*$", type))]),
      false
    )
    error_message = "There are 1 to 30 content types, each with a type and a subtype in lower case and no wildcard, such as \"image/jpeg\"."
  }

  validation {
    condition     = var.upload_api == null || try(var.upload_api.form_life_seconds >= 60 && var.upload_api.form_life_seconds <= 3600, false)
    error_message = "The life of an upload form is 60 to 3600 seconds."
  }

  validation {
    condition     = var.upload_api == null || try(var.upload_api.throttle.requests_per_second >= 1 && var.upload_api.throttle.burst >= 1, false)
    error_message = "The throttle lets at least 1 request a second pass, with a burst of at least 1."
  }
}

variable "renditions" {
  type = map(object({
    width_px   = optional(number)            # the box; at least one side
    height_px  = optional(number)            #
    fit        = optional(string, "inside")  # inside: whole picture within the box; cover: box filled, cropped; contain: box filled, padded
    position   = optional(string, "center")  # what cover keeps and where contain puts the picture
    background = optional(string, "#ffffff") # behind transparency and padding
    format     = string                      # jpeg, webp, avif, png, or auto
    quality    = optional(number)            # 1 to 100; null: the format's own default
    enlarge    = optional(bool, false)       # may a small picture grow to the box
    animated   = optional(bool, false)       # keep animation where format and upload have it
  }))
  description = "What is made from every upload, by name."
  nullable    = false

  default = {
    large     = { width_px = 2048, height_px = 2048, format = "jpeg" }
    preview   = { width_px = 1024, height_px = 1024, format = "jpeg" }
    thumbnail = { width_px = 320, height_px = 320, format = "jpeg" }
  }

  validation {
    condition     = length(var.renditions) >= 1 && length(var.renditions) <= 20
    error_message = "There are 1 to 20 renditions."
  }

  validation {
    condition     = alltrue([for name, _ in var.renditions : can(regex("^[a-z0-9][a-z0-9_-]{0,31}$", name))])
    error_message = "The name of a rendition has 1 to 32 lower-case letters, digits, hyphens and underscores, such as \"thumbnail\"."
  }

  validation {
    condition     = alltrue([for r in values(var.renditions) : contains(["jpeg", "webp", "avif", "png", "auto"], r.format)])
    error_message = "The format of a rendition is jpeg, webp, avif, png or auto."
  }

  validation {
    condition     = alltrue([for r in values(var.renditions) : contains(["inside", "cover", "contain"], r.fit)])
    error_message = "The fit of a rendition is inside, cover or contain."
  }

  validation {
    condition     = alltrue([for r in values(var.renditions) : contains(["center", "top", "bottom", "left", "right", "top-left", "top-right", "bottom-left", "bottom-right"], r.position)])
    error_message = "The position of a rendition is center, top, bottom, left, right, top-left, top-right, bottom-left or bottom-right."
  }

  validation {
    condition     = alltrue([for r in values(var.renditions) : can(regex("^#[0-9a-f]{6}$", r.background))])
    error_message = "The background of a rendition is a color such as \"#ffffff\", in lower-case hexadecimal digits."
  }

  validation {
    condition     = alltrue([for r in values(var.renditions) : r.quality == null || try(r.quality >= 1 && r.quality <= 100 && floor(r.quality) == r.quality, false)])
    error_message = "The quality of a rendition is a whole number from 1 to 100."
  }

  validation {
    condition     = alltrue([for r in values(var.renditions) : r.width_px != null || r.height_px != null])
    error_message = "A rendition has a width_px, a height_px or both."
  }

  validation {
    condition     = alltrue([for r in values(var.renditions) : alltrue([for px in [r.width_px, r.height_px] : px == null || try(px >= 1 && px <= 16383 && floor(px) == px, false)])])
    error_message = "The width_px and height_px of a rendition are whole numbers from 1 to 16383."
  }

  validation {
    condition     = alltrue([for r in values(var.renditions) : r.fit == "inside" || (r.width_px != null && r.height_px != null)])
    error_message = "A rendition that covers or contains its box has both a width_px and a height_px."
  }

  validation {
    condition     = alltrue([for r in values(var.renditions) : !r.animated || contains(["webp", "auto"], r.format)])
    error_message = "An animated rendition has the format webp or auto."
  }

  validation {
    # Lambda gives all variables of a function 4096 bytes together.
    condition     = length(jsonencode({ for name, r in var.renditions : name => { for k, v in r : k => v if v != null } })) <= 3400
    error_message = "The renditions are described in at most 3400 bytes of JSON: make fewer of them or give them shorter names."
  }
}

variable "limits" {
  type = object({
    max_bytes        = optional(number, 50000000)
    max_pixels       = optional(number, 100000000)  # width x height
    max_frame_pixels = optional(number, 250000000)  # frames x pixels of an animation that is kept
    max_scan_pixels  = optional(number, 2000000000) # scans x pixels of a progressive JPEG: what decoding it costs
    max_memory_mb    = optional(number, 340)        # what decoding is estimated to need
    max_seconds      = optional(number, 30)         # of one conversion
  })
  description = "What is refused, with a message that tells the client what would pass."
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for value in values(var.limits) : value >= 1 && floor(value) == value])
    error_message = "Each limit is a whole number, at least 1."
  }

  validation {
    # The form that S3 accepts in one request.
    condition     = var.limits.max_bytes <= 5368709120
    error_message = "The limit max_bytes is at most 5368709120 (5 GiB), the most that S3 takes in one upload."
  }

  validation {
    condition     = var.limits.max_memory_mb <= var.conversion.memory_mb - 128
    error_message = "The limit max_memory_mb leaves at least 128 MB of conversion.memory_mb for the function itself."
  }

  validation {
    condition     = var.limits.max_seconds < var.conversion.timeout_seconds
    error_message = "The limit max_seconds is shorter than conversion.timeout_seconds, so that a slow picture is rejected before the function is cut off."
  }
}

variable "workflow" {
  type = object({
    type    = optional(string, "STANDARD")       # EXPRESS costs less and forgets; docs/operations.md says what is lost
    trigger = optional(string, "object_created") # or malware_scan: wait for GuardDuty's result
    paused  = optional(bool, false)              # uploads wait as dead letters, for 14 days, until redriven
  })
  description = "How and when an upload is worked on."
  default     = {}
  nullable    = false

  validation {
    condition     = contains(["STANDARD", "EXPRESS"], var.workflow.type)
    error_message = "The type of the workflow is STANDARD or EXPRESS."
  }

  validation {
    condition     = contains(["object_created", "malware_scan"], var.workflow.trigger)
    error_message = "The trigger of the workflow is object_created or malware_scan."
  }

  validation {
    # Lambda's part of an Express execution, twice for a crash, ends before the execution does.
    condition     = var.workflow.type == "STANDARD" || var.conversion.timeout_seconds <= 120
    error_message = "An EXPRESS workflow lasts five minutes at most: set conversion.timeout_seconds to 120 or less, or use STANDARD."
  }
}

variable "conversion" {
  type = object({
    architecture    = optional(string, "x86_64") # x86_64 has the SIMD resampler
    memory_mb       = optional(number, 1769)     # one whole virtual CPU
    timeout_seconds = optional(number, 60)
    max_concurrency = optional(number) # conversions at a time; null: as many as the account allows
  })
  description = "What the conversion function gets."
  default     = {}
  nullable    = false

  validation {
    condition     = contains(["x86_64", "arm64"], var.conversion.architecture)
    error_message = "The architecture is x86_64 or arm64."
  }

  validation {
    condition     = var.conversion.memory_mb >= 512 && var.conversion.memory_mb <= 10240
    error_message = "The memory of the conversion function is 512 to 10240 MB."
  }

  validation {
    condition     = var.conversion.timeout_seconds >= 10 && var.conversion.timeout_seconds <= 840
    error_message = "The time-out of the conversion function is 10 to 840 seconds."
  }

  validation {
    condition     = var.conversion.max_concurrency == null || try(var.conversion.max_concurrency >= 1, false)
    error_message = "The concurrency ceiling is at least 1, or null for none."
  }
}

variable "package_file" {
  type        = string
  description = "Zip with the functions, made by `make package` or taken from a release; null means the one in build/ for the architecture."
  default     = null

  validation {
    condition     = fileexists(coalesce(var.package_file, "${path.module}/build/upload_workflow-${var.conversion.architecture}.zip"))
    error_message = "The functions' package ${coalesce(var.package_file, "build/upload_workflow-${var.conversion.architecture}.zip")} does not exist: run `make package ARCH=${var.conversion.architecture}` in the module's folder first, or set package_file to a zip from a release."
  }
}

variable "surroundings" {
  type = object({
    kms_key_arn              = optional(string)      # encrypts buckets, dead letters, topics and logs; null: keys that AWS owns
    role_path                = optional(string, "/") #
    permissions_boundary_arn = optional(string)      # of every role
    network = optional(object({                      # of the functions; they need a way to S3, EventBridge and SQS. null: no VPC
      subnet_ids         = list(string)
      security_group_ids = list(string)
    }))
  })
  description = "What the infrastructure around demands. docs/reference.md says what the policy of a key must grant."
  default     = {}
  nullable    = false

  validation {
    condition     = var.surroundings.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.surroundings.kms_key_arn))
    error_message = "The KMS key is given by its ARN, such as \"arn:aws:kms:eu-central-1:123456789012:key/...\", not by an alias."
  }

  validation {
    condition     = can(regex("^/([!-~]+/)?$", var.surroundings.role_path))
    error_message = "The path of the roles starts and ends with a slash, such as \"/\" or \"/media/\"."
  }

  validation {
    condition     = var.surroundings.network == null || try(length(var.surroundings.network.subnet_ids) > 0 && length(var.surroundings.network.security_group_ids) > 0, false)
    error_message = "A network has at least one subnet and one security group; null means no VPC."
  }
}

variable "monitoring" {
  type = object({
    topic            = optional(object({ arn = string }))     # SNS topic of yours; null: one is made
    email_addresses  = optional(list(string), [])             # each must confirm a mail from AWS first
    runbook_url      = optional(string, "docs/operations.md") # where your people read it; alarms link to its paragraphs
    failed_jobs      = optional(number, 1)                    # in five minutes, from which on somebody is called
    slow_seconds     = optional(number, 60)                   # from upload to result, for the slowest twentieth
    rejected_percent = optional(number, 50)                   # of the uploads
  })
  description = "Alarms, dashboard and saved queries; null means none of them."
  default     = {}

  validation {
    condition     = try(var.monitoring.topic, null) == null || can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:.+$", var.monitoring.topic.arn))
    error_message = "The topic is given by the ARN of an SNS topic, such as \"arn:aws:sns:eu-central-1:123456789012:on-call\"."
  }

  validation {
    condition     = alltrue([for address in try(var.monitoring.email_addresses, []) : can(regex("^[^@ ]+@[^@ ]+$", address))])
    error_message = "Each e-mail address looks like \"on-call@example.com\"."
  }

  validation {
    condition     = length(try(var.monitoring.runbook_url, "")) <= 200 && !can(regex("[# ]", try(var.monitoring.runbook_url, "")))
    error_message = "The runbook_url has at most 200 characters, no space and no \"#\": the alarm's name is appended as \"#executions-failed\"."
  }

  validation {
    condition     = try(var.monitoring.failed_jobs, 1) >= 1
    error_message = "The failed_jobs in five minutes that call somebody are at least 1."
  }

  validation {
    # Clients give up before an hour; shorter than a second is less than S3 and Lambda promise.
    condition     = try(var.monitoring.slow_seconds, 60) >= 1 && try(var.monitoring.slow_seconds, 60) <= 3600
    error_message = "The slow_seconds from upload to result are 1 to 3600."
  }

  validation {
    condition     = try(var.monitoring.rejected_percent, 50) > 0 && try(var.monitoring.rejected_percent, 50) <= 100
    error_message = "The rejected_percent of the uploads is above 0 and at most 100."
  }
}

variable "log_retention_days" {
  type        = number
  description = "Days for which logs are kept."
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "CloudWatch Logs keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653 days."
  }
}

variable "force_destroy" {
  type        = bool
  description = "May `terraform destroy` delete buckets that still hold uploads and results."
  default     = false
  nullable    = false
}

variable "tags" {
  type        = map(string)
  description = "Tags of every resource, beside the provider's default_tags."
  default     = {}
  nullable    = false
}
