"""What a remake does with one object, by what its status document says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

import pytest

from tests.support.upload_world import RECIPE, RULES, UPLOADS, World, listed, picture
from upload_workflow.errors import Rejected, RejectionCode
from upload_workflow.job.document import State, StatusDocument, StoredRendition
from upload_workflow.job.upload import Upload

KEY = "uploads/one"
NEWER = {"recipe": "recipe33", "rules": "rulesbbb"}


def settle(world: World, **settings: str) -> None:
    """The operator changes renditions or limits."""
    for name, value in settings.items():
        setattr(world, name, value)


def calls(world: World, run: Callable[[], str]) -> tuple[str, list[str]]:
    """What came of it, and the requests that it cost."""
    before = len(world.s3.calls)
    outcome = run()
    return outcome, [operation for operation, _ in world.s3.calls[before:]]


def document(world: World) -> StatusDocument:
    found = world.document(KEY)
    assert found is not None
    return found


def promised(world: World) -> tuple[StoredRendition, ...]:
    return document(world).renditions


def test_what_has_this_recipe_costs_one_read_and_is_told_to_nobody() -> None:
    world = World()
    world.execute(world.put(KEY))
    told = list(world.announced)
    assert calls(world, lambda: world.remake(KEY)) == ("UNCHANGED", ["GetObject"])
    assert world.announced == told


def test_of_a_bare_key_one_more_request_tells_the_version() -> None:
    world = World()
    world.execute(world.put(KEY))
    outcome = calls(world, lambda: world.remake(KEY, keys_only=True))
    assert outcome == ("UNCHANGED", ["GetObject", "HeadObject"])


def test_another_recipe_replaces_the_renditions_in_one_step_and_keeps_the_old_objects() -> None:
    world = World()
    world.execute(world.put(KEY))
    before = document(world)
    seen: list[StatusDocument] = []

    def watch(operation: str, request: dict[str, Any]) -> None:
        if operation == "PutObject":
            seen.append(document(world))

    settle(world, **NEWER)
    world.s3.before = watch
    outcome, requests = calls(world, lambda: world.remake(KEY))
    # Two renditions, and the document once, last: readers see the old one until then.
    assert (outcome, requests.count("PutObject")) == ("SUCCEEDED", 3)
    assert seen == [before] * 3
    after = document(world)
    assert (after.state, after.recipe) == (State.SUCCEEDED, "recipe33")
    assert (after.job_id, after.upload) == (before.job_id, before.upload)
    assert after.created_at == before.created_at
    assert world.missing_renditions(before) == world.missing_renditions(after) == []
    assert world.announced[-1]["remake"] == "r1"
    assert world.announced[-1]["recipe"] == "recipe33"


def test_renditions_that_lie_there_from_long_ago_are_as_young_as_their_document() -> None:
    """Who goes back to the renditions of last month finds the objects of last month."""
    world = World()
    world.execute(world.put(KEY))
    old = {one.key: one.sha256 for one in document(world).renditions}
    before = {key: world.s3.current("results", key) for key in old}
    settle(world, **NEWER)
    assert world.remake(KEY) == "SUCCEEDED"
    world.pass_time(days=20)
    settle(world, recipe=RECIPE, rules=RULES)
    assert world.remake(KEY, "b2") == "SUCCEEDED"
    assert {one.key: one.sha256 for one in document(world).renditions} == old
    for key, version in before.items():
        again = world.s3.current("results", key)
        assert version is not None and again is not None
        assert again.sequencer > version.sequencer and again.body == version.body


def test_a_bucket_that_was_full_before_gets_its_documents() -> None:
    world = World()
    world.put(KEY)
    assert world.remake(KEY) == "SUCCEEDED"
    assert world.missing_renditions(document(world)) == []
    assert world.remake(KEY, "b2") == "UNCHANGED"


def test_what_is_no_picture_is_refused_once() -> None:
    world = World()
    world.put(KEY, b"this is no image")
    assert world.remake(KEY) == "REJECTED"
    assert world.announced[-1]["state"] == "REJECTED"
    assert calls(world, lambda: world.remake(KEY, "b2")) == ("UNCHANGED", ["GetObject"])


def test_what_was_refused_is_looked_at_again_only_by_other_rules() -> None:
    world = World()
    world.execute(world.put(KEY, b"this is no image"))
    assert calls(world, lambda: world.remake(KEY)) == ("UNCHANGED", ["GetObject"])
    settle(world, rules="rulesbbb")
    # The same refusal is no news.
    assert world.remake(KEY, "b2") == "KEPT"
    assert [told["state"] for told in world.announced] == ["REJECTED"]
    assert calls(world, lambda: world.remake(KEY, "b3")) == ("UNCHANGED", ["GetObject"])


def test_other_rules_may_admit_it() -> None:
    world = World()
    event = world.put(KEY)
    assert world.convert(event, own_step={"refuse": {"message": "Not today."}})["state"] == (
        "REJECTED"
    )
    settle(world, rules="rulesbbb")
    assert world.remake(KEY) == "SUCCEEDED"


def test_a_refusal_never_takes_back_what_succeeded(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.execute(world.put(KEY))
    before, told = document(world), list(world.announced)
    settle(world, **NEWER)

    def refuse(*_: object, **__: object) -> None:
        raise Rejected(RejectionCode.TOO_MANY_PIXELS, "Fewer pixels.")

    monkeypatch.setattr(type(world.kind), "refuse_by_head", refuse)
    assert world.remake(KEY) == "KEPT"
    after = document(world)
    assert (after.state, after.renditions, after.recipe) == (
        State.SUCCEEDED,
        before.renditions,
        RECIPE,
    )
    assert world.announced == told
    # And it is not tried for ever.
    assert calls(world, lambda: world.remake(KEY, "b2")) == ("UNCHANGED", ["GetObject"])


@pytest.fixture(name="refusing")
def _refusing(monkeypatch: pytest.MonkeyPatch) -> World:
    """Today's rules refuse what was made before."""
    world = World()
    world.execute(world.put(KEY))
    settle(world, **NEWER)

    def refuse(*_: object, **__: object) -> None:
        raise Rejected(RejectionCode.TOO_MANY_PIXELS, "Fewer pixels.")

    monkeypatch.setattr(type(world.kind), "refuse_by_head", refuse)
    return world


