# In the order in which an image travels.

variable "name" {
  type        = string
  description = "Prefix of every resource name; several instances in one account need different names. Given once."
  default     = "upload-workflow"
  nullable    = false

  validation {
    # Buckets are the tightest: 63 characters hold "-uploads-", the account (12), "-" and the longest region name (15).
    condition     = can(regex("^[a-z][a-z0-9-]{1,24}[a-z0-9]$", var.name))
    error_message = <<-EOT
      The name has 3 to 26 lower-case letters, digits and hyphens, starts with a letter and ends with a letter or digit:
      longer ones do not fit into the bucket names made from it.
    EOT
  }

  validation {
    condition     = !can(regex("^(xn--|sthree-|amzn-s3-demo-)", var.name))
    error_message = "The name does not begin with xn--, sthree- or amzn-s3-demo-, as bucket names of S3's own do."
  }
}

variable "region" {
  type        = string
  description = "AWS region of every resource; null means the provider's region."
  default     = null
}

variable "uploads" {
  type = object({
    bucket = optional(object({ name = string })) # yours; null: one is made
    prefix = optional(string, "uploads/")        # only keys below it start the workflow
    # Days of the originals, as long as a redrive may need them; or "forever".
    retention_days    = optional(string, "7")
    delete_on_success = optional(bool, false) # each original goes once its job has succeeded
  })
  description = "Where uploads land. A bucket of yours keeps its settings and has its EventBridge notifications on."
  default     = {}
  nullable    = false

  validation {
    # A dot in the name breaks TLS: browsers reach the bucket by a host name that begins with it.
    condition = (
      var.uploads.bucket == null || can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.uploads.bucket.name))
    )
    error_message = format(
      join(" ", [
        "The bucket of uploads is given by its bare name, of 3 to 63 lower-case letters, digits and hyphens, such as",
        "\"example-media\", not by an ARN or an address (not so: %s).",
      ]),
      try(var.uploads.bucket.name, "")
    )
  }

  validation {
    # Wildcards and variables of IAM, in the ARNs that are made of the prefix. With dots or more bytes of UTF-8 results
    # lie in folders named by a hash (job/keys.py), which whoever issues uploads may not write.
    condition = alltrue([
      can(regex("^[^/*?][^*?]*/$", var.uploads.prefix)),
      !can(regex("[$][{]", var.uploads.prefix)),
      !can(regex("(^|/)[.]{1,2}/", var.uploads.prefix)),
      length(replace(urlencode(var.uploads.prefix), "/%../", "-")) <= 256,
    ])
    error_message = <<-EOT
      The uploads prefix ends with a slash, does not start with one, has at most 256 bytes, no folder "." or ".." and
      none of *, ? and $${, such as "uploads/".
    EOT
  }

  validation {
    condition = (
      var.uploads.retention_days == "forever" || can(regex("^[1-9][0-9]{0,5}$", var.uploads.retention_days))
    )
    error_message = "Uploads are kept for a whole number of days, at least 1, or \"forever\"."
  }
}

