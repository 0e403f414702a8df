"""Existing uploads are made anew by commands, as an operator types them at the local AWS."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from local.stack import Stack
from measure.load.s3_endpoint import set_variables
from tests.local.laboratory import wait_for
from tests.ops.conftest import NAME
from tests.ops.operator_desk import Desk
from upload_workflow.job.keys import status_key
from upload_workflow.ops import redrive

FUNCTION = f"{NAME}-convert-image"
PREFIX = "uploads/remade/"
WELL, BROKEN = 9, 1


@pytest.fixture(scope="module")
def desk(stack: Stack) -> Desk:
    return Desk(stack, NAME)


@pytest.fixture(scope="module")
def renditions(stack: Stack) -> Iterator[Callable[[int], None]]:
    """Changes the renditions behind Terraform's back: by their quality."""
    client = stack.aws.client("lambda")
    found = client.get_function_configuration(FunctionName=FUNCTION)["Environment"]["Variables"]
    before = json.loads(found["RENDITIONS"])

    def change(quality: int) -> None:
        others = {name: {**fields, "quality": quality} for name, fields in before.items()}
        set_variables(stack, [FUNCTION], {"RENDITIONS": json.dumps(others)})

    yield change
    set_variables(stack, [FUNCTION], {"RENDITIONS": found["RENDITIONS"]})


@pytest.fixture(scope="module")
def keys(desk: Desk, renditions: Callable[[int], None]) -> list[str]:
    """Uploads with their ends, all of an older recipe."""
    names = [f"remade/{number}.jpg" for number in range(WELL)]
    sent = desk.upload(names) + desk.upload(["remade/text"], b"no image")
    wait_for(
        "the uploads' ends",
        lambda: (
            sorted(desk.states("remade/").values()) == ["REJECTED"] * BROKEN + ["SUCCEEDED"] * WELL
        ),
        120,
    )
    renditions(71)
    return sent


def ended(desk: Desk) -> tuple[int, Any]:
    """Exit code and answer of the command that waits for the end."""
    code, out, err = desk.type("remake", "status", "--wait", "300", "--json")
    assert out, err
    return code, json.loads(out)


def recipes(stack: Stack, keys: list[str]) -> set[str]:
    results = stack.outputs["results"]
    client = stack.aws.client("s3")
    documents = [
        json.load(
            client.get_object(Bucket=results["bucket"], Key=status_key(results["prefix"], key))[
                "Body"
            ]
        )
        for key in keys
    ]
    return {document["recipe"] for document in documents if document["state"] == "SUCCEEDED"}


def test_what_was_planned_is_started_followed_and_done_once(
    desk: Desk, stack: Stack, keys: list[str]
) -> None:
    before = recipes(stack, keys)
    planned = desk.ask("remake", "plan", "--prefix", PREFIX)
    # Nothing was made since the change, so nobody can tell who has the recipe of today.
    assert (planned["objects"], planned["unchanged"]) == (WELL + BROKEN, None)
    assert planned["machine"]["at_once"] == 4
    desk.ask("remake", "start", "--yes", "--prefix", PREFIX)
    code, told = ended(desk)
    assert (code, told["status"], told["done"]) == (0, "SUCCEEDED", WELL + BROKEN)
    outcomes = told["report"]["outcomes"]
    assert outcomes["SUCCEEDED"] == WELL and sum(outcomes.values()) == WELL + BROKEN
    assert len(recipes(stack, keys)) == 1 and not recipes(stack, keys) & before
    code, out, _ = desk.type("remake", "status")
    assert code == 0
    assert f"{WELL} SUCCEEDED" in out and "NotAnImage" in out and "uploads/remade/text" in out


