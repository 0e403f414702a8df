"""One upload as a client sees it: ask for a ticket, send the file, poll, read the results.

Plain HTTP with the standard library. Knows neither AWS nor the terminal.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

# Seconds that a server may be silent.
_SILENCE = 30
# Pauses in seconds before a request is sent again that met a busy or unreachable server.
_PATIENCE = (1, 2, 4, 8)
# Too many at once; or two tries of one file met in the storage.
_LATER = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.CONFLICT)
_SLOWEST_POLL_SECONDS = 5
_CHUNK_BYTES = 64 * 1024

# By file name, because not every system knows the younger ones.
CONTENT_TYPES = {
    ".avif": "image/avif",
    ".bmp": "image/bmp",
    ".gif": "image/gif",
    ".heic": "image/heic",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".webp": "image/webp",
}

Progress = Callable[[int], None]


class NotUploaded(Exception):
    """The file is refused, by the API or the storage; another try is of no use."""


class AlreadyThere(NotUploaded):
    """The storage has a file of this ticket and takes no second one."""


class Unreachable(Exception):
    """A server does not answer, or says that it cannot now."""


@dataclass(frozen=True)
class Api:
    """url: of the upload API, with or without the slash at its end. token: a bearer token."""

    url: str
    token: str | None = None

    def issue(self, file: Path) -> dict[str, Any]:
        """The API's answer for this file. Raises NotUploaded and Unreachable."""
        digest = hashlib.sha256()
        with file.open("rb") as opened:
            while chunk := opened.read(_CHUNK_BYTES):
                digest.update(chunk)
        wish = {
            "content_type": CONTENT_TYPES.get(file.suffix.lower(), "application/octet-stream"),
            "bytes": file.stat().st_size,
            "original_name": file.name,
            "method": "PUT",
            "checksum_sha256": base64.b64encode(digest.digest()).decode(),
        }
        headers = {"content-type": "application/json"}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        url = f"{self.url.rstrip('/')}/uploads"
        answer = _insist(lambda: _open(url, json.dumps(wish).encode(), headers))
        issued: dict[str, Any] = json.loads(answer)
        return issued


def send(ticket: Mapping[str, Any], file: Path, progress: Progress = lambda sent: None) -> None:
    """Sends the file with its ticket. progress: is told how many bytes went.

    Raises NotUploaded and Unreachable.
    """

    def body() -> Iterator[bytes]:
        with file.open("rb") as opened:
            while chunk := opened.read(_CHUNK_BYTES):
                yield chunk
                progress(len(chunk))

    # The standard library would send a body of unknown length in chunks, which S3 refuses.
    headers = {**ticket["headers"], "content-length": str(file.stat().st_size)}
    # There already: an earlier try arrived, and its answer did not.
    with suppress(AlreadyThere):
        _insist(lambda: _open(ticket["url"], body(), headers, ticket["method"]))


def follow(issued: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """The status document when it has come to its end, or as it is when the time is over.

    Raises Unreachable when there never was one.
    """
    deadline = time.monotonic() + seconds
    pause = float(issued["poll_after_seconds"])
    document: dict[str, Any] | None = None
    while True:
        # 403 and 404 mean "not yet", and a network comes back.
        with suppress(NotUploaded, Unreachable):
            document = json.loads(_open(issued["status_url"]))
        if document and document["state"] in ("SUCCEEDED", "REJECTED", "FAILED"):
            return document
        if time.monotonic() + pause > deadline:
            break
        time.sleep(pause)
        pause = min(pause * 1.5, _SLOWEST_POLL_SECONDS)
    if document is None:
        raise Unreachable("The status cannot be read.")
    return document


def fetch(url: str) -> bytes:
    """A rendition. Raises NotUploaded and Unreachable."""
    return _insist(lambda: _open(url))


def _insist(call: Callable[[], bytes]) -> bytes:
    for seconds in _PATIENCE:
        try:
            return call()
        except Unreachable:
            time.sleep(seconds)
    return call()


def _open(
    url: str,
    body: bytes | Iterator[bytes] | None = None,
    headers: Mapping[str, str] | None = None,
    method: str | None = None,
) -> bytes:
    if not url.startswith(("https://", "http://")):
        raise NotUploaded("An address starts with https://.")
    request = Request(url, body, dict(headers or {}), method=method)  # noqa: S310  looked at above
    try:
        with urlopen(request, timeout=_SILENCE) as answer:  # noqa: S310
            got: bytes = answer.read()
            return got
    except HTTPError as error:
        if error.code == HTTPStatus.PRECONDITION_FAILED:
            raise AlreadyThere(_words(error)) from error
        if error.code in _LATER or error.code >= 500:
            raise Unreachable(f"The server is busy ({error.code}).") from error
        raise NotUploaded(_words(error)) from error
    except (URLError, OSError) as error:
        raise Unreachable(f"The server cannot be reached: {error}") from error


def _words(error: HTTPError) -> str:
    """What the API says about it; the storage's XML is for nobody's eyes."""
    if error.code == HTTPStatus.UNAUTHORIZED:
        return "The API wants an access token (UPLOAD_TOKEN), or another one."
    try:
        return str(json.loads(error.read())["detail"])
    except (ValueError, KeyError, TypeError):
        return f"It is refused ({error.code} {error.reason})."
