"""What a client is handed admits what it should and ends when it says."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

import botocore.session
import pytest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from tests.support.memory_s3 import MemoryS3
from tests.support.post_oracle import Account, refusal
from tests.support.put_oracle import refusal as put_refusal
from tests.support.ticket_tampering import attempts
from upload_workflow.aws import clients
from upload_workflow.aws.signer import (
    LastingLinks,
    SignedLinks,
    SignedUrl,
    Signer,
    UploadForm,
    UploadTicket,
    credential_life,
)
from upload_workflow.aws.store import Store
from upload_workflow.issue.issue import Issued, issue_upload
from upload_workflow.issue.request import Method, Unacceptable, UploadRequest
from upload_workflow.job.document import State, StatusDocument, timestamp
from upload_workflow.job.metadata import from_header
from upload_workflow.settings import IssueUploadSettings

ACCOUNT = Account("AKIDEXAMPLE", "secret", "session-token")
PLACE = IssueUploadSettings(
    uploads_bucket="photos",
    uploads_prefix="uploads/",
    results_bucket="results",
    results_prefix="results/",
    max_bytes=1000,
    content_types=("image/jpeg", "image/png"),
    forms=True,
    form_life_seconds=900,
    url_life_seconds=1800,
    served_from=None,
)
UPLOAD_ID = uuid.UUID("1b671a64-40d5-491e-99b0-da01ff1f3341")
PHOTO = b"p" * 640


def signer(region: str = "eu-west-1", account: Account = ACCOUNT) -> Signer:
    """A Signer whose client is configured as the functions' client is."""
    credentials = Credentials(account.access_key, account.secret_key, account.token)
    with pytest.MonkeyPatch.context() as patch:
        session = botocore.session.Session()
        patch.setattr(clients, "session", lambda: session)
        session.set_config_variable("region", region)
        session.set_credentials(account.access_key, account.secret_key, account.token)
        return Signer(clients.s3_client(), credentials)


SIGNER = signer()


def issue(request: UploadRequest, owner: str | None = None, s3: MemoryS3 | None = None) -> Issued:
    store = Store(cast(Any, s3 or MemoryS3(photos=True, results=True)), "results")
    return issue_upload(
        SIGNER,
        store,
        PLACE,
        request,
        owner=owner,
        now=datetime.now(UTC),
        upload_id=UPLOAD_ID,
    )


def verdict(
    issued: Issued,
    file: bytes = PHOTO,
    *,
    later: timedelta = timedelta(0),
    changes: Mapping[str, str | None] | None = None,
) -> str | None:
    """S3's answer when the form is filled in with these changes; None leaves a field out."""
    fields = dict(form(issued).fields)
    for name, value in (changes or {}).items():
        fields.pop(name)
        if value is not None:
            fields[name] = value
    now = datetime.now(UTC) + later
    return refusal(fields, file, bucket="photos", account=ACCOUNT, now=now)


JPEG = UploadRequest("image/jpeg")
CHECKSUM = base64.b64encode(hashlib.sha256(PHOTO).digest()).decode()
BY_PUT = UploadRequest(
    "image/jpeg", 640, "Müller  1.jpg", CHECKSUM, Method.PUT, {"album": "Summer,  2 of 3"}
)


def form(issued: Issued) -> UploadForm:
    assert isinstance(issued.upload, UploadForm)
    return issued.upload


def ticket(issued: Issued) -> UploadTicket:
    assert isinstance(issued.upload, UploadTicket)
    return issued.upload


def s3_says(
    found: UploadTicket,
    file: bytes = PHOTO,
    *,
    later: timedelta = timedelta(0),
    exists: bool = False,
    headers: Mapping[str, str] | None = None,
) -> str | None:
    """S3's answer to a PUT with this ticket."""
    now = datetime.now(UTC) + later
    sent = found.headers if headers is None else headers
    return put_refusal(found.url, sent, file, account=ACCOUNT, now=now, exists=exists)


def test_the_form_admits_the_upload_it_is_for() -> None:
    issued = issue(JPEG)
    assert issued.key == f"uploads/{UPLOAD_ID}/original" == form(issued).fields["key"]
    assert verdict(issued) is None


@pytest.mark.parametrize(
    ("size", "code"),
    [(0, "EntityTooSmall"), (1, None), (1000, None), (1001, "EntityTooLarge")],
)
def test_the_form_bounds_the_size_of_the_file(size: int, code: str | None) -> None:
    assert verdict(issue(JPEG), b"x" * size) == code


