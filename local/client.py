"""What any client of the workflow does, by plain HTTP: post a form, poll a URL, read renditions.

Knows neither AWS nor credentials: everything it may do is written in the URLs it was given.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

TERMINAL = frozenset({"SUCCEEDED", "REJECTED", "FAILED"})

_ANSWER_SECONDS = 30.0
_POLL_SECONDS = 0.05  # for a demo; a real client asks every second or two


class NoAnswer(Exception):
    """A request that should have been answered was refused; the message says how."""


@dataclass(frozen=True)
class Answer:
    """One HTTP answer; the names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Rendition:
    """One image made from an upload, as read from its URL."""

    name: str
    content_type: str
    width: int
    height: int
    data: bytes


def request(
    method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """One HTTP request. Proxies of the host are not used: the local AWS is on loopback."""
    parts = urlsplit(url)
    connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = connect(parts.netloc, timeout=_ANSWER_SECONDS)
    try:
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        connection.request(method, target, body, dict(headers or {}))
        response = connection.getresponse()
        received = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, received, response.read())
    except (OSError, HTTPException) as error:
        raise NoAnswer(f"{method} {parts.netloc}{parts.path}: {error!r}") from error
    finally:
        connection.close()


def post_form(url: str, fields: Mapping[str, str], file_name: str, data: bytes) -> None:
    """Sends a pre-signed form with the file as its last field, as S3 demands."""
    boundary = secrets.token_hex(16)
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    parts.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{file_name}"\r\n'
        f"Content-Type: {fields.get('Content-Type', 'application/octet-stream')}\r\n\r\n"
    )
    body = "".join(parts).encode() + data + f"\r\n--{boundary}--\r\n".encode()
    answer = request(
        "POST", url, body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    )
    if answer.status not in (200, 201, 204):
        raise NoAnswer(f"The upload of {file_name} was refused ({answer.status}): {answer.body!r}")


def send(upload: Mapping[str, Any], file_name: str, data: bytes) -> None:
    """Sends a file the way that its `upload` says, as a form or with a ticket."""
    if upload["method"] == "POST":
        post_form(upload["url"], upload["fields"], file_name, data)
        return
    answer = request("PUT", upload["url"], data, upload["headers"])
    if answer.status != 200:
        raise NoAnswer(f"The upload of {file_name} was refused ({answer.status}): {answer.body!r}")


def read_status(status_url: str) -> dict[str, Any] | None:
    """The status document, or None while there is none yet.

    Without a document S3 answers 404, or 403 to those who may not list the bucket.
    """
    answer = request("GET", status_url)
    if answer.status in (403, 404):
        return None
    if answer.status != 200:
        raise NoAnswer(f"The status could not be read ({answer.status}): {answer.body!r}")
    document: dict[str, Any] = json.loads(answer.body)
    return document


def follow(
    status_url: str, seconds: float, seen: Callable[[str], None] = lambda state: None
) -> dict[str, Any]:
    """Polls until the state is terminal or the time is over; the last document read."""
    deadline = time.monotonic() + seconds
    document: dict[str, Any] = {"state": "PENDING"}
    while True:
        document = read_status(status_url) or document
        seen(document["state"])
        if document["state"] in TERMINAL or time.monotonic() > deadline:
            return document
        time.sleep(_POLL_SECONDS)


def fetch(rendition: Mapping[str, Any]) -> Rendition:
    """Reads one rendition that a status document lists."""
    answer = request("GET", rendition["url"])
    if answer.status != 200:
        raise NoAnswer(f"{rendition['name']} could not be read ({answer.status}): {answer.body!r}")
    return Rendition(
        rendition["name"],
        rendition["content_type"],
        rendition["width"],
        rendition["height"],
        answer.body,
    )
