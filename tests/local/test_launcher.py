"""What local/aws/launcher.py changes in MiniStack, each beside MiniStack without the change.

Where the second half of a test fails, the change is no longer needed: drop both.
"""

from __future__ import annotations

import json
import subprocess
import time
import types
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

import local.aws.server
from local import paths
from local.aws import launcher
from local.aws.server import LocalAws, make_user
from local.environments import local_aws_python
from tests.local.laboratory import CONVERTS, Laboratory, wait_for

RAISES = """
class Outer:
    class Unwilling(Exception): pass

def handler(event, context):
    if event == "plain": raise Outer.Unwilling("no: not today")
    if event == "lines": raise Outer.Unwilling("first line\\nos.Error: second line")
    if event == "empty": raise Outer.Unwilling
    if event == "chained":
        try: {}["absent"]
        except KeyError as error: raise Outer.Unwilling("chained") from error
    if event == "printed":
        import sys
        print("ValueError: a line of the log", file=sys.stderr)
        raise Outer.Unwilling("printed")
    if event == "killed":
        import os, signal
        os.kill(os.getpid(), signal.SIGKILL)
    return "well"
"""

# Says that it has begun, and goes on when the test allows.
HOLDS = """
import pathlib, time

def handler(event, context):
    folder = pathlib.Path(event["folder"])
    (folder / ("begun-" + str(event["number"]))).touch()
    deadline = time.monotonic() + 20
    while not (folder / "go-on").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
"""


def held(
    laboratory: Laboratory, name: str, calls: int, expected: int, **function: Any
) -> list[str | None]:
    """Errors of `calls` executions at once, of which `expected` ran before any could end."""
    folder = laboratory.folder / name
    folder.mkdir()
    machine = laboratory.machine(name, laboratory.deploy(name, HOLDS, **function))
    started = [
        laboratory.start(machine, {"folder": str(folder), "number": number})
        for number in range(calls)
    ]
    wait_for(f"{expected} at once", lambda: len(list(folder.glob("begun-*"))) >= expected)
    time.sleep(0.5)  # room for one too many to show itself
    assert len(list(folder.glob("begun-*"))) == expected
    (folder / "go-on").touch()
    return [laboratory.outcome(execution)[1] for execution in started]


@pytest.mark.parametrize("how", ["plain", "lines", "empty", "chained", "printed"])
def test_an_error_carries_the_name_of_its_class(
    how: str, laboratory: Laboratory, plain_laboratory: Laboratory
) -> None:
    for place, expected in ((laboratory, "Unwilling"), (plain_laboratory, "Runtime.HandlerError")):
        deploy_once(place, "raises", RAISES)
        assert place.invoke("raises", how)["errorType"] == expected


def test_a_killed_worker_is_named_as_aws_names_it(
    laboratory: Laboratory, plain_laboratory: Laboratory
) -> None:
    for place, expected in (
        (laboratory, "Runtime.ExitError"),
        (plain_laboratory, "Runtime.HandlerError"),
    ):
        deploy_once(place, "raises", RAISES)
        assert place.invoke("raises", "killed")["errorType"] == expected


def test_conversions_queue_beyond_one_more_than_the_cores(
    laboratory: Laboratory, plain_laboratory: Laboratory
) -> None:
    calls = launcher.CONVERSIONS_AT_ONCE + 3
    errors = held(laboratory, "converts", calls, launcher.CONVERSIONS_AT_ONCE, **CONVERTS)
    assert errors == [None] * calls
    assert held(plain_laboratory, "converts", calls, calls, **CONVERTS) == [None] * calls


def test_failures_are_recorded_two_at_a_time(
    laboratory: Laboratory, plain_laboratory: Laboratory
) -> None:
    calls = launcher.RECORDS_AT_ONCE + 3
    record = {"handler": launcher.RECORD}
    errors = held(laboratory, "records", calls, launcher.RECORDS_AT_ONCE, **record)
    assert errors == [None] * calls
    assert held(plain_laboratory, "records", calls, calls, **record) == [None] * calls


