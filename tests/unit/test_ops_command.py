"""The operator's commands as typed: on every way out, and on workflows that somebody changed."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.moto_account import KEY, NAME, START_ROLE_ARN, Account, Calls, account
from upload_workflow.__main__ import main
from upload_workflow.job.document import State, timestamp
from upload_workflow.ops import __main__ as command
from upload_workflow.ops import forget, forget_command, redrive, remake


@pytest.fixture(name="account")
def _account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    with account(monkeypatch) as made:
        monkeypatch.setattr(command, "connect", lambda *_: made.aws)
        monkeypatch.setattr(redrive, "PATIENCE", redrive.PATIENCE * 0)
        monkeypatch.setenv("UPLOAD_WORKFLOW_NAME", NAME)
        yield made


def typed(*arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = command.main(arguments)
    return code, out.getvalue(), err.getvalue()


def asked(*arguments: str) -> Any:
    code, out, err = typed(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def test_a_first_letter_is_started_before_the_last_job_is_listed(account: Account) -> None:
    account.letter(account.upload("uploads/1"))
    for number in range(2, 5):
        account.document(account.upload(f"uploads/{number}"), State.FAILED)
    with Calls(account.aws) as calls:
        asked("redrive", "--yes")
    assert calls.seen.index("StartExecution") < len(calls.seen) - 1
    assert calls.seen.count("StartExecution") == 4


def test_letters_that_somebody_else_reads_are_not_denied(account: Account) -> None:
    """Field: "0 jobs", and "no execution has claimed the upload"."""
    event = account.upload()
    account.letter(event)
    url = account.workflow.dead_letters_url
    account.aws.sqs.receive_message(QueueUrl=url, VisibilityTimeout=300)
    found = asked("redrive", "--letters-only")
    assert (found["jobs"], found["letters_held"], found["whole"]) == ([], 1, False)
    assert "1 letter is held by another reader" in typed("redrive")[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--name", NAME, "jobs"),
        ("jobs", "--name", NAME),
        ("jobs",),  # UPLOAD_WORKFLOW_NAME
        ("--json", "jobs"),
    ],
)
def test_options_stand_before_the_command_or_after_it(
    account: Account, arguments: tuple[str, ...]
) -> None:
    account.upload()
    code, out, _ = typed(*arguments)
    assert code == 0
    assert KEY in out


def test_a_name_after_the_command_wins(account: Account) -> None:
    code, _, err = typed("--name", NAME, "jobs", "--name", "other")
    assert code == 2
    assert f"Known ones: {NAME}" in err


def test_one_job_is_one_job_and_the_latest_are_shown(account: Account) -> None:
    account.upload()
    assert "\n1 job: 1 WAITING" in typed("jobs")[1]
    account.upload("uploads/two")
    code, out, _ = typed("jobs", "--limit", "1")
    assert code == 0
    assert "2 jobs (the last 1 are shown, --limit 0 shows all): 2 WAITING" in out
    assert out.count("uploads/") == 1
    assert len(asked("jobs")) == len(asked("jobs", "--limit", "0")) == 2


def test_a_limit_below_nothing_is_refused(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        command.main(("jobs", "--limit", "-1"))
    assert "0 shows all" in capsys.readouterr().err


def test_folders_of_the_console_are_no_uploads(account: Account) -> None:
    account.upload("uploads/album/", b"")
    account.upload("uploads/album/one")
    assert [job["key"] for job in asked("jobs")] == ["uploads/album/one"]


@pytest.mark.parametrize("command_word", ["why", "show"])
def test_an_empty_key_is_answered_with_what_lists_keys(
    account: Account, capsys: pytest.CaptureFixture[str], command_word: str
) -> None:
    """Seen: `ops why "$KEY"` without a KEY was answered by a parameter check of the SDK."""
    with pytest.raises(SystemExit):
        command.main((command_word, ""))
    assert "`jobs` lists keys" in capsys.readouterr().err


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_any_key_can_be_shown_on_any_terminal(account: Account, encoding: str) -> None:
    account.upload("uploads/写真 ✔ é")
    written = io.BytesIO()
    with contextlib.redirect_stdout(io.TextIOWrapper(written, encoding)) as out:
        assert command.main(("jobs",)) == 0
        assert command.main(("redrive",)) == 0
        out.flush()
        shown = written.getvalue().decode(encoding)
    assert shown.count("WAITING") >= 2
    assert ("写真" in shown) == (encoding == "utf-8")


CHANGES: dict[str, object] = {
    "another shape": {"source": ["aws.s3"], "detail": {"bucket": {"name": ["uploads"]}}},
    "a suffix": {
        "detail": {"bucket": {"name": ["uploads"]}, "object": {"key": [{"suffix": ".jpg"}]}}
    },
    "only the source": {"source": ["aws.s3"]},
}


@pytest.mark.parametrize("pattern", CHANGES.values(), ids=CHANGES)
def test_a_rule_that_somebody_changed_stands_in_nobodys_way_but_where_it_must(
    account: Account, pattern: object
) -> None:
    """Field: KeyError 'prefix' from every command, at night, `pause` too."""
    account.listen(pattern)
    assert asked("pause")["paused"]
    code, _, err = typed("jobs")
    assert code == 1
    assert "was changed" in err
    assert "--uploads s3://BUCKET/PREFIX" in err
    account.upload()
    assert [job["key"] for job in asked("jobs", "--uploads", "s3://uploads/uploads/")] == [KEY]


def test_a_rule_that_is_gone_is_named_and_the_rest_goes_on(account: Account) -> None:
    account.aws.events.delete_rule(Name=f"{NAME}-upload-ready")
    code, _, err = typed("jobs")
    assert code == 1
    assert "upload-ready is gone" in err
    account.upload()
    assert asked("why", KEY, "--uploads", "s3://uploads/uploads/")["name"] == "EventsOff"


def test_an_upload_deleted_while_its_letter_waits_is_told_by_its_letter(account: Account) -> None:
    """Field: "the client has not uploaded anything"."""
    event = account.upload()
    account.letter(event)
    account.aws.s3.delete_object(Bucket="uploads", Key=KEY)
    assert asked("why", KEY)["name"] == "Paused"  # kept without an error: held


def test_a_rendition_that_is_gone_is_missed(account: Account) -> None:
    """Field: "Nothing is wrong: every rendition is there"."""
    rendition = {
        "name": "small",
        "key": "results/uploads/one/j/r/small.webp",
        "url": "https://example.com",
        "url_expires_at": "2026-03-01T12:00:00.000Z",
        "content_type": "image/webp",
        "width": 1,
        "height": 1,
        "bytes": 1,
        "sha256": "f",
    }
    from upload_workflow.job.document import StoredRendition

    account.document(account.upload(), State.SUCCEEDED, renditions=(StoredRendition(**rendition),))
    why = asked("why", KEY)
    assert why["name"] == "RenditionsGone"
    assert "small" in why["sentence"]


def test_the_doctor_says_what_is_off_and_goes_on_where_it_may_not_look(account: Account) -> None:
    code, out, _ = typed("doctor", "--json")
    findings = {one["what"]: one for one in json.loads(out)}
    assert code == 1
    assert "sends none to EventBridge" in findings["events of the uploads bucket"]["said"]
    assert findings["rule"]["remedy"] is None
    assert "the rule has none" in findings["target"]["said"]
    assert "no policy of its own" in findings["rights of convert_image"]["said"]
    assert findings["record_failure"]["said"] == "it has lost its dead letters"
    assert findings["failures that Step Functions ends"]["said"].startswith("gone")
    typed("pause")
    assert (
        "paused"
        in {one["what"]: one for one in json.loads(typed("doctor", "--json")[1])}["target"]["said"]
    )


def test_the_doctor_sees_a_target_that_lost_its_dead_letters(account: Account) -> None:
    """Field: invisible to a plan of Terraform."""
    typed("resume")
    targets = account.aws.events.list_targets_by_rule(Rule=f"{NAME}-upload-ready")["Targets"]
    assert {one["what"]: one["remedy"] for one in json.loads(typed("doctor", "--json")[1])}[
        "target"
    ] is None
    del targets[0]["DeadLetterConfig"]
    account.aws.events.put_targets(Rule=f"{NAME}-upload-ready", Targets=targets)
    said = typed("doctor")[1]
    assert "has lost its dead letters" in said
    assert "-replace='module.YOURS.module.trigger.aws_cloudwatch_event_target.execution'" in said


def test_a_pause_is_ended_with_the_role_that_there_is(account: Account) -> None:
    """Roles keep the names that they were made with, and a paused target names none."""

    def target() -> dict[str, Any]:
        (one,) = account.aws.events.list_targets_by_rule(Rule=f"{NAME}-upload-ready")["Targets"]
        return dict(one)

    typed("pause")
    assert "RoleArn" not in target()
    typed("resume")
    assert target()["RoleArn"] == START_ROLE_ARN
    assert "starts executions" in typed("doctor")[1]
    role = START_ROLE_ARN.replace("older", NAME)
    account.aws.events.put_targets(
        Rule=f"{NAME}-upload-ready", Targets=[target() | {"RoleArn": role}]
    )
    assert f"it has the role {role}, not {START_ROLE_ARN}," in typed("doctor")[1]
    typed("resume")
    assert "starts executions" in typed("doctor")[1]


def test_a_pause_waits_for_an_apply_where_nothing_names_the_role(account: Account) -> None:
    typed("pause")
    account.aws.functions.update_function_configuration(
        FunctionName=f"{NAME}-record-failure", Environment={"Variables": {}}
    )
    code, _, said = typed("resume")
    assert code != 0
    assert f"The function {NAME}-record-failure has lost its variable START_ROLE_ARN" in said
    assert "terraform apply" in said


def test_the_doctor_counts_no_alarm_of_another_instance(account: Account) -> None:
    for name in (f"{NAME}-executions-failed", f"{NAME}-prod-executions-failed"):
        account.aws.cloudwatch.put_metric_alarm(
            AlarmName=name,
            Namespace="AWS/States",
            MetricName="ExecutionsFailed",
            EvaluationPeriods=1,
            ComparisonOperator="GreaterThanThreshold",
        )
    told = {one["what"]: one["said"] for one in json.loads(typed("doctor", "--json")[1])}
    assert told["alarms"].startswith("1, in alarm")


def test_the_doctor_asks_for_the_rights_of_everybody_on_the_way(account: Account) -> None:
    """Seen: the role that starts executions had lost its policy, and all was well."""

    def rights() -> dict[str, str]:
        told = json.loads(typed("doctor", "--json")[1])
        return {one["what"]: one["said"] for one in told if one["what"].startswith("rights")}

    starts = account.workflow.start_role_arn.rpartition("/")[2]
    account.aws.iam.create_role(RoleName=starts, AssumeRolePolicyDocument="{}")
    lost = rights()
    assert list(lost) == [
        "rights of the target",
        "rights of the state machine",
        "rights of convert_image",
        "rights of record_failure",
    ]
    assert starts in lost["rights of the target"]
    for who in ("the target", "the state machine", "convert_image"):
        assert "no policy of its own" in lost[f"rights of {who}"]
    for role in (starts, "role"):
        account.aws.iam.put_role_policy(RoleName=role, PolicyName="own", PolicyDocument=POLICY)
    restored = rights()
    for who in ("the target", "the state machine", "convert_image"):
        assert restored[f"rights of {who}"] == "own"


def test_the_doctor_looks_at_remakes_where_there_are_some(account: Account) -> None:
    def remakes() -> dict[str, str | None]:
        (told,) = (
            one for one in json.loads(typed("doctor", "--json")[1]) if one["what"] == "remakes"
        )
        return told

    assert remakes()["said"] == "none (workflow.remake = null)"
    account.allow_remakes()
    assert "no policy of its own" in str(remakes()["said"]) and remakes()["remedy"]
    account.aws.iam.put_role_policy(RoleName="role", PolicyName="remake", PolicyDocument=POLICY)
    assert remakes() == {
        "what": "remakes",
        "said": "may start, with the rights of remake",
        "remedy": None,
    }


POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
    }
)


def test_the_help_of_ops_names_the_command_that_a_release_brings(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        command.main(("--help",))
    assert capsys.readouterr().out.startswith("usage: upload-workflow ops ")


def test_a_picture_deleted_as_the_guide_says_leaves_nothing_to_see_or_to_start(
    account: Account,
) -> None:
    account.document(account.upload(), State.SUCCEEDED)
    assert [job["key"] for job in asked("jobs")] == [KEY]
    versions = account.aws.s3.list_object_versions(Bucket="uploads", Prefix=KEY)["Versions"]
    for version in versions:
        account.aws.s3.delete_object(Bucket="uploads", Key=KEY, VersionId=version["VersionId"])
    for made in account.aws.s3.list_objects_v2(Bucket="results", Prefix=f"results/{KEY}/")[
        "Contents"
    ]:
        account.aws.s3.delete_object(Bucket="results", Key=made["Key"])
    assert "Versions" not in account.aws.s3.list_object_versions(Bucket="uploads", Prefix=KEY)
    assert asked("jobs") == []
    assert asked("redrive")["jobs"] == []
    code, _, err = typed("why", KEY)
    assert (code, "There is no upload" in err) == (2, True)


@pytest.mark.parametrize(
    "key",
    [
        "uploads/\x01",
        "uploads/\x1b[31mred",
        "uploads/a\nb\r",
        "uploads/\x7f\x85\u202e",
        "uploads/ ",
        "uploads//a//",
        "uploads/../a",
        "uploads/%2e%2e/a",
        "uploads/" + "x" * 1016,
    ],
    ids=lambda key: ascii(key[:24]),
)
def test_an_upload_of_any_key_is_listed_and_redriven_beside_the_others(
    account: Account, key: str
) -> None:
    account.letter(account.upload(key))
    account.upload("uploads/waits")
    code, out, err = typed("jobs")
    assert (code, err) == (0, "")
    assert "uploads/waits" in out and all(c.isprintable() for c in out.replace("\n", ""))
    assert {job["key"] for job in asked("jobs")} == {key, "uploads/waits"}
    assert typed("why", key)[0] == 0
    asked("redrive", "--yes")
    assert key in [event["detail"]["object"]["key"] for event in account.started().values()]


@pytest.mark.parametrize(
    "arguments",
    [
        ("jobs", "--since", "9999999d"),
        ("jobs", "--since", "9" * 30 + "d"),
        ("redrive", "--rate", "nan"),
        ("redrive", "--rate", "inf"),
        ("redrive", "--rate", "1e-320"),
        ("redrive", "--rate", "0"),
        ("redrive", "--rate", "fast"),
    ],
)
def test_a_number_that_is_none_is_refused_in_a_sentence(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        command.main(arguments)
    assert left.value.code == 2
    assert arguments[-1] in capsys.readouterr().err


def test_whoever_types_no_command_is_told_that_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(())
    assert capsys.readouterr().err.endswith("arguments are required: COMMAND\n")


def test_whoever_says_no_region_is_asked_for_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    assert command.main(["--name", "photos", "jobs"]) == 2
    assert capsys.readouterr().err == "Say in which region: --region, or AWS_REGION.\n"


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forget, "PATIENCE", forget.PATIENCE * 0)


def kept(account: Account) -> list[str]:
    return [
        one["Key"]
        for bucket in ("uploads", "results")
        for one in account.aws.s3.list_object_versions(Bucket=bucket).get("Versions", [])
    ]


@pytest.mark.usefixtures("patient")
def test_forget_says_first_what_it_would_delete_and_deletes_it_when_told_to(
    account: Account,
) -> None:
    account.upload(KEY, b"zero")
    account.document(account.upload(), State.SUCCEEDED)
    before = kept(account)
    code, said, _ = typed("forget", KEY)
    assert code == 0 and kept(account) == before
    assert "1 upload would be deleted for good." in said and "--yes" in said
    assert re.search(rf"^2 +0 +yes +{KEY}$", said, re.MULTILINE)
    (dry,) = asked("forget", KEY)
    assert (dry["originals"], dry["document"], dry["forgotten"]) == (2, True, False)
    code, said, _ = typed("forget", "--prefix", KEY, "--yes")
    assert code == 0 and "1 upload forgotten." in said
    assert kept(account) == []
    assert "Of 1 key there is nothing." in typed("forget", KEY, "--yes")[1]


def test_a_job_that_runs_is_not_forgotten(account: Account) -> None:
    lease = timestamp(datetime.now(UTC) + timedelta(minutes=1))
    account.document(account.upload(), State.RUNNING, lease_until=lease)
    before = kept(account)
    code, said, _ = typed("forget", KEY, "--yes")
    assert code == 1 and "running" in said and kept(account) == before
    (left,) = asked("forget", KEY)
    assert "running" in left["reason"] and not left["forgotten"]


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchBucket", "KMS.DisabledException"])
def test_what_aws_refuses_is_said_in_one_line_and_nothing_was_deleted(
    account: Account, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    account.document(account.upload(), State.SUCCEEDED)
    before = kept(account)

    def refuse(**_: object) -> None:
        raise ClientError({"Error": {"Code": code, "Message": "No."}}, "PutObject")

    monkeypatch.setattr(account.aws.s3, "put_object", refuse)
    ended, said, problem = typed("forget", KEY, "--yes")
    assert (ended, said) == (1, "") and kept(account) == before
    assert problem == f"AWS: An error occurred ({code}) when calling the PutObject operation: No.\n"


def start_remake(account: Account) -> str:
    states, arn = account.aws.states, account.workflow.remake_arn
    return states.start_execution(stateMachineArn=arn, name="r1", input="{}")["executionArn"]


@pytest.mark.usefixtures("patient")
def test_beside_a_remake_that_claims_nothing_nothing_is_forgotten(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.allow_remakes()
    account.document(account.upload(), State.SUCCEEDED)
    before, running = kept(account), start_remake(account)
    for state in ("running", "stopped just now"):
        code, _, said = typed("forget", KEY, "--yes")
        assert code == 1 and "r1 is at work" in said and kept(account) == before, state
        account.aws.states.stop_execution(executionArn=running)
    assert typed("forget", KEY)[0] == 0  # which only looks
    later = datetime.now(UTC) + timedelta(seconds=account.workflow.convert_image["Timeout"] + 1)
    monkeypatch.setattr(forget_command, "_now", lambda: later)
    assert typed("forget", KEY, "--yes")[0] == 0 and kept(account) == []


@pytest.mark.parametrize(
    ("status", "at_work"), [("ABORTED", None), ("RUNNING", "r1"), ("PENDING_REDRIVE", "r1")]
)
def test_a_remake_that_was_stopped_and_goes_on_is_at_work(
    account: Account, monkeypatch: pytest.MonkeyPatch, status: str, at_work: str | None
) -> None:
    account.allow_remakes()
    account.aws.states.stop_execution(executionArn=start_remake(account))
    describe, later = account.aws.states.describe_execution, datetime.now(UTC) + timedelta(days=1)
    monkeypatch.setattr(
        account.aws.states, "describe_execution", lambda **it: describe(**it) | {"status": status}
    )
    assert remake.at_work(account.workflow, later, later) == at_work


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("end", ["runs", "was stopped"])
def test_a_remake_that_began_while_something_was_forgotten_is_told(
    account: Account, end: str
) -> None:
    account.allow_remakes()
    account.document(account.upload(), State.SUCCEEDED)

    def meanwhile() -> None:
        began = start_remake(account)
        if end == "was stopped":
            account.aws.states.stop_execution(executionArn=began)

    with Calls(account.aws, 8, "before", meanwhile):
        code, said, problem = typed("forget", KEY, "--yes")
    assert "1 upload forgotten." in said
    assert code == 1 and "r1 is at work" in problem and "run this again" in problem


@pytest.mark.parametrize("wrong", [("elsewhere/one",), ("--prefix", ""), ("--prefix", "upl")])
def test_only_uploads_are_forgotten(account: Account, wrong: tuple[str, ...]) -> None:
    code, _, said = typed("forget", *wrong, "--yes")
    assert code == 2 and "Keys begin with uploads/" in said


@pytest.mark.usefixtures("account")
def test_forget_names_keys_or_a_prefix() -> None:
    code, _, said = typed("forget", "--yes")
    assert code == 2 and "--prefix uploads/" in said
    with pytest.raises(SystemExit) as ended:
        typed("forget", KEY, "--prefix", KEY)
    assert ended.value.code == 2


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("at", range(2, 12, 3))
def test_a_ctrl_c_leaves_no_upload_half_forgotten(account: Account, at: int) -> None:
    account.document(account.upload(), State.SUCCEEDED)
    before = kept(account)
    with Calls(account.aws, at, "before", lambda: signal.raise_signal(signal.SIGINT)):
        code, _, said = typed("forget", KEY, "--yes")
    assert code == 130 and "Traceback" not in said
    assert kept(account) in ([], before)


def test_a_signal_that_is_ignored_stays_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Field: `nohup upload-workflow ops redrive` ended with its terminal."""

    gone_on = []

    def raise_both(*_: object) -> Any:
        signal.raise_signal(signal.SIGHUP)
        gone_on.append(True)
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(command, "connect", raise_both)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        code, _, said = typed("jobs")
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
    assert gone_on and code == 130 and "Stopped" in said  # by the other one