def test_renditions_that_are_kept_are_as_young_as_their_document(refusing: World) -> None:
    """Seen: a lifecycle took them long before the document that promised them."""
    before = {one.key: refusing.s3.current("results", one.key) for one in promised(refusing)}
    refusing.pass_time(days=20)
    assert refusing.remake(KEY) == "KEPT"
    for key, version in before.items():
        again = refusing.s3.current("results", key)
        assert version is not None and again is not None
        assert again.sequencer > version.sequencer and again.body == version.body
        assert (again.headers, again.metadata) == (version.headers, version.metadata)


def test_a_document_is_not_renewed_for_renditions_that_are_gone(refusing: World) -> None:
    before = document(refusing)
    refusing.s3.delete_object(Bucket="results", Key=before.renditions[0].key)
    assert refusing.remake(KEY) == "GONE"
    assert document(refusing) == before


SERVED = "https://img.example.com"


@pytest.mark.parametrize("was, becomes", [(None, SERVED), (SERVED, None), (SERVED, f"{SERVED}/v2")])
def test_where_urls_begin_otherwise_they_are_made_anew_and_the_keys_stay(
    was: str | None, becomes: str | None
) -> None:
    world = World()
    world.served_from = was
    world.execute(world.put(KEY))
    keys = [one.key for one in promised(world)]
    world.served_from = becomes
    assert world.remake(KEY) == "SUCCEEDED"
    assert [one.key for one in promised(world)] == keys
    assert world.missing_renditions(document(world)) == []
    for one in promised(world):
        assert (one.url_expires_at is None) == (becomes is not None)
        assert becomes is None or one.url == f"{becomes}/{one.key}"
    assert calls(world, lambda: world.remake(KEY, "b2")) == ("UNCHANGED", ["GetObject"])


