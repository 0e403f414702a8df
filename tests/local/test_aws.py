"""The local AWS leaves nothing behind, however it or its parent ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import paths
from local.aws import server as local_aws_module
from local.aws.server import (
    Credentials,
    LocalAws,
    is_running,
    local_aws,
    remove_leftovers,
    stop,
)
from local.problems import NotStarted
from tests.local.laboratory import CONVERTS, Laboratory, wait_for
from tests.local.processes import is_open, mentioning

SLEEPS = """
import pathlib, time

def handler(event, context):
    pathlib.Path(event).touch()
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def processes_below(temporary: Path) -> set[int]:
    """The launcher, which is given the temporary folder, and workers, which live in it."""
    return mentioning(str(temporary))


def with_a_busy_worker(aws: LocalAws, folder: Path) -> None:
    """Leaves one function running."""
    laboratory = Laboratory(aws, folder)
    laboratory.deploy("sleeps", SLEEPS)
    begun = folder / "begun"
    client = aws.client("lambda")
    call = {"FunctionName": "sleeps", "InvocationType": "Event", "Payload": json.dumps(str(begun))}
    threading.Thread(target=client.invoke, kwargs=call, daemon=True).start()
    wait_for("the function's begin", begun.exists)
    assert len(processes_below(aws.folder.parent)) == 2  # the launcher and its worker


def gone(aws: LocalAws) -> bool:
    return not processes_below(aws.folder.parent) and not is_open(aws.endpoint_url)


def test_nothing_is_left_after_the_block(tmp_path: Path) -> None:
    with local_aws() as aws:
        assert is_open(aws.endpoint_url)
        with_a_busy_worker(aws, tmp_path)
    assert gone(aws)


def test_nothing_is_left_after_an_error_in_the_block(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), local_aws() as aws:
        with_a_busy_worker(aws, tmp_path)
        raise KeyboardInterrupt
    assert gone(aws)


def test_a_local_aws_that_does_not_stop_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_aws_module, "_STOP_SECONDS", 0.2)
    with local_aws() as aws:
        with_a_busy_worker(aws, tmp_path)
        os.kill(aws.pid, signal.SIGSTOP)
    assert gone(aws)


def test_it_goes_when_its_parent_is_killed_also_with_many_executions(
    own_temporary_folder: Path, tmp_path: Path
) -> None:
    program = (
        "import dataclasses, json, sys, tempfile, time; tempfile.tempdir = sys.argv[1]\n"
        "from local.aws.server import local_aws\n"
        "with local_aws() as aws:\n"
        "    print(json.dumps(dataclasses.asdict(aws), default=str), flush=True)\n"
        "    time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(own_temporary_folder)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=paths.REPOSITORY,
    )
    with parent:
        assert parent.stdout is not None
        facts = json.loads(parent.stdout.readline())
        facts["credentials"] = Credentials(**facts["credentials"])
        aws = LocalAws(**{**facts, "folder": Path(facts["folder"])})
        laboratory = Laboratory(aws, tmp_path)
        machine = laboratory.machine("waits", laboratory.deploy("waits", SLEEPS, **CONVERTS))
        for number in range(40):
            laboratory.start(machine, str(tmp_path / f"begun-{number}"))
        wait_for("a conversion's begin", lambda: list(tmp_path.glob("begun-*")))
        parent.kill()
    wait_for("the end of the launcher", lambda: gone(aws), seconds=10)


def test_workers_go_when_the_launcher_is_killed(tmp_path: Path) -> None:
    with local_aws() as aws:
        laboratory = Laboratory(aws, tmp_path)
        laboratory.deploy("idle", "def handler(event, context): pass")
        laboratory.invoke("idle")
        assert len(processes_below(aws.folder.parent)) == 2
        os.kill(aws.pid, signal.SIGKILL)
        wait_for("the worker's end", lambda: not processes_below(aws.folder.parent))


def test_one_that_stays_outlives_its_parent_until_it_is_stopped() -> None:
    program = (
        "import tempfile, sys; tempfile.tempdir = sys.argv[1]\n"
        "from local.aws.server import local_aws\n"
        "with local_aws(stays=True) as aws: print(aws.folder, aws.pid, flush=True)"
    )
    parent = subprocess.run(
        [sys.executable, "-c", program, tempfile.gettempdir()],
        cwd=paths.REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    folder, pid = parent.stdout.split()
    try:
        assert is_running(Path(folder))
        assert processes_below(Path(folder).parent) == {int(pid)}
    finally:
        stop(int(pid), Path(folder))
    assert not processes_below(Path(folder).parent)
    stop(int(pid), Path(folder))  # once more is no error


def test_one_that_should_stay_does_not_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), local_aws(stays=True) as aws:
        with_a_busy_worker(aws, tmp_path)
        raise KeyboardInterrupt
    assert gone(aws)


def test_a_number_that_belongs_to_somebody_else_by_now_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as somebody:
        folder = tmp_path / "of-the-dead"
        folder.mkdir()
        (folder / "lock").touch()
        stop(somebody.pid, folder)
        assert somebody.poll() is None
        assert not folder.exists()
        somebody.kill()


def test_the_folders_of_the_dead_are_removed_at_the_next_start(own_temporary_folder: Path) -> None:
    def left(name: str, age_seconds: float) -> Path:
        folder = own_temporary_folder / name
        folder.mkdir()
        (folder / "lock").touch()
        then = time.time() - age_seconds
        os.utime(folder, (then, then))
        return folder

    old, young, foreign = (
        left("upload-workflow-old", 3600),
        left("upload-workflow-young", 0),
        left("of-somebody-else", 3600),
    )
    with local_aws() as aws:
        long_ago = time.time() - 3600
        os.utime(aws.folder, (long_ago, long_ago))
        remove_leftovers()
        assert not old.exists()
        assert young.exists() and foreign.exists() and aws.folder.exists()
    for folder in (young, foreign):
        (folder / "lock").unlink()
        folder.rmdir()


def test_kept_objects_are_as_they_were_after_a_kill(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    thing = {"Bucket": "kept", "Key": "folder/thing.txt"}

    def described(aws: LocalAws) -> dict[str, object]:
        s3 = aws.client("s3")
        versions = s3.list_object_versions(Bucket="kept")["Versions"]
        facts = {one["VersionId"]: (one["ETag"], one["LastModified"]) for one in versions}
        bodies = [
            s3.get_object(**thing, VersionId=version)["Body"].read() for version in sorted(facts)
        ]
        head = s3.head_object(**thing)
        told = {name: head[name] for name in ("VersionId", "ContentType", "Metadata")}
        return {"versions": facts, "bodies": bodies, **told}

    with local_aws(kept_objects=kept) as aws:
        s3 = aws.client("s3")
        s3.create_bucket(
            Bucket="kept", CreateBucketConfiguration={"LocationConstraint": aws.region}
        )
        s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
        for body in (b"first", b"second"):
            s3.put_object(**thing, Body=body, ContentType="text/plain", Metadata={"who": "me"})
        before = described(aws)
        os.killpg(aws.pid, signal.SIGKILL)
    with local_aws(kept_objects=kept) as aws:
        assert described(aws) == before
    with local_aws() as aws:
        assert aws.client("s3").list_buckets()["Buckets"] == []


def test_a_failed_start_shows_the_end_of_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "launcher.py"
    broken.write_text("import sys; sys.exit('MiniStack is not what it was')")
    monkeypatch.setattr(local_aws_module, "_LAUNCHER", broken)
    with pytest.raises(NotStarted, match="MiniStack is not what it was"), local_aws():
        pass