LATIN_1 = "uploads/caf\udce9"  # as Python reads an argument that is not in UTF-8


@pytest.mark.parametrize(
    "arguments",
    [
        ("why", LATIN_1),
        ("show", LATIN_1),
        ("forget", KEY, LATIN_1),
        ("forget", "--prefix", LATIN_1),
        ("jobs", "--prefix", LATIN_1),
        ("redrive", "--prefix", LATIN_1),
        ("redrive", "--since", LATIN_1),
        ("remake", "plan", "--prefix", LATIN_1),
        ("remake", "plan", "--inventory", f"s3://bucket/{LATIN_1}"),
        ("jobs", "--name", LATIN_1),
        ("jobs", "--uploads", LATIN_1),
        ("--region", LATIN_1, "doctor"),
        ("--profile", LATIN_1, "pause"),
        ("--endpoint-url", LATIN_1, "resume"),
    ],
)
def test_an_argument_in_another_encoding_is_refused_in_a_sentence(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        command.main(arguments)
    assert left.value.code == 2
    assert (
        r"uploads/caf\udce9" in capsys.readouterr().err.encode("utf-8", "backslashreplace").decode()
    )


@pytest.mark.parametrize("named", ["option", "environment"])
@pytest.mark.parametrize("url", ["localhost:1234", "http://localhost:port", "http://[::1"])
def test_an_endpoint_that_is_none_is_refused_in_a_sentence(
    url: str, named: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    if named == "environment":
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    options = ["--endpoint-url", url] if named == "option" else []
    assert command.main(["jobs", *options]) == 2
    assert "an endpoint is such as https://" in capsys.readouterr().err


@pytest.mark.usefixtures("account")
def test_forget_wants_a_key_and_says_where_that_of_a_job_is_told() -> None:
    code, _, said = typed("forget", "0" * 32)
    assert code == 2 and "`show` tells the key" in said


def test_an_interrupted_redrive_tells_programs_what_it_began(account: Account) -> None:
    """Field: nothing, although half of the executions ran."""
    for number in range(3):
        account.letter(account.upload(f"uploads/{number}"))

    def interrupted(*_: object, **__: object) -> Any:
        yield from itertools.islice(carry_out(*_, **__), 2)
        raise KeyboardInterrupt

    carry_out = redrive.carry_out
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redrive, "carry_out", interrupted)
        code, out, _ = typed("redrive", "--yes", "--json")
    told = json.loads(out)
    assert code == 130 and not told["whole"] and not told["dry_run"]
    assert [job["done"] for job in told["jobs"]] == ["started"] * 2
    assert {job["execution"] for job in told["jobs"]} <= set(account.started())


def elsewhere(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """The command as a process, with what it writes kept until it ends, as it is for a file."""
    environment = {**os.environ, "AWS_REGION": "eu-central-1"}
    environment.pop("PYTHONUNBUFFERED", None)
    return subprocess.run(
        [sys.executable, "-m", "upload_workflow", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        timeout=30,
        check=False,
        **options,
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is full")
@pytest.mark.parametrize("arguments", [("--version",), ("ops", "remake", "--help")])
def test_where_nothing_can_be_written_one_sentence_says_so(arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        said = elsewhere(*arguments, stdout=full)
    assert (said.returncode, said.stderr) == (1, "No space left on device.\n")


def test_whoever_reads_no_further_is_told_nothing() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    said = elsewhere("ops", "--help", stdout=writer)
    os.close(writer)
    assert (said.returncode, said.stderr) == (1, "")


def test_ctrl_c_while_a_command_is_loaded_ends_it_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> Any:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("upload_workflow.__main__.import_module", interrupted)
    try:
        code = main(["ops", "jobs"])
    except KeyboardInterrupt:
        pytest.fail("Python shows a traceback.")  # and pytest would end
    assert (code, capsys.readouterr().err) == (130, "Stopped. Nothing was begun.\n")