variable "results" {
  type = object({
    bucket = optional(object({ name = string })) # yours; null: one is made
    prefix = optional(string, "results/")        # <prefix><upload key>/status.json
    # Days, or "forever".
    retention_days   = optional(string, "30")
    url_life_seconds = optional(number, 3600) # of every URL, the status URL's too; docs/client.md says what shortens it
    served_from      = optional(string)       # such as "https://img.example.com": renditions' URLs last; null: signed
  })
  description = "Where status documents and renditions wait for the client. A bucket of yours keeps its own settings."
  default     = {}
  nullable    = false

  validation {
    # As for uploads.
    condition = (
      var.results.bucket == null || can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.results.bucket.name))
    )
    error_message = format(
      join(" ", [
        "The bucket of results is given by its bare name, of 3 to 63 lower-case letters, digits and hyphens, such as",
        "\"example-media\", not by an ARN or an address (not so: %s).",
      ]),
      try(var.results.bucket.name, "")
    )
  }

  validation {
    # As for uploads.
    condition = var.results.prefix == "" || alltrue([
      can(regex("^[^/*?][^*?]*/$", var.results.prefix)),
      !can(regex("[$][{]", var.results.prefix)),
      !can(regex("(^|/)[.]{1,2}/", var.results.prefix)),
      length(replace(urlencode(var.results.prefix), "/%../", "-")) <= 256,
    ])
    error_message = <<-EOT
      The results prefix is empty, or ends with a slash, does not start with one, has at most 256 bytes, no folder "."
      or ".." and none of *, ? and $${, such as "results/".
    EOT
  }

  validation {
    condition = (
      var.results.retention_days == "forever" || can(regex("^[1-9][0-9]{0,5}$", var.results.retention_days))
    )
    error_message = "Results are kept for a whole number of days, at least 1, or \"forever\"."
  }

  validation {
    # SigV4 allows seven days.
    condition = alltrue([
      var.results.url_life_seconds >= 60,
      var.results.url_life_seconds <= 604800,
      floor(var.results.url_life_seconds) == var.results.url_life_seconds,
    ])
    error_message = "The life of a URL is a whole number of seconds, 60 to 604800 (seven days)."
  }

  validation {
    # A CDN on loopback serves in tests. The length has to fit into a function's environment.
    condition = var.results.served_from == null || try(length(var.results.served_from) <= 60, false) && can(regex(
      "^(https://[a-z0-9.-]+|http://127\\.0\\.0\\.1)(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)*$", var.results.served_from
    ))
    error_message = <<-EOT
      Renditions are served from an https address in lower case, of at most 60 characters, without a slash at its end, a
      query or a fragment, such as "https://img.example.com".
    EOT
  }

  validation {
    condition     = try(var.upload_api.form_life_seconds, 60) <= var.results.url_life_seconds
    error_message = "A status URL outlives a slow upload: make url_life_seconds at least form_life_seconds."
  }

  validation {
    condition = !(
      try(var.uploads.bucket.name == var.results.bucket.name, false) &&
      startswith("${var.results.prefix}${var.uploads.prefix}", var.uploads.prefix)
    )
    error_message = <<-EOT
      Results would land below the uploads prefix of the same bucket and start the workflow again, without end:
      give the results a prefix outside it, such as "results/", or a bucket of their own.
    EOT
  }
}

