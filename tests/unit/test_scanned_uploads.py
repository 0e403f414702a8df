"""Uploads that a malware scan judges first: GuardDuty's event instead of S3's."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.upload_world import UPLOADS, World, picture
from upload_workflow.errors import Rejected, ScanFailed
from upload_workflow.job.document import State, timestamp
from upload_workflow.job.transitions import seed
from upload_workflow.job.upload import Scan, Upload

KEY = "uploads/one"


@pytest.fixture
def world() -> World:
    return World()


def scanned(
    world: World, verdict: str = "NO_THREATS_FOUND", body: bytes | None = None
) -> dict[str, Any]:
    """Upload and return GuardDuty's event about it."""
    thing = world.put(KEY, body)["detail"]["object"]
    return {
        "source": "aws.guardduty",
        "detail-type": "GuardDuty Malware Protection Object Scan Result",
        "time": "2026-03-01T12:00:00Z",
        "detail": {
            "schemaVersion": "1.0",
            "scanStatus": "COMPLETED",
            "s3ObjectDetails": {
                "bucketName": UPLOADS,
                "objectKey": KEY,
                "eTag": thing["etag"],
                "versionId": thing["version-id"],
                "s3Throttled": False,
            },
            "scanResultDetails": {
                "scanResultStatus": verdict,
                "threats": [{"name": "EICAR"}] if verdict == "THREATS_FOUND" else None,
            },
        },
    }


def test_a_clean_upload_is_converted(world: World) -> None:
    assert world.convert(scanned(world))["state"] == "SUCCEEDED"
    document = world.document(KEY)
    assert document is not None and document.upload.bytes == len(picture())


def test_the_job_is_the_same_as_that_of_the_unscanned_upload(world: World) -> None:
    event = world.put(KEY)
    version = world.s3.current(UPLOADS, KEY)
    scan = scanned(World())
    scan["detail"]["s3ObjectDetails"]["versionId"] = version.version_id if version else None
    assert Upload.parse(scan).job_id == Upload.parse(event).job_id


@pytest.mark.parametrize(
    ("verdict", "code"), [("THREATS_FOUND", "ThreatFound"), ("UNSUPPORTED", "NotScannable")]
)
def test_a_refused_upload_is_rejected_without_being_read(
    world: World, verdict: str, code: str
) -> None:
    event = scanned(world, verdict)
    told = world.convert(event)
    assert (told["state"], told["error"]["code"]) == ("REJECTED", code)
    assert ("GetObject", KEY) not in world.s3.calls
    assert "EICAR" not in str(told)
    document = world.document(KEY)
    assert document is not None and document.state is State.REJECTED


def test_the_name_of_a_threat_is_kept_for_the_log(world: World) -> None:
    assert Upload.parse(scanned(world, "THREATS_FOUND")).threats == ("EICAR",)


@pytest.mark.parametrize("verdict", ["FAILED", "ACCESS_DENIED", "SOMETHING_NEW", ""])
def test_without_a_verdict_nothing_is_converted(world: World, verdict: str) -> None:
    event = scanned(world, verdict)
    assert Upload.parse(event).scan is Scan.FAILED
    with pytest.raises(ScanFailed):
        world.convert(event)
    assert world.record(event, error="ScanFailed")["error"]["code"] == "ScanFailed"


@pytest.mark.parametrize("part", ["s3ObjectDetails", "scanResultDetails"])
def test_an_event_without_its_facts_is_malformed(world: World, part: str) -> None:
    event = scanned(world)
    event["detail"][part] = None
    with pytest.raises(Rejected, match="MalformedEvent"):
        Upload.parse(event)


def test_a_newer_version_replaces_an_older_one_without_a_sequencer(world: World) -> None:
    old = scanned(world, body=picture(1))
    world.convert(old, "e1")
    new = scanned(world, body=picture(2))
    assert world.convert(new, "e2")["state"] == "SUCCEEDED"
    newest = world.document(KEY)
    assert world.convert(old, "e3")["reason"] == "superseded"
    assert world.record(old, "e3")["reason"] == "superseded"
    assert world.document(KEY) == newest


