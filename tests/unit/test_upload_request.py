"""What a client may ask for, and what it is told when it may not."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from upload_workflow.issue import request as upload_request
from upload_workflow.issue.request import (
    MAX_ENCODED_NAME,
    MAX_TRAVELLING,
    Method,
    Unacceptable,
    UploadRequest,
)
from upload_workflow.job.metadata import to_header

ACCEPTED = ("image/jpeg", "image/png")
MAX_BYTES = 25 * 2**20
CHECKSUM = base64.b64encode(hashlib.sha256(b"photo").digest()).decode()

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def parse(body: bytes | object, *, forms: bool = True) -> UploadRequest:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return upload_request.parse(sent, content_types=ACCEPTED, forms=forms, max_bytes=MAX_BYTES)


def refusal(body: bytes | object, *, forms: bool = True) -> dict[str | None, str]:
    """What is wrong with it, by field."""
    with pytest.raises(Unacceptable) as refused:
        parse(body, forms=forms)
    return {problem.field: problem.detail for problem in refused.value.problems}


def test_a_content_type_is_enough() -> None:
    assert parse({"content_type": "image/png"}) == UploadRequest("image/png")


def test_everything_that_may_be_said_is_kept() -> None:
    request = parse(
        {
            "content_type": "image/jpeg",
            "bytes": MAX_BYTES,
            "original_name": "Übersicht 1/2 🏖.jpg",
            "checksum_sha256": CHECKSUM,
            "method": "PUT",
            "metadata": {"album": "Sommer", "order-id": "4711"},
        }
    )
    assert request == UploadRequest(
        "image/jpeg",
        MAX_BYTES,
        "Übersicht 1/2 🏖.jpg",
        CHECKSUM,
        Method.PUT,
        {"album": "Sommer", "order-id": "4711"},
    )


def test_a_type_is_accepted_by_every_name_under_which_it_is_set_up() -> None:
    types = ("image/apng", "image/jpg")
    for sent, meant in {"image/apng": "image/png", "image/jpeg": "image/jpeg"}.items():
        body = json.dumps({"content_type": sent}).encode()
        request = upload_request.parse(body, content_types=types, forms=True, max_bytes=MAX_BYTES)
        assert request.content_type == meant
    with pytest.raises(Unacceptable, match=r"Accepted are image/png, image/jpeg\.$"):
        upload_request.parse(
            b'{"content_type": "image/gif"}', content_types=types, forms=True, max_bytes=MAX_BYTES
        )


def test_null_is_the_same_as_nothing() -> None:
    nothing = ("bytes", "original_name", "checksum_sha256", "method", "metadata")
    assert parse({"content_type": "image/jpeg", **dict.fromkeys(nothing)}) == UploadRequest(
        "image/jpeg"
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b"\xff",
        b'"image/jpeg"',
        b"[" * 8000,
        b'{"bytes": 1' + b"0" * 5000,
    ],
)
def test_a_body_that_is_no_json_object_is_answered_with_an_example(body: bytes) -> None:
    assert refusal(body) == {
        None: 'The body is a JSON object such as {"content_type": "image/jpeg"}.'
    }


@pytest.mark.parametrize(
    "value", ["", "image/*", "text/html", "image/jpegs", "jpeg", "; image/jpeg"]
)
def test_a_type_that_is_not_accepted_is_answered_with_those_that_are(value: object) -> None:
    assert refusal({"content_type": value}) == {
        "content_type": "Files of this type are not accepted. Accepted are image/jpeg, image/png."
    }


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        (0, "The file is empty."),
        (MAX_BYTES + 1, "The file is too large. Accepted are up to 26.2 MB."),
        (-1, "The size is a whole number of bytes."),
        (1.0, "The size is a whole number of bytes."),
        (True, "The size is a whole number of bytes."),
        ("9", "The size is a whole number of bytes."),
    ],
)
def test_a_size_that_cannot_be_uploaded_is_refused_before_it_is(value: object, answer: str) -> None:
    assert refusal({"content_type": "image/jpeg", "bytes": value}) == {"bytes": answer}


@pytest.mark.parametrize("value", ["", "x" * (MAX_ENCODED_NAME + 1), "語" * 171, "\ud800", 7])
def test_a_name_that_would_not_arrive_whole_is_refused(value: object) -> None:
    assert list(refusal({"content_type": "image/jpeg", "original_name": value})) == [
        "original_name"
    ]


@pytest.mark.parametrize(
    "value",
    [
        "",
        CHECKSUM[:-1],
        hashlib.sha256(b"photo").hexdigest(),
        base64.b64encode(b"too short").decode(),
        CHECKSUM[:-2] + "B=",  # decodes to the same bytes as another spelling
        "é" * 44,
        7,
    ],
)
def test_a_checksum_that_s3_would_not_compare_is_refused(value: object) -> None:
    assert list(refusal({"content_type": "image/jpeg", "checksum_sha256": value})) == [
        "checksum_sha256"
    ]


@pytest.mark.parametrize("value", ["put", "GET", 7, True, ["PUT"], {"a": 1}])
def test_a_method_that_there_is_not_is_refused_with_those_that_there_are(value: object) -> None:
    assert refusal({"content_type": "image/jpeg", "bytes": 9, "method": value}) == {
        "method": "The method is POST or PUT."
    }


def test_a_put_without_a_size_is_refused_because_it_could_not_be_signed() -> None:
    assert refusal({"content_type": "image/jpeg", "method": "PUT"}) == {
        "bytes": "A PUT is signed for the exact size: say how many bytes the file has."
    }
    assert parse({"content_type": "image/jpeg", "method": "POST"}).bytes is None


def test_where_there_are_no_forms_a_client_gets_a_ticket_or_a_sentence() -> None:
    assert parse({"content_type": "image/jpeg", "bytes": 9}, forms=False).method is Method.PUT
    form = {"content_type": "image/jpeg", "bytes": 9, "method": "POST"}
    assert refusal(form, forms=False) == {"method": "The method is PUT."}
    assert list(refusal({"content_type": "image/jpeg"}, forms=False)) == ["bytes"]


@pytest.mark.parametrize("value", [7, "album", [], {"": "x"}, {"a": 1}, {"a": "x" * 1024}])
def test_metadata_beyond_the_bounds_are_answered_with_the_bounds(value: object) -> None:
    (answer,) = refusal({"content_type": "image/jpeg", "metadata": value}).values()
    assert answer.startswith("Metadata is an object with at most 10 texts and 1024 bytes")


def test_a_long_name_and_long_metadata_are_refused_where_s3_would_refuse_them() -> None:
    wish = {"content_type": "image/jpeg", "original_name": "n" * 1400}
    room = MAX_TRAVELLING - 1400 - len('{"a":""}')
    assert parse({**wish, "metadata": {"a": "x" * room}}).metadata == {"a": "x" * room}
    assert refusal({**wish, "metadata": {"a": "x" * (room + 1)}}) == {
        "metadata": "Name and metadata have at most 1894 bytes together as they travel."
    }


def test_a_misspelt_field_is_noticed() -> None:
    assert refusal({"content_type": "image/jpeg", "orginal_name": "a.jpg"}) == {
        "orginal_name": "There is no such field. "
        "There are content_type, bytes, original_name, checksum_sha256, method, metadata."
    }


def test_everything_that_is_wrong_is_told_at_once() -> None:
    assert list(refusal({"content_type": "text/html", "bytes": 0, "name": "x"})) == [
        "name",
        "content_type",
        "bytes",
    ]


@given(st.binary() | anything.map(lambda value: json.dumps(value).encode()))
@example(b'{"content_type": NaN, "bytes": Infinity}')
def test_any_body_is_accepted_or_refused_with_a_reason(body: bytes) -> None:
    try:
        parse(body)
    except Unacceptable as refused:
        assert all(problem.detail for problem in refused.problems)


@given(
    st.fixed_dictionaries(
        {"content_type": st.sampled_from(ACCEPTED)},
        optional={
            "bytes": anything | st.integers(1, MAX_BYTES),
            "original_name": st.text(),
            "checksum_sha256": anything,
            "method": st.sampled_from(["POST", "PUT"]) | anything,
            "metadata": st.dictionaries(st.from_regex("[a-z]{1,5}", fullmatch=True), st.text())
            | anything,
        },
    )
)
def test_what_is_accepted_can_be_signed(fields: dict[str, object]) -> None:
    try:
        request = parse(fields)
    except Unacceptable:
        return
    assert request.method is Method.POST or request.bytes is not None
    assert request.metadata is None or to_header(request.metadata).isprintable()
    assert request.bytes is None or 1 <= request.bytes <= MAX_BYTES
    assert request.original_name is None or request.original_name.encode()
    assert request.checksum_sha256 is None or len(request.checksum_sha256) == 44


@pytest.mark.parametrize("value", [5, True, ["image/png"], {}])
def test_a_type_that_is_no_text_is_told_from_one_that_is_not_accepted(value: object) -> None:
    said = {"content_type": "The content_type is a text, such as image/jpeg."}
    assert refusal({"content_type": value}) == said


@pytest.mark.parametrize("body", [{}, {"content_type": None}])
def test_a_type_that_is_missing_is_called_missing(body: dict[str, object]) -> None:
    assert refusal(body) == {"content_type": "The content_type is missing, such as image/jpeg."}


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("image/jpg", "image/jpeg"),
        ("IMAGE/JPEG", "image/jpeg"),
        ("image/pjpeg", "image/jpeg"),
        ("image/jpeg; charset=binary", "image/jpeg"),
        (" image/x-png ;a=b", "image/png"),
    ],
)
def test_equal_types_are_one(said: str, meant: str) -> None:
    assert parse({"content_type": said}).content_type == meant
