"""Sends uploads through a stack on the local AWS and counts all that AWS would bill."""

from __future__ import annotations

import json
import re
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from local.stack import Stack
from measure.load.s3_endpoint import before_s3, set_variables
from upload_workflow.commands import upload_client
from upload_workflow.ops.rates import EVENT_BYTES, REQUEST_MS, Facts, Pass

_PATIENCE_SECONDS = 60
_QUIET_SECONDS = 2

# The local AWS's own records of a run; those of Lambda are counted by `bill`.
_RECORD = re.compile(r"(START|END|REPORT) RequestId: ")
_DURATION = re.compile(r"\tDuration: ([\d.]+) ms")

# The local AWS keeps no access log, so its variables are filled in here: names, and a value as
# long as AWS's. A variable that is not named is an error: its length is not known.
_ACCESS_VALUES = {
    "$context.requestTime": "23/Nov/2026:13:00:00 +0000",
    "$context.requestId": "PxJgOhF0oAMEJqg=",
    "$context.identity.sourceIp": "203.0.113.254",
    "$context.routeKey": "POST /uploads",
    "$context.status": "201",
    "$context.responseLatency": "123",
    "$context.integration.requestId": "be9d84eb-7882-4cc7-9901-7e37445187fd",
    "$context.integration.error": "-",
    "$context.authorizer.error": "-",
}


def count(stack: Stack, photo: Path, uploads: int) -> Facts:
    """The facts of this many uploads of the photo, one after the other, through the upload API.

    The stack is used by nobody else meanwhile. What another resampler would take is no fact of a
    run, so stock_ms is 0. Raises RuntimeError if an upload has another end than SUCCEEDED.
    """
    workflow = [function["name"] for function in stack.outputs["functions"].values()]
    issue_upload = _issue_upload(stack)
    convert_image = stack.outputs["functions"]["convert_image"]["name"]
    before = _executions(stack)
    began = datetime.now(UTC)
    with _events(stack) as events:
        with before_s3(stack, [*workflow, issue_upload], seconds=REQUEST_MS / 1000) as passed:
            for _ in range(uploads):
                _send(stack.outputs["upload_api"]["url"], photo)
        published = events()
    histories = [_history(stack, arn) for arn in _executions(stack) - before]
    logs = {name: _log(stack, name, began) for name in (*workflow, issue_upload)}
    own = [
        line
        for lines in logs.values()
        for line in lines
        if line.strip() and not _RECORD.match(line)
    ]
    functions = stack.aws.client("lambda")
    remade, unchanged = _passes(stack, convert_image, began)
    memory = {
        name: functions.get_function_configuration(FunctionName=name)["MemorySize"]
        for name in (convert_image, issue_upload)
    }
    asked = passed.requests
    return Facts(
        measured_on=began.date().isoformat(),
        uploads=uploads,
        photo=f"{photo.name}, {photo.stat().st_size / 1e6:.1f} MB",
        transitions=_transitions(histories) / uploads,
        # Nothing lists or copies, and a client writes by form or by ticket.
        writes=(asked["sdk PUT"] + asked["client POST"] + asked["client PUT"]) / uploads,
        reads=(asked["sdk GET"] + asked["sdk HEAD"]) / uploads,
        polls=asked["client GET"] / uploads,
        events=sum(n for source, n in published.items() if source != "aws.states") / uploads,
        # The API runs issue_upload once for each request, and nobody else does.
        api_requests=len(_durations(logs[issue_upload])) / uploads,
        function_runs=sum(len(_durations(lines)) for lines in logs.values()) / uploads,
        line_bytes=round(sum(len(line.encode()) + EVENT_BYTES for line in own) / uploads),
        access_bytes=len(_access_record(stack)) + EVENT_BYTES,
        convert_image_ms=median(_durations(logs[convert_image])),
        issue_upload_ms=median(_durations(logs[issue_upload])),
        stock_ms=0,
        convert_image_mb=memory[convert_image],
        issue_upload_mb=memory[issue_upload],
        remade=remade,
        unchanged=unchanged,
    )


def _passes(stack: Stack, function: str, since: datetime) -> tuple[Pass, Pass]:
    """Of what was uploaded since: once by other renditions, and once more by the same."""
    uploads = stack.outputs["uploads"]
    listed = stack.aws.client("s3").get_paginator("list_objects_v2")
    events = [
        {
            "remake": "counted",
            "detail": {
                "bucket": {"name": uploads["bucket"]},
                "object": {"key": found["Key"], "etag": found["ETag"].strip('"')},
            },
        }
        for page in listed.paginate(Bucket=uploads["bucket"], Prefix=uploads["prefix"])
        for found in page["Contents"]
        if found["LastModified"] >= since.replace(microsecond=0)
    ]
    client = stack.aws.client("lambda")
    settings = client.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    before = settings["RENDITIONS"]
    others = {name: {**fields, "quality": 71} for name, fields in json.loads(before).items()}
    set_variables(stack, [function], {"RENDITIONS": json.dumps(others)})
    try:
        return _pass(stack, function, events), _pass(stack, function, events)
    finally:
        set_variables(stack, [function], {"RENDITIONS": before})


