"""Lets uploads wait as dead letters, and lets them go again. Loses no event.

A disabled rule would drop its events for good. Instead its one target is exchanged, by one call
and under the same id, so that at every moment the rule has exactly one. It is the exchange that
`workflow = { paused = true }` makes in Terraform; an apply without it therefore resumes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from .workflow import Workflow, error_code

if TYPE_CHECKING:
    from mypy_boto3_events.type_defs import TargetTypeDef

TARGET = "execution"  # as in modules/trigger


class NotExchanged(Exception):
    """EventBridge refused the target; the message says why."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Where the rule sends uploads now. enabled: a disabled rule loses them."""

    enabled: bool
    target_arn: str | None
    paused: bool


def look(workflow: Workflow) -> Gate:
    try:
        rule = workflow.aws.events.describe_rule(Name=workflow.rule)
    except ClientError as error:
        if error_code(error) != "ResourceNotFoundException":
            raise
        return Gate(enabled=False, target_arn=None, paused=False)
    targets = workflow.aws.events.list_targets_by_rule(Rule=workflow.rule)["Targets"]
    arn = next((target["Arn"] for target in targets if target["Id"] == TARGET), None)
    return Gate(rule["State"] != "DISABLED", arn, arn == workflow.dead_letters_arn)


def pause(workflow: Workflow) -> None:
    """Uploads wait in the dead-letter queue, for 14 days at most. Raises NotExchanged."""
    _put(workflow, {"Id": TARGET, "Arn": workflow.dead_letters_arn})


def resume(workflow: Workflow) -> None:
    """New uploads start executions again; `redrive` starts those that waited.

    Raises NotExchanged.
    """
    target: TargetTypeDef = {
        "Id": TARGET,
        "Arn": workflow.state_machine_arn,
        "RoleArn": workflow.start_role_arn,
    }
    _put(workflow, target)


def _put(workflow: Workflow, target: TargetTypeDef) -> None:
    # As in modules/trigger: EventBridge's own limits, and no event without a place.
    target["RetryPolicy"] = {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}
    target["DeadLetterConfig"] = {"Arn": workflow.dead_letters_arn}
    answer = workflow.aws.events.put_targets(Rule=workflow.rule, Targets=[target])
    if answer["FailedEntryCount"]:
        raise NotExchanged(str(answer["FailedEntries"]))