def test_what_is_kept_gets_its_urls_all_the_same(refusing: World) -> None:
    assert refusing.remake(KEY) == "KEPT"
    refusing.served_from = SERVED
    assert refusing.remake(KEY, "b2") == "KEPT"
    assert [one.url for one in promised(refusing)] == [
        f"{SERVED}/{one.key}" for one in promised(refusing)
    ]
    assert calls(refusing, lambda: refusing.remake(KEY, "b3")) == ("UNCHANGED", ["GetObject"])


def test_a_failure_changes_nothing_but_the_report() -> None:
    world = World()
    world.execute(world.put(KEY))
    before = document(world)
    settle(world, **NEWER)

    def fail(operation: str, request: dict[str, Any]) -> None:
        if request["Key"].endswith("small.jpg"):
            raise ConnectionError("the SDK gave up")

    world.s3.before = fail
    assert world.remake(KEY) == "FAILED: ConnectionError"
    assert document(world) == before
    assert len(world.announced) == 1


def test_a_failed_job_is_mended() -> None:
    world = World()
    world.record(world.put(KEY))
    assert document(world).state is State.FAILED
    assert world.remake(KEY) == "SUCCEEDED"


@pytest.mark.parametrize("issued", [True, False])
def test_an_upload_that_is_on_its_way_goes_first(issued: bool) -> None:
    world = World()
    if issued:
        world.issue(KEY)
    event = world.put(KEY)
    if not issued:
        claim_and_die(world, event)
    before = document(world)
    assert world.remake(KEY) == "DUPLICATE"
    assert document(world) == before


def test_a_worker_that_died_long_ago_is_not_waited_for() -> None:
    world = World()
    claim_and_die(world, world.put(KEY))
    world.pass_time(minutes=2)
    assert world.remake(KEY) == "SUCCEEDED"


@pytest.mark.parametrize("stated", [{}, {"metadata": '{"order":"7"}'}])
def test_facts_of_a_step_are_those_of_today(stated: dict[str, str]) -> None:
    """What an earlier step said is no fact of the client's, and both may be more than fits."""
    world = World()
    world.convert(world.put(KEY, Metadata=stated), own_step={"metadata": facts("then")})
    settle(world, **NEWER)
    there = world.s3.current(UPLOADS, KEY)
    told = world.convert(listed(KEY, there), "b1", own_step={"metadata": facts("now")})
    assert told["state"] == "SUCCEEDED"
    assert told["upload"]["metadata"] == ({"order": "7"} if stated else {}) | facts("now")


def facts(name: str) -> dict[str, str]:
    return {f"{name}{number}": "yes" for number in range(6)}


@pytest.mark.parametrize("when", ["before", "while"])
def test_a_newer_upload_wins(when: str) -> None:
    world = World()
    world.execute(world.put(KEY))
    settle(world, **NEWER)
    listed = world.s3.current(UPLOADS, KEY)

    def upload(operation: str, request: dict[str, Any]) -> None:
        if when == "before" or request["Key"].endswith("small.jpg"):
            world.s3.before = lambda operation, request: None
            world.execute(world.put(KEY, picture(9)), "live")

    world.s3.before = upload
    assert world.remake(KEY) in ("SUPERSEDED", "UNCHANGED")
    newest = world.s3.current(UPLOADS, KEY)
    assert listed is not None and newest is not None
    assert document(world).upload.etag == newest.etag.strip('"') != listed.etag.strip('"')
    assert [told["state"] for told in world.announced] == ["SUCCEEDED", "SUCCEEDED"]


def test_of_an_issued_key_the_version_that_counted_is_made_anew() -> None:
    world = World()
    world.issue(KEY)
    first = world.put(KEY)
    world.execute(first)
    world.put(KEY, picture(9))  # a second upload with the same form
    settle(world, **NEWER)
    assert world.remake(KEY) == "SUCCEEDED"
    assert document(world).upload.etag == first["detail"]["object"]["etag"]
    assert world.remake(KEY, "b2") == "UNCHANGED"


