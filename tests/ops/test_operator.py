"""Many jobs, several faults: the operator sees each, learns why, and ends them all."""

from __future__ import annotations

import json
import re
import time
import zipfile
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.aws.server import make_user
from local.stack import Stack, package
from tests.local.laboratory import wait_for
from tests.ops.conftest import NAME
from tests.ops.operator_desk import Desk, picture

FUNCTION = f"{NAME}-convert-image"

# Why each fault's jobs failed, in the words of `why`.
CAUSES = {
    "denied": "AccessDenied",
    "stopped": "Aborted",
    "hang": "FunctionTimedOut",
    "die": "WorkerDied",
    "bug": "Bug",
}
EACH = 2
WELL = 20


@pytest.fixture(scope="module")
def desk(stack: Stack) -> Desk:
    return Desk(stack, NAME)


@contextmanager
def faulty_package(stack: Stack, folder: Path) -> Iterator[None]:
    """The functions' real package with tests/ops/faulty_convert_image.py before the handler."""
    sound, faulty = package(), folder / "faulty.zip"
    handler = "upload_workflow/handlers/convert_image"
    with zipfile.ZipFile(sound) as source, zipfile.ZipFile(faulty, "w") as target:
        for name in source.namelist():
            if name == f"{handler}.py":
                target.writestr(name.replace("convert", "sound_convert"), source.read(name))
                target.write(Path(__file__).with_name("faulty_convert_image.py"), name)
            elif not name.startswith("upload_workflow/handlers/__pycache__/convert_image"):
                target.writestr(name, source.read(name))
    function = stack.aws.client("lambda")
    timeout = function.get_function_configuration(FunctionName=FUNCTION)["Timeout"]
    function.update_function_code(FunctionName=FUNCTION, ZipFile=faulty.read_bytes())
    function.update_function_configuration(FunctionName=FUNCTION, Timeout=3)
    yield
    function.update_function_configuration(FunctionName=FUNCTION, Timeout=timeout)
    function.update_function_code(FunctionName=FUNCTION, ZipFile=sound.read_bytes())