@pytest.mark.parametrize(
    ("size", "code"), [(639, "EntityTooSmall"), (640, None), (641, "EntityTooLarge")]
)
def test_a_client_that_names_the_size_gets_a_form_for_that_size(
    size: int, code: str | None
) -> None:
    assert verdict(issue(UploadRequest("image/jpeg", bytes=640)), b"x" * size) == code


def test_the_form_ends_when_it_says() -> None:
    issued = issue(JPEG)
    ends = datetime.fromisoformat(form(issued).expires_at)
    left = ends - datetime.now(UTC)
    assert timedelta(seconds=890) < left <= timedelta(seconds=900)
    assert verdict(issued, later=left - timedelta(seconds=1)) is None
    assert verdict(issued, later=left + timedelta(seconds=2)) == "AccessDenied"


def test_a_checksum_admits_no_other_file() -> None:
    checksum = base64.b64encode(hashlib.sha256(PHOTO).digest()).decode()
    issued = issue(UploadRequest("image/jpeg", checksum_sha256=checksum))
    assert verdict(issued) is None
    assert verdict(issued, b"q" * 640) == "BadDigest"
    assert verdict(issued, changes={"x-amz-checksum-sha256": None}) == "AccessDenied"


def test_a_form_keeps_what_s3_would_put_the_files_name_for() -> None:
    """S3 does so in every field of a form, not in the key alone."""
    metadata = {"a": "${filename}", "b": "5 $"}
    issued = issue(UploadRequest("image/jpeg", original_name="${filename}", metadata=metadata))
    assert verdict(issued) is None
    assert from_header(form(issued).fields["x-amz-meta-metadata"]) == metadata


@given(
    content_type=st.sampled_from(PLACE.content_types),
    size=st.none() | st.integers(1, 1000),
    name=st.none() | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60),
    owner=st.none() | st.from_regex("[A-Za-z0-9_-]{1,128}", fullmatch=True),
    data=st.data(),
)
def test_nothing_in_any_form_can_be_changed_or_left_out_or_added(
    content_type: str, size: int | None, name: str | None, owner: str | None, data: st.DataObject
) -> None:
    issued = issue(UploadRequest(content_type, bytes=size, original_name=name), owner)
    file = b"x" * (size or 7)
    assert verdict(issued, file) is None
    field = data.draw(st.sampled_from(sorted(form(issued).fields)))
    value = form(issued).fields[field]
    other = data.draw(st.text("aZ/0.=", max_size=9).filter(lambda text: text != value))
    assert verdict(issued, file, changes={field: other}) is not None
    assert verdict(issued, file, changes={field: None}) is not None
    added = dict(form(issued).fields) | {"x-amz-meta-more": "1"}
    now = datetime.now(UTC)
    assert refusal(added, file, bucket="photos", account=ACCOUNT, now=now) == "AccessDenied"
    assert refusal(form(issued).fields, file, bucket="mine", account=ACCOUNT, now=now) is not None


def test_the_form_of_one_owner_does_not_admit_the_key_of_another() -> None:
    anna, bert = issue(JPEG, "anna"), issue(JPEG, "bert")
    assert verdict(anna, changes={"key": bert.key}) == "AccessDenied"
    assert form(anna).fields["x-amz-meta-owner"] == "anna"


def test_a_ticket_admits_the_upload_it_is_for_once() -> None:
    issued = issue(BY_PUT, "anna")
    assert urlsplit(ticket(issued).url).path == f"/{issued.key}"
    assert s3_says(ticket(issued)) is None
    assert s3_says(ticket(issued), exists=True) == "PreconditionFailed"


def test_a_ticket_ends_when_it_says() -> None:
    issued = ticket(issue(BY_PUT))
    left = datetime.fromisoformat(issued.expires_at) - datetime.now(UTC)
    assert timedelta(seconds=890) < left <= timedelta(seconds=900)
    assert s3_says(issued, later=left - timedelta(seconds=1)) is None
    assert s3_says(issued, later=left + timedelta(seconds=2)) == "AccessDenied"


def test_a_ticket_is_signed_for_the_exact_size() -> None:
    issued = ticket(issue(UploadRequest("image/jpeg", 640, method=Method.PUT)))
    assert [s3_says(issued, b"x" * size) for size in (639, 640, 641)] == [
        "SignatureDoesNotMatch",
        None,
        "SignatureDoesNotMatch",
    ]
    with pytest.raises(ValueError, match="exact size"):
        issue(UploadRequest("image/jpeg", method=Method.PUT))


