"""Every way in which somebody might bend a ticket that was issued, for two judges to refuse.

Knows the URL and headers of a ticket; knows neither who judges nor how the ticket was made.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit


@dataclass(frozen=True)
class Attempt:
    """A PUT as it is sent."""

    name: str
    url: str
    headers: Mapping[str, str]
    file: bytes


# MiniStack takes a request with headers that the signature does not cover.
UNSIGNED = "an unsigned header"


def attempts(ticket: Mapping[str, Any], other: Mapping[str, Any], file: bytes) -> list[Attempt]:
    """All of them. `ticket`: issued to one owner for `file`, with name, metadata and checksum.

    `other`: the same for another owner.
    """
    straight = Attempt("", ticket["url"], ticket["headers"], file)
    return [
        *_headers(straight, other["headers"]),
        *_urls(straight, other["url"]),
        replace(straight, name="a longer file", file=file + b"!"),
        replace(straight, name="a shorter file", file=file[:-1]),
        replace(straight, name="another file of this length", file=file[:-1] + b"!"),
        replace(straight, name="no file", file=b""),
        replace(straight, name="the headers of another", headers=other["headers"]),
        replace(straight, name="the URL of another", url=other["url"]),
    ]


_EXTRA = {
    "x-amz-acl": "public-read",
    "x-amz-meta-more": "1",
    "x-amz-storage-class": "GLACIER",
    "x-amz-tagging": "a=b",
    "x-amz-website-redirect-location": "https://example.com",
}


def _headers(straight: Attempt, other: Mapping[str, str]) -> Iterator[Attempt]:
    for name, value in straight.headers.items():
        left = {key: kept for key, kept in straight.headers.items() if key != name}
        yield replace(straight, name=f"without {name}", headers=left)
        bent = {"changed": value + "x", "of another": other[name], "empty": ""}
        for how, changed in bent.items():
            if changed != value:
                headers = {**straight.headers, name: changed}
                yield replace(straight, name=f"{name} {how}", headers=headers)
    zeros = base64.b64encode(bytes(32)).decode()
    headers = {**straight.headers, "x-amz-checksum-sha256": zeros}
    yield replace(straight, name="another checksum", headers=headers)
    for name, value in _EXTRA.items():
        headers = {**straight.headers, name: value}
        yield replace(straight, name=f"{UNSIGNED}, {name}", headers=headers)


def _urls(straight: Attempt, other: str) -> Iterator[Attempt]:
    parts = urlsplit(straight.url)
    query = dict(parse_qsl(parts.query))

    def bent(name: str, path: str = parts.path, **changes: str | None) -> Attempt:
        changed = {**query, **changes}
        left = {key: value for key, value in changed.items() if value is not None}
        url = urlunsplit(parts._replace(path=path, query=urlencode(left)))
        return replace(straight, name=name, url=url)

    yield bent("the key of another", urlsplit(other).path)
    yield bent("a key beside it", parts.path + "2")
    yield bent("a longer life", **{"X-Amz-Expires": "604800"})
    date = query["X-Amz-Date"]
    second = "0" if date[-2] == "9" else "9"
    yield bent("another date", **{"X-Amz-Date": f"{date[:-2]}{second}Z"})
    yield bent("a version", versionId="null")
    yield bent("a part", partNumber="1", uploadId="x")
    for name in ("if-none-match", "content-length", "x-amz-meta-owner", "x-amz-checksum-sha256"):
        signed = query["X-Amz-SignedHeaders"].split(";")
        left = ";".join(each for each in signed if each != name)
        yield bent(f"{name} not signed", **{"X-Amz-SignedHeaders": left})
    for name in query:
        yield bent(f"without {name}", **{name: None})
    signature = dict(parse_qsl(urlsplit(other).query))["X-Amz-Signature"]
    yield bent("the signature of another", **{"X-Amz-Signature": signature})