@contextmanager
def reading_denied(stack: Stack, name: str) -> Iterator[None]:
    """The function's role may not read some uploads."""
    iam = stack.aws.client("iam")
    function = stack.aws.client("lambda").get_function_configuration(FunctionName=FUNCTION)
    role = function["Role"].rpartition("/")[2]
    uploads = stack.outputs["uploads"]
    denial = {
        "Effect": "Deny",
        "Action": ["s3:GetObject", "s3:GetObjectVersion"],
        "Resource": f"{uploads['arn']}/{uploads['prefix']}{name}*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [denial]})
    iam.put_role_policy(RoleName=role, PolicyName="denial", PolicyDocument=policy)
    yield
    iam.delete_role_policy(RoleName=role, PolicyName="denial")


def stop_executions_of(stack: Stack, name: str, count: int) -> None:
    """As an operator in the console who has had enough."""
    states = stack.aws.client("stepfunctions")
    machine = stack.outputs["state_machine"]["arn"]
    stopped: set[str] = set()

    def all_stopped() -> bool:
        running = states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")
        for execution in running["executions"]:
            arn = execution["executionArn"]
            if name in states.describe_execution(executionArn=arn)["input"]:
                states.stop_execution(executionArn=arn, error="Stopped", cause="enough of it")
                stopped.add(arn)
        return len(stopped) == count

    wait_for("executions to stop", all_stopped, 60)


def conversions(stack: Stack) -> Counter[str]:
    """How many successes were logged for each key."""
    logs = stack.aws.client("logs")
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{FUNCTION}")
    messages = [event["message"] for page in pages for event in page["events"]]
    lines = [json.loads(message) for message in messages if message.startswith('{"_aws"')]
    return Counter(line.get("key") for line in lines if line["state"] == "SUCCEEDED")


@pytest.fixture(scope="module")
def accident(
    desk: Desk, stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[str]]:
    """Some jobs among others, failed for five causes that are repaired by now. Keys by fault.

    They come in batches that the machine can take: a throttled job would wait for minutes here.
    How `ops` fares among thousands is tests/ops/test_scale.py's business.
    """
    keys = {"well": desk.upload(f"many/well-{one}.jpg" for one in range(WELL))}
    wait_until_ended(desk)
    with (
        faulty_package(stack, tmp_path_factory.mktemp("faulty")),
        reading_denied(stack, "many/denied"),
    ):
        for fault in CAUSES:
            # What is to be stopped by hand is denied first: then it waits for its retry.
            name = "many/denied-and-stopped" if fault == "stopped" else f"many/{fault}"
            keys[fault] = desk.upload(f"{name}-{one}.jpg" for one in range(EACH))
            if fault == "stopped":
                stop_executions_of(stack, "denied-and-stopped", EACH)
            wait_until_ended(desk)
    return keys


def wait_until_ended(
    desk: Desk, ends: Collection[str] = frozenset({"SUCCEEDED", "REJECTED", "FAILED"})
) -> None:
    """Asks once a second: each time costs a request for every job."""
    for _ in range(240):
        time.sleep(1)
        states = desk.states("many/")
        if set(states.values()) <= set(ends):
            return
    raise AssertionError(f"not ended within 4 minutes: {Counter(states.values())}")


def test_every_failed_job_is_seen_and_its_cause_is_named(
    desk: Desk, accident: dict[str, list[str]]
) -> None:
    assert Counter(desk.states("many/").values()) == {
        "SUCCEEDED": WELL,
        "FAILED": EACH * len(CAUSES),
    }
    for fault, name in CAUSES.items():
        for key in accident[fault]:
            why = desk.ask("why", key)
            assert (why["state"], why["name"]) == ("FAILED", name), why
            assert why["sentence"]
            assert why["remedy"]


def test_why_shows_the_words_of_whoever_refused(desk: Desk, accident: dict[str, list[str]]) -> None:
    evidence = {
        "denied": r"GetObject",
        "stopped": r"enough of it",
        "hang": r"timed out after",
        "bug": r"RuntimeError: the renditions do not add up",
    }
    for fault, words in evidence.items():
        assert re.search(words, desk.ask("why", accident[fault][0])["evidence"])


def test_the_story_of_a_failed_job_is_told_in_order(
    desk: Desk, accident: dict[str, list[str]]
) -> None:
    story = desk.ask("show", accident["bug"][0])
    told = [moment["what"] for moment in story["moments"]]
    expected = [
        r"upload stored",
        r"execution started by event \S+",
        r'"Convert image"$',
        r'"Convert image" failed: RuntimeError',
        r'"Record failure"',
        r"execution failed: RuntimeError",
    ]
    found = [next(i for i, what in enumerate(told) if re.search(e, what)) for e in expected]
    assert found == sorted(found), told
    # Two retries; a busy machine may have throttled one of them besides.
    assert sum('"Convert image" failed: RuntimeError' in what for what in told) == 3
    assert story["job"]["execution"] in {one["name"] for one in story["executions"]}


def test_a_client_may_name_its_job_by_its_id(desk: Desk, accident: dict[str, list[str]]) -> None:
    key = accident["well"][0]
    job_id = desk.ask("show", key)["job"]["job_id"]
    assert desk.ask("why", job_id)["key"] == key


def test_a_dry_run_says_everything_and_changes_nothing(
    desk: Desk, accident: dict[str, list[str]], stack: Stack
) -> None:
    machine = stack.outputs["state_machine"]["arn"]
    states = stack.aws.client("stepfunctions")
    before = len(states.list_executions(stateMachineArn=machine)["executions"])
    plan = desk.ask("redrive", "--prefix", "uploads/many/")
    failed = {key for fault in CAUSES for key in accident[fault]}
    assert {job["key"] for job in plan["jobs"]} == failed
    assert plan["dry_run"]
    assert {job["done"] for job in plan["jobs"]} == {None}
    assert len(states.list_executions(stateMachineArn=machine)["executions"]) == before


def test_redrive_ends_every_job_and_twice_in_a_row_does_no_harm(
    desk: Desk, accident: dict[str, list[str]], stack: Stack
) -> None:
    failed = {key for fault in CAUSES for key in accident[fault]}
    arguments = ("redrive", "--prefix", "uploads/many/", "--yes", "--rate", "100")
    first = desk.ask(*arguments)
    second = desk.ask(*arguments)  # while most of them are still running
    third = desk.ask(*arguments, "--wait", "120")

    assert {job["key"] for job in first["jobs"]} == failed
    assert {job["done"] for job in first["jobs"]} == {"started"}
    again = Counter(job["done"] for plan in (second, third) for job in plan["jobs"])
    assert set(again) <= {"is already running again", "has ended meanwhile"}
    wait_until_ended(
        desk, {"SUCCEEDED"}
    )  # until its new execution begins a job is FAILED as before
    assert Counter(desk.states("many/").values()) == {"SUCCEEDED": WELL + EACH * len(CAUSES)}
    # The line comes a moment after the document.
    logged = wait_for("lines", lambda: (told := conversions(stack)).keys() >= failed and told)
    assert {logged[key] for key in failed} == {1}  # converted once, not twice
    after = desk.ask(*arguments, "--wait", "60")
    assert after["jobs"] == []


def test_a_paused_workflow_loses_nothing_and_terraform_agrees_after_resume(
    desk: Desk, stack: Stack
) -> None:
    assert desk.ask("pause")["paused"]
    keys = desk.upload(f"held/{number}.jpg" for number in range(3))
    keys += desk.upload(["held/no-image.jpg"], b"this is not an image")
    held = wait_for(
        "letters", lambda: len(desk.ask("redrive")["jobs"]) == 4 and desk.ask("redrive")["jobs"]
    )
    assert {job["because"] for job in held} == {"held while paused"}
    assert desk.ask("why", keys[0])["name"] == "Paused"
    assert set(desk.states("held/").values()) == {"WAITING"}
    assert "execution" in stack.root.run("plan").stdout  # Terraform would resume, and says so

    assert not desk.ask("resume")["paused"]
    assert "No changes." in stack.root.run("plan").stdout
    done = desk.ask("redrive", "--yes", "--wait", "60")
    # The jobs' ends, not their executions': a rejection is a successful execution.
    assert Counter(job["end"] for job in done["jobs"]) == {"SUCCEEDED": 3, "REJECTED": 1}
    assert desk.states("held/") == {
        **dict.fromkeys(keys[:3], "SUCCEEDED"),
        keys[3]: "REJECTED",
    }
    assert desk.ask("redrive")["jobs"] == []


def test_the_doctor_finds_nothing_off_on_what_the_module_made(desk: Desk) -> None:
    code, out, err = desk.type("doctor")
    assert code == 0, out + err
    assert "Everything that was looked at is as the module makes it." in out


def test_terraform_pauses_in_the_same_way(desk: Desk, stack: Stack) -> None:
    """The lasting way is a variable; the command only does the same at once."""
    events = stack.aws.client("events")
    rule = f"{NAME}-upload-ready"

    def target() -> Any:
        (found,) = events.list_targets_by_rule(Rule=rule)["Targets"]
        return found

    desk.ask("pause")
    paused = target()
    assert paused["Arn"] == stack.outputs["dead_letters"]["arn"]
    desk.ask("resume")
    resumed = target()
    stack.root.run("apply")
    assert target() == resumed
    assert paused["Id"] == resumed["Id"] == "execution"


def test_a_letter_that_no_event_fits_is_left_and_named(desk: Desk, stack: Stack) -> None:
    queue = stack.outputs["dead_letters"]["url"]
    sqs = stack.aws.client("sqs")
    sqs.send_message(QueueUrl=queue, MessageBody="hello")
    for _ in range(2):
        done = desk.ask("redrive", "--yes")
        assert done["jobs"] == []
        (left,) = done["left"]
        assert "holds no event of an upload" in left["reason"]
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])


