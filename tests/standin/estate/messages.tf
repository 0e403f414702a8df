resource "aws_sqs_queue" "dead" {
  name = "standin-dead"
  redrive_allow_policy = jsonencode({
    redrivePermission = var.other ? "allowAll" : "byQueue"
    sourceQueueArns   = var.other ? null : ["arn:aws:sqs:eu-central-1:000000000000:standin-lively"]
  })
}

resource "aws_sqs_queue" "lively" {
  name                       = "standin-lively"
  delay_seconds              = var.other ? 2 : 1
  max_message_size           = var.other ? 4096 : 2048
  message_retention_seconds  = var.other ? 120 : 1209600
  receive_wait_time_seconds  = var.other ? 20 : 10
  visibility_timeout_seconds = var.other ? 60 : 40
  sqs_managed_sse_enabled    = var.other ? false : true
  redrive_policy             = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead.arn, maxReceiveCount = var.other ? 4 : 3 })
  policy                     = local.queue_policy
  tags                       = var.other ? { side = "b" } : { side = "a", old = "yes" }
}

resource "aws_sqs_queue" "encrypted" {
  name_prefix                       = "standin-encrypted-"
  kms_master_key_id                 = var.other ? "alias/b" : "alias/a"
  kms_data_key_reuse_period_seconds = var.other ? 600 : 500
}

resource "aws_sqs_queue" "ordered" {
  name                        = "standin-lively.fifo"
  fifo_queue                  = true
  content_based_deduplication = var.other
  deduplication_scope         = var.other ? "queue" : "messageGroup"
  fifo_throughput_limit       = var.other ? "perQueue" : "perMessageGroupId"
}

locals {
  queue_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "events.amazonaws.com" }, Action = "sqs:SendMessage", Resource = "*", Condition = { StringEquals = { "aws:SourceAccount" = var.other ? "111111111111" : "000000000000" } } }]
  })
}

resource "aws_sqs_queue_policy" "dead" {
  queue_url = aws_sqs_queue.dead.id
  policy    = local.queue_policy
}

resource "aws_sns_topic" "alarms" {
  name              = "standin-alarms"
  display_name      = var.other ? "b" : "a"
  kms_master_key_id = var.other ? "alias/b" : "alias/a"
  signature_version = var.other ? 1 : 2
  tracing_config    = var.other ? "PassThrough" : "Active"
  delivery_policy   = jsonencode({ http = { defaultHealthyRetryPolicy = { numRetries = var.other ? 4 : 3 } } })
  tags              = var.other ? { side = "b" } : { side = "a", old = "yes" }
}

resource "aws_sns_topic" "ordered" {
  name                        = "standin-ordered.fifo"
  fifo_topic                  = true
  content_based_deduplication = var.other
  policy                      = local.topic_policy
}

locals {
  topic_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "cloudwatch.amazonaws.com" }, Action = "sns:Publish", Resource = "*", Condition = { StringEquals = { "aws:SourceAccount" = var.other ? "111111111111" : "000000000000" } } }]
  })
}

resource "aws_sns_topic_policy" "alarms" {
  arn    = aws_sns_topic.alarms.arn
  policy = local.topic_policy
}

resource "aws_sns_topic_subscription" "queue" {
  topic_arn            = aws_sns_topic.alarms.arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.lively.arn
  raw_message_delivery = var.other
  filter_policy        = jsonencode({ side = [var.other ? "b" : "a"] })
  filter_policy_scope  = var.other ? "MessageBody" : "MessageAttributes"
  redrive_policy       = jsonencode({ deadLetterTargetArn = var.other ? aws_sqs_queue.lively.arn : aws_sqs_queue.dead.arn })

  confirmation_timeout_in_minutes = var.other ? 3 : 2
  endpoint_auto_confirms          = var.other
}