variable "allowed_origins" {
  type        = list(string)
  description = "Origins of pages that may upload and read results, such as https://example.com; none: no browsers."
  default     = []
  nullable    = false

  validation {
    # As a browser sends it: S3 compares letter by letter.
    condition = alltrue([
      for origin in var.allowed_origins :
      alltrue([
        can(regex("^(https?|capacitor|ionic|tauri)://([a-z0-9._-]+|\\[[0-9a-f:]+\\])(:[0-9]{1,5})?$", origin)),
        !can(regex("^(https://.*:443|http://.*:80)$", origin)),
      ])
    ])
    error_message = format(
      join(" ", [
        "Each origin is what a browser sends: scheme and host in lower case, a port only where it is not the scheme's",
        "own, no path and no wildcard, such as \"https://example.com\" (not so: %s).",
      ]),
      join(", ", [
        for origin in var.allowed_origins : origin
        if anytrue([
          !can(regex("^(https?|capacitor|ionic|tauri)://([a-z0-9._-]+|\\[[0-9a-f:]+\\])(:[0-9]{1,5})?$", origin)),
          can(regex("^(https://.*:443|http://.*:80)$", origin)),
        ])
      ])
    )
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
    page              = optional(bool, false)  # serve the upload page at /
    content_types     = optional(list(string)) # null: all that the package reads; with conversion.handler your own
    forms             = optional(bool, true)   # also upload forms; false: only tickets (PUT), which S3 takes once
    form_life_seconds = optional(number, 900)  # an upload starts within it, by form or ticket
    throttle = optional(object({
      requests_per_second = optional(number, 10) # of all clients together
      burst               = optional(number, 20)
    }), {})
  })
  description = "HTTP API that issues uploads; null means none, and your backend signs with signer_policy_json."
  default     = null

  validation {
    condition     = var.upload_api == null || contains(["IAM", "JWT", "NONE"], try(var.upload_api.authorization, ""))
    error_message = <<-EOT
      The authorization of the upload API is "IAM", "JWT" or, if anybody on the internet may upload, "NONE".
    EOT
  }

  validation {
    condition = var.upload_api == null || (
      (try(var.upload_api.authorization, "") == "JWT") == (try(var.upload_api.jwt, null) != null)
    )
    error_message = <<-EOT
      Authorization "JWT" comes with jwt = { issuer = ..., audiences = [...] }, and the other kinds come without it.
    EOT
  }

  validation {
    condition     = try(var.upload_api.jwt, null) == null || try(length(var.upload_api.jwt.audiences) > 0, false)
    error_message = <<-EOT
      JWT authorization names at least one audience: without one, a token that the issuer made for any other service
      would do.
    EOT
  }

  validation {
    condition = var.upload_api == null || alltrue([
      for jwt in try(var.upload_api.jwt, null)[*] :
      try(length(jwt.audiences) <= 50 && length(coalesce(jwt.scopes, [])) <= 10, false)
    ])
    error_message = "API Gateway takes at most 50 audiences and 10 scopes."
  }

  validation {
    # API Gateway wants https; a local AWS may have its issuer beside it.
    condition = anytrue([
      try(var.upload_api.jwt, null) == null,
      can(regex("^(https://|http://127\\.0\\.0\\.1[:/])[^?#]+$", var.upload_api.jwt.issuer)),
    ])
    error_message = <<-EOT
      The issuer is the https URL in the token's "iss", such as
      "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_abc".
    EOT
  }

  validation {
    condition     = !try(var.upload_api.page, false) || try(var.upload_api.authorization, "") != "IAM"
    error_message = <<-EOT
      A browser cannot sign requests with IAM credentials: the page goes with authorization "NONE" or "JWT".
    EOT
  }

  validation {
    condition = try(var.upload_api.content_types, null) == null || try(
      alltrue([
        length(var.upload_api.content_types) > 0,
        length(var.upload_api.content_types) <= 30,
        alltrue([for type in var.upload_api.content_types : can(regex("^[a-z]+/[a-z0-9][a-z0-9.+-]*$", type))]),
      ]),
      false
    )
    error_message = <<-EOT
      There are 1 to 30 content types, each with a type and a subtype in lower case and no wildcard, such as
      "image/jpeg".
    EOT
  }

  validation {
    # Otherwise the API would sign uploads of which every one is rejected.
    condition = alltrue([
      for extra, types in { heic = ["image/heic", "image/heif"], pdf = ["application/pdf"] } :
      anytrue([
        var.conversion.handler != null,
        contains(var.conversion.extras, extra),
        length(setintersection(coalesce(try(var.upload_api.content_types, null), []), types)) == 0,
      ])
    ])
    error_message = <<-EOT
      The package reads image/heic and image/heif only with "heic" among conversion.extras, application/pdf with "pdf".
    EOT
  }

  validation {
    # As above.
    condition = var.conversion.handler != null || length(setintersection(
      coalesce(try(var.upload_api.content_types, null), []),
      var.limits.formats == null ? [] : flatten([
        for format in ["jpeg", "png", "webp", "gif", "avif", "tiff", "bmp", "heif", "pdf"] :
        lookup({ heif = ["image/heic", "image/heif"], pdf = ["application/pdf"] }, format, ["image/${format}"])
        if !contains(coalesce(var.limits.formats, []), format)
      ])
    )) == 0
    error_message = <<-EOT
      Where limits.formats are given, upload_api.content_types are types of those formats: uploads of all others are
      rejected.
    EOT
  }

  validation {
    condition = anytrue([
      var.conversion.handler == null,
      var.upload_api == null,
      try(var.upload_api.content_types, null) != null,
    ])
    error_message = <<-EOT
      What a handler of yours reads only you know: set upload_api.content_types, such as ["audio/wav"].
    EOT
  }

  validation {
    condition = var.upload_api == null || try(
      alltrue([
        var.upload_api.form_life_seconds >= 60,
        var.upload_api.form_life_seconds <= 3600,
        floor(var.upload_api.form_life_seconds) == var.upload_api.form_life_seconds,
      ]),
      false
    )
    error_message = "The life of an upload form is a whole number of seconds, 60 to 3600."
  }

  validation {
    condition = var.upload_api == null || try(
      alltrue([
        var.upload_api.throttle.requests_per_second >= 1,
        var.upload_api.throttle.burst >= 1,
        floor(var.upload_api.throttle.burst) == var.upload_api.throttle.burst,
      ]),
      false
    )
    error_message = <<-EOT
      The throttle lets at least 1 request a second pass, with a burst that is a whole number and at least 1.
    EOT
  }
}

