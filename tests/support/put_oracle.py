"""Decides about a pre-signed PUT as S3 does: signature, expiry, what was signed, and once only.

Written from S3's documentation "Authenticating Requests: Using Query Parameters (AWS Signature
Version 4)", "Conditional writes" and "Checking object integrity"; uses nothing of the SDK that
signed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, urlsplit

from tests.support.post_oracle import Account


def refusal(
    url: str,
    headers: Mapping[str, str],
    file: bytes,
    *,
    account: Account,
    now: datetime,
    exists: bool = False,
    method: str = "PUT",
) -> str | None:
    """S3's error code for this request; None: it is stored.

    headers: those that the client sets; the length and the host are stated as every client does.
    exists: whether the key holds an object.
    """
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    sent = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    sent |= {"host": parts.netloc, "content-length": str(len(file))}
    credential = query.get("X-Amz-Credential", "").split("/")
    signed = query.get("X-Amz-SignedHeaders", "").split(";")
    if any(name.startswith("x-amz-") and name not in signed for name in sent):
        return "AccessDenied"  # "There were headers present in the request which were not signed"
    signature = query.pop("X-Amz-Signature", "")
    canonical = "\n".join(
        [
            method,
            parts.path,
            "&".join(
                f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}"
                for name, value in sorted(query.items())
            ),
            *(f"{name}:{sent.get(name, '')}" for name in signed),
            "",
            ";".join(signed),
            "UNSIGNED-PAYLOAD",
        ]
    )
    if not hmac.compare_digest(_signature(canonical, query, credential, account), signature):
        return "SignatureDoesNotMatch"
    began = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if now >= began + timedelta(seconds=int(query["X-Amz-Expires"])):
        return "AccessDenied"
    return _object_refusal(sent, file, exists=exists)


def _object_refusal(sent: Mapping[str, str], file: bytes, *, exists: bool) -> str | None:
    if sent.get("if-none-match") == "*" and exists:
        return "PreconditionFailed"
    checksum = base64.b64encode(hashlib.sha256(file).digest()).decode()
    return "BadDigest" if sent.get("x-amz-checksum-sha256") not in (None, checksum) else None


def _signature(
    canonical: str, query: Mapping[str, str], credential: list[str], account: Account
) -> str:
    if (
        len(credential) != 5
        or credential[0] != account.access_key
        or query.get("X-Amz-Security-Token") != account.token
        or query.get("X-Amz-Algorithm") != "AWS4-HMAC-SHA256"
    ):
        return "no signature of this kind"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join(
        ["AWS4-HMAC-SHA256", query.get("X-Amz-Date", ""), "/".join(credential[1:]), digest]
    )
    key = f"AWS4{account.secret_key}".encode()
    for part in credential[1:]:
        key = hmac.digest(key, part.encode(), hashlib.sha256)
    return hmac.digest(key, text.encode(), hashlib.sha256).hex()
