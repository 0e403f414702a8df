"""One upload as a client sees it: ask for a ticket, send the file, poll, read the results.

Plain HTTP with the standard library. Knows neither AWS nor the terminal.
"""

from __future__ import annotations

import base64
import hashlib
import json
import mimetypes
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from ..errors import Rejected
from ..image.header import Format, sniff

T = TypeVar("T")

# Seconds that a server may be silent.
_SILENCE = 30
# Pauses in seconds before a request is sent again that met a busy or unreachable server.
_PATIENCE = (1, 2, 4, 8, 8, 8)
# Too many at once; or two tries of one file met in the storage.
_LATER = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.CONFLICT)
_SLOWEST_POLL_SECONDS = 5
_CHUNK_BYTES = 64 * 1024

# Enough to tell every format by.
_HEAD_BYTES = 4096
# The API keeps 1,536 bytes of a percent-encoded name; a character takes up to 12.
_NAME_CHARACTERS = 128
# Where the storage says why it refuses something, and what it says of a line that was too slow.
_CODE = re.compile(r"<Code>(\w+)")
_TOO_SLOW = "RequestTimeout"

Progress = Callable[[int], None]


class NotUploaded(Exception):
    """The API refuses the file; another try is of no use."""


class StorageRefused(Exception):
    """The storage refuses this ticket or link, or what came with it; a new one may do."""


class AlreadyThere(StorageRefused):
    """The storage has a file of this ticket and takes no second one."""


class Unreachable(Exception):
    """A server does not answer, says that it cannot now, or something else answers for it."""


def media_type(head: bytes, name: str) -> str:
    """Of a file that begins so. Its name speaks only where the bytes say nothing."""
    try:
        return Format(sniff(head)).media_type
    except Rejected:
        return mimetypes.guess_type(name)[0] or "application/octet-stream"


def told_name(file: Path) -> str:
    """The file's name as a text, whatever its bytes are, and not longer than the API takes."""
    name = os.fsencode(file.name)
    try:
        text = name.decode()
    except UnicodeDecodeError:
        text = name.decode("latin-1")  # as older archives and cameras write them
    return text[:_NAME_CHARACTERS]


@dataclass(frozen=True)
class Api:
    """url: of the upload API, with or without the slash at its end. token: a bearer token."""

    url: str
    token: str | None = None

    def issue(self, file: Path) -> dict[str, Any]:
        """The API's answer for this file. Raises NotUploaded, Unreachable and StorageRefused."""
        digest = hashlib.sha256()
        with file.open("rb") as opened:
            head = opened.read(_HEAD_BYTES)
            digest.update(head)
            while chunk := opened.read(_CHUNK_BYTES):
                digest.update(chunk)
        wish = {
            "content_type": media_type(head, file.name),
            "bytes": file.stat().st_size,
            "original_name": told_name(file),
            "method": "PUT",
            "checksum_sha256": base64.b64encode(digest.digest()).decode(),
        }
        headers = {"content-type": "application/json"}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        url = f"{self.url.rstrip('/')}/uploads"
        return _insist(
            lambda: _document(_open(url, json.dumps(wish).encode(), headers), "status_url")
        )

    def deliver(self, file: Path, progress: Progress = lambda sent: None) -> dict[str, Any]:
        """Asks for a ticket and sends the file with it; the API's answer.

        progress: is told how many bytes went. Raises NotUploaded, Unreachable, StorageRefused and
        OSError.
        """

        def once() -> dict[str, Any]:
            issued = self.issue(file)
            send(issued["upload"], file, progress)
            return issued

        # A ticket may get too old on its way, and bytes may be damaged on theirs.
        return _insist(once, StorageRefused)


def send(ticket: Mapping[str, Any], file: Path, progress: Progress = lambda sent: None) -> None:
    """Sends the file with its ticket. progress: is told how many bytes went.

    Raises Unreachable and StorageRefused, and OSError of the file.
    """

    def body(opened: BinaryIO) -> Iterator[bytes]:
        while chunk := opened.read(_CHUNK_BYTES):
            yield chunk
            progress(len(chunk))

    def put() -> None:
        with file.open("rb") as opened:  # here: whatever fails while it is sent is the server's
            _silent(_open(ticket["url"], body(opened), headers, ticket["method"]))

    # The standard library would send a body of unknown length in chunks, which S3 refuses.
    headers = {**ticket["headers"], "content-length": str(file.stat().st_size)}
    # There already: an earlier try arrived, and its answer did not.
    with suppress(AlreadyThere):
        _insist(put)


def follow(issued: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """The status document when it has come to its end, or as it is when the time is over.

    Raises Unreachable when there never was one.
    """
    deadline = time.monotonic() + seconds
    pause = float(issued["poll_after_seconds"])
    document: dict[str, Any] | None = None
    while True:
        # The state decides. Whatever else comes means "not yet", and a network comes back.
        with suppress(NotUploaded, StorageRefused, Unreachable):
            document = _document(_open(issued["status_url"]), "state")
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
    """A rendition. Raises Unreachable: that it is gone or its link has ended is no refusal."""
    try:
        return _insist(lambda: _open(url))
    except (NotUploaded, StorageRefused) as refusal:
        raise Unreachable(f"A rendition cannot be read. {refusal}") from refusal


def _document(answer: bytes, field: str) -> dict[str, Any]:
    """The JSON object that was asked for. Raises Unreachable for anything else."""
    try:
        document = json.loads(answer)
    except ValueError:
        document = None
    if not isinstance(document, dict) or field not in document:
        raise Unreachable("Something else answers in place of the server.")
    return document


def _silent(answer: bytes) -> None:
    """The storage says nothing when it has taken a file. Raises Unreachable for words."""
    if answer:
        raise Unreachable("Something else answers in place of the storage.")


def _insist(call: Callable[[], T], trouble: type[Exception] = Unreachable) -> T:
    for seconds in _PATIENCE:
        try:
            return call()
        except trouble:
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
        raise _meaning(error) from error
    except (URLError, HTTPException, OSError) as error:
        raise Unreachable(f"The server cannot be reached: {error}") from error


def _meaning(error: HTTPError) -> NotUploaded | StorageRefused | Unreachable:
    """What an HTTP status that is no success means."""
    if error.code == HTTPStatus.PRECONDITION_FAILED:
        return AlreadyThere("It is there already.")
    if error.code in _LATER or error.code >= 500:
        return Unreachable(f"The server is busy ({error.code}).")
    if error.code == HTTPStatus.UNAUTHORIZED:
        return NotUploaded("The API wants an access token (UPLOAD_TOKEN), or another one.")
    try:
        return _refusal(f"{error.code} {error.reason}", error.read().decode(errors="replace"))
    except (HTTPException, OSError) as cut:
        return Unreachable(f"The server cannot be reached: {cut}")


def _refusal(status: str, words: str) -> NotUploaded | StorageRefused | Unreachable:
    """Only the API's own words refuse a file; the storage's own codes, what it was sent with."""
    with suppress(ValueError, TypeError, KeyError):
        return NotUploaded(str(json.loads(words)["detail"]))
    if code := _CODE.search(words):
        if code[1] == _TOO_SLOW:
            return Unreachable("The line is too slow for the storage.")
        return StorageRefused(f"The storage refuses it ({status}, {code[1]}).")
    if '"message"' in words:  # API Gateway's own
        return NotUploaded(f"It is refused ({status}).")
    return Unreachable(f"Something else answers in place of the server ({status}).")