def test_an_old_verdict_that_comes_late_replaces_nothing(world: World) -> None:
    old, new = scanned(world, body=picture(1)), scanned(world, body=picture(2))
    world.convert(new, "e2")
    assert world.convert(old, "e1")["reason"] == "superseded"


def test_an_upload_that_arrives_before_the_claim_is_seen_by_the_claim(world: World) -> None:
    """The order is asked anew whenever the document turns out to have changed."""
    world.convert(scanned(world, body=picture(1)), "e1")
    second = scanned(world, body=picture(2))

    def overtake(operation: str, request: dict[str, Any]) -> None:
        if operation == "PutObject" and request["Key"].endswith("status.json"):
            world.s3.before = lambda operation, request: None
            world.convert(scanned(world, body=picture(3)), "e3")

    world.s3.before = overtake
    assert world.convert(second, "e2")["reason"] == "superseded"
    document = world.document(KEY)
    assert document is not None and document.execution == "e3"


def test_a_deleted_upload_is_told_to_a_client_that_waits(world: World) -> None:
    event = scanned(world)
    seeded = seed(UPLOADS, KEY, world.now, expires_at=timestamp(world.now))
    world.s3.put_object(Bucket="results", Key=f"results/{KEY}/status.json", Body=seeded.to_bytes())
    version = event["detail"]["s3ObjectDetails"]["versionId"]
    world.s3.delete_object(Bucket=UPLOADS, Key=KEY, VersionId=version)
    assert world.convert(event)["error"]["code"] == "UploadGone"


@pytest.mark.parametrize("redrive", [False, True])
def test_where_uploads_are_scanned_nothing_else_is_converted(world: World, redrive: bool) -> None:
    """Whatever brings the event: a rule that was changed by hand, a dead letter, a redrive."""
    world.scanned_only = True
    event = world.put(KEY) | ({"redrive": True} if redrive else {})
    told = world.convert(event)
    assert (told["state"], told["reason"]) == ("IGNORED", "unscanned")
    assert world.document(KEY) is None
    assert ("GetObject", KEY) not in world.s3.calls
    assert world.convert(scanned(world))["state"] == "SUCCEEDED"


def test_a_threat_that_is_found_late_takes_the_result_back(world: World) -> None:
    event = scanned(world)
    world.execute(event, "e1")
    event["detail"]["scanResultDetails"] = {"scanResultStatus": "THREATS_FOUND"}
    assert world.execute(event, "e2") == "SUCCEEDED"
    document = world.document(KEY)
    assert document is not None and document.error is not None
    assert (document.state, document.error.code) == (State.REJECTED, "ThreatFound")
    assert document.renditions == ()
    assert [told["state"] for told in world.announced] == ["SUCCEEDED", "REJECTED"]
    # It stays so, whoever says what afterwards.
    event["detail"]["scanResultDetails"] = {"scanResultStatus": "NO_THREATS_FOUND"}
    assert world.convert(event, "e3")["reason"] == "duplicate"
    assert world.document(KEY) == document


def test_a_threat_in_a_version_that_was_replaced_leaves_the_newer_one_alone(world: World) -> None:
    older = scanned(world)
    world.execute(older, "e1")
    world.execute(scanned(world, body=picture(9)), "e2")
    before = world.document(KEY)
    older["detail"]["scanResultDetails"] = {"scanResultStatus": "THREATS_FOUND"}
    assert world.convert(older, "e3")["state"] == "IGNORED"
    assert world.document(KEY) == before


@pytest.mark.parametrize("version", [None, "null", "", 7])
def test_a_scan_without_a_version_is_refused(world: World, version: object) -> None:
    """Its ETag alone would make one job of a clean and of an infected file."""
    event = scanned(world)
    event["detail"]["s3ObjectDetails"]["versionId"] = version
    with pytest.raises(Rejected) as refused:
        Upload.parse(event)
    assert refused.value.code == "MalformedEvent"
    assert "versioning" in refused.value.message
