"""The steps of a job on S3 in memory."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from botocore.exceptions import ClientError

from tests.support.memory_s3 import MemoryS3, refusal
from tests.support.upload_world import (
    NOON,
    PREFIX,
    RECIPE,
    RESULTS,
    UPLOADS,
    World,
    made_from_the_object,
    picture,
)
from upload_workflow.aws.store import Contended
from upload_workflow.errors import ResultsShared
from upload_workflow.job import transitions
from upload_workflow.job.document import State, StatusDocument, timestamp
from upload_workflow.run.runner import side_by_side

KEY = "uploads/one"


@pytest.fixture
def world() -> World:
    return World()


def test_a_photo_ends_as_succeeded_with_every_rendition_readable(world: World) -> None:
    told = world.convert(world.put(KEY, ContentType="image/jpeg"))
    document = world.document(KEY)
    assert document is not None
    assert told["state"] == document.state == "SUCCEEDED"
    assert [r.name for r in document.renditions] == ["large", "small"]
    assert world.missing_renditions(document) == []
    assert document.upload.content_type == "image/jpeg"
    assert document.attempt == 1
    assert document.lease_until is None


def test_where_a_cdn_serves_the_renditions_their_urls_last() -> None:
    world = World(served_from="https://img.example.com")
    world.convert(world.put("uploads/a+b ü.jpg"))
    document = world.document("uploads/a+b ü.jpg")
    assert document is not None and document.renditions
    for made in document.renditions:
        assert made.url == f"https://img.example.com/{quote(made.key)}" and "%2B" in made.url
        assert made.url_expires_at is None


def test_document_and_event_name_the_recipe_that_stands_in_the_keys(world: World) -> None:
    told = world.convert(world.put(KEY))
    document = world.document(KEY)
    assert document is not None and document.recipe == told["recipe"] == RECIPE
    assert {made.key.split("/")[-2] for made in document.renditions} == {RECIPE}


def test_the_announcement_holds_the_facts_and_no_url(world: World) -> None:
    told = world.convert(world.put(KEY))
    assert "X-Amz" not in json.dumps(told)
    document = world.document(KEY)
    assert document is not None and document.renditions[0].url.startswith("https://")
    assert told["renditions"][0]["sha256"] == document.renditions[0].sha256


def test_the_status_document_is_written_last(world: World) -> None:
    world.convert(world.put(KEY))
    writes = [key for operation, key in world.s3.calls if operation == "PutObject"]
    job = world.document(KEY).job_id
    assert writes[1:] == [
        f"results/{KEY}/status.json",  # the claim
        f"results/{KEY}/{job}/{RECIPE}/large.jpg",
        f"results/{KEY}/{job}/{RECIPE}/small.jpg",
        f"results/{KEY}/status.json",
    ]


def is_rendition(operation: str, request: dict[str, object]) -> bool:
    return operation == "PutObject" and str(request["Key"]).endswith(".jpg")


def test_renditions_are_written_at_the_same_time_and_listed_in_their_order(world: World) -> None:
    event, world.write_all = world.put(KEY), side_by_side
    both_under_way = threading.Barrier(2, timeout=5)

    def meet(operation: str, request: dict[str, object]) -> None:
        if is_rendition(operation, request):
            both_under_way.wait()
            time.sleep(0.01 if "large" in str(request["Key"]) else 0)  # the first ends last

    world.s3.before = meet
    assert [made["name"] for made in world.convert(event)["renditions"]] == ["large", "small"]


def test_when_one_rendition_cannot_be_written_none_is_any_more_once_the_job_has_failed(
    world: World,
) -> None:
    event, world.write_all = world.put(KEY), side_by_side
    small_began = threading.Event()

    def stumble(operation: str, request: dict[str, object]) -> None:
        if is_rendition(operation, request) and "small" in str(request["Key"]):
            small_began.set()
            time.sleep(0.05)
        elif is_rendition(operation, request):
            small_began.wait(5)
            raise refusal("SlowDown")

    world.s3.before = stumble
    with pytest.raises(ClientError, match="SlowDown"):
        world.convert(event)
    assert [key for key in world.s3.keys(RESULTS) if key.endswith("small.jpg")]
    document = world.document(KEY)
    assert document is not None and document.state is State.RUNNING


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"", "Empty"), (b"not an image at all", "NotAnImage"), (b"x" * 100_001, "TooManyBytes")],
)
def test_a_bad_file_ends_as_rejected_with_a_reason(world: World, body: bytes, code: str) -> None:
    told = world.convert(world.put(KEY, body))
    document = world.document(KEY)
    assert document is not None and document.error is not None
    assert (document.state, document.error.code) == (State.REJECTED, code)
    assert not document.error.retryable
    assert told["error"]["code"] == code


def test_too_large_a_body_is_never_read_whole(world: World) -> None:
    event = world.put(KEY, b"x" * 10_000_000)
    event["detail"]["object"]["size"] = 10  # the event lies, or was made by hand
    assert world.convert(event)["error"]["code"] == "TooManyBytes"


def test_a_repeated_event_is_ignored_and_costs_one_read(world: World) -> None:
    event = world.put(KEY)
    world.convert(event, "e1")
    before = world.s3.current(RESULTS, f"results/{KEY}/status.json")
    calls = len(world.s3.calls)
    told = world.convert(event, "e2")
    assert (told["state"], told["reason"]) == ("IGNORED", "duplicate")
    assert len(world.s3.calls) == calls + 1
    assert world.s3.current(RESULTS, f"results/{KEY}/status.json") is before


def test_an_execution_whose_answer_was_lost_tells_its_own_result_again(world: World) -> None:
    event = world.put(KEY)
    first = world.convert(event, "e1")
    assert world.convert(event, "e1", attempt=1) == first


def test_a_newer_version_takes_the_document_over_and_an_older_one_never(world: World) -> None:
    old, new = world.put(KEY, picture(1)), world.put(KEY, picture(2))
    assert world.convert(new, "e2")["state"] == "SUCCEEDED"
    after_new = world.document(KEY)
    told = world.convert(old, "e1")
    assert (told["state"], told["reason"]) == ("IGNORED", "superseded")
    assert world.document(KEY) == after_new


def test_a_newer_version_replaces_a_success(world: World) -> None:
    world.convert(world.put(KEY, picture(1)), "e1")
    first = world.document(KEY)
    world.convert(world.put(KEY, picture(2)), "e2")
    second = world.document(KEY)
    assert first and second and second.job_id != first.job_id
    assert second.created_at == first.created_at
    assert world.missing_renditions(first) == world.missing_renditions(second) == []


def test_one_form_sent_sixty_times_is_one_conversion_with_a_result_that_stays(
    world: World,
) -> None:
    world.issue(KEY)
    events = [world.put(KEY, picture(number)) for number in range(60)]
    told = [world.convert(event, f"e{number}") for number, event in enumerate(events)]
    assert [each["state"] for each in told] == ["SUCCEEDED"] + ["IGNORED"] * 59
    assert {each["reason"] for each in told[1:]} == {"spent"}
    document = world.document(KEY)
    assert document is not None and document.upload.version_id == "v2"  # v1 is the seed
    folders = {key.rsplit("/", 1)[0] for key in world.s3.keys(RESULTS) if "status" not in key}
    assert len(folders) == 1
    # Nor does anything that an operator or the rule on failed executions does change it.
    for number, event in enumerate(events[1:]):
        assert world.convert(event | {"redrive": True}, f"r{number}")["reason"] == "spent"
        assert world.record(event, f"e{number + 1}")["reason"] == "spent"
    assert world.document(KEY) == document


def test_a_version_that_comes_while_the_first_is_converted_finds_its_form_spent(
    world: World,
) -> None:
    world.issue(KEY)
    first, second = world.put(KEY, picture(1)), world.put(KEY, picture(2))

    def overtake(operation: str, request: dict[str, object]) -> None:
        if operation == "PutObject":  # the claim of the first, not yet made
            world.s3.before = lambda operation, request: None
            assert world.convert(second, "e2")["state"] == "SUCCEEDED"

    world.s3.before = overtake
    assert world.convert(first, "e1")["reason"] == "spent"
    document = world.document(KEY)
    assert document is not None and document.execution == "e2"


STATED = {
    "original_name": "Übersicht.jpg",
    "owner": "anna",
    "metadata": {"album": "Sommer"},
    "checksum_sha256": "A" * 43 + "=",
}


@pytest.mark.parametrize("end", ["SUCCEEDED", "REJECTED", "FAILED"])
def test_what_was_stated_at_issue_is_told_at_every_end(world: World, end: str) -> None:
    world.issue(KEY, **STATED)
    event = world.put(KEY, b"no picture" if end == "REJECTED" else picture())
    told = world.record(event) if end == "FAILED" else world.convert(event)
    document = world.document(KEY)
    assert document is not None
    for name, value in STATED.items():
        assert told["upload"][name] == getattr(document.upload, name) == value
    assert told["state"] == end
    assert told["results"] == {"bucket": RESULTS, "status_key": f"results/{KEY}/status.json"}


def test_what_travels_with_an_upload_that_nobody_issued_is_told_as_far_as_it_is_ours(
    world: World,
) -> None:
    stated = {"owner": "anna", "metadata": '{"album":"\\u00fc"}', "original-name": "a%20b"}
    told = world.convert(world.put(KEY, Metadata=stated))["upload"]
    assert told["metadata"] == {"album": "ü"}
    assert (told["owner"], told["original_name"]) == ("anna", "a b")
    other = world.convert(world.put(KEY, picture(2), Metadata={"metadata": '{"a":7}'}), "e2")
    assert "metadata" not in other["upload"] and "owner" not in other["upload"]


def test_a_document_says_when_to_ask_again_until_it_has_its_end(world: World) -> None:
    world.issue(KEY)
    said = []

    def note(operation: str, request: dict[str, Any]) -> None:
        if operation == "PutObject" and request["Key"].endswith("status.json"):
            document = json.loads(request["Body"])
            said.append((document["state"], document.get("poll_after_seconds")))

    there = world.s3.current(RESULTS, f"results/{KEY}/status.json")
    assert there is not None and json.loads(there.body or b"")["poll_after_seconds"] == 1
    world.s3.after = note
    world.convert(world.put(KEY))
    assert said == [("RUNNING", 1), ("SUCCEEDED", None)]


def test_a_version_that_the_key_no_longer_stands_for_is_not_converted(world: World) -> None:
    """Field: an upload that was replaced before its job ran was converted and served."""
    old = world.put(KEY, picture(1))
    world.put(KEY, picture(2))
    told = world.convert(old)
    assert (told["state"], told["reason"]) == ("IGNORED", "superseded")
    assert world.document(KEY) is None


def test_what_is_read_is_the_announced_version_whatever_comes_after(world: World) -> None:
    old = world.put(KEY, picture(1))

    def overwrite(operation: str, request: dict[str, object]) -> None:
        if operation == "GetObject" and request["Bucket"] == UPLOADS:
            world.s3.after = lambda operation, request: None
            world.put(KEY, b"no image")

    world.s3.after = overwrite
    assert world.convert(old)["state"] == "SUCCEEDED"


def test_without_a_version_id_an_overwritten_upload_claims_nothing(world: World) -> None:
    old = world.put(KEY, picture(1), with_version_id=False)
    world.put(KEY, picture(2))
    told = world.convert(old)
    assert (told["state"], told["reason"]) == ("IGNORED", "superseded")
    assert world.document(KEY) is None


def delete_marker(world: World, event: dict[str, Any]) -> None:
    """As the console and every client delete: the version stays, hidden by a marker."""
    world.s3.delete_object(Bucket=UPLOADS, Key=KEY)


def delete_version(world: World, event: dict[str, Any]) -> None:
    version_id = event["detail"]["object"]["version-id"]
    world.s3.delete_object(Bucket=UPLOADS, Key=KEY, VersionId=version_id)


@pytest.mark.parametrize("delete", [delete_marker, delete_version])
def test_a_deleted_upload_is_told_to_a_client_that_waits(
    world: World, delete: Callable[[World, dict[str, Any]], None]
) -> None:
    """Field: with a marker, renditions of a picture that its owner had deleted were served."""
    seed(world)
    event = world.put(KEY)
    delete(world, event)
    assert world.convert(event)["state"] == "REJECTED"
    document = world.document(KEY)
    assert document is not None and document.error is not None
    assert document.error.code == "UploadGone"
    assert document.error.retryable


def test_a_deleted_upload_for_which_nobody_waits_leaves_no_trace(world: World) -> None:
    event = world.put(KEY)
    delete_marker(world, event)
    assert world.convert(event)["reason"] == "superseded"
    assert world.document(KEY) is None


def test_a_deleted_newer_version_leaves_the_older_result_standing(world: World) -> None:
    world.convert(world.put(KEY, picture(1)), "e1")
    before = world.document(KEY)
    event = world.put(KEY, picture(2))
    delete_version(world, event)
    assert world.convert(event, "e2")["reason"] == "superseded"
    assert world.document(KEY) == before


@pytest.mark.parametrize("fails", [False, True])
def test_a_redriven_newer_version_keeps_its_place_when_the_events_come_late(
    world: World, fails: bool
) -> None:
    """Field: the late event of the older version took the document over, for ever."""
    old, new = world.put(KEY, picture(1)), world.put(KEY, picture(2))
    if fails:
        world.record(made_from_the_object(new), "e1")
    else:
        world.convert(made_from_the_object(new), "e1")
    before = world.document(KEY)
    assert world.convert(new, "e2")["reason"] == "duplicate"
    assert world.convert(old, "e3")["reason"] == "superseded"
    assert world.record(old, "e4")["reason"] == "superseded"
    assert world.document(KEY) == before


def test_an_event_that_comes_after_its_redrive_is_the_same_job_without_version_ids_too(
    world: World,
) -> None:
    """Field: a second folder of renditions, a second announcement, a job id that changed."""
    event = world.put(KEY, with_version_id=False)
    told = world.convert(made_from_the_object(event), "e1")
    renditions = world.s3.keys(RESULTS)
    assert world.convert(event, "e2")["reason"] == "duplicate"
    assert world.s3.keys(RESULTS) == renditions
    assert world.document(KEY).job_id == told["job_id"]  # type: ignore[union-attr]


def test_a_job_keeps_its_id_when_its_event_comes_after_a_failed_redrive(world: World) -> None:
    event = world.put(KEY, with_version_id=False)
    failed = world.record(made_from_the_object(event), "e1")
    told = world.convert(event, "e2")
    assert (told["state"], told["job_id"]) == ("SUCCEEDED", failed["job_id"])


def test_the_same_bytes_sent_again_after_a_failure_are_converted(world: World) -> None:
    """Where nothing but the etag names a version: the client was told to upload it again."""
    world.record(made_from_the_object(world.put(KEY, with_version_id=False)), "e1")
    again = world.put(KEY, with_version_id=False)
    assert world.convert(again, "e2")["state"] == "SUCCEEDED"


def test_two_workflows_on_one_results_folder_never_touch_each_others_documents() -> None:
    """Field: one client read the other's picture."""
    world = World(s3=MemoryS3(uploads=True, theirs=True, results=False))
    world.convert(world.put(KEY, picture(1)), "e1")
    before = world.document(KEY)
    other = world.put(KEY, picture(2), bucket="theirs")
    with pytest.raises(ResultsShared):
        world.convert(other, "e2")
    assert world.record(other, "e2", "ResultsShared")["reason"] == "occupied"
    assert world.document(KEY) == before
    assert world.announced == []


