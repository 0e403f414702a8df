"""S3 in memory, for tests: versions, pinned reads and conditional writes decided as S3 does.

Stands where the store expects a botocore client. Written from S3's documentation; what the real
SDK makes of its answers is shown through wire_s3.
"""

from __future__ import annotations

import hashlib
import io
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError
from botocore.response import StreamingBody

_STATUS = {
    "AccessDenied": 403,
    "ConditionalRequestConflict": 409,
    "InvalidObjectState": 403,
    "InvalidRequest": 400,
    "MethodNotAllowed": 405,
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "NoSuchVersion": 404,
    "NotModified": 304,
    "PreconditionFailed": 412,
    "SlowDown": 503,
    "KMS.DisabledException": 400,
}
# Of every object: clocks decide nothing.
UPLOADED_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
_KEPT = ("ContentType", "CacheControl", "ContentDisposition")


@dataclass(frozen=True)
class Version:
    version_id: str
    sequencer: str
    body: bytes | None  # None: a delete marker
    etag: str
    metadata: dict[str, str]
    headers: dict[str, str]
    unreadable: str | None = None  # the code with which a plain GET is refused


@dataclass
class Bucket:
    versioned: bool = True
    objects: dict[str, list[Version]] = field(default_factory=dict)


Hook = Callable[[str, dict[str, Any]], None]


def refusal(
    code: str, operation: str = "", message: str = "", headers: dict[str, str] | None = None
) -> ClientError:
    answered = {"HTTPStatusCode": _STATUS[code], "HTTPHeaders": headers or {}}
    return ClientError(
        {
            "Error": {"Code": code, "Message": message or code},
            "ResponseMetadata": answered,
        },
        operation,
    )


# What an object may be stored with so that a plain GET of it is refused (API reference, GetObject).
_UNREADABLE = {
    "StorageClass": ({"GLACIER", "DEEP_ARCHIVE"}, "InvalidObjectState"),
    "SSECustomerAlgorithm": ({"AES256"}, "InvalidRequest"),
}


