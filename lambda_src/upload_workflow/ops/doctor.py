"""Compares what there is in the account with what the module makes, and says what is off.

Looks also where a plan of Terraform is blind: a target's dead letters removed by hand, a switch
of a bucket that somebody else owns. Knows the module's names and reasons. Changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from . import pause
from .letters import count
from .workflow import Changed, Workflow, error_code, listening


@dataclass(frozen=True, slots=True)
class Finding:
    """remedy: None if all is well."""

    what: str
    said: str
    remedy: str | None = None


_APPLY = "terraform apply."
_KEPT_SECONDS = 14 * 86400  # SQS's longest; as in modules/trigger


def examine(workflow: Workflow) -> Iterator[Finding]:
    """Everything that was looked at, in the order in which an upload travels."""
    for what, look in (
        ("events of the uploads bucket", _events),
        ("rule", _rule),
        ("target", _target),
        ("dead letters", _letters),
        ("rights of the target", lambda w: _rights(w, w.start_role_arn)),
        ("state machine", _machine),
        ("rights of the state machine", lambda w: _rights(w, w.role_arn)),
        ("convert_image", lambda w: _function(w, 0)),
        ("rights of convert_image", lambda w: _rights(w, _role_arn(w, w.functions[0]))),
        ("record_failure", lambda w: _function(w, 1)),
        ("rights of record_failure", lambda w: _rights(w, _role_arn(w, w.functions[1]))),
        ("failures that Step Functions ends", _ended_rule),
        ("results bucket", _results),
        ("remakes", _remakes),
        ("alarms", _alarms),
    ):
        yield _found(what, look, workflow)


def _found(what: str, look: Callable[[Workflow], str], workflow: Workflow) -> Finding:
    try:
        return Finding(what, look(workflow))
    except _Off as off:
        return Finding(what, off.said, off.remedy)
    except Changed as changed:
        return Finding(what, str(changed), _APPLY)
    except ClientError as error:
        if error_code(error) in _GONE:
            return Finding(what, f"gone: {error}", _APPLY)
        return Finding(what, f"cannot be looked at: {error}", "Ask somebody with the right to.")


_GONE = {
    "404",
    "NoSuchBucket",
    "NoSuchEntity",
    "ResourceNotFoundException",
    "StateMachineDoesNotExist",
}


class _Off(Exception):
    def __init__(self, said: str, remedy: str = _APPLY) -> None:
        super().__init__(said)
        self.said = said
        self.remedy = remedy


def _events(workflow: Workflow) -> str:
    switches = workflow.aws.s3.get_bucket_notification_configuration(Bucket=workflow.uploads_bucket)
    if "EventBridgeConfiguration" not in switches:
        raise _Off(
            f"{workflow.uploads_bucket} sends none to EventBridge: no upload starts anything",
            f"{_APPLY} Something else (another aws_s3_bucket_notification?) took the switch back.",
        )
    return f"{workflow.uploads_bucket} sends them to EventBridge"


def _rule(workflow: Workflow) -> str:
    rule = workflow.aws.events.describe_rule(Name=workflow.rule)
    if rule["State"] == "DISABLED":
        raise _Off("disabled: uploads are lost", "aws events enable-rule. Next time: `pause`.")
    try:
        heard = listening(json.loads(rule["EventPattern"]))
    except (LookupError, TypeError, ValueError):
        raise _Off(f"its pattern is not the module's: {rule.get('EventPattern')}") from None
    return f"enabled, for s3://{heard.bucket}/{heard.prefix}"


def _target(workflow: Workflow) -> str:
    targets = workflow.aws.events.list_targets_by_rule(Rule=workflow.rule)["Targets"]
    ids = [target["Id"] for target in targets]
    if ids != [pause.TARGET]:
        said = f"the rule has the targets {', '.join(ids)}" if ids else "the rule has none"
        raise _Off(f"{said}; the module makes one, {pause.TARGET}")
    (target,) = targets
    if target.get("DeadLetterConfig", {}).get("Arn") != workflow.dead_letters_arn:
        # Terraform's plan does not see it (a removed block is no difference to it).
        raise _Off("it has lost its dead letters: what cannot be delivered is gone", _EXCHANGE)
    wanted = {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}
    if target.get("RetryPolicy", wanted) != wanted:
        raise _Off(f"it retries otherwise: {target['RetryPolicy']}", _EXCHANGE)
    if target["Arn"] == workflow.dead_letters_arn:
        return "paused: uploads wait as dead letters until `resume`"
    if target["Arn"] != workflow.state_machine_arn:
        raise _Off(f"it sends uploads to {target['Arn']}", _EXCHANGE)
    if target.get("RoleArn") != workflow.start_role_arn:
        role = target.get("RoleArn")
        has = f"the role {role}, not {workflow.start_role_arn}," if role else "no role"
        raise _Off(f"it has {has} to start executions with", _EXCHANGE)
    return "starts executions, and keeps what it cannot deliver"


def _replace(address: str) -> str:
    """What makes Terraform put a resource back as it is, also where its plan sees no difference."""
    return f"terraform apply -replace='module.YOURS.{address}'"


_EXCHANGE = (
    "`resume` puts the module's target back at once; so does "
    f"{_replace('module.trigger.aws_cloudwatch_event_target.execution')}."
)
_ENDED_TARGET = 'module.workflow.aws_cloudwatch_event_target.record_failure["STANDARD"]'


def _letters(workflow: Workflow) -> str:
    attributes = workflow.aws.sqs.get_queue_attributes(
        QueueUrl=workflow.dead_letters_url, AttributeNames=["MessageRetentionPeriod", "Policy"]
    )["Attributes"]
    kept = int(attributes.get("MessageRetentionPeriod", 0))
    if kept != _KEPT_SECONDS:
        raise _Off(f"kept for {kept // 86400} days instead of {_KEPT_SECONDS // 86400}")
    if not _allows_events(json.loads(attributes.get("Policy") or "{}")):
        raise _Off("its policy lets EventBridge keep nothing: undeliverable events are lost")
    now = count(workflow)
    return f"{now.visible} waiting, {now.held} held by a reader"


def _allows_events(policy: Any) -> bool:
    return any(
        statement.get("Effect") == "Allow"
        and "events.amazonaws.com" in json.dumps(statement.get("Principal"))
        for statement in policy.get("Statement", [])
    )


def _machine(workflow: Workflow) -> str:
    machine = workflow.aws.states.describe_state_machine(stateMachineArn=workflow.state_machine_arn)
    if machine.get("status", "ACTIVE") != "ACTIVE":
        raise _Off(f"it is {machine['status']}")
    return str(machine["type"])


def _function(workflow: Workflow, which: int) -> str:
    name = workflow.functions[which]
    function = workflow.aws.functions.get_function_configuration(FunctionName=name)
    if function.get("State", "Active") not in ("Active", "Inactive"):
        raise _Off(f"{function['State']}: {function.get('StateReason')}")
    if function.get("LastUpdateStatus") == "Failed":
        raise _Off(f"its last update failed: {function.get('LastUpdateStatusReason')}")
    if not function.get("Environment", {}).get("Variables", {}).get("RESULTS_BUCKET"):
        raise _Off("it has lost its settings")
    reserved = workflow.aws.functions.get_function_concurrency(FunctionName=name)
    if reserved.get("ReservedConcurrentExecutions") == 0:
        raise _Off("its reserved concurrency is 0: somebody stopped it")
    if which == 1 and not function.get("DeadLetterConfig", {}).get("TargetArn"):
        raise _Off("it has lost its dead letters")
    return "ready"


def _ended_rule(workflow: Workflow) -> str:
    if workflow.express:
        return "not told by EventBridge on EXPRESS"
    name = f"{workflow.name}-execution-ended"
    rule = workflow.aws.events.describe_rule(Name=name)
    if rule["State"] == "DISABLED":
        raise _Off(f"the rule {name} is disabled", "aws events enable-rule.")
    targets = workflow.aws.events.list_targets_by_rule(Rule=name)["Targets"]
    if not any(workflow.functions[1] in target["Arn"] for target in targets):
        raise _Off(f"the rule {name} no longer calls {workflow.functions[1]}")
    if not all(target.get("DeadLetterConfig") for target in targets):
        said = f"the target of {name} has lost its dead letters"
        raise _Off(said, f"{_replace(_ENDED_TARGET)}.")
    policy = workflow.aws.functions.get_policy(FunctionName=workflow.functions[1])["Policy"]
    if name not in policy:
        raise _Off(f"{workflow.functions[1]} may not be called by the rule {name}")
    return "told to record_failure"


def _role_arn(workflow: Workflow, function: str) -> str:
    return workflow.aws.functions.get_function_configuration(FunctionName=function)["Role"]


def _rights(workflow: Workflow, role_arn: str) -> str:
    role = role_arn.rpartition("/")[2]
    policies = workflow.aws.iam.list_role_policies(RoleName=role)["PolicyNames"]
    if not policies:
        raise _Off(f"the role {role} has no policy of its own: every call is refused")
    return ", ".join(policies)


def _results(workflow: Workflow) -> str:
    workflow.aws.s3.head_bucket(Bucket=workflow.results_bucket)
    return f"s3://{workflow.results_bucket}/{workflow.results_prefix}"


def _remakes(workflow: Workflow) -> str:
    try:
        machine = workflow.aws.states.describe_state_machine(stateMachineArn=workflow.remake_arn)
    except ClientError as error:
        if error_code(error) == "StateMachineDoesNotExist":
            return "none (workflow.remake = null)"
        raise
    if machine.get("status", "ACTIVE") != "ACTIVE":
        raise _Off(f"the state machine is {machine['status']}")
    return f"may start, with the rights of {_rights(workflow, machine['roleArn'])}"


# As modules/monitoring names them. By a common beginning those of other instances would be found as
# well: what NAME-prod-executions-failed belongs to is in no alarm's name.
ALARMS = (
    "convert-image-errors",
    "convert-image-near-time-out",
    "convert-image-throttled",
    "dead-letters-expire",
    "dead-letters-present",
    "executions-aborted",
    "executions-failed",
    "executions-throttled",
    "executions-timed-out",
    "failure-events-lost",
    "failure-events-not-delivered",
    "nothing-leaves",
    "originals-kept",
    "pictures-unforeseen",
    "record-failure-errors",
    "record-failure-near-time-out",
    "record-failure-throttled",
    "rejections-many",
    "remakes-failed",
    "results-slow",
    "upload-api-failing",
    "upload-events-lost",
    "upload-events-not-delivered",
    "uploads-not-scanned",
)


def _alarms(workflow: Workflow) -> str:
    # Not by paginator: one page holds more than the module makes.
    page = workflow.aws.cloudwatch.describe_alarms(
        AlarmNames=[f"{workflow.name}-{alarm}" for alarm in ALARMS], AlarmTypes=["MetricAlarm"]
    )
    alarms = page.get("MetricAlarms", [])
    mute = [alarm["AlarmName"] for alarm in alarms if not alarm.get("ActionsEnabled", True)]
    if mute:
        raise _Off(f"their actions are switched off: {', '.join(mute)}", "enable-alarm-actions.")
    ringing = [alarm["AlarmName"] for alarm in alarms if alarm.get("StateValue") == "ALARM"]
    if not alarms:
        return "none (monitoring = null)"
    return f"{len(alarms)}, in alarm: {', '.join(ringing) or 'none'}"