def test_bent_tickets_are_refused_and_the_straight_one_is_not() -> None:
    mine, other = ticket(issue(BY_PUT, "anna")), ticket(issue(BY_PUT, "bert"))
    bent = attempts(mine.to_json(), other.to_json(), PHOTO)
    now = datetime.now(UTC)
    assert len(bent) >= 40
    assert s3_says(mine) is None
    assert [
        each.name
        for each in bent
        if put_refusal(each.url, each.headers, each.file, account=ACCOUNT, now=now) is None
    ] == []
    assert (
        put_refusal(mine.url, mine.headers, PHOTO, account=ACCOUNT, now=now, method="DELETE")
        == "SignatureDoesNotMatch"
    )


@given(
    content_type=st.sampled_from(PLACE.content_types),
    size=st.integers(1, 1000),
    name=st.none() | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60),
    owner=st.none() | st.from_regex("[A-Za-z0-9_-]{1,128}", fullmatch=True),
    data=st.data(),
)
def test_nothing_in_any_ticket_can_be_changed_or_left_out_or_added(
    content_type: str, size: int, name: str | None, owner: str | None, data: st.DataObject
) -> None:
    wish = UploadRequest(content_type, bytes=size, original_name=name, method=Method.PUT)
    issued = ticket(issue(wish, owner))
    file = b"x" * size
    assert s3_says(issued, file) is None
    field = data.draw(st.sampled_from(sorted(issued.headers)))
    value = issued.headers[field]
    other = data.draw(st.text("aZ/0.= ", max_size=9).filter(lambda text: text != value))
    assert s3_says(issued, file, headers={**issued.headers, field: other}) is not None
    left = {key: kept for key, kept in issued.headers.items() if key != field}
    assert s3_says(issued, file, headers=left) is not None
    assert s3_says(issued, file, headers={**issued.headers, "x-amz-meta-more": "1"}) is not None


def test_a_backend_may_hand_on_what_a_client_asks_for() -> None:
    """JSON knows no enumeration; and equal types are one."""
    wish = {"method": "PUT", "content_type": "image/jpg", "bytes": 640, "original_name": "a.jpg"}
    issued = ticket(issue(UploadRequest(**cast(Any, wish))))
    assert s3_says(issued) is None and issued.headers["Content-Type"] == "image/jpeg"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("content_type", "text/html"),
        ("bytes", 1001),
        ("bytes", 0),
        ("original_name", "x" * 3000),
        ("metadata", {"a b": "x"}),
        ("method", "DELETE"),
        ("checksum_sha256", "none"),
    ],
)
def test_a_backend_cannot_sign_what_the_api_would_refuse(field: str, value: object) -> None:
    s3 = MemoryS3(photos=True, results=True)
    with pytest.raises(Unacceptable) as refused:
        issue(UploadRequest(**cast(Any, {"content_type": "image/jpeg", field: value})), s3=s3)
    assert isinstance(refused.value, ValueError)
    assert [problem.field for problem in refused.value.problems] == [field]
    assert s3.current("results", f"results/uploads/{UPLOAD_ID}/original/status.json") is None


@pytest.mark.parametrize("owner", ["../x", "a/b", "%2f", "", "\0"])
def test_an_owner_that_is_no_token_gets_nothing(owner: str) -> None:
    with pytest.raises(ValueError, match="An owner has"):
        issue(JPEG, owner)


def test_the_first_poll_is_answered_before_the_upload_arrives() -> None:
    s3 = MemoryS3(photos=True, results=True)
    issued = issue(UploadRequest("image/jpeg", original_name="Müller 1.jpg"), s3=s3)
    path = urlsplit(issued.status.url).path
    seeded = s3.current("results", path.removeprefix("/"))
    assert seeded is not None and seeded.body is not None
    document = StatusDocument.from_bytes(seeded.body)
    assert document.state is State.PENDING and document.is_issued
    assert document.upload.original_name == "Müller 1.jpg"
    assert document.expires_at == issued.status.expires_at


@pytest.mark.parametrize("method", list(Method))
def test_what_is_stated_stands_in_what_is_signed_and_in_the_document(method: Method) -> None:
    s3 = MemoryS3(photos=True, results=True)
    facts = {"album": "Sommer  1/2 ü", "order": "4711"}
    wish = UploadRequest("image/jpeg", 640, "a.jpg", CHECKSUM, method, facts)
    issued = issue(wish, "anna", s3)
    sent = ticket(issued).headers if method is Method.PUT else form(issued).fields
    assert from_header(sent["x-amz-meta-metadata"]) == facts
    seeded = s3.current("results", urlsplit(issued.status.url).path.removeprefix("/"))
    assert seeded is not None and seeded.body is not None
    upload = json.loads(seeded.body)["upload"]
    assert {name: upload[name] for name in ("original_name", "owner", "metadata")} == {
        "original_name": "a.jpg",
        "owner": "anna",
        "metadata": facts,
    }
    assert upload["checksum_sha256"] == CHECKSUM


