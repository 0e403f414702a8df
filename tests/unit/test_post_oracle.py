"""The oracle on a form that AWS's documentation signs, so that it agrees with more than us."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.support.post_oracle import Account, refusal

# "Example: Browser-Based Upload using HTTP POST (Using AWS Signature Version 4)".
ACCOUNT = Account("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
POLICY = (
    "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl0aW9ucyI6IFsNCiAgICB7"
    "ImJ1Y2tldCI6ICJzaWd2NGV4YW1wbGVidWNrZXQifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci91"
    "c2VyMS8iXSwNCiAgICB7ImFjbCI6ICJwdWJsaWMtcmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rpb25fcmVkaXJlY3Qi"
    "OiAiaHR0cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF6b25hd3MuY29tL3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwi"
    "fSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRDb250ZW50LVR5cGUiLCAiaW1hZ2UvIl0sDQogICAgeyJ4LWFtei1tZXRh"
    "LXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwNCiAgICB7IngtYW16LXNlcnZlci1zaWRlLWVuY3J5cHRpb24iOiAiQUVT"
    "MjU2In0sDQogICAgWyJzdGFydHMtd2l0aCIsICIkeC1hbXotbWV0YS10YWciLCAiIl0sDQoNCiAgICB7IngtYW16LWNy"
    "ZWRlbnRpYWwiOiAiQUtJQUlPU0ZPRE5ON0VYQU1QTEUvMjAxNTEyMjkvdXMtZWFzdC0xL3MzL2F3czRfcmVxdWVzdCJ9"
    "LA0KICAgIHsieC1hbXotYWxnb3JpdGhtIjogIkFXUzQtSE1BQy1TSEEyNTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAi"
    "MjAxNTEyMjlUMDAwMDAwWiIgfQ0KICBdDQp9"
)
FORM = {
    "key": "user/user1/photo.jpg",
    "acl": "public-read",
    "success_action_redirect": "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html",
    "Content-Type": "image/jpeg",
    "x-amz-meta-uuid": "14365123651274",
    "x-amz-server-side-encryption": "AES256",
    "X-Amz-Credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request",
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Date": "20151229T000000Z",
    "x-amz-meta-tag": "",
    "Policy": POLICY,
    "X-Amz-Signature": "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e",
}
THEN = datetime(2015, 12, 30, 11, 59, 59, tzinfo=UTC)


def verdict(form: dict[str, str], now: datetime = THEN) -> str | None:
    return refusal(form, b"photo", bucket="sigv4examplebucket", account=ACCOUNT, now=now)


def test_the_documented_form_is_accepted() -> None:
    assert verdict(FORM) is None


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"key": "user/user2/photo.jpg"}, "AccessDenied"),
        ({"Content-Type": "text/html"}, "AccessDenied"),
        ({"acl": "private"}, "AccessDenied"),
        ({"more": "fields"}, "AccessDenied"),
        ({"X-Amz-Signature": "0" * 64}, "SignatureDoesNotMatch"),
        ({"Policy": POLICY[:-4] + "fQ0K"}, "SignatureDoesNotMatch"),
        ({"Policy": "e30="}, "InvalidPolicyDocument"),
        ({"X-Amz-Date": "20151230T000000Z"}, "AccessDenied"),
    ],
)
def test_a_changed_form_is_refused(change: dict[str, str], code: str) -> None:
    assert verdict(FORM | change) == code


def test_a_field_to_be_ignored_is_ignored() -> None:
    assert verdict(FORM | {"x-ignore-me": "please"}) is None


def test_an_old_form_is_refused() -> None:
    assert verdict(FORM, datetime(2015, 12, 30, 12, tzinfo=UTC)) == "AccessDenied"
