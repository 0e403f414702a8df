from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upload_workflow.errors import Rejected
from upload_workflow.job.upload import Upload, order

EVENT: dict[str, Any] = {
    "time": "2026-03-01T12:00:00.5Z",
    "new-field": {"of": "tomorrow"},
    "detail": {
        "reason": "PutObject",
        "bucket": {"name": "uploads", "colour": "green"},
        "object": {
            "key": "uploads/a+b%2Bc d",
            "size": 12,
            "etag": "0cc175b9c0f1b6a831c399e269772661",
            "version-id": "v1",
            "sequencer": "0062E99A88DC407460",
        },
    },
}


def event(**changes: Any) -> dict[str, Any]:
    """EVENT with fields of the object changed, or left out by None."""
    changed = copy.deepcopy(EVENT)
    for name, value in changes.items():
        changed["detail"]["object"][name.replace("_", "-")] = value
    return changed


def test_an_event_is_read_with_its_key_as_it_is() -> None:
    upload = Upload.parse(EVENT)
    assert upload.key == "uploads/a+b%2Bc d"
    assert (upload.bucket, upload.size_bytes, upload.version_id) == ("uploads", 12, "v1")
    assert upload.announced_at == datetime(2026, 3, 1, 12, 0, 0, 500_000, UTC)


@pytest.mark.parametrize(
    "broken",
    [
        None,
        [],
        "text",
        {},
        {"detail": None},
        {"detail": "text"},
        {"detail": {"bucket": {"name": "b"}}},
        {"detail": {"bucket": "b", "object": {"key": "k", "size": 1, "etag": "e"}}},
        event(key=None),
        event(key=""),
        event(key=7),
        event(key="half \ud800 pair"),
        event(size=None),
        event(size=-1),
        event(size=True),
        event(size="12"),
        event(size=1.5),
        event(etag=None, version_id=None),
        event(etag=None, version_id="null"),
    ],
)
def test_an_event_that_cannot_be_a_job_is_rejected_in_words(broken: object) -> None:
    with pytest.raises(Rejected, match=r"MalformedEvent: The event cannot be read: .+\.") as caught:
        Upload.parse(broken)
    assert caught.value.code == "MalformedEvent"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
    st.sampled_from([(), ("detail",), ("detail", "object"), ("detail", "bucket"), ("time",)]),
)
def test_whatever_stands_in_an_event_it_is_read_or_rejected(
    junk: object, place: tuple[str, ...]
) -> None:
    broken: Any = copy.deepcopy(EVENT)
    if place:
        node = broken
        for name in place[:-1]:
            node = node[name]
        node[place[-1]] = junk
    else:
        broken = junk
    try:
        Upload.parse(broken)
    except Rejected as refusal:
        assert refusal.code == "MalformedEvent"


@pytest.mark.parametrize("time", [None, "", "yesterday", 7])
def test_an_event_without_a_time_is_still_a_job(time: object) -> None:
    assert Upload.parse(EVENT | {"time": time}).announced_at is None


def test_the_job_is_the_version_however_it_is_announced() -> None:
    one = Upload.parse(EVENT)
    assert one.job_id == Upload.parse(event(size=99) | {"time": "2027-01-01T00:00:00Z"}).job_id
    assert one.job_id != Upload.parse(event(version_id="v2")).job_id


def test_without_versioning_the_etag_and_the_sequencer_are_the_version() -> None:
    suspended = Upload.parse(event(version_id="null"))
    assert suspended.version_id is None
    assert suspended.job_id == Upload.parse(event(version_id=None)).job_id
    assert suspended.job_id != Upload.parse(event(version_id=None, sequencer="01")).job_id
    assert suspended.job_id != Upload.parse(event(version_id=None, etag="01")).job_id


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("0062E99A88DC407460", "0062E99A88DC407461"),
        ("0062E9", "0062E99A88DC407460"),
        ("00FF", "01"),
        ("00aA", "00Ab"),
    ],
)
def test_a_longer_or_larger_sequencer_is_newer(older: str, newer: str) -> None:
    assert order(older) < order(newer)


@given(
    *[st.text("0123456789abcdefABCDEF", min_size=1, max_size=6)] * 2,
)
def test_the_order_is_that_of_texts_padded_with_zeros(left: str, right: str) -> None:
    width = max(len(left), len(right))
    padded = [text.lower().ljust(width, "0") for text in (left, right)]
    assert (order(left) < order(right)) == (padded[0] < padded[1])


def test_a_time_without_a_zone_is_utc() -> None:
    upload = Upload.parse(EVENT | {"time": "2026-03-01T12:00:00"})
    assert upload.announced_at is not None
    assert upload.announced_at.utcoffset() == timedelta(0)
