"""The function behind the upload API, from API Gateway's event to its answer."""

from __future__ import annotations

import base64
import hashlib
import importlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any, cast
from urllib.parse import unquote

import botocore.session
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.support.form_tampering import attempts
from tests.support.memory_s3 import MemoryS3
from tests.support.post_oracle import Account, refusal
from tests.support.put_oracle import refusal as put_refusal
from upload_workflow.aws import clients
from upload_workflow.aws.store import Store
from upload_workflow.issue import http_api
from upload_workflow.issue import page as upload_page
from upload_workflow.issue.request import MAX_ENCODED_NAME
from upload_workflow.job.document import StatusDocument

ACCOUNT = Account("AKIDEXAMPLE", "secret", "session-token")
ENVIRONMENT = {
    "UPLOADS_BUCKET": "photos",
    "UPLOADS_PREFIX": "uploads/",
    "RESULTS_BUCKET": "results",
    "RESULTS_PREFIX": "results/",
    "MAX_BYTES": "1000",
    "CONTENT_TYPES": '["image/jpeg", "image/png"]',
    "FORMS": "true",
    "FORM_LIFE_SECONDS": "900",
    "URL_LIFE_SECONDS": "3600",
    "SERVED_FROM": "",
}
ANNA = {"jwt": {"claims": {"iss": "https://issuer.example/", "sub": "anna@example.com"}}}


@pytest.fixture(scope="module")
def function() -> Iterator[ModuleType]:
    """The function as Lambda starts it, in eu-west-1; only what S3 stores is kept in memory."""
    session = botocore.session.Session()
    session.set_config_variable("region", "eu-west-1")
    session.set_credentials(ACCOUNT.access_key, ACCOUNT.secret_key, ACCOUNT.token)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clients, "session", lambda: session)
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        module = importlib.import_module("upload_workflow.handlers.issue_upload")
        module = importlib.reload(module)  # another test may have started it before
        s3 = MemoryS3(photos=True, results=True)
        patch.setattr(module, "_STORE", Store(cast(Any, s3), "results"))
        patch.setattr(module, "s3", s3, raising=False)
        yield module


def call(
    function: ModuleType,
    body: object = None,
    *,
    authorizer: Mapping[str, Any] | None = None,
    route: str = "POST /uploads",
    **event: Any,
) -> dict[str, Any]:
    """API Gateway's answer; the body of JSON is parsed."""
    sent = body if isinstance(body, str) else json.dumps(body)
    context = {"authorizer": authorizer} if authorizer else {}
    answer = function.handler(
        {"routeKey": route, "requestContext": context, "body": sent, **event}, None
    )
    if "json" in answer["headers"]["content-type"]:
        answer["json"] = json.loads(answer["body"])
    return cast(dict[str, Any], answer)


def issue(function: ModuleType, fields: object, **more: Any) -> dict[str, Any]:
    answer = call(function, fields, **more)
    assert answer["statusCode"] == 201, answer["body"]
    return cast(dict[str, Any], answer["json"])


def s3_says(form: Mapping[str, str], file: bytes = b"photo", later: int = 0) -> str | None:
    now = datetime.now(UTC) + timedelta(seconds=later)
    return refusal(form, file, bucket="photos", account=ACCOUNT, now=now)


def test_one_call_answers_with_everything_a_client_needs(function: ModuleType) -> None:
    answer = issue(function, {"content_type": "image/jpeg"})
    assert set(answer) == {"job", "upload", "status_url", "expires_at", "poll_after_seconds"}
    assert set(answer["upload"]) == {"method", "url", "fields", "expires_at"}
    assert answer["upload"]["method"] == "POST"
    assert answer["upload"]["url"] == "https://photos.s3.eu-west-1.amazonaws.com/"
    assert answer["upload"]["fields"]["key"] == answer["job"]["key"]
    assert answer["status_url"].startswith(
        f"https://results.s3.eu-west-1.amazonaws.com/results/{answer['job']['key']}/status.json?"
    )
    assert s3_says(answer["upload"]["fields"]) is None


