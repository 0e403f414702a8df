"""The one door to S3: pinned reads, and conditional writes that survive a lost answer.

Knows buckets, keys, etags and S3's error codes. Does not know when a document may change: the
caller hands in a function that decides, and is asked again when somebody else was faster.
"""

from __future__ import annotations

import base64
import hashlib
import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

from botocore.exceptions import BotoCoreError, ClientError

from ..errors import (
    AccessDenied,
    MissingBucket,
    NotYetReadable,
    Rejected,
    RejectionCode,
    UnusableKey,
    UnusableOverlay,
)
from ..job.document import StatusDocument
from ..job.metadata import Metadata, from_header
from ..job.transitions import Decision, Recorded
from ..job.upload import Upload

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# Each round somebody else won. With sixteen writers on one document three rounds were the most
# ever seen; whoever loses this often is told to come again by the workflow's retry.
WRITE_ROUNDS = 8

# The names under which travel: the client's own file name, percent-encoded UTF-8 (RFC 3986); the
# token of its owner; its own facts, as job/metadata spells them.
ORIGINAL_NAME = "original-name"
OWNER = "owner"
METADATA = "metadata"

# Renditions never change under their key, so nobody need ask again.
_IMMUTABLE = "max-age=31536000, immutable"
# Of a signed URL: what many share would go on showing a rendition after the URL has ended.
IMMUTABLE_FOR_ONE = f"private, {_IMMUTABLE}"
# A browser may keep the document, but asks each time and gets a cheap 304 when nothing changed.
ALWAYS_ASK = "private, no-cache"

# Lifecycle rules count whole days.
_AS_GOOD_AS_NEW = timedelta(days=1)

_Decided = TypeVar("_Decided", bound=Decision)

_WRITER = "writer"
_ANNOUNCED = "announced"
_UNFENCED = "unfenced"


class Overwritten(Exception):
    """The key holds another version than the one that was announced."""


class Gone(Exception):
    """The announced version, or a rendition that was promised, was deleted."""


class Contended(Exception):
    """The document changed at each of our attempts to write it; another try may go better."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A status document as it was read or written. etag None: there was none.

    document is None too when the object is no status document: it may be replaced.
    writer: the mark of the write that made it. announced: its failure has been announced.
    unfenced: its job was being converted by a worker that the conversion could end.
    """

    document: StatusDocument | None
    etag: str | None
    writer: str | None = None
    announced: bool = False
    unfenced: bool = False


NOTHING_SEEN = Seen(None, None)


@dataclass(frozen=True, slots=True)
class OpenedUpload:
    """A version of an upload, open for reading; what it holds does not change any more."""

    body: Any  # botocore's StreamingBody
    size_bytes: int
    content_type: str | None
    original_name: str | None
    owner: str | None
    metadata: Metadata | None

    def read(self, size: int | None = None) -> bytes:
        data: bytes = self.body.read(size)
        return data

    def close(self) -> None:
        self.body.close()