variable "renditions" {
  type = map(object({
    width_px   = optional(number)            # the box; at least one side
    height_px  = optional(number)            # null: as high or as wide as the other side makes it
    fit        = optional(string, "inside")  # or cover, contain, fill, outside: docs/conversion.md shows each
    position   = optional(string, "center")  # what cover keeps (salient: what stands out), where contain puts it
    background = optional(string, "#ffffff") # behind transparency and padding
    format     = string                      # jpeg, webp, avif, png, or auto
    quality    = optional(number)            # 1 to 100; null: the format's own default
    enlarge    = optional(bool, false)       # may a small picture grow to the box
    animated   = optional(bool, false)       # keep animation where format and upload have it
    # May it keep these two fields of EXIF, artist and copyright: the only metadata that a rendition can have.
    keep_copyright = optional(bool, false)
    # A mark laid on it, such as a watermark.
    overlay = optional(object({
      bucket          = string # where the mark lies: read once a worker, at most 2 MB
      key             = string
      position        = optional(string, "bottom-right") # any place but salient
      width_percent   = optional(number, 25)             # of the rendition's width
      opacity_percent = optional(number, 100)
    }))
  }))
  description = "What is made from every upload, by name; docs/conversion.md says what each word does to a picture."
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
    condition = length([
      for name, r in var.renditions : name
      if !can(regex("^[a-z0-9][a-z0-9_-]{0,31}$", name))
    ]) == 0
    error_message = format(
      "The name of a rendition has 1 to 32 lower-case letters, digits, hyphens and underscores (not so: %s).",
      join(", ", [
        for name, r in var.renditions : name
        if !can(regex("^[a-z0-9][a-z0-9_-]{0,31}$", name))
      ])
    )
  }

  validation {
    condition = length([
      for name, r in var.renditions : name
      if !contains(["jpeg", "webp", "avif", "png", "auto"], r.format)
    ]) == 0
    error_message = format(
      "The format of a rendition is jpeg, webp, avif, png or auto (not so: %s).",
      join(", ", [
        for name, r in var.renditions : name
        if !contains(["jpeg", "webp", "avif", "png", "auto"], r.format)
      ])
    )
  }

  validation {
    condition = length([
      for name, r in var.renditions : name
      if !contains(["inside", "cover", "contain", "fill", "outside"], r.fit)
    ]) == 0
    error_message = format(
      "The fit of a rendition is inside, cover, contain, fill or outside (not so: %s).",
      join(", ", [
        for name, r in var.renditions : name
        if !contains(["inside", "cover", "contain", "fill", "outside"], r.fit)
      ])
    )
  }

  validation {
    condition = length([
      for name, r in var.renditions : name
      if !contains(
        [
          "center", "top", "bottom", "left", "right", "top-left", "top-right", "bottom-left", "bottom-right", "salient",
        ],
        r.position
      )
    ]) == 0
    error_message = format(
      join(" ", [
        "The position of a rendition is center, top, bottom, left, right, top-left, top-right, bottom-left,",
        "bottom-right or salient (not so: %s).",
      ]),
      join(", ", [
        for name, r in var.renditions : name
        if !can(regex("^(center|top|bottom|left|right|(top|bottom)-(left|right)|salient)$", r.position))
      ])
    )
  }

  validation {
    condition = length([
      for name, r in var.renditions : name
      if !can(regex("^#[0-9a-f]{6}$", r.background))
    ]) == 0
    error_message = format(
      "The background of a rendition is a color such as \"#ffffff\", in lower case (not so: %s).",
      join(", ", [
        for name, r in var.renditions : name
        if !can(regex("^#[0-9a-f]{6}$", r.background))
      ])
    )
  }

  validation {
    condition = length([
      for name, r in var.renditions : name
      if r.quality != null && !try(r.quality >= 1 && r.quality <= 100 && floor(r.quality) == r.quality, false)
    ]) == 0
    error_message = format(
      "The quality of a rendition is a whole number from 1 to 100 (not so: %s).",
      join(", ", [
        for name, r in var.renditions : name
        if r.quality != null && !try(r.quality >= 1 && r.quality <= 100 && floor(r.quality) == r.quality, false)
      ])
    )
  }

  validation {
    condition = length([
      for name, r in var.renditions : name
      if r.width_px == null && r.height_px == null
    ]) == 0
    error_message = format(
      "A rendition has a width_px, a height_px or both (not so: %s).",
      join(", ", [
        for name, r in var.renditions : name
        if r.width_px == null && r.height_px == null
      ])
    )
  }

  validation {
    condition = length([
      for name, r in var.renditions : name
      if anytrue([
        for px in [r.width_px, r.height_px] : px != null && !try(px >= 1 && px <= 16383 && floor(px) == px, false)
      ])
    ]) == 0
    error_message = format(
      "The width_px and height_px of a rendition are whole numbers from 1 to 16383 (not so: %s).",
      join(", ", [
        for name, r in var.renditions : name
        if anytrue([
          for px in [r.width_px, r.height_px] : px != null && !try(px >= 1 && px <= 16383 && floor(px) == px, false)
        ])
      ])
    )
  }

  validation {
    condition = length([
      for name, r in var.renditions : name
      if r.fit != "inside" && (r.width_px == null || r.height_px == null)
    ]) == 0
    error_message = format(
      "A rendition of any other fit than inside has both a width_px and a height_px (not so: %s).",
      join(", ", [
        for name, r in var.renditions : name
        if r.fit != "inside" && (r.width_px == null || r.height_px == null)
      ])
    )
  }

  validation {
    condition = length([
      for name, r in var.renditions : name
      if r.position == "salient" && r.fit != "cover"
    ]) == 0
    error_message = format(
      "The position salient says what the fit cover keeps, and goes with no other (not so: %s).",
      join(", ", [
        for name, r in var.renditions : name
        if r.position == "salient" && r.fit != "cover"
      ])
    )
  }

  validation {
    condition = length([
      for name, r in var.renditions : name
      if r.animated && !contains(["webp", "auto"], r.format)
    ]) == 0
    error_message = format(
      "An animated rendition has the format webp or auto (not so: %s).",
      join(", ", [
        for name, r in var.renditions : name
        if r.animated && !contains(["webp", "auto"], r.format)
      ])
    )
  }

  validation {
    condition = length([
      for name, r in var.renditions : name
      if !contains(
        ["center", "top", "bottom", "left", "right", "top-left", "top-right", "bottom-left", "bottom-right"],
        try(r.overlay.position, "center")
      )
    ]) == 0
    error_message = format(
      "The position of an overlay is center, top, bottom, left, right or a corner such as \"top-left\" (not so: %s).",
      join(", ", [
        for name, r in var.renditions : name
        if !contains(
          ["center", "top", "bottom", "left", "right", "top-left", "top-right", "bottom-left", "bottom-right"],
          try(r.overlay.position, "center")
        )
      ])
    )
  }

  validation {
    condition = length([
      for name, r in var.renditions : name
      if anytrue([
        for p in r.overlay == null ? [] : [r.overlay.width_percent, r.overlay.opacity_percent] :
        !try(p >= 1 && p <= 100 && floor(p) == p, false)
      ])
    ]) == 0
    error_message = format(
      "The width_percent and opacity_percent of an overlay are whole numbers from 1 to 100 (not so: %s).",
      join(", ", [
        for name, r in var.renditions : name
        if anytrue([
          for p in r.overlay == null ? [] : [r.overlay.width_percent, r.overlay.opacity_percent] :
          !try(p >= 1 && p <= 100 && floor(p) == p, false)
        ])
      ])
    )
  }

  validation {
    condition = length([
      for name, r in var.renditions : name
      if !alltrue([
        can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", try(r.overlay.bucket, "none"))),
        can(regex("^[^*?$]+$", try(r.overlay.key, "none"))),
      ])
    ]) == 0
    error_message = format(
      "An overlay names a bucket, and a key without *, ? and $ (not so: %s).",
      join(", ", [
        for name, r in var.renditions : name
        if !alltrue([
          can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", try(r.overlay.bucket, "none"))),
          can(regex("^[^*?$]+$", try(r.overlay.key, "none"))),
        ])
      ])
    )
  }

  validation {
    # Lambda gives all variables of a function 4096 bytes together, as JSON: quotes within one count twice.
    condition = length(replace(
      urlencode(jsonencode(jsonencode({
        for name, r in var.renditions : name => { for k, v in r : k => v if v != null && v != false }
      }))),
      "/%../", "-"
    )) <= 3000
    error_message = <<-EOT
      The renditions are described in at most 3000 bytes of JSON, quotes counted twice: make fewer of them or give them
      shorter names.
    EOT
  }
}