def test_a_seed_of_another_bucket_is_not_claimed_either(world: World) -> None:
    seeded = transitions.seed("theirs", KEY, NOON, expires_at=timestamp(NOON))
    world.s3.put_object(Bucket=RESULTS, Key=f"results/{KEY}/status.json", Body=seeded.to_bytes())
    with pytest.raises(ResultsShared):
        world.convert(world.put(KEY))


@pytest.mark.parametrize(
    ("stored", "code"),
    [
        ({"StorageClass": "GLACIER"}, "Archived"),
        ({"StorageClass": "DEEP_ARCHIVE"}, "Archived"),
        ({"SSECustomerAlgorithm": "AES256"}, "EncryptedByClient"),
    ],
)
@pytest.mark.parametrize("with_version_id", [True, False])
def test_what_s3_refuses_because_of_how_the_client_stored_it_is_the_clients_to_mend(
    world: World, stored: dict[str, str], code: str, with_version_id: bool
) -> None:
    """Field: FAILED Internal after three attempts, an alarm, and the advice to roll back."""
    event = world.put(KEY, with_version_id=with_version_id, **stored)
    assert world.execute(event) == "SUCCEEDED"
    (told,) = world.announced
    assert (told["state"], told["error"]["code"]) == ("REJECTED", code)
    assert told["error"]["retryable"]  # the same file, stored as others are