def test_an_upload_whose_event_was_lost_is_seen_and_told_why(desk: Desk, stack: Stack) -> None:
    events = stack.aws.client("events")
    events.disable_rule(Name=f"{NAME}-upload-ready")  # what `pause` must never do
    (key,) = desk.upload(["lost/1.jpg"])
    assert desk.states("lost/") == {key: "WAITING"}
    assert desk.ask("why", key)["name"] == "RuleDisabled"
    events.enable_rule(Name=f"{NAME}-upload-ready")
    assert desk.ask("why", key)["name"] == "NoEvent"


def test_people_get_tables_that_no_key_can_disturb(desk: Desk) -> None:
    (key,) = desk.upload(["people/\u202egpj.red"], picture())  # shown backwards by terminals
    wait_for("an end", lambda: desk.states("people/") == {key: "SUCCEEDED"})
    code, out, _ = desk.type("jobs", "--prefix", "uploads/people/")
    assert code == 0
    assert re.search(r"SUCCEEDED .*uploads/people/\\u202egpj\.red", out)
    assert "\u202e" not in out + desk.type("show", key)[1] + desk.type("why", key)[1]


def test_who_may_delete_forgets_an_upload_and_whoever_is_on_call_does_not(
    desk: Desk, stack: Stack
) -> None:
    (key,) = desk.upload(["forget/one.jpg"])
    desk.upload(["forget/one.jpg"], picture(64, 64))
    (stays,) = desk.upload(["forget/one.jpg/below.jpg"])
    ended = {key: "SUCCEEDED", stays: "SUCCEEDED"}
    wait_for("an end", lambda: desk.states("forget/") == ended)
    s3, results = stack.aws.client("s3"), stack.outputs["results"]["bucket"]

    def left() -> set[str]:
        return {
            one["Key"].split("/", 1)[1] if bucket == results else one["Key"]
            for bucket in (results, stack.outputs["uploads"]["bucket"])
            for one in s3.list_object_versions(Bucket=bucket, Prefix="")["Versions"]
            if "forget/" in one["Key"]
        }

    before = left()
    (planned,) = desk.ask("forget", key)
    assert (planned["originals"], planned["document"], left()) == (2, True, before)
    code, _, err = with_rights(desk, "operator").type("forget", key, "--yes")
    assert code == 1 and "AccessDenied" in err and "s3:" in err, err
    assert left() == before
    code, out, err = with_rights(desk, "forget").type("forget", key, "--yes")
    assert (code, err) == (0, ""), err
    assert "1 upload forgotten." in out
    assert left() == {one for one in before if one.startswith(stays)}
    assert desk.states("forget/") == {stays: "SUCCEEDED"}


def with_rights(desk: Desk, kind: str) -> Desk:
    """A desk whose user has the rights of an output and no others."""
    iam = desk.stack.aws.client("iam")
    policy = desk.stack.outputs[f"{kind}_policy_json"]
    signed_in = make_user(iam, kind, policy)
    # The local AWS does not see of which rule it is asked.
    sees = {"Effect": "Allow", "Action": "events:DescribeRule", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [sees]})
    iam.put_user_policy(UserName=kind, PolicyName="rules", PolicyDocument=document)
    aws = replace(desk.stack.aws, credentials=signed_in)
    return replace(desk, stack=replace(desk.stack, aws=aws))


def test_what_does_not_exist_is_said_in_one_sentence(desk: Desk, stack: Stack) -> None:
    code, out, err = desk.type("why", "uploads/never.jpg")
    assert (code, out) == (2, "")
    assert "There is no upload" in err
    code, _, err = Desk(stack, "unknown").type("jobs")
    assert code == 2
    assert NAME in err  # the one that there is