variable "limits" {
  type = object({
    max_bytes        = optional(number, 50000000)
    max_pixels       = optional(number, 100000000)  # width x height
    max_frame_pixels = optional(number, 250000000)  # frames x pixels of an animation that is kept
    max_scan_pixels  = optional(number, 2000000000) # scans x pixels of a progressive JPEG: what decoding it costs
    max_memory_mb    = optional(number, 340)        # what decoding is estimated to need
    max_seconds      = optional(number, 30)         # CPU of one conversion, and its clock
    formats          = optional(list(string))       # whose decoders are switched on; null: all of them
  })
  description = "What is refused, with a message that tells the client what would pass."
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name, value in var.limits : value >= 1 && floor(value) == value if name != "formats"])
    error_message = "Each limit but the formats is a whole number, at least 1."
  }

  validation {
    condition = var.limits.formats == null || try(
      length(var.limits.formats) > 0 && alltrue([
        for format in var.limits.formats :
        contains(["jpeg", "png", "webp", "gif", "avif", "tiff", "bmp", "heif", "pdf"], format)
      ]),
      false
    )
    error_message = "The formats are some of jpeg, png, webp, gif, avif, tiff, bmp, heif and pdf, at least one."
  }

  validation {
    condition = anytrue([
      var.limits.formats == null,
      var.conversion.handler != null,
      length(setsubtract(coalesce(var.limits.formats, []), concat(
        contains(var.conversion.extras, "heic") ? [] : ["heif"],
        contains(var.conversion.extras, "pdf") ? [] : ["pdf"],
      ))) > 0,
    ])
    error_message = <<-EOT
      The formats have one that the package reads: heif needs "heic" among conversion.extras, pdf needs "pdf".
    EOT
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
    # The fence lets a second more pass; reading and writing take theirs.
    condition     = var.limits.max_seconds + 5 <= var.conversion.timeout_seconds
    error_message = <<-EOT
      The limit max_seconds is at least 5 seconds shorter than conversion.timeout_seconds, so that a slow picture is
      rejected before the function is cut off.
    EOT
  }
}