def test_a_second_remake_passes_over_everything(
    desk: Desk, stack: Stack, keys: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The function's time-out has to be over before its documents tell the recipe of today.
    monkeypatch.setattr("upload_workflow.ops.remake.timedelta", lambda **_: timedelta(0))
    planned = desk.ask("remake", "plan", "--prefix", PREFIX)
    assert planned["unchanged"] == WELL + BROKEN
    desk.ask("remake", "start", "--yes", "--prefix", PREFIX)
    code, told = ended(desk)
    assert (code, told["report"]) == (
        0,
        {"outcomes": {"UNCHANGED": WELL + BROKEN}, "problems": []},
    )


def test_what_was_stopped_is_resumed_to_its_end(
    desk: Desk, stack: Stack, keys: list[str], renditions: Callable[[int], None]
) -> None:
    renditions(61)
    first = desk.ask("remake", "start", "--yes", "--prefix", PREFIX)["remake"]
    code, _, err = desk.type("remake", "start", "--yes", "--prefix", PREFIX)
    assert code == 1 and f"{first} is running" in err
    assert desk.ask("remake", "stop")["remake"] == first
    code, told = ended(desk)
    assert (code, told["remake"], told["status"]) == (0, first, "ABORTED")
    assert "`remake resume`" in desk.type("remake", "status")[1]
    resumed = desk.ask("remake", "resume")
    code, told = ended(desk)
    assert (code, told["remake"], told["status"]) == (0, resumed["remake"], "SUCCEEDED")
    # Another one over the same: the local AWS redrives none.
    assert (resumed["redriven"], told["source"]) == (False, {"prefix": PREFIX})
    assert len(recipes(stack, keys)) == 1
    code, _, err = desk.type("remake", "resume")
    assert code == 1 and "nothing to resume" in err


@contextmanager
def nothing_heard(stack: Stack) -> Iterator[None]:
    """As before the module was there."""
    events, rule = stack.aws.client("events"), f"{NAME}-upload-ready"
    events.disable_rule(Name=rule)
    yield
    events.enable_rule(Name=rule)


@contextmanager
def denied(stack: Stack, keys: list[str]) -> Iterator[None]:
    """The function's role may not read these."""
    iam = stack.aws.client("iam")
    function = stack.aws.client("lambda").get_function_configuration(FunctionName=FUNCTION)
    role = function["Role"].rpartition("/")[2]
    arn = stack.outputs["uploads"]["arn"]
    denial = {
        "Effect": "Deny",
        "Action": ["s3:GetObject", "s3:GetObjectVersion"],
        "Resource": [f"{arn}/{key}" for key in keys],
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [denial]})
    iam.put_role_policy(RoleName=role, PolicyName="denial", PolicyDocument=policy)
    yield
    iam.delete_role_policy(RoleName=role, PolicyName="denial")


def test_what_failed_is_told_with_its_cause_and_redriven_where_it_is_a_job(
    desk: Desk, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redrive, "PATIENCE", timedelta(0))
    with nothing_heard(stack):
        sent = desk.upload(["full/one.jpg", "full/two.jpg", "full/three.jpg"])
    file = tmp_path / "keys"
    file.write_text("\n".join(sent))
    with denied(stack, sent[:2]):
        desk.ask("remake", "start", "--yes", "--keys", str(file))
        code, told = ended(desk)
    assert (code, told["status"]) == (1, "FAILED")
    assert told["report"]["outcomes"] == {"SUCCEEDED": 1, "FAILED": 2}
    (problem,) = told["report"]["problems"]
    assert problem["code"] == "AccessDenied" and set(problem["keys"]) == set(sent[:2])
    code, out, _ = desk.type("remake", "status")
    assert code == 1
    assert "2 AccessDenied: A role or a bucket policy refuses a call to S3." in out
    # Nobody has converted them yet, so they are jobs that wait.
    code, out, err = desk.type("redrive", "--prefix", "uploads/full/", "--yes", "--wait", "60")
    assert (code, out.count("started  ")) == (0, 2), out + err
    assert set(desk.states("full/").values()) == {"SUCCEEDED"}


def test_an_inventory_is_gone_over_as_it_was_planned(
    desk: Desk, stack: Stack, keys: list[str]
) -> None:
    bucket, folder = stack.outputs["results"]["bucket"], f"{NAME}-remakes/inventory"
    client = stack.aws.client("s3")
    rows = "".join(f'"b","{key}","true","false","10"\n' for key in keys[:3])
    client.put_object(Bucket=bucket, Key=f"{folder}/data.csv.gz", Body=gzip.compress(rows.encode()))
    manifest = {
        "destinationBucket": f"arn:aws:s3:::{bucket}",
        "fileFormat": "CSV",
        "sourceBucket": stack.outputs["uploads"]["bucket"],
        "fileSchema": "Bucket, Key, IsLatest, IsDeleteMarker, Size",
        "files": [{"key": f"{folder}/data.csv.gz", "size": 1}],
    }
    client.put_object(
        Bucket=bucket, Key=f"{folder}/manifest.json", Body=json.dumps(manifest).encode()
    )
    where = ("--inventory", f"s3://{bucket}/{folder}/manifest.json")
    assert desk.ask("remake", "plan", *where)["objects"] == 3
    desk.ask("remake", "start", "--yes", *where)
    code, told = ended(desk)
    assert (code, sum(told["report"]["outcomes"].values())) == (0, 3)
