"""Existing uploads are made anew on the local AWS: listed three ways, stopped, resumed, beside a
live upload. `python -m measure.load --remake` does the same with thousands."""

from __future__ import annotations

import gzip
import io
import json
from collections import Counter
from collections.abc import Iterator

import pytest
from PIL import Image

from local.aws.server import LocalAws
from local.stack import Stack, apply, configured
from measure.load.remake import Bucket, Remakes
from tests.local.laboratory import wait_for

BROKEN, DONE, EXISTING = 2, 3, 20
PATIENCE_SECONDS = 120  # the machine may be busy with something else


def picture(shade: int) -> bytes:
    body = io.BytesIO()
    Image.new("RGB", (16, 12), (shade, 0, 0)).save(body, "JPEG")
    return body.getvalue()


def ended(bucket: Bucket, *keys: str) -> bool:
    return all(bucket.state(key) in ("SUCCEEDED", "REJECTED") for key in keys)


@pytest.fixture(scope="module")
def stack(
    aws: LocalAws, package_file: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    variables = {
        "name": "remade",
        "package_file": package_file,
        "renditions": {"small": {"width_px": 8, "format": "jpeg"}},
        "workflow": {"remake": {"max_concurrency": 2, "inventory_bucket": "inventories"}},
        "upload_api": None,
        "monitoring": None,
    }
    with configured(aws, tmp_path_factory.mktemp("remade"), variables) as root:
        yield apply(aws, root)


@pytest.fixture(scope="module")
def bucket(stack: Stack) -> Bucket:
    return Bucket(stack)


@pytest.fixture(scope="module")
def remakes(stack: Stack) -> Remakes:
    return Remakes(stack)


def test_a_bucket_that_was_full_is_made_anew_though_it_is_stopped_and_an_upload_comes_between(
    bucket: Bucket, remakes: Remakes
) -> None:
    done = [bucket.put(f"a/done-{n}", picture(n)) for n in range(DONE)]
    wait_for("the uploads of before", lambda: ended(bucket, *done), PATIENCE_SECONDS)
    before = {key: bucket.document(key) for key in done}
    with remakes.nobody_hearing_of_uploads():
        broken = [bucket.put(f"a/broken-{n}", b"no image %d" % n) for n in range(BROKEN)]
        good = [bucket.put(f"a/good-{n}", picture(100 + n)) for n in range(EXISTING)]
    source = {"prefix": "uploads/a/"}
    first = remakes.start(source)
    wait_for("a beginning", lambda: any(bucket.state(key) for key in good), PATIENCE_SECONDS)
    remakes.stop(first)
    live = bucket.put("a/live", picture(90))
    second = remakes.report(remakes.start(source))
    wait_for("the live upload", lambda: ended(bucket, live), PATIENCE_SECONDS)

    outcomes = second.outcomes
    assert second.status == "SUCCEEDED"
    assert sum(outcomes.values()) == DONE + BROKEN + EXISTING + 1
    assert set(outcomes) <= {"SUCCEEDED", "REJECTED", "UNCHANGED", "DUPLICATE"}
    assert {key: bucket.document(key) for key in done} == before
    states = Counter(bucket.state(key) for key in [*good, *broken, live])
    assert states == {"SUCCEEDED": EXISTING + 1, "REJECTED": BROKEN}
    # And once more: nothing is left to do.
    third = remakes.report(remakes.start(source))
    assert third.outcomes == {"UNCHANGED": DONE + BROKEN + EXISTING + 1}


def test_an_inventory_and_a_list_of_keys_are_gone_over_too(
    stack: Stack, bucket: Bucket, remakes: Remakes
) -> None:
    with remakes.nobody_hearing_of_uploads():
        keys = [bucket.put(f"b/{name}", picture(7)) for name in ("plain", "a b+c", "100%")]
    s3, reports = stack.aws.client("s3"), remakes.reports["bucket"]
    rows = "".join(
        f'"{stack.outputs["uploads"]["bucket"]}","{name}","{len(picture(7))}"\n'
        for name in ("uploads/b/plain", "uploads/b/a+b%2Bc")
    )
    folder = remakes.reports["prefix"]
    s3.put_object(Bucket=reports, Key=f"{folder}data.csv.gz", Body=gzip.compress(rows.encode()))
    manifest = {"fileSchema": "Bucket, Key, Size", "files": [{"key": f"{folder}data.csv.gz"}]}
    s3.put_object(Bucket=reports, Key=f"{folder}manifest.json", Body=json.dumps(manifest).encode())
    where = {"bucket": reports, "key": f"{folder}manifest.json"}
    assert remakes.report(remakes.start({"inventory": where})).outcomes == {"SUCCEEDED": 2}

    lines = "".join(json.dumps({"key": key}) + "\n" for key in [*keys, "uploads/b/nothing"])
    s3.put_object(Bucket=reports, Key=f"{folder}keys.jsonl", Body=lines.encode())
    where = {"bucket": reports, "key": f"{folder}keys.jsonl"}
    report = remakes.report(remakes.start({"keys": where}))
    assert report.outcomes == {"UNCHANGED": 2, "SUCCEEDED": 1, "GONE": 1}
    assert ended(bucket, *keys)


def test_a_batch_that_fails_as_a_whole_ends_the_remake_and_is_told(
    bucket: Bucket, remakes: Remakes
) -> None:
    with remakes.nobody_hearing_of_uploads():
        bucket.put("c/one", picture(3))
    with remakes.functions_unable_to_write():
        report = remakes.report(remakes.start({"prefix": "uploads/c/"}))
    assert report.status == "FAILED"
    assert report.error == "States.ExceedToleratedFailureThreshold"
    assert not bucket.document("uploads/c/one")
    assert remakes.report(remakes.start({"prefix": "uploads/c/"})).outcomes == {"SUCCEEDED": 1}


def test_an_input_without_a_source_says_what_would_be_one(remakes: Remakes) -> None:
    report = remakes.report(remakes.start({}))
    assert (report.status, report.error) == ("FAILED", "NoSource")
