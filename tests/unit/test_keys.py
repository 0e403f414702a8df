from __future__ import annotations

import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upload_workflow.job import keys

JOB = "a" * keys.JOB_ID_LENGTH
RECIPE = "r" * keys.RECIPE_LENGTH


def rendition_key(
    prefix: str, upload_key: str, name: str = "small", extension: str = "webp"
) -> str:
    return keys.rendition_key(
        prefix, upload_key, job=JOB, recipe=RECIPE, rendition=name, extension=extension
    )


s3_keys = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=80
)


def test_a_job_id_is_26_lower_case_base32_characters() -> None:
    assert re.fullmatch("[a-z2-7]{26}", keys.job_id("uploads", "uploads/a", "v1"))


def test_another_key_bucket_or_version_is_another_job() -> None:
    ids = {
        keys.job_id(*facts)
        for facts in [
            ("b", "k", "v"),
            ("b2", "k", "v"),
            ("b", "k2", "v"),
            ("b", "k", "v2"),
            ("bk", "", "v"),
        ]
    }
    assert len(ids) == 5


@pytest.mark.parametrize(
    ("left", "right"), [("a+b", "a b"), ("a%2Bb", "a+b"), ("caf\u00e9", "cafe\u0301")]
)
def test_keys_that_decode_alike_are_different_jobs_and_places(left: str, right: str) -> None:
    assert keys.job_id("b", left, "v") != keys.job_id("b", right, "v")
    assert keys.status_key("results/", left) != keys.status_key("results/", right)


def test_results_lie_below_the_upload_key_as_it_is() -> None:
    key = "uploads/a b+%2B/é//x/"
    assert keys.status_key("results/", key) == f"results/{key}/status.json"
    assert rendition_key("results/", key) == (f"results/{key}/{JOB}/{RECIPE}/small.webp")


@pytest.mark.parametrize("key", ["uploads/../x", "uploads/./x", "../x", "uploads/x/..", "."])
def test_a_key_that_a_url_parser_would_shorten_is_folded(key: str) -> None:
    assert re.fullmatch("results/sha256-[0-9a-f]{64}/status.json", keys.status_key("results/", key))


@pytest.mark.parametrize("key", ["uploads/...", "uploads/..a/b..", "uploads/.hidden"])
def test_dots_that_a_url_parser_keeps_are_kept(key: str) -> None:
    assert keys.results_folder("results/", key) == f"results/{key}"


@given(
    key=s3_keys, prefix=st.sampled_from(["", "results/", "r" * 200 + "/"]), times=st.integers(1, 40)
)
def test_every_result_key_fits_into_s3(key: str, prefix: str, times: int) -> None:
    long_key = (key * times).encode()[: keys.MAX_KEY_BYTES].decode(errors="ignore")
    longest = rendition_key(prefix, long_key, "n" * 32)
    assert len(longest.encode()) <= keys.MAX_KEY_BYTES
    assert len(keys.status_key(prefix, long_key).encode()) <= keys.MAX_KEY_BYTES


@given(left=s3_keys, right=s3_keys)
def test_two_keys_never_share_a_place(left: str, right: str) -> None:
    def places(key: str) -> set[str]:
        rendition = rendition_key("results/", key, "status", "json")
        return {keys.status_key("results/", key), rendition}

    assert left == right or places(left).isdisjoint(places(right))


def test_an_issued_key_names_its_owner_and_nothing_of_the_client() -> None:
    upload_id = uuid.UUID(int=7)
    assert keys.issued_key("uploads/", None, upload_id) == f"uploads/{upload_id}/original"
    assert keys.issued_key("uploads/", "anna", upload_id) == f"uploads/anna/{upload_id}/original"


@pytest.mark.parametrize("owner", ["", "..", "a/b", "a%2fb", "a\0", "é", "a b", "x" * 129])
def test_an_owner_that_could_leave_its_folder_is_refused(owner: str) -> None:
    with pytest.raises(ValueError, match="An owner has 1 to 128 letters"):
        keys.issued_key("uploads/", owner, uuid.UUID(int=7))
