"""A client's own facts travel as they are, within their bounds, and nothing else does."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upload_workflow.job.metadata import MAX_BYTES, MAX_PAIRS, from_header, is_metadata, to_header

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,63}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.dictionaries(NAMES, TEXTS, max_size=MAX_PAIRS))
def test_metadata_within_the_bounds_come_back_as_they_were(metadata: dict[str, str]) -> None:
    header = to_header(metadata)
    assert header.isascii() and header.isprintable() and not {" ", "$"} & set(header)
    assert is_metadata(metadata) == (len(header) <= MAX_BYTES)
    if is_metadata(metadata) and metadata:
        assert from_header(header) == metadata


@given(st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=12) | ANYTHING)
def test_what_is_taken_for_metadata_keeps_every_bound(value: object) -> None:
    if not is_metadata(value):
        return
    assert isinstance(value, dict) and len(value) <= MAX_PAIRS
    assert all(isinstance(each, str) for pair in value.items() for each in pair)
    assert len(json.dumps(value).encode()) <= MAX_BYTES + 2 * MAX_PAIRS  # spaces between
    json.dumps(value, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "value",
    [
        {"": "a"},
        {"1st": "a"},
        {"a b": "a"},
        {"__proto__": "a"},
        {"a" * 65: "a"},
        {"a\n": "a"},
        {"a": 1},
        {"a": None},
        {"a": "\ud800"},
        {"a": "x" * MAX_BYTES},
        {f"a{number}": "" for number in range(MAX_PAIRS + 1)},
        [],
        "text",
        None,
    ],
)
def test_anything_else_is_no_metadata(value: object) -> None:
    assert not is_metadata(value)
    assert from_header(json.dumps(value)) is None


@given(st.none() | st.text())
def test_no_header_of_somebody_else_does_any_harm(text: str | None) -> None:
    found = from_header(text)
    assert found is None or is_metadata(found)


@pytest.mark.parametrize("text", ["", "{", "[" * 9000, '{"a": "\\ud800"}', "null", "{}"])
def test_a_header_that_is_no_metadata_says_nothing(text: str) -> None:
    assert from_header(text) is None
