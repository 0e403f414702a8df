"""Making existing uploads anew, as an operator types it: what is planned, begun, told, resumed."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import random
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.moto_account import NAME, Account, Calls, account
from upload_workflow.job.document import State, StoredRendition, timestamp
from upload_workflow.ops import __main__ as command
from upload_workflow.ops import remake
from upload_workflow.ops.estimate import Machine, estimate
from upload_workflow.ops.rates import PRICES, Facts
from upload_workflow.ops.remake_command import _Pace
from upload_workflow.ops.sources import Listed, count

REPORTS = f"{NAME}-remakes/"
MAP_RUN = "5fa9c2f2-3a2b-4a07-8e1a-7c1f1f0d3b55"


@pytest.fixture(name="account")
def _account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    with account(monkeypatch) as made:
        made.allow_remakes()
        monkeypatch.setattr(command, "connect", lambda *_: made.aws)
        monkeypatch.setenv("UPLOAD_WORKFLOW_NAME", NAME)
        monkeypatch.setattr("sys.stdin", io.StringIO())
        # moto answers with nothing at all
        monkeypatch.setattr(made.aws.states, "list_map_runs", lambda **_: {"mapRuns": []})
        yield made


def typed(*arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = command.main(("remake", *arguments))
    return code, out.getvalue(), err.getvalue()


def asked(*arguments: str) -> Any:
    code, out, err = typed(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def runs(account: Account) -> dict[str, Any]:
    """The inputs of all remakes by name, oldest first."""
    states, arn = account.aws.states, account.workflow.remake_arn
    found = states.list_executions(stateMachineArn=arn)["executions"]
    return {
        run["name"]: json.loads(
            states.describe_execution(executionArn=run["executionArn"])["input"]
        )
        for run in reversed(found)
    }


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_where_no_remake_was_asked_for_one_sentence_says_which_input_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with account(monkeypatch) as made:
        monkeypatch.setattr(command, "connect", lambda *_: made.aws)
        monkeypatch.setenv("UPLOAD_WORKFLOW_NAME", NAME)
        for step in ("plan", "start", "status", "stop", "resume"):
            code, _, err = typed(step)
            assert (code, err.count("\n")) == (2, 1)
            assert "`workflow = { remake = {} }`" in err


def test_rights_from_before_the_switch_are_told_from_none(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(**_: Any) -> None:
        error = {"Code": "AccessDeniedException", "Message": "no"}
        raise ClientError({"Error": error}, "Any")  # type: ignore[typeddict-item]

    for call in ("describe_state_machine", "list_executions"):
        monkeypatch.setattr(account.aws.states, call, denied)
    for step in ("plan", "status"):
        code, _, err = typed(step)
        assert (code, err.count("\n")) == (2, 1)
        assert "or you may not see it" in err and "operator_policy_json" in err


def test_a_plan_counts_what_there_is_and_starts_nothing(account: Account) -> None:
    for number in range(3):
        account.upload(f"uploads/{number}", b"12345")
    account.upload("uploads/folder/", b"")
    told = asked("plan")
    assert (told["objects"], told["bytes"], told["source"]) == (3, 15, "uploads/")
    assert asked("plan", "--prefix", "uploads/1")["objects"] == 1
    code, out, _ = typed("plan")
    assert (code, runs(account)) == (0, {})
    assert "uploads/: 3 objects, 15 bytes." in out
    assert "Nothing was changed." in out


def test_a_plan_for_a_kind_of_ones_own_says_that_it_knows_photographs(account: Account) -> None:
    account.upload()
    assert "larger ones take longer and cost more." in typed("plan")[1]
    pictures = remake.machine(account.workflow)
    account.aws.functions.update_function_configuration(
        FunctionName=f"{NAME}-convert-image", Handler="waveform.handler"
    )
    assert asked("plan")["machine"]["own_handler"] == "waveform.handler"
    # The two renditions of the settings are none of its results.
    facts, sounds = Facts.committed(), replace(pictures, own_handler="waveform.handler")
    of_pictures, of_sounds = (
        estimate(100, 0, machine, facts, PRICES).dollars["S3 writes"]
        for machine in (pictures, sounds)
    )
    assert of_sounds > of_pictures
    assert "what waveform.handler takes is not known here" in typed("plan")[1]


def test_a_sample_tells_whose_urls_begin_otherwise(account: Account) -> None:
    changed = datetime.fromisoformat(account.workflow.convert_image["LastModified"])
    at = timestamp(changed + timedelta(hours=1))
    for number, ends in enumerate((None, timestamp(changed))):
        one = StoredRendition(
            "small", f"results/{number}", "https://", ends, "image/webp", bytes=1, sha256=""
        )
        account.document(
            account.upload(f"uploads/{number}"),
            State.SUCCEEDED,
            recipe="today",
            updated_at=at,
            renditions=(one,),
        )
    # There is no served_from: the one without an end has the URL of a CDN that was.
    assert asked("plan")["unchanged"] == 1


@pytest.mark.parametrize("written", ["before", "after"])
def test_a_sample_tells_who_has_the_recipe_of_today_if_anything_was_made_since_the_change(
    account: Account, written: str
) -> None:
    changed = datetime.fromisoformat(account.workflow.convert_image["LastModified"])
    at = changed + timedelta(hours=1 if written == "after" else -1)
    for number, recipe in enumerate(("today", "today", "older", None)):
        event = account.upload(f"uploads/{number}")
        made = timestamp(changed - timedelta(days=9) if recipe == "older" else at)
        account.document(event, State.SUCCEEDED, recipe=recipe, updated_at=made)
    refused = account.upload("uploads/text")
    account.document(refused, State.REJECTED, rules="today's", updated_at=timestamp(at))
    told = asked("plan")
    assert told["looked_at"] == 5
    assert told["unchanged"] == (3 if written == "after" else None)
    _, out, _ = typed("plan")
    if written == "after":
        assert "Of 5 looked at, 3 have the recipe of today." in out
    else:
        assert "whether some has the recipe of today is not known" in out
        assert "About 5 objects would be made anew, about 0 passed over." in out


def test_nobody_is_taken_for_agreeing(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    account.upload()
    assert typed("start")[0] == 1
    for answer in ("\n", "no\n", "", "yes, but\n"):
        monkeypatch.setattr("sys.stdin", Terminal(answer))
        code, out, _ = typed("start")
        assert (code, runs(account)) == (1, {})
        assert "Start it? [y/N]" in out
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    assert typed("start")[0] == 0
    assert list(runs(account).values()) == [{"source": {"prefix": "uploads/"}}]


def test_a_second_remake_waits_for_the_first(account: Account) -> None:
    name = asked("start", "--yes")["remake"]
    for step in (("start", "--yes"), ("resume",)):
        code, _, err = typed(*step)
        assert code == 1
        assert f"{name} is running since" in err
    assert list(runs(account)) == [name]


def test_keys_of_a_file_are_put_where_the_state_machine_may_read_them(
    account: Account, tmp_path: Path
) -> None:
    odd = 'uploads/line\nend "quoted"'
    file = tmp_path / "keys"
    file.write_text("uploads/one\n\n" + json.dumps({"key": odd}) + "\nuploads/ä b\n", "utf-8")
    assert asked("plan", "--keys", str(file))["objects"] == 3
    name = asked("start", "--yes", "--keys", str(file))["remake"]
    handed = runs(account)[name]["source"]["keys"]
    assert handed == {"bucket": "results", "key": f"{REPORTS}{name}/keys.jsonl"}
    lines = account.aws.s3.get_object(Bucket="results", Key=handed["key"])["Body"].read()
    found = [json.loads(line)["key"] for line in lines.splitlines()]
    assert found == ["uploads/one", odd, "uploads/ä b"]


def test_keys_that_can_be_read_only_once_are_handed_over_as_they_were_counted(
    account: Account,
) -> None:
    """Field: of a pipe nothing was handed over, and the remake of nothing succeeded."""
    reader, writer = os.pipe()
    os.write(writer, b"uploads/one\r\nuploads/two\n")
    os.close(writer)
    try:
        told = asked("start", "--yes", "--keys", f"/dev/fd/{reader}")
    finally:
        os.close(reader)
    assert told["objects"] == 2
    key = runs(account)[told["remake"]]["source"]["keys"]["key"]
    lines = account.aws.s3.get_object(Bucket="results", Key=key)["Body"].read().splitlines()
    assert [json.loads(line)["key"] for line in lines] == ["uploads/one", "uploads/two"]


def test_whoever_has_no_name_on_this_machine_can_stop_a_remake(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Field: in a container whose uid has no name nothing could be stopped."""

    def nameless(uid: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", nameless)
    asked("start", "--yes")
    asked("stop")
    run = remake.latest(account.workflow)
    assert run is not None and run.status == "ABORTED"


def inventory(
    account: Account,
    format_: str = "CSV",
    *,
    key: str = "uploads/c",
    of: str = "uploads",
    name: str = "inv/manifest.json",
    columns: str = "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size",
    data: bytes | None = None,
) -> str:
    """data: what the file holds instead of the rows."""
    rows = [
        ("uploads", "uploads/a%20b", "v1", "true", "false", "10"),
        ("uploads", "uploads/gone", "v2", "true", "true", ""),
        (of, key, "v3", "true", "false", "20"),
    ]
    text = "".join(",".join(f'"{cell}"' for cell in row) + "\n" for row in rows)
    body = gzip.compress(text.encode()) if data is None else data
    account.aws.s3.put_object(Bucket="results", Key=f"{name}.csv.gz", Body=body)
    manifest = {
        "sourceBucket": of,
        "destinationBucket": "arn:aws:s3:::results",
        "fileFormat": format_,
        "fileSchema": columns,
        "files": [{"key": f"{name}.csv.gz", "size": 1}],
    }
    account.aws.s3.put_object(Bucket="results", Key=name, Body=json.dumps(manifest).encode())
    return f"s3://results/{name}"


def test_an_inventory_is_counted_without_what_was_deleted(account: Account) -> None:
    told = asked("plan", "--inventory", inventory(account))
    assert (told["objects"], told["bytes"]) == (2, 30)
    asked("start", "--yes", "--inventory", inventory(account))
    source = {"inventory": {"bucket": "results", "key": "inv/manifest.json"}}
    assert list(runs(account).values()) == [{"source": source}]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--inventory", "s3://results/nothing"), "There is no s3://results/nothing."),
        (("--inventory", "s3://results/inv/manifest.json"), "have S3 write it as CSV"),
        (("--inventory", "s3://results/other"), "no manifest.json of an inventory"),
        (("--inventory", "s3://results/whole"), '"results/uploads/a/status.json" of s3://'),
        (
            ("--inventory", "s3://results/others"),
            "is an inventory of photos; uploads lie in uploads",
        ),
        (("--keys", "/nowhere/keys"), "/nowhere/keys cannot be read"),
        (("--inventory", "s3://results/cut"), "no manifest.json of an inventory"),
        (("--inventory", "s3://results/picture"), "no manifest.json of an inventory"),
        (("--inventory", "s3://results/deep"), "no manifest.json of an inventory"),
        (("--inventory", "s3://results/keyless"), "Its fileSchema names no Key."),
        (("--inventory", "s3://results/plain"), "is no CSV in gzip"),
        (("--inventory", "s3://results/broken"), "is no CSV in gzip"),
        (("--inventory", "s3://results/narrow"), "is no CSV in gzip"),
        (("--inventory", "s3://results/latin"), "is no CSV in gzip"),
        (("--inventory", "s3://results/sized"), "is no CSV in gzip"),
        (("--keys", "HALF"), r'"uploads/\ud800" of the keys of'),
        (("--keys", "DEEP"), 'is no JSON with a "key"'),
        (("--keys", __file__), "Keys begin with uploads/"),
        (("--prefix", "elsewhere/"), "Keys begin with uploads/"),
    ],
)
def test_a_source_that_cannot_be_read_is_refused_by_a_sentence_and_nothing_starts(
    account: Account, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    inventory(account, "ORC")
    picture = b"\x89PNG\r\n\x1a\n"
    for name, body in (("cut", b'{"fileFormat": "C'), ("picture", picture), ("deep", b"[" * 10**5)):
        account.aws.s3.put_object(Bucket="results", Key=name, Body=body)
    inventory(account, name="keyless", columns="Bucket, VersionId")
    inventory(account, name="narrow", columns="Bucket, Key")
    inventory(
        account, name="sized", columns="Bucket, Key, VersionId, IsLatest, Size, IsDeleteMarker"
    )
    whole = gzip.compress(b'"uploads","uploads/one","v","true","false","1"\n' * 99)
    latin = gzip.compress('"uploads","uploads/café","v","true","false","1"\n'.encode("latin-1"))
    for name, data in (("plain", picture), ("broken", whole[:-9]), ("latin", latin)):
        inventory(account, name=name, data=data)
    files = {"HALF": '{"key": "uploads/\\ud800"}', "DEEP": '{"key": ' + "[" * 10**5}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    arguments = tuple(str(tmp_path / word) if word in files else word for word in arguments)
    inventory(account, key="results/uploads/a/status.json", name="whole")
    inventory(account, of="photos", name="others")
    account.aws.s3.put_object(Bucket="results", Key="other", Body=b"[]")
    code, _, err = typed("start", "--yes", *arguments)
    assert code == 2
    assert said in err
    assert runs(account) == {}


def test_each_key_is_as_likely_in_the_sample_as_any_other() -> None:
    entries, seen = [Listed(str(number), 1) for number in range(20)], Counter[str]()
    for seed in range(2_000):
        sample = count(entries, 5, random.Random(seed)).sample
        assert len(set(sample)) == 5
        seen.update(sample)
    assert all(400 < times < 600 for times in seen.values())  # 500 expected


def tell_of_map_run(account: Account, monkeypatch: pytest.MonkeyPatch, **counts: int) -> None:
    """As Step Functions tells of the map run of any execution; moto knows none."""
    zero = dict.fromkeys(("failed", "timedOut", "aborted", "succeeded", "total"), 0)
    described = {
        "mapRunArn": f"arn:aws:states:eu-central-1:123456789012:mapRun:x_remake/prefix:{MAP_RUN}",
        "startDate": datetime.now(UTC) - timedelta(seconds=100),
        "itemCounts": zero | counts,
    }
    states = account.aws.states
    monkeypatch.setattr(states, "list_map_runs", lambda **_: {"mapRuns": [described]})
    monkeypatch.setattr(states, "describe_map_run", lambda **_: described)


def test_status_tells_rate_and_time_left_and_draws_a_bar_on_a_terminal(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert typed("status")[0] == 2
    asked("start", "--yes")
    assert "It is reading what there is to do." in typed("status")[1]
    tell_of_map_run(account, monkeypatch, total=1_000, succeeded=490, failed=10)
    told = asked("status")
    assert (told["objects"], told["done"], told["failed"]) == (1_000, 500, 10)
    assert told["per_second"] == pytest.approx(5, rel=0.1)
    code, out, _ = typed("status")
    assert code == 0
    assert "500 of 1000 objects, 10 failed" in out and "left" in out and "[" not in out
    screen = Terminal()
    with contextlib.redirect_stdout(screen):
        command.main(("remake", "status"))
    assert "[###############...............] 500 of 1000 objects" in screen.getvalue()


def test_the_rate_of_what_went_on_is_that_of_now(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a stop of a night nobody wants to be told of days that are left."""
    times = iter((0.0, 10.0, 20.0))
    monkeypatch.setattr(
        "upload_workflow.ops.remake_command._now",
        lambda: datetime(2026, 3, 1, 12, tzinfo=UTC) + timedelta(seconds=next(times)),
    )
    pace, began = _Pace(), datetime(2026, 3, 1, tzinfo=UTC)

    def at(done: int) -> remake.Progress:
        return remake.Progress(total=90_000, done=done, failed=0, since=began, map_run="m")

    assert pace.rate(at(43_200)) == 1  # in twelve hours
    assert pace.rate(at(43_700)) == 50
    assert pace.rate(at(44_200)) == 50


def leave_report(account: Account) -> None:
    """As Step Functions and the state machine's batches write it."""
    well = {"objects": 3, "outcomes": {"SUCCEEDED": 2, "UNCHANGED": 1}, "problems": []}
    error = {"code": "NotAnImage", "message": "The file is no image."}
    odd = {
        "objects": 2,
        "outcomes": {"SUCCEEDED": 1, "REJECTED": 1},
        "problems": [{"key": "uploads/text", "outcome": "REJECTED", "error": error}],
    }
    denied = {"code": "AccessDenied", "message": "not yours"}
    problems = [{"key": f"uploads/{n}", "outcome": "FAILED", "error": denied} for n in range(7)]
    refused = {"objects": 7, "outcomes": {"FAILED": 7}, "problems": problems}
    things = [{"key": "uploads/slow"}, {"encoded_key": "uploads/slow%20too"}]
    late = {"Items": [{"object": thing} for thing in things]}
    files = {
        "SUCCEEDED": [well, odd],
        "FAILED": [
            {"Error": "TooManyFailed", "Cause": json.dumps(refused), "Input": "{}"},
            {"Error": "States.Timeout", "Cause": "", "Input": json.dumps(late)},
        ],
    }
    results: dict[str, list[dict[str, Any]]] = {"PENDING": []}
    for kind, lines in files.items():
        key = f"{REPORTS}{MAP_RUN}/{kind}_0.jsonl"
        body = "\n".join(map(json.dumps, lines))
        account.aws.s3.put_object(Bucket="results", Key=key, Body=body.encode())
        results[kind] = [{"Key": key, "Size": len(body)}]
    account.aws.s3.put_object(
        Bucket="results",
        Key=f"{REPORTS}{MAP_RUN}/manifest.json",
        Body=json.dumps({"ResultFiles": results}).encode(),
    )


def test_the_end_is_told_with_what_failed_and_why(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked("start", "--yes")
    tell_of_map_run(account, monkeypatch, total=14, succeeded=5, failed=9)
    asked("stop")
    assert "has written no report" in typed("status")[1]
    leave_report(account)
    code, out, _ = typed("status")
    assert code == 1  # something failed
    assert "14 objects: 9 FAILED, 3 SUCCEEDED, 1 UNCHANGED, 1 REJECTED" in out
    assert "7 AccessDenied: A role or a bucket policy refuses a call to S3." in out
    assert "uploads/0, uploads/1, uploads/2, uploads/3, uploads/4 and 2 more" in out
    assert "2 States.Timeout" in out and "uploads/slow, uploads/slow%20too" in out
    assert "1 NotAnImage: The file is no image." in out
    told = json.loads(typed("status", "--json")[1])
    assert told["report"]["outcomes"] == {
        "SUCCEEDED": 3,
        "UNCHANGED": 1,
        "REJECTED": 1,
        "FAILED": 9,
    }


def test_a_cause_that_was_cut_short_is_told_with_the_objects_of_its_batch() -> None:
    items = {"Items": [{"object": {"key": "uploads/one"}}]}
    report = remake.Report()
    report.add_failed(
        {"Error": "TooManyFailed", "Cause": '{"objects": 1, "o', "Input": json.dumps(items)}
    )
    assert report.outcomes == {"FAILED": 1}
    assert report.keys == {"TooManyFailed": ["uploads/one"]}


def redrive(account: Account, monkeypatch: pytest.MonkeyPatch, answer: str) -> list[str]:
    """Lets Step Functions say whether it would redrive; what it was asked to."""
    redriven: list[str] = []
    describe = account.aws.states.describe_execution

    def described(**request: Any) -> Any:
        said = "NOT_REDRIVABLE" if answer == "no" else "REDRIVABLE"
        told = describe(**request) | {"redriveStatus": said}
        days = 15 if answer == "too late" else 1
        return told | {"stopDate": datetime.now(UTC) - timedelta(days=days)}

    def asked_to(executionArn: str) -> None:
        redriven.append(executionArn.rpartition(":")[2])
        if answer == "not any more":
            error = {"Code": "ExecutionNotRedrivable", "Message": "no"}
            raise ClientError({"Error": error}, "RedriveExecution")  # type: ignore[typeddict-item]

    monkeypatch.setattr(account.aws.states, "describe_execution", described)
    monkeypatch.setattr(account.aws.states, "redrive_execution", asked_to, raising=False)
    return redriven


@pytest.mark.parametrize("answer", ["yes", "no", "too late", "not any more"])
def test_what_was_stopped_goes_on_where_it_can_and_else_begins_again_over_the_same(
    account: Account, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    first = asked("start", "--yes", "--prefix", "uploads/a")["remake"]
    asked("stop")
    redriven = redrive(account, monkeypatch, answer)
    monkeypatch.setattr("upload_workflow.ops.remake_command._now", lambda: LATER)
    told = asked("resume")
    assert redriven == ([first] if answer in ("yes", "not any more") else [])
    if answer == "yes":
        assert told == {"remake": first, "redriven": True}
        assert len(runs(account)) == 1
    else:
        assert told["redriven"] is False
        before, after = runs(account).values()
        assert before == after == {"source": {"prefix": "uploads/a"}}


LATER = datetime.now(UTC) + timedelta(minutes=1)


def test_within_one_second_one_is_stopped_and_another_begun(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    for milliseconds in range(0, 1_000, 250):
        at = LATER.replace(microsecond=milliseconds * 1_000)
        monkeypatch.setattr("upload_workflow.ops.remake_command._now", lambda at=at: at)
        asked("start", "--yes", "--prefix", f"uploads/{milliseconds}")
        asked("stop")
    assert len(runs(account)) == 4


def test_there_is_nothing_to_stop_or_to_resume_where_nothing_ran(account: Account) -> None:
    assert "No remake is running." in typed("stop")[2]
    assert "There was no remake yet" in typed("resume")[2]
    asked("start", "--yes")
    asked("stop")
    code, _, err = typed("stop")
    assert (code, err) == (1, "No remake is running.\n")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", [("plan",), ("start", "--yes", "--keys", "FILE")])
def test_ctrl_c_at_any_call_leaves_a_remake_that_has_begun_or_none(
    account: Account, tmp_path: Path, step: tuple[str, ...], when: str
) -> None:
    file = tmp_path / "keys"
    file.write_text("uploads/one\n")
    arguments = [str(file) if word == "FILE" else word for word in step]
    at = 0
    while True:
        with Calls(account.aws, at, when, lambda: signal.raise_signal(signal.SIGINT)) as calls:
            code, _, _ = typed(*arguments)
        lists = account.aws.s3.list_objects_v2(Bucket="results", Prefix=REPORTS)["KeyCount"]
        begun = len(runs(account))
        # No list without the remake that reads it, and none without its list.
        assert lists == begun <= 1
        if len(calls.seen) <= at:
            break
        assert code == 130
        if begun:
            asked("stop")
            assert "StartExecution" in calls.seen
            break
        at += 1
    assert at >= 3


def test_a_machine_that_somebody_changed_is_not_guessed_at(account: Account) -> None:
    account.aws.states.update_state_machine(
        stateMachineArn=account.workflow.remake_arn,
        definition='{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}',
    )
    code, _, err = typed("plan")
    assert (code, err) == (
        1,
        f"The state machine {NAME}_remake is not the module's: terraform apply.\n",
    )


def test_a_machine_is_read_from_its_definition(account: Account) -> None:
    machine = remake.machine(account.workflow)
    assert (machine.batch, machine.objects_at_once, machine.at_once) == (100, 4, 20)
    assert machine.renditions == 2


def test_twice_as_many_at_a_time_take_half_as_long_until_s3_is_the_limit() -> None:
    facts = Facts.committed()

    def seconds(at_once: int) -> float:
        machine = Machine(100, 4, at_once, facts.RENDITIONS, 1769, "x86_64")
        return estimate(1_000_000, 0, machine, facts, PRICES).seconds

    assert seconds(20) == pytest.approx(2 * seconds(40))
    assert seconds(1_000) == seconds(900) == 1_000_000 * facts.remade.writes / 3_500