variable "workflow" {
  type = object({
    type    = optional(string, "STANDARD")       # EXPRESS costs less and forgets: docs/operations.md
    trigger = optional(string, "object_created") # or malware_scan: wait for GuardDuty's result
    paused  = optional(bool, false)              # uploads wait as dead letters, for 14 days, until redriven
    before = optional(object({                   # a function of yours, asked before each conversion: docs/extending.md
      function_arn    = string
      timeout_seconds = optional(number, 10) # then the job fails, and says so
    }))
    remake = optional(object({                         # makes what was uploaded before anew: docs/operations.md
      max_concurrency           = optional(number, 20) # objects at a time
      tolerated_failure_percent = optional(number, 5)  # of the objects; more end it
      inventory_bucket          = optional(string)     # whose S3 Inventory reports it may read
    }))
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
    condition = alltrue([
      for before in var.workflow.before[*] :
      can(regex("^arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]+(:[A-Za-z0-9$_-]+)?$",
      before.function_arn))
    ])
    error_message = "workflow.before.function_arn is the ARN of a Lambda function, also of one version or alias."
  }

  validation {
    condition = alltrue([
      for before in var.workflow.before[*] :
      alltrue([
        before.timeout_seconds >= 1,
        floor(before.timeout_seconds) == before.timeout_seconds,
        before.timeout_seconds <= (var.workflow.type == "STANDARD" ? 900 : 30),
      ])
    ])
    error_message = <<-EOT
      workflow.before.timeout_seconds is a whole number from 1 to 900, and at most 30 on EXPRESS, which lasts five
      minutes.
    EOT
  }

  validation {
    condition = alltrue([
      for remake in var.workflow.remake[*] :
      remake.max_concurrency >= 1 && remake.max_concurrency <= 1000
      && floor(remake.max_concurrency) == remake.max_concurrency
    ])
    error_message = "workflow.remake.max_concurrency is a whole number from 1 to 1000."
  }

  validation {
    # What a remake may take for itself, uploads wait for.
    condition = alltrue([
      for remake in var.workflow.remake[*] :
      var.conversion.max_concurrency == null || try(remake.max_concurrency < var.conversion.max_concurrency, false)
    ])
    error_message = <<-EOT
      workflow.remake.max_concurrency is smaller than conversion.max_concurrency, so that uploads still get through.
    EOT
  }

  validation {
    condition = alltrue([
      for remake in var.workflow.remake[*] :
      remake.tolerated_failure_percent >= 0 && remake.tolerated_failure_percent <= 100
      && floor(remake.tolerated_failure_percent) == remake.tolerated_failure_percent
    ])
    error_message = "workflow.remake.tolerated_failure_percent is a whole number from 0 to 100."
  }

  validation {
    condition = alltrue([
      for bucket in var.workflow.remake[*].inventory_bucket :
      bucket == null || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", bucket))
    ])
    error_message = "workflow.remake.inventory_bucket is the bare name of a bucket, such as \"example-inventories\"."
  }

  validation {
    # Its batches are Express executions, in which one object must have time.
    condition = (
      var.workflow.remake == null
      || var.conversion.timeout_seconds + sum(concat([0], var.workflow.before[*].timeout_seconds)) <= 240
    )
    error_message = <<-EOT
      A remake works in batches that last five minutes at most: conversion.timeout_seconds and
      workflow.before.timeout_seconds are at most 240 together.
    EOT
  }

  validation {
    # The own step, three attempts that each run into the function's time-out, the waits between them and the 35 seconds
    # in which the failure is recorded end before the execution does.
    condition = (
      var.workflow.type == "STANDARD"
      || 3 * var.conversion.timeout_seconds + sum(concat([0], var.workflow.before[*].timeout_seconds)) <= 255
    )
    error_message = <<-EOT
      An EXPRESS workflow lasts five minutes, in which workflow.before and three attempts must fit: three times
      conversion.timeout_seconds and workflow.before.timeout_seconds are at most 255 together, or use STANDARD.
    EOT
  }
}

variable "conversion" {
  type = object({
    architecture    = optional(string, "x86_64") # x86_64 has the SIMD resampler
    memory_mb       = optional(number, 1769)     # one whole virtual CPU; new accounts get at most 3008 until they ask
    timeout_seconds = optional(number, 60)       # of one run; limits.max_seconds refuses a picture before
    max_concurrency = optional(number)           # conversions at a time; null: what the account allows
    extras          = optional(set(string), [])  # what the package reads beyond the usual formats: heic, pdf
    handler         = optional(string)           # of a kind of work of yours, in package_file: docs/extending.md
  })
  description = "What the conversion function gets."
  default     = {}
  nullable    = false

  validation {
    condition     = contains(["x86_64", "arm64"], var.conversion.architecture)
    error_message = "The architecture is x86_64 or arm64."
  }

  validation {
    condition = alltrue([
      var.conversion.memory_mb >= 512,
      var.conversion.memory_mb <= 10240,
      floor(var.conversion.memory_mb) == var.conversion.memory_mb,
    ])
    error_message = "The memory of the conversion function is a whole number of MB, 512 to 10240."
  }

  validation {
    condition = alltrue([
      var.conversion.timeout_seconds >= 10,
      var.conversion.timeout_seconds <= 840,
      floor(var.conversion.timeout_seconds) == var.conversion.timeout_seconds,
    ])
    error_message = "The time-out of the conversion function is a whole number of seconds, 10 to 840."
  }

  validation {
    condition = var.conversion.max_concurrency == null || try(
      var.conversion.max_concurrency >= 1 && floor(var.conversion.max_concurrency) == var.conversion.max_concurrency,
      false
    )
    error_message = "The concurrency ceiling is a whole number, at least 1, or null for none."
  }

  validation {
    condition     = alltrue([for extra in var.conversion.extras : contains(["heic", "pdf"], extra)])
    error_message = "The extras of the package are heic and pdf; docs/conversion.md says what each brings and costs."
  }

  validation {
    condition = var.conversion.handler == null || can(
      regex("^([A-Za-z_][A-Za-z0-9_]*[.])+[A-Za-z_][A-Za-z0-9_]*$", var.conversion.handler)
    )
    error_message = <<-EOT
      The handler names a module and what is in it, such as "waveform.handler" for `handler` in waveform.py.
    EOT
  }
}

variable "package_file" {
  type        = string
  description = "Zip with the functions, by `make package` or from a release; null: the one in build/."
  default     = null

  validation {
    condition     = var.conversion.handler == null || var.package_file != null
    error_message = "A handler of yours is in a zip of yours: set package_file, as docs/extending.md shows."
  }

  validation {
    # Terraform asks at `terraform destroy`, too.
    condition = fileexists(coalesce(var.package_file, format(
      "${path.module}/build/upload_workflow-%s.zip",
      join("-", [var.conversion.architecture], sort(var.conversion.extras))
    )))
    error_message = format(
      join(" ", [
        "The functions' package %s does not exist: run `make package ARCH=%s%s` in the module's folder first, or set",
        "package_file to a zip from a release.",
      ]),
      coalesce(var.package_file, format(
        "build/upload_workflow-%s.zip", join("-", [var.conversion.architecture], sort(var.conversion.extras))
      )),
      var.conversion.architecture,
      length(var.conversion.extras) == 0 ? "" : " EXTRAS=${join(",", sort(var.conversion.extras))}"
    )
  }
}

variable "surroundings" {
  type = object({
    kms_key_arn              = optional(string)      # of buckets, dead letters, topic, logs; null: AWS's own
    role_path                = optional(string, "/") # of every role
    permissions_boundary_arn = optional(string)      # of every role
    network = optional(object({                      # where the functions reach S3, EventBridge and SQS; null: no VPC
      subnet_ids         = list(string)
      security_group_ids = list(string)
    }))
    tracing = optional(bool, false) # X-Ray follows functions and executions; 5 dollars a million traces
  })
  description = "What the infrastructure around demands. docs/reference.md says what the policy of a key must grant."
  default     = {}
  nullable    = false

  validation {
    condition = var.surroundings.kms_key_arn == null || can(
      regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.surroundings.kms_key_arn)
    )
    error_message = <<-EOT
      The KMS key is given by its ARN, such as "arn:aws:kms:eu-central-1:123456789012:key/...", not by an alias.
    EOT
  }

  validation {
    # Wildcards and variables of IAM, in the ARNs that are made of the path.
    condition = alltrue([
      can(regex("^/([!-)+->@-~]+/)?$", var.surroundings.role_path)),
      !can(regex("[$][{]", var.surroundings.role_path)),
      length(var.surroundings.role_path) <= 512,
    ])
    error_message = <<-EOT
      The path of the roles starts and ends with a slash, has at most 512 characters and none of *, ? and $${, such as
      "/" or "/media/".
    EOT
  }

  validation {
    condition = var.surroundings.network == null || try(
      length(var.surroundings.network.subnet_ids) > 0 && length(var.surroundings.network.security_group_ids) > 0, false
    )
    error_message = "A network has at least one subnet and one security group; null means no VPC."
  }

  validation {
    condition = var.surroundings.network == null || try(
      length(var.surroundings.network.subnet_ids) <= 16 && length(var.surroundings.network.security_group_ids) <= 5,
      false
    )
    error_message = "Lambda takes at most 16 subnets and 5 security groups."
  }
}

variable "monitoring" {
  type = object({
    topic            = optional(object({ arn = string }))     # SNS topic of yours; null: one is made
    email_addresses  = optional(list(string), [])             # known at plan; each must confirm a mail from AWS first
    runbook_url      = optional(string, "docs/operations.md") # where your people read it; alarms link to its paragraphs
    failed_jobs      = optional(number, 1)                    # in five minutes, from which on somebody is called
    slow_seconds     = optional(number, 60)                   # from upload to result, for the slowest twentieth
    rejected_percent = optional(number, 50)                   # of the uploads
  })
  description = "Alarms, dashboard and saved queries; null means none of them."
  default     = {}

  validation {
    condition = try(var.monitoring.topic, null) == null || can(
      regex("^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:.+$", var.monitoring.topic.arn)
    )
    error_message = <<-EOT
      The topic is given by the ARN of an SNS topic, such as "arn:aws:sns:eu-central-1:123456789012:on-call".
    EOT
  }

  validation {
    condition = alltrue([
      for address in try(var.monitoring.email_addresses, []) : can(regex("^[^@ ]+@[^@ ]+$", address))
    ])
    error_message = "Each e-mail address looks like \"on-call@example.com\"."
  }

  validation {
    condition = (
      length(try(var.monitoring.runbook_url, "")) <= 200 && !can(regex("[# ]", try(var.monitoring.runbook_url, "")))
    )
    error_message = <<-EOT
      The runbook_url has at most 200 characters, no space and no "#": the alarm's name is appended as
      "#executions-failed".
    EOT
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
    condition = contains(
      [
        1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
      ],
      var.log_retention_days
    )
    error_message = <<-EOT
      CloudWatch Logs keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192,
      2557, 2922, 3288 or 3653 days.
    EOT
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