def _pass(stack: Stack, function: str, events: list[dict[str, Any]]) -> Pass:
    """As batches of the state machine invoke the function, one object after the other."""
    began, client = datetime.now(UTC), stack.aws.client("lambda")
    told = []
    with before_s3(stack, [function], seconds=REQUEST_MS / 1000) as passed:
        for event in events:
            # Asked again in the same name, it would take the answer for lost and tell it again.
            payload = json.dumps({"event": event, "execution": str(uuid.uuid4()), "attempt": 0})
            answer = client.invoke(FunctionName=function, Payload=payload)
            told.append(json.load(answer["Payload"]))
    log = _log(stack, function, began)
    own = [line for line in log if line.strip() and not _RECORD.match(line)]
    asked, objects = passed.requests, len(events)
    return Pass(
        reads=(asked["sdk GET"] + asked["sdk HEAD"]) / objects,
        writes=asked["sdk PUT"] / objects,
        # What the state "Is it news" lets through.
        events=sum(one.get("state") in ("SUCCEEDED", "REJECTED") for one in told) / objects,
        line_bytes=round(sum(len(line.encode()) + EVENT_BYTES for line in own) / objects),
        ms=median(_durations(log)),
    )


def _send(api_url: str, photo: Path) -> None:
    issued = upload_client.Api(api_url).issue(photo)
    upload_client.send(issued["upload"], photo)
    document = upload_client.follow(issued, _PATIENCE_SECONDS)
    if document["state"] != "SUCCEEDED":
        why = document.get("error", {}).get("message", "It took too long.")
        raise RuntimeError(f"{photo.name} ended as {document['state']}: {why}")


def _issue_upload(stack: Stack) -> str:
    names = stack.aws.client("lambda").get_paginator("list_functions").paginate()
    (found,) = [
        function["FunctionName"]
        for page in names
        for function in page["Functions"]
        if function["FunctionName"].endswith("-issue-upload")
    ]
    return str(found)


def _executions(stack: Stack) -> set[str]:
    pages = stack.aws.client("stepfunctions").get_paginator("list_executions")
    return {
        execution["executionArn"]
        for page in pages.paginate(stateMachineArn=stack.outputs["state_machine"]["arn"])
        for execution in page["executions"]
    }


def _history(stack: Stack, execution_arn: str) -> list[str]:
    pages = stack.aws.client("stepfunctions").get_paginator("get_execution_history")
    return [
        event["type"]
        for page in pages.paginate(executionArn=execution_arn)
        for event in page["events"]
    ]


def _transitions(histories: list[list[str]]) -> int:
    """Each state that is entered, and each retry, which schedules its task once more."""
    entered = [type_ for types in histories for type_ in types if type_.endswith("StateEntered")]
    scheduled = [type_ for types in histories for type_ in types if type_.endswith("Scheduled")]
    tasks = [type_ for type_ in entered if type_ == "TaskStateEntered"]
    return len(entered) + len(scheduled) - len(tasks)


@contextmanager
def _events(stack: Stack) -> Iterator[Any]:
    """Yields what answers how many events of each source have come since."""
    sqs, bus = stack.aws.client("sqs"), stack.aws.client("events")
    url = sqs.create_queue(QueueName="counted-events")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    bus.put_rule(Name="counted-events", EventPattern=json.dumps({"source": [{"prefix": ""}]}))
    bus.put_targets(Rule="counted-events", Targets=[{"Id": "queue", "Arn": arn["QueueArn"]}])

    def came() -> Counter[str]:
        found: Counter[str] = Counter()
        while messages := sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=_QUIET_SECONDS
        ).get("Messages"):
            for message in messages:
                found[json.loads(message["Body"])["source"]] += 1
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    try:
        yield came
    finally:
        bus.remove_targets(Rule="counted-events", Ids=["queue"])
        bus.delete_rule(Name="counted-events")
        sqs.delete_queue(QueueUrl=url)


def _log(stack: Stack, function: str, began: datetime) -> list[str]:
    pages = stack.aws.client("logs").get_paginator("filter_log_events")
    start = int(began.timestamp() * 1000)
    return [
        event["message"]
        for page in pages.paginate(logGroupName=f"/aws/lambda/{function}", startTime=start)
        for event in page["events"]
    ]


def _durations(lines: list[str]) -> list[float]:
    return [float(found[1]) for line in lines if (found := _DURATION.search(line))]


def _access_record(stack: Stack) -> str:
    api = stack.outputs["upload_api"]["api_id"]
    (stage,) = stack.aws.client("apigatewayv2").get_stages(ApiId=api)["Items"]
    return filled(stage["AccessLogSettings"]["Format"], _ACCESS_VALUES)


def filled(format_: str, values: Mapping[str, str]) -> str:
    """The record that a format makes. Raises KeyError on a variable without a value."""
    return re.sub(r"\$context\.[A-Za-z.]+", lambda found: values[found[0]], format_)
