"""The real module on the local AWS, from the form to the renditions and through its failures."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from PIL import Image

from local import client
from local.aws.server import LocalAws
from local.issuing import issuer
from local.problems import TerraformFailed
from local.stack import Stack, configured
from local.terraform.core import Root
from tests.local.laboratory import wait_for
from tests.local.pictures import photograph
from tests.local.processes import mentioning
from upload_workflow.issue.issue import Issued
from upload_workflow.issue.request import UploadRequest
from upload_workflow.job.keys import status_key

PATIENCE_SECONDS = 60


def send(stack: Stack, data: bytes, content_type: str = "image/jpeg") -> Issued:
    issued = issuer(stack)(UploadRequest(content_type, original_name="Urlaub ☀.jpg"))
    client.send(issued.upload.to_json(), "Urlaub.jpg", data)
    return issued


def result(issued: Issued) -> dict[str, Any]:
    return client.follow(issued.status.url, PATIENCE_SECONDS)


@pytest.fixture
def announced(stack: Stack) -> Iterator[Any]:
    """Counts the detail types of what the workflow announces about one key."""
    events, sqs = stack.aws.client("events"), stack.aws.client("sqs")
    name = f"announced-{uuid.uuid4().hex[:8]}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    events.put_rule(Name=name, EventPattern=json.dumps({"source": ["upload-workflow"]}))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn["QueueArn"]}])
    kinds: dict[str, Counter[str]] = {}

    def about(key: str) -> Counter[str]:
        got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in got:
            event = json.loads(message["Body"])
            counter = kinds.setdefault(event["detail"]["upload"]["key"], Counter())
            counter[event["detail-type"]] += 1
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return kinds.get(key, Counter())

    yield about
    events.remove_targets(Rule=name, Ids=["queue"])
    events.delete_rule(Name=name)
    sqs.delete_queue(QueueUrl=url)


def test_a_photograph_becomes_all_renditions(stack: Stack, announced: Any) -> None:
    issued = issuer(stack)(UploadRequest("image/jpeg", original_name="Urlaub ☀.jpg"))
    seeded = client.read_status(issued.status.url)
    assert seeded is not None
    assert seeded["state"] == "PENDING"
    data = photograph(1600, 1200)
    client.send(issued.upload.to_json(), "Urlaub.jpg", data)

    document = result(issued)
    assert document["state"] == "SUCCEEDED"
    assert document["upload"]["bytes"] == len(data)
    assert (document["image"]["width"], document["image"]["height"]) == (1600, 1200)
    expected = {
        "thumbnail": ("WEBP", (240, 240)),
        "card": ("AVIF", (640, 360)),
        "square": ("JPEG", (480, 480)),
        "large": ("WEBP", (1600, 1200)),
    }
    assert {listed["name"] for listed in document["renditions"]} == set(expected)
    for listed in document["renditions"]:
        answer = client.request("GET", listed["url"])
        assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
        rendition = client.fetch(listed)
        assert hashlib.sha256(rendition.data).hexdigest() == listed["sha256"]
        with Image.open(io.BytesIO(rendition.data)) as image:
            assert (image.format, image.size) == expected[listed["name"]]
    wait_for("the announcement", lambda: announced(issued.key)["Upload Succeeded"])


def test_a_file_that_is_no_image_is_rejected_with_a_reason(stack: Stack, announced: Any) -> None:
    issued = send(stack, b"Dear diary, today I called myself a photograph.\n")
    document = result(issued)
    assert document["state"] == "REJECTED"
    assert document["error"]["code"] == "NotAnImage"
    assert document["error"]["message"]
    wait_for("the announcement", lambda: announced(issued.key)["Upload Rejected"])


def test_an_upload_in_parts_and_a_copy_start_jobs_like_any_other(stack: Stack) -> None:
    """Field: rules that listen to one way of putting an object miss the others."""
    s3, uploads = stack.aws.client("s3"), stack.outputs["uploads"]
    parts, copy = (f"{uploads['prefix']}{name}" for name in ("in parts.jpg", "a copy.jpg"))
    place = {"Bucket": uploads["bucket"], "Key": parts}
    begun = s3.create_multipart_upload(**place, ContentType="image/jpeg")["UploadId"]
    part = s3.upload_part(**place, UploadId=begun, PartNumber=1, Body=photograph(320, 240))
    listed = {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
    s3.complete_multipart_upload(**place, UploadId=begun, MultipartUpload=listed)
    s3.copy_object(Bucket=uploads["bucket"], Key=copy, CopySource=place)
    results = stack.outputs["results"]

    def ended(key: str) -> bool:
        where = {"Bucket": results["bucket"], "Key": status_key(results["prefix"], key)}
        try:
            found = json.loads(s3.get_object(**where)["Body"].read())
        except s3.exceptions.NoSuchKey:
            return False
        return bool(found["state"] == "SUCCEEDED")

    for key in (parts, copy):
        wait_for(key, lambda key=key: ended(key))  # type: ignore[misc]


def test_nothing_passes_by_plain_http(stack: Stack) -> None:
    issued = issuer(stack)(UploadRequest("image/jpeg"))
    plain = {"X-Forwarded-Proto": "http"}
    assert client.request("GET", issued.status.url).status == 200
    assert client.request("GET", issued.status.url, headers=plain).status == 403

    url, fields = (issued.upload.to_json()[name] for name in ("url", "fields"))
    body = "".join(
        f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in {**fields, "file": "text"}.items()
    )
    form = {"Content-Type": "multipart/form-data; boundary=edge"}
    sent = f"{body}--edge--\r\n".encode()
    assert client.request("POST", url, sent, {**form, **plain}).status == 403
    assert client.request("POST", url, sent, form).status == 204


def test_the_signer_may_only_sign_and_seed(stack: Stack) -> None:
    s3 = stack.aws.client("s3", stack.signer)
    uploads, results = stack.outputs["uploads"], stack.outputs["results"]
    issued = send(stack, photograph(400, 300))
    rendition = result(issued)["renditions"][0]
    status = status_key(results["prefix"], issued.key)
    for forbidden in (
        lambda: s3.list_objects_v2(Bucket=results["bucket"]),
        lambda: s3.get_object(Bucket=uploads["bucket"], Key=issued.key),
        lambda: s3.get_object(Bucket=results["bucket"], Key=rendition["key"]),
        lambda: s3.put_object(Bucket=uploads["bucket"], Key="elsewhere", Body=b""),
        lambda: s3.put_object(Bucket=results["bucket"], Key=rendition["key"], Body=b""),
        lambda: s3.put_object(Bucket=results["bucket"], Key=status, Body=b""),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            forbidden()


def test_a_repeated_event_is_announced_as_ignored(stack: Stack, announced: Any) -> None:
    issued = send(stack, photograph(640, 480))
    first = result(issued)
    assert first["state"] == "SUCCEEDED"
    states = stack.aws.client("stepfunctions")
    machine = stack.outputs["state_machine"]["arn"]
    states.start_execution(stateMachineArn=machine, input=execution_input(stack, issued.key))
    wait_for("the repeated run", lambda: announced(issued.key)["Upload Ignored"])
    assert announced(issued.key) == {"Upload Succeeded": 1, "Upload Ignored": 1}
    assert without_urls(client.read_status(issued.status.url)) == without_urls(first)


def halted_in_the_middle(stack: Stack) -> tuple[Issued, set[int]]:
    """An upload whose conversion has begun and stands still, and the processes that do it."""
    name = stack.outputs["functions"]["convert_image"]["name"]
    issued = send(stack, photograph(7000, 5000))
    wait_for("the claim", lambda: state(issued) == "RUNNING")
    mine = mentioning(str(stack.aws.folder))
    workers = mine & mentioning(f"AWS_LAMBDA_FUNCTION_NAME={name}\0")
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    assert state(issued) == "RUNNING"
    return issued, workers


def test_a_worker_killed_in_the_middle_is_replaced(stack: Stack) -> None:
    issued, workers = halted_in_the_middle(stack)
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    assert result(issued)["state"] == "SUCCEEDED"
    assert failures(stack, issued.key) == ["Runtime.ExitError"]


def test_a_stopped_execution_ends_as_failed_and_stays_so(stack: Stack, announced: Any) -> None:
    issued, workers = halted_in_the_middle(stack)
    stack.aws.client("stepfunctions").stop_execution(executionArn=execution(stack, issued.key))
    document = result(issued)
    assert (document["state"], document["error"]["code"]) == ("FAILED", "Aborted")
    wait_for("the announcement", lambda: announced(issued.key)["Upload Failed"])

    # The conversion goes on, finishes, and finds that the job has an end already.
    for worker in workers:
        os.kill(worker, signal.SIGCONT)
    wait_for("the late renditions", lambda: renditions_stored(stack, issued.key) == 4)
    finished = send(stack, photograph(400, 300))  # the same worker, when it is free again
    assert result(finished)["state"] == "SUCCEEDED"
    assert client.read_status(issued.status.url) == document


def test_a_second_plan_is_empty(stack: Stack) -> None:
    planned = stack.root.run("plan", "-detailed-exitcode", may_fail=True)
    assert planned.returncode == 0, planned.stdout + planned.stderr


@pytest.fixture
def guarded(aws: LocalAws, package_file: str, tmp_path: Path) -> Iterator[Root]:
    """A second instance of the module in the same account, which keeps what it holds."""
    variables = {"name": "guarded", "package_file": package_file, "force_destroy": False}
    with configured(aws, tmp_path, variables) as root:
        root.run("apply")
        yield root


def test_a_destroy_refuses_what_is_not_empty_and_leaves_nothing_when_told(
    aws: LocalAws, guarded: Root, package_file: str, tmp_path: Path
) -> None:
    bucket = guarded.outputs()["upload_workflow"]["uploads"]["bucket"]
    aws.client("s3").put_object(Bucket=bucket, Key="uploads/kept", Body=b"not to be lost")
    with pytest.raises(TerraformFailed, match="BucketNotEmpty"):
        guarded.run("destroy")
    assert aws.client("s3").get_object(Bucket=bucket, Key="uploads/kept")

    variables = {"name": "guarded", "package_file": package_file, "force_destroy": True}
    with configured(aws, tmp_path, variables) as root:
        root.run("apply", "-target=module.upload_workflow.module.storage")  # what is left
        root.run("destroy")
    assert named(aws, "guarded") == []


def named(aws: LocalAws, name: str) -> list[str]:
    """Everything in the account whose name begins with an instance's name."""
    found = [
        *(bucket["Name"] for bucket in aws.client("s3").list_buckets()["Buckets"]),
        *(f["FunctionName"] for f in aws.client("lambda").list_functions()["Functions"]),
        *(m["name"] for m in aws.client("stepfunctions").list_state_machines()["stateMachines"]),
        *(rule["Name"] for rule in aws.client("events").list_rules()["Rules"]),
        *(role["RoleName"] for role in aws.client("iam").list_roles()["Roles"]),
        *(
            group["logGroupName"].rpartition("/")[2]
            for group in aws.client("logs").describe_log_groups()["logGroups"]
        ),
        *(url.rpartition("/")[2] for url in aws.client("sqs").list_queues().get("QueueUrls", [])),
    ]
    return sorted(each for each in found if each.startswith(name))