class MemoryS3:
    """before and after are called around every request with its operation and parameters.

    What before raises happened instead of the request; what after raises hides its answer.
    """

    def __init__(self, **versioned: bool) -> None:
        self.buckets = {name: Bucket(versioned=is_so) for name, is_so in versioned.items()}
        self.before: Hook = lambda operation, request: None
        self.after: Hook = lambda operation, request: None
        self.calls: list[tuple[str, str]] = []
        self._numbers = itertools.count(1)

    def put_object(self, **request: Any) -> dict[str, Any]:
        return self._call("PutObject", self._put, request)

    def get_object(self, **request: Any) -> dict[str, Any]:
        return self._call("GetObject", self._get, request)

    def head_object(self, **request: Any) -> dict[str, Any]:
        return self._call("HeadObject", self._head, request)

    def delete_object(self, **request: Any) -> dict[str, Any]:
        return self._call("DeleteObject", self._delete, request)

    def list_object_versions(self, **request: Any) -> dict[str, Any]:
        return self._call("ListObjectVersions", self._list, request | {"Key": request["Prefix"]})

    def get_paginator(self, operation: str) -> Any:
        """The pages of a listing: one."""
        list_ = getattr(self, operation)
        return SimpleNamespace(paginate=lambda **request: iter([list_(**request)]))

    def current(self, bucket: str, key: str) -> Version | None:
        versions = self.buckets[bucket].objects.get(key)
        return versions[-1] if versions and versions[-1].body is not None else None

    def keys(self, bucket: str) -> list[str]:
        return sorted(key for key in self.buckets[bucket].objects if self.current(bucket, key))

    def _call(
        self, operation: str, act: Callable[..., dict[str, Any]], request: dict[str, Any]
    ) -> dict[str, Any]:
        self.calls.append((operation, request["Key"]))
        self.before(operation, request)
        if request["Bucket"] not in self.buckets:
            raise refusal("NoSuchBucket", operation)
        try:
            return act(**request)
        finally:
            self.after(operation, request)

    def _put(
        self,
        *,
        Bucket: str,
        Key: str,
        Body: bytes,
        IfMatch: str | None = None,
        IfNoneMatch: str | None = None,
        Metadata: dict[str, str] | None = None,
        **headers: Any,
    ) -> dict[str, Any]:
        there = self.current(Bucket, Key)
        if IfNoneMatch == "*" and there is not None:
            raise refusal("PreconditionFailed", "PutObject")
        if IfMatch is not None:
            if there is None:
                raise refusal("NoSuchKey", "PutObject")
            if there.etag != _quoted(IfMatch):
                raise refusal("PreconditionFailed", "PutObject")
        number = next(self._numbers)
        bucket = self.buckets[Bucket]
        version = Version(
            version_id=f"v{number}" if bucket.versioned else "null",
            sequencer=f"{number:018X}",
            body=Body,
            etag=f'"{hashlib.md5(Body, usedforsecurity=False).hexdigest()}"',
            metadata=dict(Metadata or {}),
            headers={name: value for name, value in headers.items() if name in _KEPT},
            unreadable=next(
                (code for name, (those, code) in _UNREADABLE.items() if headers.get(name) in those),
                None,
            ),
        )
        self._append(bucket, Key, version)
        return {"ETag": version.etag} | (
            {"VersionId": version.version_id} if bucket.versioned else {}
        )

    def _get(self, **request: Any) -> dict[str, Any]:
        answer = self._head(**request)
        version = self._find(request["Bucket"], request["Key"], request.get("VersionId"))
        if version.unreadable:
            raise refusal(version.unreadable, "GetObject")
        body: bytes = answer.pop("_body")
        return answer | {"Body": StreamingBody(io.BytesIO(body), len(body))}

    def _head(
        self,
        *,
        Bucket: str,
        Key: str,
        VersionId: str | None = None,
        IfMatch: str | None = None,
        IfNoneMatch: str | None = None,
    ) -> dict[str, Any]:
        version = self._find(Bucket, Key, VersionId)
        if IfMatch is not None and version.etag != _quoted(IfMatch):
            raise refusal("PreconditionFailed", "GetObject")
        if IfNoneMatch is not None and version.etag == _quoted(IfNoneMatch):
            raise refusal("NotModified", "GetObject")
        body = version.body or b""
        return {
            "_body": body,
            "ETag": version.etag,
            "ContentLength": len(body),
            "Metadata": version.metadata,
            "VersionId": version.version_id,
            "LastModified": UPLOADED_AT,
            **version.headers,
        }

    def _find(self, bucket: str, key: str, version_id: str | None) -> Version:
        if version_id is None:
            there = self.current(bucket, key)
            if there is None:
                # A key that holds a delete marker says so, one that holds nothing at all does not.
                marked = bool(self.buckets[bucket].objects.get(key))
                headers = {"x-amz-delete-marker": "true"} if marked else {}
                raise refusal("NoSuchKey", "GetObject", headers=headers)
            return there
        for version in self.buckets[bucket].objects.get(key, []):
            if version.version_id == version_id:
                if version.body is None:
                    raise refusal("MethodNotAllowed", "GetObject")
                return version
        raise refusal("NoSuchVersion", "GetObject")

    def _delete(
        self, *, Bucket: str, Key: str, VersionId: str | None = None, IfMatch: str | None = None
    ) -> dict[str, Any]:
        bucket = self.buckets[Bucket]
        there = self.current(Bucket, Key)
        # Measured by others: the condition is about the newest version, also of an older one's id.
        if IfMatch is not None and there is None:
            raise refusal("NoSuchKey", "DeleteObject")
        if IfMatch is not None and there is not None and there.etag != _quoted(IfMatch):
            raise refusal("PreconditionFailed", "DeleteObject")
        if VersionId is not None:
            kept = [v for v in bucket.objects.get(Key, []) if v.version_id != VersionId]
            bucket.objects[Key] = kept
        elif bucket.versioned:
            number = next(self._numbers)
            marker = Version(f"v{number}", f"{number:018X}", None, "", {}, {})
            self._append(bucket, Key, marker)
        else:
            bucket.objects.pop(Key, None)
        return {}

    def _list(self, *, Bucket: str, Prefix: str, Key: str) -> dict[str, Any]:
        found: dict[str, list[dict[str, Any]]] = {"Versions": [], "DeleteMarkers": []}
        for key, versions in sorted(self.buckets[Bucket].objects.items()):
            for version in reversed(versions if key.startswith(Prefix) else []):
                facts = {"Key": key, "VersionId": version.version_id}
                facts["IsLatest"] = version is versions[-1]
                if version.body is None:
                    found["DeleteMarkers"].append(facts)
                else:
                    found["Versions"].append(facts | {"ETag": version.etag})
        return found

    def _append(self, bucket: Bucket, key: str, version: Version) -> None:
        earlier = bucket.objects.get(key, []) if bucket.versioned else []
        bucket.objects[key] = [*earlier, version]


def _quoted(etag: str) -> str:
    return '"' + etag.strip('"') + '"'