def test_who_waited_too_long_is_throttled_by_the_name_that_aws_uses(
    variant: Callable[[str], AbstractContextManager[LocalAws]], tmp_path: Path
) -> None:
    with variant("impatient") as aws:
        laboratory = Laboratory(aws, tmp_path)
        machine = laboratory.machine("one", laboratory.deploy("one", HOLDS, **CONVERTS))
        first = laboratory.start(machine, {"folder": str(tmp_path), "number": 1})
        wait_for("the first conversion's begin", (tmp_path / "begun-1").exists)
        second = laboratory.start(machine, {"folder": str(tmp_path), "number": 2})
        assert laboratory.outcome(second) == ("FAILED", launcher.THROTTLED)
        (tmp_path / "go-on").touch()
        assert laboratory.outcome(first) == ("SUCCEEDED", None)
        assert not (tmp_path / "begun-2").exists()


def test_a_throttle_has_the_name_that_aws_uses(
    laboratory: Laboratory, plain_laboratory: Laboratory
) -> None:
    for place, expected in ((laboratory, launcher.THROTTLED), (plain_laboratory, "Lambda.Unknown")):
        machine = place.machine("closed", place.deploy("closed", RAISES))
        place.aws.client("lambda").put_function_concurrency(
            FunctionName="closed", ReservedConcurrentExecutions=0
        )
        assert place.outcome(place.start(machine, None)) == ("FAILED", expected)


def test_loopback_counts_as_tls_unless_the_client_denies_it(
    aws: LocalAws, unadapted: LocalAws
) -> None:
    for running, plain, denied in ((aws, 200, 403), (unadapted, 403, 403)):
        bucket = "demands-tls"
        s3 = running.client("s3")
        s3.create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": running.region}
        )
        s3.put_object(Bucket=bucket, Key="key", Body=b"body")
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(only_by_tls(bucket)))
        url = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "key"})
        assert get(url, {}) == plain
        assert get(url, {"X-Forwarded-Proto": "https"}) == 200
        assert get(url, {"X-Forwarded-Proto": "http"}) == denied


def only_by_tls(bucket: str) -> dict[str, object]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }


def test_a_user_may_do_what_the_policy_says_and_no_more(aws: LocalAws) -> None:
    allowed = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    user = make_user(aws.client("iam"), "lister", policy)
    s3 = aws.client("s3", user)
    s3.list_buckets()
    with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
        s3.create_bucket(Bucket="not-for-listers")


def test_functions_see_nothing_of_the_host(
    laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_HOST", "secret")
    # started after the variable was set, unlike the one that all tests share
    with local.aws.server.local_aws() as aws:
        place = Laboratory(aws, tmp_path)
        place.deploy("looks", "import os\ndef handler(event, context): return dict(os.environ)")
        seen = place.invoke("looks")
    assert "SECRET_OF_THE_HOST" not in seen
    assert seen["HOME"].startswith(str(aws.folder))
    assert seen["AWS_ENDPOINT_URL"] == aws.endpoint_url


def test_a_distributed_map_works_in_batches_and_takes_expressions(
    laboratory: Laboratory, plain_laboratory: Laboratory
) -> None:
    over = {
        "Type": "Map",
        "Label": "all",
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:listObjectsV2",
            "Arguments": {"Bucket": "listed", "Prefix": "{% $states.input.prefix %}"},
        },
        "ItemSelector": {"key": "{% $states.context.Map.Item.Value.Key %}"},
        "ItemBatcher": {"MaxItemsPerBatch": 2},
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
            "StartAt": "Keys",
            "States": {
                "Keys": {"Type": "Pass", "Output": "{% $states.input.Items.key %}", "End": True}
            },
        },
        "Output": "{% $sort($reduce($states.result, $append)) %}",
        "End": True,
    }
    for place, as_on_aws in ((laboratory, True), (plain_laboratory, False)):
        s3, states = place.aws.client("s3"), place.aws.client("stepfunctions")
        s3.create_bucket(
            Bucket="listed", CreateBucketConfiguration={"LocationConstraint": place.aws.region}
        )
        for key in ("a/1", "a/2", "a/3", "b/1"):
            s3.put_object(Bucket="listed", Key=key, Body=b"")
        started = place.start(place.defined("maps", {"Over": over}), {"prefix": "a/"})
        place.outcome(started)
        said = states.describe_execution(executionArn=started).get("output")
        assert (json.loads(said or "null") == ["a/1", "a/2", "a/3"]) is as_on_aws


