"""API Gateway's HTTP API: its events (payload format 2.0) read, its answers written.

Knows HTTP and who API Gateway says is calling. Does not know what is asked for.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from .request import Problem

Answer = dict[str, Any]

# Our requests have a few hundred bytes; API Gateway lets ten million pass.
MAX_BODY_BYTES = 8192

_OWNER_LENGTH = 26  # base32 characters: 130 bits, so that no two callers ever share an owner


class Unanswerable(Exception):
    """A request that is refused before its content matters."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def route(event: Mapping[str, Any]) -> str:
    """Method and path template such as "POST /uploads"."""
    return str(event["routeKey"])


def body(event: Mapping[str, Any]) -> bytes:
    """The request's body. Raises Unanswerable if it is too large."""
    text = event.get("body") or ""
    # Base64, unless the content type says text: API Gateway does not trust the bytes.
    sent = _decode(text) if event.get("isBase64Encoded") else text.encode(errors="surrogatepass")
    if len(sent) > MAX_BODY_BYTES:
        raise Unanswerable(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"The request has at most {MAX_BODY_BYTES} bytes; the file itself goes to upload.url.",
        )
    return sent


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return b""


def owner(event: Mapping[str, Any]) -> str | None:
    """A token for whoever API Gateway has authenticated, or None where anybody may call.

    The same caller is the same token always; nobody can read the caller out of it, choose it, or
    break out of a key with it. Raises Unanswerable when a token has no subject.
    """
    authorizer = event["requestContext"].get("authorizer") or {}
    if "jwt" in authorizer:
        claims = authorizer["jwt"].get("claims") or {}
        if not claims.get("sub"):
            raise Unanswerable(
                HTTPStatus.FORBIDDEN, 'The token has no "sub", so that its upload has no owner.'
            )
        return _token("jwt", str(claims.get("iss")), str(claims["sub"]))
    if "iam" in authorizer:
        return _token("iam", _principal(authorizer["iam"]))
    return None


def _principal(iam: Mapping[str, Any]) -> str:
    """Everybody of an identity pool shares one role; a role's sessions are one caller."""
    cognito = iam.get("cognitoIdentity") or {}
    if cognito.get("identityId"):
        return str(cognito["identityId"])
    # Of a role's session "<role id>:<session name>"; of a user of GetFederationToken, who is no
    # session, "<account>:<name>".
    user = str(iam["userId"])
    return user.partition(":")[0] if user.startswith("AROA") else user


def _token(*identity: str) -> str:
    digest = hashlib.sha256("\0".join(identity).encode(errors="surrogatepass")).digest()
    return base64.b32encode(digest).decode().lower()[:_OWNER_LENGTH]


def created(value: Mapping[str, Any]) -> Answer:
    # What it holds opens a door for whoever reads it.
    headers = {"content-type": "application/json", "cache-control": "no-store"}
    return _answer(HTTPStatus.CREATED, headers, json.dumps(value))


def problem(status: HTTPStatus, detail: str, problems: Sequence[Problem] = ()) -> Answer:
    """RFC 9457. detail: one text for people; problems: the same by field for programs."""
    value: dict[str, Any] = {"title": status.phrase, "status": status.value, "detail": detail}
    if errors := [
        {"pointer": f"#/{_escaped(problem.field)}", "detail": problem.detail}
        for problem in problems
        if problem.field is not None
    ]:
        value["errors"] = errors
    headers = {"content-type": "application/problem+json", "cache-control": "no-store"}
    return _answer(status, headers, json.dumps(value))


def _escaped(name: str) -> str:
    """A JSON pointer's part of a URI fragment, RFC 6901, section 6."""
    token = name.replace("~", "~0").replace("/", "~1")
    # Half a surrogate pair has no bytes in UTF-8, and so none that could be written out.
    return quote(token, safe="!$&'()*+,;=:@?", errors="replace")


def page(html: str, headers: Mapping[str, str]) -> Answer:
    return _answer(HTTPStatus.OK, {"content-type": "text/html; charset=utf-8", **headers}, html)


def _answer(status: HTTPStatus, headers: Mapping[str, str], text: str) -> Answer:
    return {
        "statusCode": status.value,
        "headers": {"x-content-type-options": "nosniff", **headers},
        "body": text,
    }
