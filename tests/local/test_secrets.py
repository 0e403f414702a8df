"""What operators can read of a run: histories, inputs and logs hold no signed URL and no form."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from local.stack import Stack
from tests.local.laboratory import wait_for
from tests.local.test_faults import Desk
from tests.support.pictures import saved, scene

# Any of these would let its reader act as the signer.
SIGNED = re.compile(r"x-amz-signature|x-amz-credential|x-amz-security-token|awsaccesskeyid", re.I)


def histories(stack: Stack) -> Iterator[str]:
    """Inputs, outputs and every event of every execution."""
    states = stack.aws.client("stepfunctions")
    machine = stack.outputs["state_machine"]["arn"]
    for page in states.get_paginator("list_executions").paginate(stateMachineArn=machine):
        for execution in page["executions"]:
            arn = execution["executionArn"]
            yield json.dumps(states.describe_execution(executionArn=arn), default=str)
            history = states.get_paginator("get_execution_history").paginate(executionArn=arn)
            yield from (json.dumps(part["events"], default=str) for part in history)


def log_lines(stack: Stack) -> Iterator[str]:
    logs = stack.aws.client("logs")
    for groups in logs.get_paginator("describe_log_groups").paginate():
        for group in groups["logGroups"]:
            pages = logs.get_paginator("filter_log_events")
            for page in pages.paginate(logGroupName=group["logGroupName"]):
                yield from (event["message"] for event in page["events"])


def test_no_signed_url_stands_in_a_history_or_a_log(stack: Stack) -> None:
    desk = Desk(stack)
    document = desk.end(desk.put("looked for", saved(scene(), "JPEG")))
    # The document itself is where the signed URLs belong, so the search would find one.
    assert SIGNED.search(json.dumps(document))
    # A function's log arrives a moment after its result.
    wait_for("the job's log line", lambda: document["job_id"] in "".join(log_lines(stack)))
    told, logged = list(histories(stack)), list(log_lines(stack))
    assert any(document["job_id"] in text for text in told)
    assert not [text for text in [*told, *logged] if SIGNED.search(text)]