def test_a_version_that_s3_does_not_show_yet_is_asked_for_again(world: World) -> None:
    """For a quarter of an hour after versioning was switched on."""
    event = world.put(KEY)
    denials = [refusal("NoSuchKey"), refusal("NoSuchKey")] * 8

    def deny(operation: str, request: dict[str, object]) -> None:
        if request["Bucket"] == UPLOADS and denials:
            raise denials.pop()

    world.s3.before = deny
    assert world.execute(event) == "SUCCEEDED"
    document = world.document(KEY)
    assert document is not None and document.state is State.SUCCEEDED


def test_other_renditions_have_other_keys(world: World) -> None:
    """Field: other bytes under the same immutable key, after a restore with other renditions."""
    event = world.put(KEY)
    first = world.convert(event, "e1")
    world.s3.delete_object(Bucket=RESULTS, Key=f"{PREFIX}{KEY}/status.json")
    world.recipe = "another2"
    second = world.convert(event, "e2")
    keys_of = [{made["key"] for made in told["renditions"]} for told in (first, second)]
    assert keys_of[0].isdisjoint(keys_of[1])
    assert first["job_id"] == second["job_id"]


def test_a_folder_made_in_the_console_is_no_upload(world: World) -> None:
    """Field: REJECTED Empty, counted as a client's mistake."""
    told = world.convert(world.put("uploads/album/", b""))
    assert (told["state"], told["reason"]) == ("IGNORED", "folder")
    assert world.s3.keys(RESULTS) == []
    assert world.convert(world.put("uploads/album/", picture()))["state"] == "SUCCEEDED"


