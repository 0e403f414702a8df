"""An upload API and its storage in one server on loopback, on a line that fails as lines do.

Faults are given for each kind of request and happen once each, in their order; after them
everything works. What arrived is kept, so that a test can say whether a client told the truth.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.local.pictures import photograph

HOTEL = b"<html><title>Welcome</title>Sign in to the network of the hotel.</html>"
TOO_SLOW = b"<Error><Code>RequestTimeout</Code><Message>Your socket was idle.</Message></Error>"
EXPIRED = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
# What a new ticket cures: the storage's status and code.
REFUSALS = {"ExpiredToken": 400, "BadDigest": 400, "SignatureDoesNotMatch": 403}

# Each fault: what a client sees of it.
RESET, CUT, HTML, GARBLED, BUSY, SLOW = "reset", "cut", "html", "garbled", "busy", "slow"
LOST, TIMEOUT, OUT_OF_DATE, PORTAL = "lost", "timeout", "out of date", "portal"
SILENT = "silent"
SILENT_SECONDS = 50  # then it hangs up: who waits so long would have waited for ever

# What can happen to each request, worst first; the last ones only to a file on its way.
EVERYWHERE = (RESET, CUT, HTML, GARBLED, BUSY)
ISSUING: Mapping[str, Sequence[str]] = {
    "issue": (*EVERYWHERE, SLOW),
    "status": (*EVERYWHERE, PORTAL, SLOW),
}
SENDING: Mapping[str, Sequence[str]] = {
    "send": (RESET, HTML, TIMEOUT, OUT_OF_DATE, BUSY, LOST),
    "rendition": (RESET, CUT, BUSY),
}
REFUSING: Mapping[str, Sequence[str]] = {"send": tuple(REFUSALS)}


@dataclass
class FlakyServer:
    """url: of its API. page: what it serves at its root. stored: by ticket, what arrived.

    expired: tickets that are refused from now on. refused: others, with the storage's code.
    wishes: what was asked for. over: set at the end, when silence may end.
    """

    faults: dict[str, list[str]] = field(default_factory=dict)
    page: str = ""
    url: str = ""
    issued: int = 0
    wishes: list[bytes] = field(default_factory=list)
    stored: dict[str, bytes] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    expired: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)
    over: threading.Event = field(default_factory=threading.Event)

    def fail(self, faults: Mapping[str, Sequence[str]]) -> None:
        self.faults = {kind: list(each) for kind, each in faults.items()}
        self.issued, self.stored, self.expired, self.refused = 0, {}, set(), {}
        self.wishes = []

    def next_fault(self, kind: str) -> str | None:
        with self.lock:
            waiting = self.faults.get(kind)
            return waiting.pop(0) if waiting else None

    def issue(self) -> bytes:
        with self.lock:
            self.issued += 1
            ticket = f"ticket-{self.issued}"
        until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        upload = {"method": "PUT", "url": f"{self.url}{ticket}", "expires_at": until}
        answer = {
            "job": {"key": ticket},
            "upload": {**upload, "headers": {"x-amz-meta-ticket": ticket}},
            "status_url": f"{self.url}{ticket}/status.json",
            "expires_at": until,
            "poll_after_seconds": 0.01,
        }
        return json.dumps(answer).encode()

    def status(self, ticket: str) -> bytes:
        if ticket not in self.stored:
            return json.dumps({"state": "PENDING", "renditions": []}).encode()
        made = {"name": "small", "key": "small.jpg", "content_type": "image/jpeg"}
        made |= {"url": f"{self.url}rendition", "width": 40, "height": 30, "bytes": 9}
        ended = {"state": "SUCCEEDED", "upload": {"key": ticket}, "renditions": [made]}
        return json.dumps(ended).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    flaky: FlakyServer

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

    def _answer(self, status: int, body: bytes, content_type: str = "application/json") -> None:
        self.send_response_only(status)
        self.send_header("Date", format_datetime(datetime.now(UTC), usegmt=True))
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _fails(self, fault: str | None, good: bytes) -> bool:
        """Answers by the fault; False when there is none and the good answer is due."""
        match fault:
            case None:
                return False
            case "reset":
                linger = struct.pack("ii", 1, 0)  # close() sends a reset
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.close_connection = True
                self.connection.close()
                return True
            case "cut":
                self.send_response_only(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(good) + 10))
                self.end_headers()
                self.wfile.write(good[: len(good) // 2])
                self.close_connection = True
            case "html":
                self._answer(200, HOTEL, "text/html")
            case "portal":
                self._answer(403, HOTEL, "text/html")
            case "garbled":
                self._answer(200, good[: len(good) // 2])
            case "busy":
                self._answer(503, b"<Error><Code>SlowDown</Code></Error>", "application/xml")
            case "timeout":
                self._answer(400, TOO_SLOW, "application/xml")
            case "out of date":
                self._answer(403, EXPIRED, "application/xml")
            case "silent":
                self.flaky.over.wait(SILENT_SECONDS)
                self.close_connection = True
            case "slow":
                time.sleep(0.5)
                return False
        return True

    def do_GET(self) -> None:
        path = self.path.lstrip("/")
        if path == "":
            self._answer(200, self.flaky.page.encode(), "text/html; charset=utf-8")
        elif path.startswith("rendition"):
            picture = photograph(40, 30)
            if not self._fails(self.flaky.next_fault("rendition"), picture):
                self._answer(200, picture, "image/jpeg")
        elif path.endswith("/status.json"):
            good = self.flaky.status(path.partition("/")[0])
            if not self._fails(self.flaky.next_fault("status"), good):
                self._answer(200, good)
        else:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>", "application/xml")

    def do_POST(self) -> None:
        self.flaky.wishes.append(self.rfile.read(int(self.headers["Content-Length"])))
        fault = self.flaky.next_fault("issue")
        good = (
            b'{"half": '
            if fault in (CUT, GARBLED)
            else self.flaky.issue()
            if fault in (None, SLOW)
            else b""
        )
        if not self._fails(fault, good):
            self._answer(201, good)

    def do_PUT(self) -> None:
        ticket = self.path.lstrip("/")
        announced = int(self.headers["Content-Length"])
        data = self.rfile.read(announced)
        if len(data) < announced:  # the client went away: the storage keeps no half of a file
            self.close_connection = True
            return
        fault = self.flaky.next_fault("send")
        if ticket in self.flaky.stored:
            self._answer(412, b"<Error><Code>PreconditionFailed</Code></Error>", "application/xml")
        elif fault == OUT_OF_DATE or ticket in self.flaky.expired:
            self.flaky.expired.add(ticket)
            self._fails(OUT_OF_DATE, b"")
        elif fault in REFUSALS or ticket in self.flaky.refused:
            code = self.flaky.refused.setdefault(ticket, fault or "")
            self._answer(
                REFUSALS[code], f"<Error><Code>{code}</Code></Error>".encode(), "application/xml"
            )
        elif fault == LOST:
            self.flaky.stored[ticket] = data
            self._fails(RESET, b"")
        elif not self._fails(fault, b""):
            assert self.headers["x-amz-meta-ticket"] == ticket
            self.flaky.stored[ticket] = data
            self._answer(200, b"")


@contextmanager
def flaky_server() -> Iterator[FlakyServer]:
    flaky = FlakyServer()
    handler = type("Handler", (_Handler,), {"flaky": flaky})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    flaky.url = f"http://127.0.0.1:{server.server_address[1]}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield flaky
    finally:
        flaky.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
