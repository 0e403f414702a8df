"""Answers a real SDK client out of MemoryS3, without a socket: every byte of the request counts.

So the SDK's own encoding of keys and conditions, its parsing of errors and its retries take part
in a test. Requests are answered in the hook "before-send"; a `fault` may answer first or spoil
an answer.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from email.utils import formatdate
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HeadersDict
from botocore.exceptions import ClientError
from botocore.session import Session

from tests.support.memory_s3 import MemoryS3

METADATA = "x-amz-meta-"

# What a fault does with one request: it may call its argument, which performs it, or not; it may
# return another answer, or raise what a broken connection raises.
Fault = Callable[[Callable[[], AWSResponse]], AWSResponse]


def is_xml_text(key: str) -> bool:
    """Whether an error can quote the key: XML 1.0 has no control characters but three."""
    return all(character >= " " or character in "\t\n\r" for character in key)


class _Raw(io.BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def answer(status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> AWSResponse:
    raw, found = cast(Any, _Raw(body)), cast(Any, HeadersDict(headers or {}))
    return AWSResponse("http://127.0.0.1", status, found, raw)


def refused(status: int, code: str, headers: dict[str, str] | None = None) -> AWSResponse:
    xml = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
    return answer(status, {"content-type": "application/xml"} | (headers or {}), xml)


def no_fault(perform: Callable[[], AWSResponse]) -> AWSResponse:
    return perform()


class Wire:
    """S3 and EventBridge behind every client that the session makes after this."""

    def __init__(self, session: Session) -> None:
        self.renew()
        # The stubs know only hooks that answer nothing.
        session.register("before-send.s3", cast(Any, self._s3))
        session.register("before-send.events", cast(Any, self._events))

    def renew(self) -> None:
        """Empty buckets, no fault, nothing announced."""
        self.s3 = MemoryS3(uploads=True, results=False)
        self.fault: Fault = no_fault
        self.events: list[dict[str, Any]] = []

    def _s3(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        return self.fault(lambda: self._perform(request))

    def _events(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        def put() -> AWSResponse:
            entries = json.loads(_body(request))["Entries"]
            self.events.extend(entries)
            found = {"FailedEntryCount": 0, "Entries": [{"EventId": "1"} for _ in entries]}
            return answer(200, {}, json.dumps(found).encode())

        return self.fault(put)

    def _perform(self, request: AWSPreparedRequest) -> AWSResponse:
        url = urlsplit(str(request.url))
        _, bucket, key = url.path.split("/", 2)
        headers = {name.lower(): _text(value) for name, value in request.headers.items()}
        facts: dict[str, Any] = {"Bucket": bucket, "Key": unquote(key, errors="strict")}
        conditions = {
            "IfMatch": headers.get("if-match"),
            "IfNoneMatch": headers.get("if-none-match"),
            "VersionId": parse_qs(url.query).get("versionId", [None])[0],
        }
        facts |= {name: value for name, value in conditions.items() if value is not None}
        try:
            match request.method:
                case "PUT":
                    return self._put(facts, headers, _body(request))
                case "GET":
                    found = self.s3.get_object(**facts)
                    return answer(200, _headers(found), found["Body"].read())
                case "HEAD":
                    return answer(200, _headers(self.s3.head_object(**facts)))
                case "DELETE":
                    self.s3.delete_object(**facts)
                    return answer(204)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if request.method == "HEAD" or not is_xml_text(facts["Key"]):
                return answer(status)  # as S3's, which the SDK cannot read
            headers = error.response["ResponseMetadata"]["HTTPHeaders"]
            return refused(status, error.response["Error"]["Code"], headers)
        raise AssertionError(f"{request.method} is not used by the functions")

    def _put(self, facts: dict[str, Any], headers: dict[str, str], body: bytes) -> AWSResponse:
        put = self.s3.put_object(
            **facts,
            Body=body,
            ContentType=headers.get("content-type"),
            CacheControl=headers.get("cache-control"),
            ContentDisposition=headers.get("content-disposition"),
            Metadata={
                name.removeprefix(METADATA): value
                for name, value in headers.items()
                if name.startswith(METADATA)
            },
        )
        return answer(200, {"etag": put["ETag"]})


def _headers(found: dict[str, Any]) -> dict[str, str]:
    headers = {
        "etag": found["ETag"],
        "content-length": str(found["ContentLength"]),
        "content-type": found.get("ContentType") or "binary/octet-stream",
        "x-amz-version-id": found["VersionId"],
        # The functions read the clock, and what lies here was written a moment ago.
        "last-modified": formatdate(usegmt=True),
    }
    return headers | {METADATA + name: value for name, value in found["Metadata"].items()}


def _body(request: AWSPreparedRequest) -> bytes:
    body: Any = request.body
    if body is None:
        return b""
    if isinstance(body, bytes):
        return body
    body.seek(0)
    return bytes(body.read())


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
