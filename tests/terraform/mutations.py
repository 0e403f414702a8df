"""Ways to break the module, one at a time. Each must make `make test` fail.

A mutation says which check should notice first; any other that notices will do.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

STORAGE, STORAGE_ACCESS = "modules/storage/main.tf", "modules/storage/access.tf"
TRIGGER, DEAD_LETTERS = "modules/trigger/main.tf", "modules/trigger/dead_letters.tf"
WORKFLOW, WORKFLOW_ACCESS = "modules/workflow/main.tf", "modules/workflow/access.tf"
ROLE = "modules/role/main.tf"
CONVERSION, CONVERSION_ACCESS = "modules/conversion/main.tf", "modules/conversion/access.tf"
UPLOAD_API, ISSUE_UPLOAD = "modules/upload_api/main.tf", "modules/upload_api/issue_upload.tf"
MONITORING, ALARMS = "modules/monitoring/main.tf", "modules/monitoring/alarms.tf"
REMAKE, REMAKE_ACCESS = "modules/remake/main.tf", "modules/remake/access.tf"
ASL = "statemachine/convert_image.asl.json"
OPERATORS, REMAKES = "modules/operators/main.tf", "modules/operators/remakes.tf"
BATCHES = "statemachine/remake_batches.asl.json"
OBJECT = "statemachine/remake_object.asl.json"
VARIABLES = "variables.tf"

# Checks: a file of promises, or arguments of pytest, which apply no case that they do not need.
CONTRACT = "tests/contract"
WORKFLOW_FILE = f"{CONTRACT}/test_workflow_file.py"
ENVIRONMENT = f"{CONTRACT}/test_environment.py"
ACCESS = "tests/terraform/test_access.py"
REACH = f"{ACCESS} -k test_a_role_may"
DEFAULT = f"{ACCESS} -k default"
SWITCHES = "tests/terraform/test_switches.py"
PLANS = "tests/terraform/test_plans.py"
RINGING = "tests/ops/test_alarms.py"


class Outgrown(Exception):
    """The module no longer reads as the mutation expects; the message says where."""


@dataclass(frozen=True)
class Mutation:
    """A sentence, the file that is changed and how, and the check that should notice."""

    sentence: str
    file: str
    change: Callable[[str], str]
    noticed_by: str

    def applied(self, text: str) -> str:
        changed = self.change(text)
        if changed == text:
            raise Outgrown(f"{self.sentence}: {self.file} no longer has what it changes")
        return changed


def swap(old: str, new: str) -> Callable[[str], str]:
    """Replaces what occurs exactly once."""

    def change(text: str) -> str:
        if text.count(old) != 1:
            raise Outgrown(f"{text.count(old)} times: {old}")
        return text.replace(old, new)

    return change


def first(old: str, new: str) -> Callable[[str], str]:
    """Replaces the first of several."""
    return lambda text: text.replace(old, new, 1)


def in_alarm(name: str, old: str, new: str) -> Callable[[str], str]:
    """Replaces what occurs once in the definition of an alarm."""

    def change(text: str) -> str:
        start = text.index(f'    "{name}" = ')
        end = text.index("\n    }", start)
        return text[:start] + swap(old, new)(text[start:end]) + text[end:]

    return change


def swap_in(block: str, old: str, new: str) -> Callable[[str], str]:
    """Replaces what occurs exactly once in the block that begins with a line such as this."""

    def change(text: str) -> str:
        start, end = _block(text, block)
        return text[:start] + swap(old, new)(text[start:end]) + text[end:]

    return change


def without(block: str) -> Callable[[str], str]:
    """Takes out the block that begins with this line."""

    def change(text: str) -> str:
        start, end = _block(text, block)
        return text[:start] + text[end:]

    return change


def without_statement(sid: str) -> Callable[[str], str]:
    """Takes the statement with this name out of its policy."""
    return _in_statement(sid, lambda _: "")


def in_statement(sid: str, old: str, new: str) -> Callable[[str], str]:
    return _in_statement(sid, swap(old, new))


def without_condition(sid: str, key: str) -> Callable[[str], str]:
    """Takes the condition on a key out of the statement with this name."""

    def change(statement: str) -> str:
        inside = r"(?:(?!\n    \}\n).)*?"
        pattern = rf'\n    condition \{{\n{inside}variable = "{re.escape(key)}".*?\n    \}}\n'
        changed, times = re.subn(pattern, "\n", statement, flags=re.DOTALL)
        if times != 1:
            raise Outgrown(f"{times} conditions on {key} in {sid}")
        return changed

    return _in_statement(sid, change)


def _in_statement(sid: str, change: Callable[[str], str]) -> Callable[[str], str]:
    def change_text(text: str) -> str:
        at = re.search(rf'sid\s+= "{sid}"', text)
        if not at:
            raise Outgrown(f"no statement {sid}")
        # The last line before it that opens a statement begins it.
        opening = list(re.finditer(r"^  (?:dynamic \"statement\"|statement) \{\n", text, re.M))
        start = max(found.start() for found in opening if found.start() < at.start())
        end = text.index("\n  }\n", start) + len("\n  }\n")
        return text[:start] + change(text[start:end]) + text[end:]

    return change_text


def _block(text: str, begins: str) -> tuple[int, int]:
    found = list(re.finditer(rf"^( *){re.escape(begins)}\n", text, re.MULTILINE))
    if len(found) != 1:
        raise Outgrown(f"{len(found)} blocks begin with {begins}")
    closing = f"\n{found[0][1]}}}\n"
    return found[0].start(), text.index(closing, found[0].start()) + len(closing)


MUTATIONS = [
    # The buckets.
    Mutation(
        "anybody may open the buckets by policy",
        STORAGE,
        swap("block_public_policy     = true", "block_public_policy     = false"),
        "promises:storage",
    ),
    Mutation(
        "the denial of plain HTTP allows everything to everybody",
        STORAGE_ACCESS,
        in_statement("RefusePlainHttp", '"Deny"', '"Allow"'),
        DEFAULT,
    ),
    Mutation(
        "plain HTTP is not refused",
        STORAGE_ACCESS,
        without_statement("RefusePlainHttp"),
        DEFAULT,
    ),
    Mutation(
        "SigV2 is not refused",
        STORAGE_ACCESS,
        without_statement("RefuseSignatureVersion2"),
        "promises:storage",
    ),
    Mutation(
        "signatures never grow old",
        STORAGE_ACCESS,
        swap("each.value.signature_days * 86400", "each.value.signature_days * 8640000"),
        "promises:storage",
    ),
    Mutation(
        "clients own what they upload",
        STORAGE,
        swap('"BucketOwnerEnforced"', '"ObjectWriter"'),
        "promises:storage",
    ),
    Mutation(
        "the key that was brought is not used",
        STORAGE,
        swap(': "aws:kms"', ': "AES256"'),
        "promises:storage",
    ),
    Mutation(
        "versions are not kept",
        STORAGE,
        swap_in("versioning_configuration {", '"Enabled"', '"Suspended"'),
        "promises:storage",
    ),
    Mutation(
        "nothing is ever forgotten",
        STORAGE,
        swap("for_each = each.value.days[*]", "for_each = []"),
        "promises:storage",
    ),
    Mutation(
        "what is kept for ever goes like everything else",
        STORAGE,
        swap("for_each = each.value.days[*]", "for_each = [coalesce(each.value.days, 30)]"),
        "promises:storage",
    ),
    Mutation(
        "replaced versions of what is kept for ever are kept for ever, too",
        STORAGE,
        swap("coalesce(wanted.days, 14)", "coalesce(wanted.days, 36500)"),
        "promises:storage",
    ),
    Mutation(
        "a lifecycle rule has a status that S3 does not know",
        STORAGE,
        swap(
            'id     = "forget-objects"\n    status = "Enabled"',
            'id     = "forget-objects"\n    status = "Enable"',
        ),
        "promises:storage",
    ),
    Mutation(
        "parts of uploads stay for ever",
        STORAGE,
        without("abort_incomplete_multipart_upload {"),
        "promises:storage",
    ),
    Mutation(
        "nobody hears of uploads",
        STORAGE,
        swap("eventbridge = true", "eventbridge = false"),
        "promises:storage",
    ),
    Mutation(
        "a destroy takes every upload along",
        STORAGE,
        swap("force_destroy = var.force_destroy", "force_destroy = true"),
        "promises:storage",
    ),
    Mutation(
        "a bucket of the caller's gets our notification",
        STORAGE,
        swap_in(
            'resource "aws_s3_bucket_notification" "uploads" {',
            "for_each = local._made_uploads\n\n",
            "for_each = { uploads = true }\n\n",
        ),
        "promises:storage",
    ),
    Mutation(
        "web pages of everybody get in",
        STORAGE,
        swap("allowed_origins = var.allowed_origins", 'allowed_origins = ["*"]'),
        "promises:storage",
    ),
    Mutation(
        "web pages may delete uploads",
        STORAGE,
        swap('methods = ["POST", "PUT"]', 'methods = ["POST", "PUT", "DELETE"]'),
        "promises:storage",
    ),
    Mutation(
        "a CDN reads status documents",
        STORAGE_ACCESS,
        in_statement("KeepDocumentsFromTheCdn", '"Deny"', '"Allow"'),
        "promises:storage",
    ),
    Mutation(
        "a CDN reads the reports of remakes",
        STORAGE_ACCESS,
        swap('["*/status.json", "${local._reports_prefix}*"]', '["*/status.json"]'),
        "promises:storage",
    ),
    Mutation(
        "a backend may write anywhere in the bucket",
        STORAGE_ACCESS,
        swap("${local._arn.uploads}/${var.uploads.prefix}*", "${local._arn.uploads}/*"),
        "promises:storage",
    ),
    Mutation(
        "a backend may overwrite renditions",
        STORAGE_ACCESS,
        in_statement("SeedStatusDocuments", "*/status.json", "*"),
        "promises:storage",
    ),
    Mutation(
        "a backend may overwrite status documents",
        STORAGE_ACCESS,
        in_statement("SeedStatusDocuments", '["false"]', '["true"]'),
        "promises:storage",
    ),
    Mutation(
        "a bucket goes when the plan does not know its name",
        STORAGE,
        swap("    ignore_changes = [bucket]\n", ""),
        f"{PLANS} -k bucket",
    ),
    Mutation(
        "a bucket is stripped before S3 refuses to delete it",
        STORAGE,
        swap("    create_before_destroy = true\n", ""),
        f"{PLANS} -k bucket",
    ),
    # Roles.
    Mutation(
        "a role that is made anew stands without its policy",
        ROLE,
        swap("role   = aws_iam_role.lent.id", "role   = aws_iam_role.lent.name"),
        f"{PLANS} -k roles",
    ),
    Mutation(
        "a role goes when the plan does not know its name",
        ROLE,
        swap("    ignore_changes = [name]\n", ""),
        f"{PLANS} -k waits",
    ),
    # The trigger.
    Mutation(
        "a rule that is made anew starts nothing",
        TRIGGER,
        swap(
            "= aws_cloudwatch_event_rule.upload_ready.id\n",
            "= aws_cloudwatch_event_rule.upload_ready.name\n",
        ),
        f"{PLANS} -k test_a_rule",
    ),
    Mutation(
        "a rule on ends that is made anew tells nobody",
        WORKFLOW,
        swap("= each.value.id\n", "= each.value.name\n"),
        f"{PLANS} -k test_a_rule",
    ),
    Mutation(
        "a lost event is kept for four days",
        TRIGGER,
        swap("_dead_letter_seconds = 14 *", "_dead_letter_seconds = 4 *"),
        "promises:trigger",
    ),
    Mutation(
        "an event that cannot be delivered is lost",
        TRIGGER,
        without("dead_letter_config {"),
        "promises:trigger",
    ),
    Mutation(
        "an event is tried once",
        TRIGGER,
        swap("maximum_retry_attempts       = 185", "maximum_retry_attempts       = 0"),
        "promises:trigger",
    ),
    Mutation(
        "every object of the bucket starts an execution",
        TRIGGER,
        swap("        object = { key = [{ prefix = var.uploads.prefix }] }\n", ""),
        "promises:trigger",
    ),
    Mutation(
        "every bucket of the account starts an execution",
        TRIGGER,
        swap("        bucket = { name = [var.uploads.bucket] }\n", ""),
        "promises:trigger",
    ),
    Mutation(
        "infected uploads are not waited for",
        TRIGGER,
        swap("local._patterns[var.workflow.trigger]", "local._patterns.object_created"),
        "promises:trigger",
    ),
    Mutation(
        "a pause loses uploads",
        TRIGGER,
        swap("var.workflow.paused ? aws_sqs_queue.dead_letters.arn : ", ""),
        "promises:trigger",
    ),
    Mutation(
        "any rule of any account may borrow the trigger's role",
        TRIGGER,
        swap("    source_arn     = aws_cloudwatch_event_rule.upload_ready.arn\n", ""),
        DEFAULT,
    ),
    Mutation(
        "traces are asked for and nobody may send them",
        ROLE,
        swap("_sends_traces = var.surroundings.tracing", "_sends_traces = false"),
        "promises:role",
    ),
    Mutation(
        "services of another account may borrow a role",
        ROLE,
        swap("values   = [var.lent_to.source_account]", "values   = []"),
        "promises:role",
    ),
    Mutation(
        "the trigger may start every state machine",
        TRIGGER,
        in_statement("StartExecution", "[var.state_machine.arn]", '["*"]'),
        "promises:trigger",
    ),
    Mutation(
        "every rule of the world may leave dead letters",
        DEAD_LETTERS,
        without_condition("KeepUndeliveredEvents", "aws:SourceArn"),
        "promises:trigger",
    ),
    Mutation(
        "dead letters travel in the open",
        DEAD_LETTERS,
        without_statement("RefusePlainHttp"),
        "promises:trigger",
    ),
    Mutation(
        "dead letters lie in the open",
        DEAD_LETTERS,
        swap("== null) ? true : null", "== null) ? false : null"),
        "promises:trigger",
    ),
    Mutation(
        "failed executions cannot leave dead letters",
        DEAD_LETTERS,
        swap(
            "concat([aws_cloudwatch_event_rule.upload_ready.arn], var.ended_rules[*].arn)",
            "[aws_cloudwatch_event_rule.upload_ready.arn]",
        ),
        "promises:trigger",
    ),
    # The workflow.
    Mutation(
        "keys and metadata of clients stand in the log",
        WORKFLOW,
        swap("include_execution_data = false", "include_execution_data = true"),
        "promises:workflow",
    ),
    Mutation(
        "errors of executions stand nowhere",
        WORKFLOW,
        swap('level = "ERROR"', 'level = "OFF"'),
        "promises:workflow",
    ),
    Mutation(
        "an aborted execution leaves its job running",
        WORKFLOW,
        swap('"FAILED", "TIMED_OUT", "ABORTED"', '"FAILED", "TIMED_OUT"'),
        "promises:workflow",
    ),
    Mutation(
        "a failure that could not be recorded is lost",
        WORKFLOW,
        without("dead_letter_config {"),
        "promises:workflow",
    ),
    Mutation(
        "any rule may invoke the recorder",
        WORKFLOW,
        swap("  source_arn = each.value.arn\n", ""),
        "promises:workflow",
    ),
    Mutation(
        "a condition that EventBridge never meets keeps it from the recorder",
        WORKFLOW,
        swap(
            "  source_arn = each.value.arn\n",
            "  source_arn = each.value.arn\n  source_account = var.surroundings.place.account_id\n",
        ),
        "promises:workflow",
    ),
    Mutation(
        "a recorder that is made anew may not be invoked",
        WORKFLOW,
        swap(
            "= var.functions.record_failure.arn\n  principal",
            "= var.functions.record_failure.name\n  principal",
        ),
        f"{PLANS} -k invoked",
    ),
    Mutation(
        "other line ends of a checkout are another workflow",
        WORKFLOW,
        swap('"$1"), "\\r\\n", "\\n"', '"$1"), "\\n", "\\n"'),
        f"{PLANS} -k line_ends",
    ),
    Mutation(
        "the log of executions is kept for ever",
        WORKFLOW,
        swap("retention_in_days = var.surroundings.log_retention_days", "retention_in_days = 0"),
        "promises:workflow",
    ),
    Mutation(
        "an execution may run every function",
        WORKFLOW_ACCESS,
        in_statement(
            "RunTheFunctions",
            "[var.functions.convert_image.arn, var.functions.record_failure.arn]",
            '["*"]',
        ),
        "promises:workflow",
    ),
    Mutation(
        "an execution may announce in anybody's name",
        WORKFLOW_ACCESS,
        without_condition("AnnounceResults", "events:source"),
        "promises:workflow",
    ),
    Mutation(
        "an execution cannot announce anything",
        WORKFLOW_ACCESS,
        without_statement("AnnounceResults"),
        "promises:workflow",
    ),
    Mutation(
        "any state machine may borrow the workflow's role",
        WORKFLOW_ACCESS,
        swap("    source_arn     = ", "    # source_arn = "),
        DEFAULT,
    ),
    Mutation(
        "a state gives up before its function does",
        WORKFLOW,
        swap(
            "var.functions.convert_image.timeout_seconds + 5",
            "var.functions.convert_image.timeout_seconds - 5",
        ),
        "promises:workflow",
    ),
    # The functions.
    Mutation(
        "both functions share a role",
        CONVERSION,
        swap("module.role[each.key].role.arn", 'module.role["convert_image"].role.arn'),
        DEFAULT,
    ),
    Mutation(
        "a conversion may read the whole bucket",
        CONVERSION_ACCESS,
        swap("${var.uploads.arn}/${var.uploads.prefix}*", "${var.uploads.arn}/*"),
        REACH,
    ),
    Mutation(
        "a conversion may write the whole bucket",
        CONVERSION_ACCESS,
        swap("${var.results.arn}/${var.results.prefix}${folder}", "${var.results.arn}/*"),
        REACH,
    ),
    Mutation(
        "results of unspeakable keys cannot be written",
        CONVERSION_ACCESS,
        swap(', "sha256-*"]', "]"),
        REACH,
    ),
    Mutation(
        "a conversion may delete uploads",
        CONVERSION_ACCESS,
        in_statement(
            "ReadUploads", '"s3:GetObjectVersion"', '"s3:GetObjectVersion", "s3:DeleteObject"'
        ),
        REACH,
    ),
    Mutation(
        "whoever is on call may delete pictures",
        "modules/operators/main.tf",
        swap(
            "concat(\n    [data.aws_iam_policy_document.reader.json],",
            "concat(\n    [data.aws_iam_policy_document.forget.json],",
        ),
        f"{ACCESS} -k on_call",
    ),
    Mutation(
        "whoever forgets may delete whole buckets' objects",
        "modules/operators/main.tf",
        in_statement("DeleteUploadsAndResults", "${var.uploads.arn}/${var.uploads.prefix}*", "*"),
        f"{ACCESS} -k on_call",
    ),
    Mutation(
        "a conversion may delete uploads that are to stay",
        CONVERSION_ACCESS,
        swap('for_each = var.uploads.delete_on_success ? ["delete"] : []', 'for_each = ["delete"]'),
        "promises:conversion",
    ),
    Mutation(
        "a conversion may not delete uploads that are to go",
        CONVERSION_ACCESS,
        swap('"s3:DeleteObject", "s3:DeleteObjectVersion"', '"s3:DeleteObject"'),
        "promises:conversion",
    ),
    Mutation(
        "a conversion is not told that uploads are to go",
        CONVERSION,
        swap("jsonencode(var.uploads.delete_on_success)", "jsonencode(false)"),
        "promises:conversion",
    ),
    Mutation(
        "nobody hears of originals that were to go and stayed",
        ALARMS,
        swap("  }) if on }", "  }) if !on }"),
        SWITCHES,
    ),
    Mutation(
        "a conversion cannot read versions",
        CONVERSION_ACCESS,
        in_statement("ReadUploads", ', "s3:GetObjectVersion"', ""),
        REACH,
    ),
    Mutation(
        "a conversion cannot write its log",
        CONVERSION_ACCESS,
        without_statement("WriteLog"),
        REACH,
    ),
    Mutation(
        "the recorder may overwrite renditions",
        CONVERSION_ACCESS,
        swap('"${folder}/status.json"', '"${folder}"'),
        REACH,
    ),
    Mutation(
        "the recorder cannot announce anything",
        CONVERSION_ACCESS,
        without_statement("AnnounceFailures"),
        REACH,
    ),
    Mutation(
        "what the recorder could not record is refused by the queue",
        CONVERSION_ACCESS,
        without_statement("KeepWhatCouldNotBeRecorded"),
        REACH,
    ),
    Mutation(
        "a condition that Lambda may never meet keeps it from its roles",
        CONVERSION_ACCESS,
        swap(
            "source_account = var.surroundings.place.account_id }",
            "source_arn = var.results.arn }",
        ),
        DEFAULT,
    ),
    Mutation(
        "the boundary is forgotten",
        ROLE,
        swap("  permissions_boundary = var.surroundings.permissions_boundary_arn\n", ""),
        "promises:role",
    ),
    Mutation(
        "with a key nothing can be read",
        CONVERSION_ACCESS,
        without_statement("UseTheKey"),
        "promises:conversion",
    ),
    Mutation(
        "in a network no function starts",
        ROLE,
        without_statement("AttachToTheNetwork"),
        f"{ACCESS} -k network",
    ),
    Mutation(
        "logs of functions are kept for ever",
        CONVERSION,
        swap("retention_in_days = var.surroundings.log_retention_days", "retention_in_days = 0"),
        "promises:conversion",
    ),
    Mutation(
        "what Lambda gives up on is lost",
        CONVERSION,
        swap('each.key == "record_failure" ? [var.dead_letters.arn] : []', "[]"),
        "promises:conversion",
    ),
    Mutation(
        "a lease ends before its function",
        CONVERSION,
        swap("var.conversion.timeout_seconds + 15", "var.conversion.timeout_seconds - 15"),
        "promises:conversion",
    ),
    Mutation(
        "the ceiling holds back nothing",
        CONVERSION,
        swap("coalesce(var.conversion.max_concurrency, -1)", "-1"),
        "promises:conversion",
    ),
    Mutation(
        "a function runs on an older Python",
        CONVERSION,
        swap('"python3.13"', '"python3.12"'),
        ENVIRONMENT,
    ),
    Mutation(
        "a kind of work of one's own never runs",
        CONVERSION,
        swap("coalesce(var.conversion.handler, ", "coalesce("),
        "promises:conversion",
    ),
    Mutation(
        "a handler is misspelt",
        CONVERSION,
        swap("upload_workflow.handlers.record", "upload_workflow.handler.record"),
        ENVIRONMENT,
    ),
    Mutation(
        "a variable of the environment is missing",
        CONVERSION,
        swap("    RESULTS_PREFIX = var.results.prefix\n", ""),
        ENVIRONMENT,
    ),
    Mutation(
        "a new package is not noticed",
        CONVERSION,
        swap("filebase64sha256(var.package.file)", 'base64sha256("package")'),
        "promises:conversion",
    ),
    # The API and the alarms.
    Mutation(
        "anybody may have uploads issued",
        UPLOAD_API,
        swap("authorization = var.upload_api.authorization }", 'authorization = "NONE" }'),
        "promises:upload_api",
    ),
    Mutation(
        "any API may invoke the issuing function",
        ISSUE_UPLOAD,
        swap("aws_apigatewayv2_api.upload_api.execution_arn}/*/", 'join(":", ["arn", "aws"])}/*/'),
        "promises:upload_api",
    ),
    Mutation(
        "an authorizer is destroyed under its route",
        UPLOAD_API,
        swap("    create_before_destroy = true\n", ""),
        f"{PLANS} -k authorizer",
    ),
    Mutation(
        "a flood of requests passes",
        UPLOAD_API,
        without("default_route_settings {"),
        "promises:upload_api",
    ),
    Mutation(
        "anybody may send alarms",
        MONITORING,
        swap(
            'type        = "Service"\n      identifiers = ["cloudwatch.amazonaws.com"]',
            'type        = "*"\n      identifiers = ["*"]',
        ),
        DEFAULT,
    ),
    # Whoever is on call.
    Mutation(
        "lost events ring when they are only late",
        ALARMS,
        in_alarm("upload-events-lost", "InvocationsFailedToBeSentToDlq", "FailedInvocations"),
        RINGING,
    ),
    Mutation(
        "failures that were not told ring for uploads",
        ALARMS,
        in_alarm("failure-events-not-delivered", "rule.name", "var.upload_rule.name"),
        RINGING,
    ),
    Mutation(
        "silence makes dead letters forgotten",
        ALARMS,
        in_alarm("dead-letters-present", '"ignore"', '"notBreaching"'),
        RINGING,
    ),
    Mutation(
        "the age of dead letters is averaged",
        ALARMS,
        in_alarm("dead-letters-expire", "Maximum", "Average"),
        RINGING,
    ),
    Mutation(
        "executions that ran out of time ring as failed ones",
        ALARMS,
        in_alarm("executions-timed-out", "ExecutionsTimedOut", "ExecutionsFailed"),
        RINGING,
    ),
    Mutation(
        "errors of record_failure are looked for at convert_image",
        ALARMS,
        in_alarm("record-failure-errors", "record_failure.name", "convert_image.name"),
        RINGING,
    ),
    Mutation(
        "one slow job in ten rings, and not one in twenty",
        ALARMS,
        in_alarm("results-slow", "p95", "p90"),
        RINGING,
    ),
    Mutation(
        "a moment's throttling calls somebody",
        ALARMS,
        in_alarm("convert-image-throttled", "_lasting", "_counted"),
        RINGING,
    ),
    Mutation(
        "what lasts rings too late",
        ALARMS,
        swap("_lasting = { periods = 3", "_lasting = { periods = 4"),
        RINGING,
    ),
    Mutation(
        "duplicates count as nothing that leaves",
        ALARMS,
        in_alarm("nothing-leaves", " + FILL(ignored, 0)", ""),
        RINGING,
    ),
    Mutation(
        "a handful of rejections rings",
        ALARMS,
        in_alarm("rejections-many", ">= 20", ">= 10"),
        RINGING,
    ),
    Mutation(
        "nobody is told that trouble is over",
        MONITORING,
        first("ok_actions    = [local._topic_arn]", "ok_actions    = []"),
        RINGING,
    ),
    Mutation(
        "an alarm does not say where its paragraph is",
        MONITORING,
        first("#${each.key}", ""),
        RINGING,
    ),
    # The workflow's file.
    Mutation(
        "a failed conversion is not caught",
        ASL,
        swap(
            '"Next": "Record failure"\n        }\n      ],\n      "Next"',
            '"Next": "Job failed"\n        }\n      ],\n      "Next"',
        ),
        WORKFLOW_FILE,
    ),
    Mutation(
        "the failure path needs what a conversion made",
        ASL,
        swap('"error": "{% $error %}"', '"error": "{% $states.input.error %}"'),
        WORKFLOW_FILE,
    ),
    Mutation(
        "an error of ours is misspelt",
        ASL,
        swap('"UnusableKey",', '"UnuseableKey",'),
        WORKFLOW_FILE,
    ),
    Mutation(
        "events go out in another name",
        ASL,
        swap('"Source": "upload-workflow"', '"Source": "upload_workflow"'),
        WORKFLOW_FILE,
    ),
    Mutation(
        "a placeholder is misspelt",
        ASL,
        swap("${convert_image_timeout_seconds}", "${convert_image_timeout}"),
        WORKFLOW_FILE,
    ),
    Mutation(
        "a remake passes its bound on concurrency",
        REMAKE,
        swap(
            "floor(var.remake.max_concurrency / local",
            "ceil(1 + var.remake.max_concurrency / local",
        ),
        "promises:remake",
    ),
    Mutation(
        "a remake lists whatever it is told to",
        REMAKE_ACCESS,
        swap('values   = ["${var.uploads.prefix}*"]', 'values   = ["*"]'),
        f"{ACCESS} -k test_a_remake_touches",
    ),
    Mutation(
        "a remake writes where status documents lie",
        REMAKE_ACCESS,
        swap('"${var.results.arn}/${local.reports_prefix}*"', '"${var.results.arn}/*"'),
        f"{ACCESS} -k test_a_remake_touches",
    ),
    Mutation(
        "the machine for remakes has a name that an instance may have",
        REMAKE,
        swap('"${var.name}_remake"', '"${var.name}-remake"'),
        f"{PLANS} -k test_no_name",
    ),
    # Operators.
    Mutation(
        "operators get a role that was called so if the instance always had been",
        OPERATORS,
        in_statement(
            "HandTheRuleItsRole",
            "[var.roles.start_execution]",
            '["arn:aws:iam::123456789012:role/${var.state_machine.name}-start-execution-eu-central-1"]',
        ),
        f"{PLANS} -k after_another_name",
    ),
    Mutation(
        "operators may set the target of a rule that is never paused",
        OPERATORS,
        in_statement(
            "PauseAndResume",
            "[var.rules.upload.arn]",
            "concat([var.rules.upload.arn], var.rules.ended[*].arn)",
        ),
        f"{ACCESS} -k test_a_reader",
    ),
    Mutation(
        "an operator reads functions of every instance whose name begins like this one's",
        OPERATORS,
        in_statement(
            "CompareTheFunctions",
            "values(var.functions)[*].arn",
            '[for f in values(var.functions) : replace(f.arn, "/workflow-.*/", "workflow-*")]',
        ),
        f"{ACCESS} -k test_a_reader",
    ),
    Mutation(
        "a bucket whose name is a secret cannot be made anew",
        REMAKES,
        swap("nonsensitive(var.remake == null) ? {} : {", "var.remake == null ? {} : {"),
        f"{PLANS} -k secret",
    ),
    Mutation(
        "the batches of a remake are billed by transition",
        BATCHES,
        swap('"EXPRESS"', '"STANDARD"'),
        "promises:remake",
    ),
    Mutation(
        "a remake tolerates everything",
        BATCHES,
        swap(
            '"ToleratedFailurePercentage": "${tolerated_failure_percent}"',
            '"ToleratedFailurePercentage": 100',
        ),
        "promises:remake",
    ),
    Mutation(
        "what a remake leaves as it was is announced",
        OBJECT,
        swap("in ['SUCCEEDED', 'REJECTED']", "in ['SUCCEEDED', 'REJECTED', 'IGNORED']"),
        f"{CONTRACT}/test_remake_file.py",
    ),
    Mutation(
        "nobody hears of a remake that failed",
        ALARMS,
        swap("    local._remake_alarms,\n", ""),
        "promises:remake",
    ),
    Mutation(
        "a failed execution is green",
        ASL,
        swap(
            '"Type": "Fail",\n      "Error": "{% $error.Error %}",\n'
            '      "Cause": "{% $error.Cause %}"',
            '"Type": "Succeed"',
        ),
        WORKFLOW_FILE,
    ),
]


def without_validations(variables: str) -> list[Mutation]:
    """One mutation for each validation of the inputs: it lets everything pass."""
    found: list[Mutation] = []
    for block in re.finditer(r"^  validation \{\n(.*?)^  \}\n", variables, re.M | re.S):
        body = block[1]
        sentence = re.search(r'error_message = "(.*)"', body)
        start, end = block.start(1), block.end(1)
        rest = re.sub(r"\A.*?(?=^    error_message)", "", body, flags=re.M | re.S)
        # It must still name the variable that it stands in.
        at = variables.rindex('\nvariable "', 0, start)
        variable = variables[at + len('\nvariable "') :].partition('"')[0]
        passing = f"    condition     = var.{variable} == var.{variable} || true\n{rest}"
        found.append(
            Mutation(
                f"not refused: {sentence[1] if sentence else body}",
                VARIABLES,
                lambda text, start=start, end=end, passing=passing: (
                    text[:start] + passing + text[end:]
                ),
                "promises:refusals",
            )
        )
    return found