def test_a_client_that_knows_the_size_may_ask_for_a_put(function: ModuleType) -> None:
    asked = {"content_type": "image/jpeg", "bytes": 5, "method": "PUT"}
    answer = issue(function, asked, authorizer=ANNA)
    ticket = answer["upload"]
    assert set(ticket) == {"method", "url", "headers", "expires_at"}
    assert ticket["method"] == "PUT"
    assert ticket["url"].startswith(
        f"https://photos.s3.eu-west-1.amazonaws.com/{answer['job']['key']}?"
    )
    assert ticket["headers"] == {
        "Content-Type": "image/jpeg",
        "If-None-Match": "*",
        "x-amz-meta-owner": answer["job"]["key"].split("/")[1],
    }
    now = datetime.now(UTC)
    sent = put_refusal(ticket["url"], ticket["headers"], b"photo", account=ACCOUNT, now=now)
    assert sent is None


def test_the_status_document_waits_before_the_upload_does(function: ModuleType) -> None:
    answer = issue(function, {"content_type": "image/png", "original_name": "Füße.png"})
    stored = function.s3.get_object(
        Bucket="results", Key=f"results/{answer['job']['key']}/status.json"
    )
    document = StatusDocument.from_bytes(stored["Body"].read())
    assert (document.state, document.upload.key) == ("PENDING", answer["job"]["key"])
    assert document.upload.original_name == "Füße.png"
    assert document.expires_at == answer["expires_at"]


def test_both_ends_are_told(function: ModuleType) -> None:
    answer = issue(function, {"content_type": "image/jpeg"})
    form_ends, url_ends = (
        datetime.fromisoformat(text)
        for text in (answer["upload"]["expires_at"], answer["expires_at"])
    )
    assert url_ends - form_ends == timedelta(seconds=3600 - 900)
    assert s3_says(answer["upload"]["fields"], later=890) is None
    assert s3_says(answer["upload"]["fields"], later=901) == "AccessDenied"


def test_what_opens_a_door_is_not_kept_by_anybody_on_the_way(function: ModuleType) -> None:
    assert call(function, {"content_type": "image/jpeg"})["headers"]["cache-control"] == "no-store"