@dataclass(frozen=True)
class Store:
    s3: S3Client
    results_bucket: str
    pause: Callable[[float], None] = time.sleep

    def read_status(self, key: str) -> Seen:
        with _permanent_faults_named():
            try:
                answer = self.s3.get_object(Bucket=self.results_bucket, Key=key)
            except ClientError as error:
                if _code(error) == "NoSuchKey":
                    return NOTHING_SEEN
                raise
        metadata = answer["Metadata"]
        try:
            document = StatusDocument.from_bytes(answer["Body"].read())
        except ValueError:
            document = None
        return Seen(
            document,
            answer["ETag"],
            metadata.get(_WRITER),
            announced=_ANNOUNCED in metadata,
            unfenced=_UNFENCED in metadata,
        )

    def update_status(
        self,
        key: str,
        decide: Callable[[StatusDocument | None], _Decided],
        seen: Seen | None = None,
    ) -> tuple[_Decided, Seen]:
        """Read, decide, write if nobody else did meanwhile; again until it holds.

        seen: the document as the caller last saw it, to save a read.
        Returns the last decision and the document it led to. Raises Contended.
        """
        seen = seen or self.read_status(key)
        for round_ in range(WRITE_ROUNDS):
            decision = decide(seen.document)
            if not isinstance(decision, StatusDocument):
                return decision, seen
            writer = uuid.uuid4().hex
            try:
                return decision, self._write_status(key, decision, seen.etag, writer)
            except _Changed:
                seen = self.read_status(key)
            if seen.writer == writer:
                # The write had succeeded, its answer was lost, and the SDK tried again.
                return decision, seen
            self.pause(random.uniform(0, 0.05 * 2**round_))  # noqa: S311  spreads writers
        raise Contended(f"{key} changed {WRITE_ROUNDS} times")

    def create_status(self, key: str, document: StatusDocument) -> None:
        """Write the first document of a key that is new. Raises FileExistsError if it is not."""
        decision, _ = self.update_status(
            key, lambda current: document if current is None else Recorded(current), NOTHING_SEEN
        )
        if isinstance(decision, Recorded):
            raise FileExistsError(key)

    def mark_announced(self, key: str, seen: Seen) -> None:
        """Remember with the document, but not in it, that its failure has been announced."""
        if seen.document is None:
            return
        with suppress(_Changed):  # reopened meanwhile: the mark is of no more use
            self._write_status(key, seen.document, seen.etag, seen.writer, _ANNOUNCED)

    def mark_unfenced(self, key: str, seen: Seen, *, unfenced: bool) -> Seen:
        """Remember with a claim whether its worker may now be ended by the upload.

        Raises Contended if the claim was lost meanwhile.
        """
        if seen.document is None:
            return seen
        mark = _UNFENCED if unfenced else None
        try:
            return self._write_status(key, seen.document, seen.etag, seen.writer, mark)
        except _Changed:
            raise Contended(f"{key} changed while it was claimed") from None

    def delete_status(self, key: str, seen: Seen) -> bool:
        """Delete a document that has no versions. False if it is not the one that was seen."""
        try:
            with _permanent_faults_named(), _changes_named():
                self.s3.delete_object(Bucket=self.results_bucket, Key=key, IfMatch=seen.etag or "")
        except _Changed:
            return False
        return True

    def _write_status(
        self,
        key: str,
        document: StatusDocument,
        etag: str | None,
        writer: str | None,
        mark: str | None = None,
    ) -> Seen:
        metadata = {_WRITER: writer or ""} | ({mark: "true"} if mark else {})
        with _permanent_faults_named(), _changes_named():
            answer = self.s3.put_object(
                Bucket=self.results_bucket,
                Key=key,
                Body=document.to_bytes(),
                ContentType="application/json",
                CacheControl=ALWAYS_ASK,
                Metadata=metadata,
                **_only_if(etag),
            )
        return Seen(
            document,
            answer["ETag"],
            writer,
            announced=mark == _ANNOUNCED,
            unfenced=mark == _UNFENCED,
        )

    def pinned(self, upload: Upload) -> Upload:
        """The version that the key stands for, where the upload does not say which one it is.

        Raises Gone if there is none.
        """
        if upload.is_pinned:
            return upload
        with _permanent_faults_named():
            try:
                there = self.s3.head_object(Bucket=upload.bucket, Key=upload.key)
            except ClientError as error:
                if _code(error) == "NoSuchKey":
                    raise Gone(upload.key) from error
                raise
        return replace(upload, size_bytes=there["ContentLength"], etag=there["ETag"].strip('"'))

    def open_upload(self, upload: Upload) -> OpenedUpload:
        """The announced version, if the key still stands for it.

        Raises Overwritten if the key holds another version, Gone if it holds none (deleted, also
        where a delete marker hides the version), Rejected if S3 cannot give the object to anybody
        as the client stored it, and NotYetReadable.
        """
        # Not asked for by its version id: S3 would give what its owner has deleted or replaced.
        # That the version in the answer is compared pins it as well, for no request more.
        pin = {} if upload.version_id else {"IfMatch": upload.etag}
        try:
            answer = self._get_upload(upload, pin)
        except ClientError as error:
            match _code(error):
                case "PreconditionFailed":
                    raise Overwritten(upload.key) from error
                case "NoSuchKey":
                    self._distinguish_gone_from_not_yet(upload, error)
                    raise Gone(upload.key) from error
            raise
        if upload.version_id and answer.get("VersionId", upload.version_id) != upload.version_id:
            answer["Body"].close()
            raise Overwritten(upload.key)
        return _opened(answer)

    def open_overwritten(self, upload: Upload) -> OpenedUpload:
        """The announced version, although the key holds another one by now.

        Raises Gone if the bucket did not keep it, Rejected as `open_upload` does.
        """
        if upload.version_id is None:
            raise Gone(upload.key)
        try:
            return _opened(self._get_upload(upload, {"VersionId": upload.version_id}))
        except ClientError as error:
            if _code(error) in ("NoSuchKey", "NoSuchVersion"):
                raise Gone(upload.key) from error
            raise

    def _get_upload(self, upload: Upload, pin: Mapping[str, Any]) -> Any:
        with _permanent_faults_named():
            try:
                return self.s3.get_object(Bucket=upload.bucket, Key=upload.key, **pin)
            except ClientError as error:
                if _code(error) in _UNREADABLE:
                    raise Rejected(*_UNREADABLE[_code(error)]) from error
                raise

    def _distinguish_gone_from_not_yet(self, upload: Upload, error: ClientError) -> None:
        """Raises NotYetReadable if S3 says of the version, too, only that there is no such key.

        Of a deleted one it says that there is a delete marker, or no such version.
        """
        if upload.version_id is None or _hides_behind_a_marker(error):
            return
        try:
            self._get_upload(upload, {"VersionId": upload.version_id})["Body"].close()
        except ClientError as pinned:
            if _code(pinned) in ("NoSuchVersion", "MethodNotAllowed"):
                return
            if _code(pinned) != "NoSuchKey":
                raise
        raise NotYetReadable(upload.key) from error

    def is_newest(self, upload: Upload) -> bool:
        """Whether the key holds this version now. A key that holds nothing has no newest one."""
        with _permanent_faults_named():
            return self._newest(upload) is not None

    def is_gone(self, upload: Upload) -> bool:
        """Whether the key holds nothing now, neither this version nor another."""
        with _permanent_faults_named():
            return self._there(upload) is None

    def _newest(self, upload: Upload) -> Any:
        """HEAD's answer if the key holds this version now, else None."""
        there = self._there(upload)
        if there is None:
            return None
        if upload.version_id is not None:
            return there if there.get("VersionId") == upload.version_id else None
        return there if there["ETag"].strip('"') == upload.etag else None

    def _there(self, upload: Upload) -> Any:
        """HEAD's answer of what the key holds now, None for nothing."""
        try:
            return self.s3.head_object(Bucket=upload.bucket, Key=upload.key)
        except ClientError as error:
            if _code(error) == "NoSuchKey":
                return None
            raise

    def delete_upload(self, upload: Upload) -> str | None:
        """Delete this version and no newer one; the key then holds none that is older.

        Returns what stands in the way, or None. Raises nothing: a job that has its result is not
        undone by what is left over.
        """
        bucket, key = upload.bucket, upload.key
        try:
            newest = self._newest(upload)
            version = upload.version_id
            if newest is not None:
                version = version or newest.get("VersionId")
                # Where there are versions, a marker: else an older one would be the newest again.
                with suppress(_Changed), _changes_named():
                    self.s3.delete_object(Bucket=bucket, Key=key, IfMatch=newest["ETag"])
            if version not in (None, "null"):
                self.s3.delete_object(Bucket=bucket, Key=key, VersionId=version)
        except (BotoCoreError, ClientError, OSError) as error:
            return str(error)
        return None

    def read_overlay(self, bucket: str, key: str) -> bytes:
        """What a mark's object holds. Raises UnusableOverlay where it cannot be read."""
        try:
            return self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except ClientError as error:
            code = _code(error)
            if code in _NO_OVERLAY or code.startswith("KMS."):
                raise UnusableOverlay(
                    f"The overlay s3://{bucket}/{key} cannot be read: {code}."
                ) from error
            raise

    def put_rendition(
        self, key: str, data: bytes, content_type: str, sha256: bytes, now: datetime
    ) -> None:
        """Write a rendition under its key once; other bytes that lie there are replaced.

        Those are the remains of a run that never succeeded. The same bytes are written again where
        they are older than a day: a lifecycle rule would take them before the document.
        """
        etag = None
        for _ in range(WRITE_ROUNDS):
            try:
                return self._write_rendition(key, data, content_type, sha256, etag)
            except _Changed:
                with _permanent_faults_named():
                    there = self.s3.head_object(Bucket=self.results_bucket, Key=key)
                is_same = there["Metadata"].get("sha256") == sha256.hex()
                if is_same and now - there["LastModified"] < _AS_GOOD_AS_NEW:
                    return
                etag = there["ETag"]
        raise Contended(f"{key} changed {WRITE_ROUNDS} times")

    def renew_rendition(self, key: str, now: datetime) -> None:
        """Write a rendition again as it is if it is older than a day. Raises Gone, Contended."""
        with _permanent_faults_named():
            try:
                there = self.s3.get_object(Bucket=self.results_bucket, Key=key)
            except ClientError as error:
                if _code(error) == "NoSuchKey":
                    raise Gone(key) from error
                raise
        with closing(there["Body"]) as body:
            if now - there["LastModified"] < _AS_GOOD_AS_NEW:
                return
            data = body.read()
        sha256 = hashlib.sha256(data).digest()
        try:
            self._write_rendition(key, data, there["ContentType"], sha256, there["ETag"])
        except _Changed:
            raise Contended(f"{key} changed while it was written again") from None

    def _write_rendition(
        self, key: str, data: bytes, content_type: str, sha256: bytes, etag: str | None
    ) -> None:
        with _permanent_faults_named(), _changes_named():
            self.s3.put_object(
                Bucket=self.results_bucket,
                Key=key,
                Body=data,
                ContentType=content_type,
                ContentDisposition="inline",
                CacheControl=_IMMUTABLE,
                ChecksumSHA256=base64.b64encode(sha256).decode("ascii"),
                Metadata={"sha256": sha256.hex()},
                **_only_if(etag),
            )