def test_an_upload_id_is_issued_once() -> None:
    s3 = MemoryS3(photos=True, results=True)
    issue(JPEG, s3=s3)
    with pytest.raises(FileExistsError):
        issue(JPEG, s3=s3)


REGIONS = ["us-east-1", "eu-west-1", "eu-south-1", "ap-southeast-1", "cn-north-1", "us-gov-west-1"]


def url_of(here: Signer, life: timedelta, now: datetime) -> SignedUrl:
    return here.get_url(
        "b-1", "k", content_type="image/webp", cache_control="private, no-cache", life=life, now=now
    )


@pytest.mark.parametrize("region", REGIONS)
def test_urls_and_forms_are_sigv4_for_the_regional_host_in_every_region(region: str) -> None:
    here = signer(region)
    now = datetime.now(UTC)
    url = urlsplit(url_of(here, timedelta(hours=1), now).url)
    query = parse_qs(url.query)
    host = f"b-1.s3.{region}.amazonaws.com" + (".cn" if region.startswith("cn-") else "")
    assert url.scheme == "https" and url.hostname == host
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["response-content-type"] == ["image/webp"]
    assert query["response-cache-control"] == ["private, no-cache"]
    posted = here.post_form("b-1", "k", fields={}, size_bytes=(1, 2), life=timedelta(1), now=now)
    assert posted.fields["x-amz-algorithm"] == "AWS4-HMAC-SHA256"
    assert f"/{region}/s3/aws4_request" in posted.fields["x-amz-credential"]
    assert urlsplit(posted.url).hostname == host


@pytest.mark.parametrize(
    ("asked", "token", "seconds"),
    [
        (timedelta(minutes=5), "t", 300),
        (timedelta(hours=2), "t", 3600),
        (timedelta(hours=2), None, 7200),
        (timedelta(days=8), None, 7 * 86400),
    ],
)
def test_a_url_lives_no_longer_than_asked_than_sigv4_and_than_its_credentials(
    asked: timedelta, token: str | None, seconds: int
) -> None:
    here = signer(account=Account("AKIDEXAMPLE", "secret", token))
    now = datetime(2026, 3, 1, 12, 0, 0, 900_000, tzinfo=UTC)
    signed = url_of(here, asked, now)
    assert parse_qs(urlsplit(signed.url).query)["X-Amz-Expires"] == [str(seconds)]
    assert signed.expires_at == timestamp(now.replace(microsecond=0) + timedelta(seconds=seconds))


def test_a_shared_cache_does_not_keep_what_a_signed_link_shows() -> None:
    link = SignedLinks(signer(), "b-1", timedelta(hours=1), lambda: datetime.now(UTC))
    query = parse_qs(urlsplit(link("k", "image/webp").url).query)
    assert query["response-cache-control"] == ["private, max-age=31536000, immutable"]


@given(
    key=st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    base=st.sampled_from(["https://img.example.com", "https://example.com/media"]),
)
def test_a_lasting_link_is_the_key_below_the_address_and_has_no_end(key: str, base: str) -> None:
    link = LastingLinks(base)(key, "image/webp")
    assert link.expires_at is None
    assert link.url.isascii() and unquote(link.url.removeprefix(f"{base}/")) == key
    parts = urlsplit(link.url)
    assert (parts.query, parts.fragment) == ("", "")


def test_credentials_that_know_their_end_are_believed() -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    known = SimpleNamespace(
        get_frozen_credentials=lambda: SimpleNamespace(token=ACCOUNT.token),
        _expiry_time=now + timedelta(minutes=20),
    )
    assert credential_life(cast(Any, known), now) == timedelta(minutes=20)
    assert credential_life(cast(Any, known), now + timedelta(hours=1)) == timedelta(0)


def test_what_is_handed_out_does_not_show_itself_in_a_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    issued = issue(JPEG, "anna")
    with caplog.at_level(logging.INFO):
        logging.getLogger("test").info("issued %r, %s", issued, issued)
        logging.getLogger("test").info("issued %r", issue(BY_PUT, "anna"))
    assert "anna" in caplog.text
    for secret in ("Signature", form(issued).fields["policy"], "session-token", "https://"):
        assert secret not in caplog.text


def test_the_sdk_alone_would_sign_with_an_older_signature() -> None:
    """Why the client names its signature: the day this fails, the setting may go."""
    client: Any = botocore.session.Session().create_client(
        "s3",
        region_name="eu-west-1",
        aws_access_key_id=ACCOUNT.access_key,
        aws_secret_access_key=ACCOUNT.secret_key,
    )
    url = client.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})
    assert "X-Amz-Algorithm" not in url
