"""Decides about a POST form as S3 does: signature, expiry, every condition, no field besides.

Emulators check little of this (one accepts every form), so it is written down here from S3's
documentation "Creating a POST policy" and "Calculating a signature for POST".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

# What a client says that its file is called, beside the file.
_FILE_NAME = "photo.jpg"

# Fields that need no condition of their own.
_FREE = frozenset({"policy", "x-amz-signature", "file"})


@dataclass(frozen=True)
class Account:
    """The credentials that the form should be signed with."""

    access_key: str
    secret_key: str
    token: str | None = None


def refusal(
    form: Mapping[str, str], file: bytes, *, bucket: str, account: Account, now: datetime
) -> str | None:
    """S3's error code for this form with this file, sent to this bucket; None: it is stored."""
    # "The variable ${filename} ... is recognized by all form fields."
    fields = {name.lower(): v.replace("${filename}", _FILE_NAME) for name, v in form.items()}
    try:
        policy = json.loads(base64.b64decode(fields["policy"], validate=True))
        expires = datetime.fromisoformat(policy["expiration"])
        conditions = policy["conditions"]
    except (KeyError, ValueError):
        return "InvalidPolicyDocument"
    credential = fields.get("x-amz-credential", "").split("/")
    if credential[0] != account.access_key:
        return "InvalidAccessKeyId"
    if fields.get("x-amz-security-token") != account.token:
        return "InvalidToken"
    signature = fields.get("x-amz-signature", "")
    if not hmac.compare_digest(_signature(fields, credential, account), signature):
        return "SignatureDoesNotMatch"
    if now.astimezone(UTC) >= expires:
        return "AccessDenied"
    return _broken_condition(conditions, fields | {"bucket": bucket}, len(file)) or _checksum(
        fields, file
    )


def _signature(fields: Mapping[str, str], credential: list[str], account: Account) -> str:
    if len(credential) != 5 or fields.get("x-amz-algorithm") != "AWS4-HMAC-SHA256":
        return "no signature of this kind"
    key = f"AWS4{account.secret_key}".encode()
    for part in credential[1:]:
        key = hmac.digest(key, part.encode(), hashlib.sha256)
    return hmac.digest(key, fields["policy"].encode(), hashlib.sha256).hex()


def _broken_condition(conditions: list[Any], fields: Mapping[str, str], size: int) -> str | None:
    named = {"bucket"}
    for condition in conditions:
        if isinstance(condition, Mapping):
            ((name, wanted),) = condition.items()
            operator, name = "eq", name.lower()
        else:
            operator, name, wanted = condition
            if operator == "content-length-range":
                if size < name:
                    return "EntityTooSmall"
                if size > wanted:
                    return "EntityTooLarge"
                continue
            name = name.removeprefix("$").lower()
        named.add(name)
        value = fields.get(name)
        holds = value == wanted if operator == "eq" else (value or "").startswith(wanted)
        if value is None or not holds:
            return "AccessDenied"
    extra = {name for name in fields if name not in named | _FREE}
    return "AccessDenied" if any(not name.startswith("x-ignore-") for name in extra) else None


def _checksum(fields: Mapping[str, str], file: bytes) -> str | None:
    stated = fields.get("x-amz-checksum-sha256")
    actual = base64.b64encode(hashlib.sha256(file).digest()).decode()
    return "BadDigest" if stated not in (None, actual) else None