def _opened(answer: Any) -> OpenedUpload:
    """answer: of GetObject."""
    stated = answer["Metadata"]
    name = stated.get(ORIGINAL_NAME)
    return OpenedUpload(
        body=answer["Body"],
        size_bytes=answer["ContentLength"],
        content_type=answer.get("ContentType"),
        original_name=unquote(name) if name else None,
        owner=stated.get(OWNER),
        metadata=from_header(stated.get(METADATA)),
    )


def _hides_behind_a_marker(error: ClientError) -> bool:
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return headers.get("x-amz-delete-marker") == "true"


# What S3 answers about an object that its owner stored so that it cannot be read as it lies there
# (API reference of GetObject). The client's doing: no retry helps, and nobody is to be woken.
_UNREADABLE = {
    "InvalidObjectState": (
        RejectionCode.ARCHIVED,
        "The upload lies in an archive, from which it cannot be read at once. Upload it again in a "
        "storage class that is read at once, such as STANDARD.",
    ),
    "InvalidRequest": (
        RejectionCode.ENCRYPTED_BY_CLIENT,
        "The upload was encrypted with a key of its client's own, which nobody here has. Upload it "
        "again without customer-provided encryption keys.",
    ),
}


# What no retry mends. Who may not list a bucket is not told whether an object is missing in it.
_NO_OVERLAY = (
    "NoSuchKey",
    "NoSuchBucket",
    "AccessDenied",
    "AllAccessDisabled",
    "InvalidObjectState",
)