def test_a_document_that_was_forgotten_meanwhile_does_not_come_back() -> None:
    world = World()
    world.execute(world.put(KEY))
    settle(world, **NEWER)

    def forget(operation: str, request: dict[str, Any]) -> None:
        if request["Key"].endswith("small.jpg"):
            world.s3.delete_object(Bucket="results", Key=f"results/{KEY}/status.json")

    world.s3.before = forget
    assert world.remake(KEY) == "DUPLICATE"
    assert world.document(KEY) is None


def test_what_is_gone_is_told_and_written_nowhere() -> None:
    world = World()
    world.execute(world.put(KEY))
    before = document(world)
    settle(world, **NEWER)

    def delete(operation: str, request: dict[str, Any]) -> None:
        if operation == "GetObject" and request["Key"] == KEY:
            world.s3.before = lambda operation, request: None
            world.s3.delete_object(Bucket=UPLOADS, Key=KEY)

    world.s3.before = delete
    assert world.remake(KEY) == "GONE"
    assert document(world) == before


def test_where_only_scanned_uploads_count_only_those_that_passed_are_made_anew() -> None:
    world = World()
    world.execute(world.put(KEY))
    world.put("uploads/never-scanned")
    settle(world, **NEWER)
    world.scanned_only = True
    assert world.remake(KEY) == "SUCCEEDED"
    assert world.remake("uploads/never-scanned") == "UNSCANNED"


def test_the_answer_that_was_lost_is_told_again_by_the_same_batch_only() -> None:
    world = World()
    world.execute(world.put(KEY))
    settle(world, **NEWER)
    lost: list[str] = []

    def lose(operation: str, request: dict[str, Any]) -> None:
        if operation == "PutObject" and request["Key"].endswith("status.json") and not lost:
            lost.append(operation)
            raise ConnectionError("the answer was lost")

    world.s3.after = lose
    assert world.remake(KEY) == "SUCCEEDED"
    assert [told["state"] for told in world.announced] == ["SUCCEEDED", "SUCCEEDED"]
    assert world.remake(KEY, "b2") == "UNCHANGED"


@pytest.mark.parametrize("key", ["uploads/a b+c", "uploads/ä%20/ü", "uploads/plain"])
def test_an_inventory_lists_keys_encoded_and_sizes_as_text(key: str) -> None:
    thing = {"encoded_key": quote_plus(key), "etag": "abc", "size": "17"}
    event = {"remake": "r1", "detail": {"bucket": {"name": "b"}, "object": thing}}
    upload = Upload.parse(event)
    assert (upload.key, upload.size_bytes, upload.etag) == (key, 17, "abc")


def claim_and_die(world: World, event: dict[str, Any]) -> None:
    def die(operation: str, request: dict[str, Any]) -> None:
        if request["Key"].endswith("small.jpg"):
            raise KeyboardInterrupt

    world.s3.before = die
    with pytest.raises(KeyboardInterrupt):
        world.convert(event, "live")
    world.s3.before = lambda operation, request: None


def test_what_an_older_version_was_says_nothing_of_the_one_that_replaced_it() -> None:
    for before in (picture(), b"this is no image"):
        world = World()
        world.put(KEY, before)
        world.remake(KEY)
        world.put(KEY, b"this is no image either")
        assert world.remake(KEY, "b2") == "REJECTED"
        assert document(world).state is State.REJECTED
        assert world.announced[-1]["state"] == "REJECTED"


def test_a_threat_stays_a_threat_whatever_the_rules_are() -> None:
    world = World()
    scanned = {
        "source": "aws.guardduty",
        "detail": {
            "s3ObjectDetails": {
                "bucketName": UPLOADS,
                "objectKey": KEY,
                "versionId": world.put(KEY)["detail"]["object"]["version-id"],
                "eTag": world.s3.current(UPLOADS, KEY).etag,  # type: ignore[union-attr]
            },
            "scanResultDetails": {"scanResultStatus": "THREATS_FOUND"},
        },
    }
    world.execute(scanned)
    settle(world, **NEWER)
    assert document(world).state is State.REJECTED
    assert world.remake(KEY) == "UNCHANGED"