def test_another_ministack_is_refused_in_one_sentence() -> None:
    other = types.ModuleType("lambda_svc")
    assert "lambda_svc._execute_function_dispatch is missing" in str(
        launcher.unlike_expected(other, "2.0.0")
    )
    other.__dict__["_execute_function_dispatch"] = lambda func, context: None
    problem = launcher.unlike_expected(other, "2.0.0")
    assert problem is not None
    assert "takes (func, context) instead of (func, config, event, request_id, started)" in problem
    assert "2.0.0" in problem and "requirements/local-aws.txt" in problem


def test_the_pinned_ministack_is_the_one_the_launcher_was_written_for() -> None:
    pinned = (paths.REQUIREMENTS / "local-aws.in").read_text()
    assert f"ministack=={launcher.EXPECTED_MINISTACK}\n" in pinned
    asked = "import importlib.metadata as m; print(m.version('ministack'))"
    installed = subprocess.run(
        [local_aws_python(), "-c", asked], check=True, capture_output=True, text=True
    )
    assert installed.stdout.strip() == launcher.EXPECTED_MINISTACK


def deploy_once(place: Laboratory, name: str, source: str) -> None:
    client = place.aws.client("lambda")
    if name not in [f["FunctionName"] for f in client.list_functions()["Functions"]]:
        place.deploy(name, source)


def get(url: str, headers: dict[str, str]) -> int:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=10)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}", headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_who_may_write_only_where_nothing_stands_is_told_from_who_may_not(
    aws: LocalAws, unadapted: LocalAws
) -> None:
    """Untouched, IAM does not hear that a write is conditional, and refuses all of them."""
    statement = {
        "Effect": "Allow",
        "Action": "s3:PutObject",
        "Resource": "*",
        "Condition": {"Null": {"s3:if-none-match": "false"}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    for running, may_seed in ((aws, True), (unadapted, False)):
        bucket, user = "seeds", make_user(running.client("iam"), "sower", policy)
        running.client("s3").create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": running.region}
        )
        seed = partial(running.client("s3", user).put_object, Bucket=bucket, Key="seed", Body=b"")
        with nullcontext() if may_seed else pytest.raises(ClientError, match="AccessDenied"):
            seed(IfNoneMatch="*")
        with pytest.raises(ClientError, match="AccessDenied"):
            seed()


TRUST = {
    "Effect": "Allow",
    "Action": "sts:AssumeRole",
    "Principal": {"Service": "states.amazonaws.com"},
}


def test_a_state_machine_is_deleted_twice(aws: LocalAws, unadapted: LocalAws) -> None:
    """Seen: a destroy by the real provider, whose SDK had asked again, failed on a busy machine."""
    for running, refuses in ((aws, False), (unadapted, True)):
        states, trust = running.client("stepfunctions"), json.dumps({"Statement": [TRUST]})
        role = running.client("iam").create_role(RoleName="gone", AssumeRolePolicyDocument=trust)
        made = states.create_state_machine(
            name="gone",
            definition='{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}',
            roleArn=role["Role"]["Arn"],
        )["stateMachineArn"]
        states.delete_state_machine(stateMachineArn=made)
        with pytest.raises(ClientError, match="DoesNotExist") if refuses else nullcontext():
            states.delete_state_machine(stateMachineArn=made)


def test_a_package_is_unpacked_once_and_each_worker_has_a_link_to_it(tmp_path: Path) -> None:
    workers = types.ModuleType("lambda_runtime")
    launcher.unpack_once(workers, tmp_path / "packages")
    unpacked = []
    for number, text in enumerate(("same", "same", "other")):
        package = tmp_path / f"{number}.zip"
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("folder/handler.py", text)
        code = tmp_path / f"code{number}"
        code.mkdir()
        with workers.zipfile.ZipFile(package) as archive:
            archive.extractall(code)
        assert (code / "folder/handler.py").read_text() == text
        unpacked.append(code.resolve())
    assert unpacked[0] == unpacked[1] != unpacked[2]