class _Changed(Exception):
    """The object is not as the condition demands."""


def _only_if(etag: str | None) -> dict[str, Any]:
    return {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}


# What the SDK says instead of S3's code where S3's answer is no XML: HEAD answers without a body,
# and a key with a control character, which XML cannot hold, spoils the answer that quotes it.
_CODES = {
    "403": "AccessDenied",
    "404": "NoSuchKey",
    "409": "ConditionalRequestConflict",
    "412": "PreconditionFailed",
}


def _code(error: ClientError) -> str:
    code = str(error.response.get("Error", {}).get("Code", ""))
    return _CODES.get(code, code)


@contextmanager
def _changes_named() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        # 409: two conditional writes met in the same moment. NoSuchKey: If-Match, and no object.
        if _code(error) in ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"):
            raise _Changed from error
        raise


@contextmanager
def _permanent_faults_named() -> Iterator[None]:
    """Give the faults that no retry mends the names that the state machine knows."""
    try:
        yield
    except ClientError as error:
        code, message = _code(error), str(error)
        if code.startswith("KMS.") or (code == "AccessDenied" and "kms:" in message):
            raise UnusableKey(message) from error
        if code in ("AccessDenied", "AllAccessDisabled"):
            raise AccessDenied(message) from error
        if code == "NoSuchBucket":
            raise MissingBucket(message) from error
        raise
