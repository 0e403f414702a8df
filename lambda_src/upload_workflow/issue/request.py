"""What a client asks for before it uploads, checked field by field in words it can act on.

Pure. Knows the JSON of the request; does not know HTTP, AWS or how a form is signed.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import quote

from ..job.metadata import RULE, Metadata, is_metadata, to_header

EXAMPLE = '{"content_type": "image/jpeg"}'

# S3 keeps 2 KB of metadata with an object, and the name travels in it percent-encoded. Every file
# system's names fit but for those of more than 170 Chinese, Japanese or Korean characters.
MAX_ENCODED_NAME = 1536

# Name and metadata together: the rest of those 2 KB are an owner of 128 bytes and three names.
MAX_TRAVELLING = 2048 - 128 - len("owner" + "original-name" + "metadata")

_SHA256_BYTES = 32

# What browsers, phones and libraries call types that have another name by now.
_SAME_AS = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/jfif": "image/jpeg",
    "image/x-png": "image/png",
    "image/apng": "image/png",
    "image/x-ms-bmp": "image/bmp",
    "image/x-bmp": "image/bmp",
    "image/x-windows-bmp": "image/bmp",
    "image/tif": "image/tiff",
    "image/x-tiff": "image/tiff",
    "image/x-webp": "image/webp",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """field: its name, or None for the request as a whole. detail: fit for the client's eyes."""

    field: str | None
    detail: str


class Unacceptable(ValueError):
    """The request as it stands gets no upload; each problem says what would do."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(" ".join(problem.detail for problem in problems))
        self.problems = problems


class Method(StrEnum):
    """How the file is sent."""

    POST = "POST"  # a form: the size may be open
    PUT = "PUT"  # a ticket: the size is known, and the storage takes one file and no second


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """bytes: size of the file, if it is known; a PUT is signed for it. checksum_sha256: of the
    file, in base64. metadata: the client's own facts."""

    content_type: str
    bytes: int | None = None
    original_name: str | None = None
    checksum_sha256: str | None = None
    method: Method = Method.POST
    metadata: Metadata | None = None


def parse(
    body: bytes, *, content_types: Collection[str], forms: bool, max_bytes: int
) -> UploadRequest:
    """Raises Unacceptable with all that is wrong, not only with the first.

    forms: whether upload forms are given out; who says no method gets one, else a ticket.
    """
    return checked(_fields(body), content_types=content_types, forms=forms, max_bytes=max_bytes)


def checked(
    fields: Mapping[str, Any], *, content_types: Collection[str], forms: bool, max_bytes: int
) -> UploadRequest:
    """The request of these fields, as `parse` makes it of a body that is parsed already."""
    offered = tuple(Method) if forms else (Method.PUT,)
    method = fields.get("method") or offered[0]
    found = [
        *(_unknown(name) for name in fields if name not in UploadRequest.__slots__),
        _content_type(fields.get("content_type"), each_once(content_types)),
        _bytes(fields.get("bytes"), max_bytes) or _bytes_of(method, fields.get("bytes")),
        _original_name(fields.get("original_name")),
        _checksum_sha256(fields.get("checksum_sha256")),
        _method(method, offered),
        _metadata(fields.get("metadata"), fields.get("original_name")),
    ]
    if problems := [problem for problem in found if problem]:
        raise Unacceptable(*problems)
    content_type = folded(fields["content_type"])
    return UploadRequest(**{**fields, "content_type": content_type, "method": Method(method)})


def _fields(body: bytes) -> Mapping[str, Any]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):  # no UTF-8, no JSON, an endless number, endless brackets
        fields = None
    if not isinstance(fields, dict):
        raise Unacceptable(Problem(None, f"The body is a JSON object such as {EXAMPLE}."))
    return fields


def _unknown(name: str) -> Problem:
    known = ", ".join(UploadRequest.__slots__)
    return Problem(name, f"There is no such field. There are {known}.")


def folded(content_type: str) -> str:
    """The one spelling of equal types: "IMAGE/JPG; charset=binary" is image/jpeg."""
    plain = content_type.partition(";")[0].strip().lower()
    return _SAME_AS.get(plain, plain)


def each_once(content_types: Collection[str]) -> tuple[str, ...]:
    """What is offered where these types are: each in its one spelling."""
    return tuple(dict.fromkeys(map(folded, content_types)))


def _content_type(value: object, accepted: Collection[str]) -> Problem | None:
    if value is None:
        return Problem("content_type", "The content_type is missing, such as image/jpeg.")
    if not isinstance(value, str):
        return Problem("content_type", "The content_type is a text, such as image/jpeg.")
    if folded(value) in accepted:
        return None
    return Problem(
        "content_type", f"Files of this type are not accepted. Accepted are {', '.join(accepted)}."
    )


def _bytes(value: object, most: int) -> Problem | None:
    if value is None:
        return None
    if type(value) is not int or value < 0:  # True is an int, too
        return Problem("bytes", "The size is a whole number of bytes.")
    if value == 0:
        return Problem("bytes", "The file is empty.")
    if value > most:
        return Problem("bytes", f"The file is too large. Accepted are up to {size(most)}.")
    return None


def _bytes_of(method: object, value: object) -> Problem | None:
    if method != Method.PUT or value is not None:
        return None
    return Problem("bytes", "A PUT is signed for the exact size: say how many bytes the file has.")


def _method(value: object, offered: Collection[Method]) -> Problem | None:
    if value in offered:
        return None
    return Problem("method", f"The method is {' or '.join(offered)}.")


def size(size_bytes: int) -> str:
    """As the page and file managers count: 50 MB are 50,000,000 bytes."""
    return f"{size_bytes / 1e6:.3g} MB" if size_bytes >= 1e6 else f"{size_bytes:,} bytes"


def _original_name(value: object) -> Problem | None:
    if value is None or (isinstance(value, str) and value and _fits(value)):
        return None
    return Problem(
        "original_name",
        f"A name is a text that has 1 to {MAX_ENCODED_NAME} characters when percent-encoded.",
    )


def _metadata(value: object, name: object) -> Problem | None:
    if value is None:
        return None
    if not isinstance(value, dict) or not is_metadata(value):
        return Problem("metadata", RULE)
    encoded_name = quote(name, safe="") if isinstance(name, str) and _fits(name) else ""
    if len(encoded_name) + len(to_header(value)) > MAX_TRAVELLING:
        return Problem(
            "metadata",
            f"Name and metadata have at most {MAX_TRAVELLING} bytes together as they travel.",
        )
    return None


def _fits(name: str) -> bool:
    try:
        return len(quote(name, safe="")) <= MAX_ENCODED_NAME
    except UnicodeEncodeError:  # half of a surrogate pair
        return False


def _checksum_sha256(value: object) -> Problem | None:
    if value is None:
        return None
    try:
        digest = base64.b64decode(value, validate=True) if isinstance(value, str) else b""
    except (binascii.Error, ValueError):  # ValueError: not ASCII
        digest = b""
    # S3 compares the text, so that only one spelling will do.
    if len(digest) == _SHA256_BYTES and base64.b64encode(digest).decode() == value:
        return None
    return Problem("checksum_sha256", "A checksum is a SHA-256 in base64, 44 characters.")