def test_the_seed_gives_its_name_and_times_to_the_job(world: World) -> None:
    seeded = seed(world)
    world.pass_time(seconds=5)
    world.convert(world.put(KEY))
    document = world.document(KEY)
    assert document is not None
    assert document.created_at == seeded.created_at
    assert document.expires_at == seeded.expires_at
    assert document.upload.original_name == "café.jpg"


def test_a_document_that_cannot_be_read_is_replaced(world: World) -> None:
    world.s3.put_object(Bucket=RESULTS, Key=f"results/{KEY}/status.json", Body=b"{]")
    assert world.convert(world.put(KEY))["state"] == "SUCCEEDED"


def test_remains_of_a_failed_run_are_replaced_by_the_true_bytes(world: World) -> None:
    event = world.put(KEY)
    job = world.convert(event)["job_id"]
    fresh = World()
    event = fresh.put(KEY)
    fresh.s3.put_object(
        Bucket=RESULTS, Key=f"results/{KEY}/{job}/{RECIPE}/large.jpg", Body=b"cut off"
    )
    fresh.convert(event)
    document = fresh.document(KEY)
    assert document is not None and fresh.missing_renditions(document) == []


def test_a_burst_of_changes_ends_in_an_error_that_is_retried(world: World) -> None:
    event = world.put(KEY)

    def conflict(operation: str, request: dict[str, object]) -> None:
        if operation == "PutObject":
            raise refusal("ConditionalRequestConflict", operation)

    world.s3.before = conflict
    with pytest.raises(Contended):
        world.convert(event)


def seed(world: World) -> StatusDocument:
    seeded = transitions.seed(
        UPLOADS, KEY, NOON, expires_at=timestamp(NOON), original_name="café.jpg"
    )
    world.s3.put_object(Bucket=RESULTS, Key=f"results/{KEY}/status.json", Body=seeded.to_bytes())
    assert seeded.created_at == timestamp(NOON)
    return seeded