def test_one_line_of_log_tells_what_was_issued_and_opens_nothing(
    function: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = {"content_type": "image/png", "bytes": 7, "original_name": "Anna's passport.png"}
    answer = issue(function, asked)
    (line,) = capsys.readouterr().out.splitlines()
    key = answer["job"]["key"]
    assert json.loads(line) == {"issued": key, "content_type": "image/png", "bytes": 7}


def test_a_refusal_is_a_problem_for_people_and_programs(function: ModuleType) -> None:
    answer = call(
        function, {"content_type": "text/html", "bytes": 2000, "a b/c~%é": 1, "\ud800": 1}
    )
    assert answer["statusCode"] == 400
    assert answer["headers"]["content-type"] == "application/problem+json"
    assert answer["headers"]["x-content-type-options"] == "nosniff"
    assert answer["json"]["title"] == "Bad Request"
    assert answer["json"]["status"] == 400
    assert "Accepted are image/jpeg, image/png." in answer["json"]["detail"]
    assert [error["pointer"] for error in answer["json"]["errors"]] == [
        "#/a%20b~1c~0%25%C3%A9",
        "#/?",
        "#/content_type",
        "#/bytes",
    ]


def test_a_body_that_is_a_file_is_sent_on_its_way(function: ModuleType) -> None:
    answer = call(function, "x" * (http_api.MAX_BODY_BYTES + 1))
    assert answer["statusCode"] == 413
    assert "upload.url" in answer["json"]["detail"]


def test_a_body_that_api_gateway_encoded_is_read_all_the_same(function: ModuleType) -> None:
    encoded = base64.b64encode(b'{"content_type": "image/png"}').decode()
    answer = call(function, encoded, isBase64Encoded=True)
    assert answer["statusCode"] == 201


def test_the_same_subject_owns_its_uploads_and_nobody_else(function: ModuleType) -> None:
    def owner(subject: str, issuer: str = "https://issuer.example/") -> str:
        claims = {"jwt": {"claims": {"iss": issuer, "sub": subject}}}
        key: str = issue(function, {"content_type": "image/png"}, authorizer=claims)["job"]["key"]
        return key.split("/")[1]

    assert owner("anna") == owner("anna")
    assert len({owner("anna"), owner("Anna"), owner("anna", "https://other.example/")}) == 3


def test_an_owner_can_be_read_from_no_key_and_no_field(function: ModuleType) -> None:
    answer = issue(function, {"content_type": "image/png"}, authorizer=ANNA)
    assert "anna" not in json.dumps(answer)


def test_a_token_without_a_subject_is_refused(function: ModuleType) -> None:
    nobody = {"jwt": {"claims": {"iss": "https://issuer.example/"}}}
    answer = call(function, {"content_type": "image/png"}, authorizer=nobody)
    assert answer["statusCode"] == 403
    assert '"sub"' in answer["json"]["detail"]


def test_the_sessions_of_a_role_are_one_owner_and_its_pool_users_are_not() -> None:
    def owner(**iam: object) -> str | None:
        return http_api.owner({"requestContext": {"authorizer": {"iam": iam}}})

    session = owner(userId="AROAEXAMPLE:one", cognitoIdentity=None)
    assert session == owner(userId="AROAEXAMPLE:two", cognitoIdentity=None)
    assert session != owner(userId="AIDAEXAMPLE")
    pool = [
        owner(userId="AROAEXAMPLE:x", cognitoIdentity={"identityId": identity})
        for identity in ("eu-west-1:1", "eu-west-1:2")
    ]
    assert len({session, *pool}) == 3
    assert session == "4queyy4577o4letrxfp2ixfupe"


def test_federated_users_of_an_account_are_owners_of_their_own_as_is_its_root() -> None:
    """Field: GetFederationToken's users were one owner with each other and with the root user, so
    that `forget` below one's folder took everybody's."""

    def owner(user: str) -> str | None:
        iam = {"userId": user, "cognitoIdentity": None}
        return http_api.owner({"requestContext": {"authorizer": {"iam": iam}}})

    account = "123456789012"
    owners = [
        owner(user) for user in (f"{account}:alice", f"{account}:bob", account, "AIDAEXAMPLE")
    ]
    assert len(set(owners)) == 4
    # As ever.
    assert owners[-1] == "ezxhnl5367tgyusgayc4swh4p6"


def test_without_authorization_nobody_owns_the_upload(function: ModuleType) -> None:
    key = issue(function, {"content_type": "image/png"})["job"]["key"]
    assert key.count("/") == 2


FORMS = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FORMS
@given(
    names=st.lists(st.text(min_size=1), min_size=2, max_size=2, unique=True),
    content_type=st.sampled_from(["image/jpeg", "image/png"]),
    size=st.none() | st.integers(1, 1000),
)
def test_no_form_of_one_owner_opens_anothers_key(
    function: ModuleType, names: list[str], content_type: str, size: int | None
) -> None:
    forms = [
        issue(
            function,
            {"content_type": content_type, "bytes": size},
            authorizer={"jwt": {"claims": {"iss": "issuer", "sub": name}}},
        )["upload"]["fields"]
        for name in names
    ]
    file = b"p" * (size or 5)
    assert [s3_says(form, file) for form in forms] == [None, None]
    for mine, other in (forms, forms[::-1]):
        assert s3_says({**mine, "key": other["key"]}, file) == "AccessDenied"
        assert s3_says({**mine, "x-amz-meta-owner": other["x-amz-meta-owner"]}, file)
        # Neither does a policy fit another form's signature.
        assert s3_says({**mine, "policy": other["policy"]}, file) == "SignatureDoesNotMatch"


@FORMS
@given(name=st.text(min_size=1, max_size=120))
def test_a_file_name_arrives_intact_and_in_no_key(function: ModuleType, name: str) -> None:
    answer = call(function, {"content_type": "image/png", "original_name": name})
    assume(answer["statusCode"] == 201)
    fields = answer["json"]["upload"]["fields"]
    travelling = fields["x-amz-meta-original-name"]
    assert travelling.isascii() and travelling.isprintable() and len(travelling) <= MAX_ENCODED_NAME
    assert unquote(travelling) == name
    assert fields["key"].isascii() and fields["key"].endswith("/original")
    assert s3_says(fields) is None


@FORMS
@given(
    body=st.text() | st.dictionaries(st.text(), st.text() | st.integers()).map(json.dumps),
    encoded=st.booleans(),
    subject=st.none() | st.text(),
)
def test_no_input_makes_the_function_fail(
    function: ModuleType, body: str, encoded: bool, subject: str | None
) -> None:
    authorizer = None if subject is None else {"jwt": {"claims": {"iss": "x", "sub": subject}}}
    answer = call(function, body, authorizer=authorizer, isBase64Encoded=encoded)
    assert answer["statusCode"] in (201, 400, 403)


def test_fifty_bent_forms_are_refused_and_the_straight_one_is_not(function: ModuleType) -> None:
    file = b"photo"
    forms = [
        issue(
            function,
            {
                "content_type": "image/jpeg",
                "original_name": f"{name}.jpg",
                "checksum_sha256": base64.b64encode(hashlib.sha256(file).digest()).decode(),
            },
            authorizer={"jwt": {"claims": {"iss": "issuer", "sub": name}}},
        )["upload"]["fields"]
        for name in ("anna", "bert")
    ]
    bent = attempts(*forms, file)
    assert len(bent) >= 50
    assert s3_says(forms[0], file) is None
    assert [attempt.name for attempt in bent if s3_says(attempt.form, attempt.file) is None] == []


def test_half_a_surrogate_pair_is_answered_like_any_other_mistake(function: ModuleType) -> None:
    authorizer = {"jwt": {"claims": {"iss": "x", "sub": "\ud800"}}}
    answer = call(function, '{"content_type": "\ud800"}', authorizer=authorizer)
    assert answer["statusCode"] == 400


def test_the_page_runs_its_own_script_and_nothing_else(function: ModuleType) -> None:
    answer = call(function, route="GET /")
    assert answer["statusCode"] == 200
    policy = dict(
        directive.split(" ", 1)
        for directive in answer["headers"]["content-security-policy"].split("; ")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"].startswith("'sha256-") and "unsafe" not in str(policy)
    assert policy["connect-src"] == (
        "'self' https://photos.s3.eu-west-1.amazonaws.com https://results.s3.eu-west-1.amazonaws.com"
    )
    assert policy["img-src"] == "blob: data: https://results.s3.eu-west-1.amazonaws.com"


def test_the_page_offers_the_types_that_the_api_takes_and_no_others(function: ModuleType) -> None:
    page = function.handler({"routeKey": "GET /"}, None)["body"]
    assert re.findall(r'accept="([^"]*)"', page) == ["image/jpeg,image/png"]


def test_the_page_offers_types_of_several_names_once_by_the_name_that_browsers_know() -> None:
    page = upload_page.html(["image/jpg", "image/jpeg", "image/apng"], 1000)
    assert re.findall(r'accept="([^"]*)"', page) == ["image/jpeg,image/png"]
    assert "JPEG or PNG, up to 1,000 bytes" in page


def test_the_page_loads_nothing_and_weighs_little() -> None:
    page = upload_page.html(["image/jpeg"], 1000)
    assert len(page.encode()) < 40_000
    assert page.count("<script>") == page.count("<style>") == 1
    assert " src=" not in page and "innerHTML" not in page
    assert page.count("href=") == 1 and 'href="data:' in page