def test_the_account_of_an_instance_is_seen_whole(aws: LocalAws, stack: Stack) -> None:
    # Otherwise "leaves nothing" would be true of anything.
    kinds = [each.removeprefix("tested") for each in named(aws, "tested")]
    assert len(kinds) >= 12
    assert "-convert-image" in kinds and "-dead-letters" in kinds


def renditions_stored(stack: Stack, key: str) -> int:
    results = stack.outputs["results"]
    listed = stack.aws.client("s3").list_objects_v2(
        Bucket=results["bucket"], Prefix=f"{results['prefix']}{key}/"
    )
    return sum(not each["Key"].endswith("status.json") for each in listed["Contents"])


def state(issued: Issued) -> str | None:
    document = client.read_status(issued.status.url)
    return document and document["state"]


def without_urls(document: dict[str, Any] | None) -> object:
    assert document is not None
    return [listed["sha256"] for listed in document["renditions"]], document["updated_at"]


def execution(stack: Stack, key: str) -> str:
    """The first execution that was started for a key."""
    states = stack.aws.client("stepfunctions")
    machine = stack.outputs["state_machine"]["arn"]
    for listed in reversed(states.list_executions(stateMachineArn=machine)["executions"]):
        described = states.describe_execution(executionArn=listed["executionArn"])
        if json.loads(described["input"])["detail"]["object"]["key"] == key:
            return str(listed["executionArn"])
    raise AssertionError(f"no execution for {key}")


def execution_input(stack: Stack, key: str) -> str:
    states = stack.aws.client("stepfunctions")
    described = states.describe_execution(executionArn=execution(stack, key))
    return str(described["input"])


def failures(stack: Stack, key: str) -> list[str]:
    """Names of the errors of all Tasks that failed on the way."""
    states = stack.aws.client("stepfunctions")
    history = states.get_execution_history(executionArn=execution(stack, key))["events"]
    return [
        event["taskFailedEventDetails"]["error"]
        for event in history
        if event["type"] == "TaskFailed"
    ]
