"""What a remake goes over: a prefix, an inventory of S3, or a list of keys.

A stream from end to end: ten million objects take no more memory than ten. Knows how each source is
read, here and by the state machine. Does not know what is done with an object.
"""

from __future__ import annotations

import csv
import gzip
import json
import random
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import IO, Any, Protocol
from urllib.parse import unquote_plus

from botocore.exceptions import ClientError

from ..terminal import is_unicode, printable
from .jobs import stored_uploads
from .workflow import NotFound, Workflow, error_code


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as a source names it. bytes: None where the source does not tell."""

    key: str
    bytes: int | None


class Source(Protocol):
    def __str__(self) -> str:
        """Names it for people."""
        ...

    def listed(self, workflow: Workflow) -> Iterator[Listed]:
        """Raises NotFound where there is no such source, or none that can be read."""
        ...

    def handed_over(self, workflow: Workflow, execution: str) -> Mapping[str, Any]:
        """The `source` of the execution's input; puts what the execution will read where it can.

        Raises NotFound.
        """
        ...


@dataclass(frozen=True, slots=True)
class ByPrefix:
    prefix: str

    def __str__(self) -> str:
        return self.prefix

    def listed(self, workflow: Workflow) -> Iterator[Listed]:
        for key, upload in stored_uploads(workflow, self.prefix):
            yield Listed(key, upload.bytes)

    def handed_over(self, workflow: Workflow, execution: str) -> Mapping[str, Any]:
        return {"prefix": self.prefix}


@dataclass(frozen=True, slots=True)
class ByInventory:
    """bucket, key: of the inventory's manifest.json."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    def listed(self, workflow: Workflow) -> Iterator[Listed]:
        none = f"{self} is no manifest.json of an inventory of S3."
        try:
            manifest = json.load(_opened(workflow, self.bucket, self.key))
            if manifest["fileFormat"] != "CSV":
                raise NotFound(
                    f"{self} is an inventory in {manifest['fileFormat']}: have S3 write it as CSV."
                )
            if manifest["sourceBucket"] != workflow.uploads_bucket:
                raise NotFound(
                    f"{self} is an inventory of {manifest['sourceBucket']}; uploads lie in "
                    f"{workflow.uploads_bucket}."
                )
            columns = [column.strip() for column in manifest["fileSchema"].split(",")]
            bucket = manifest["destinationBucket"].rpartition(":")[2]
            files = [str(file["key"]) for file in manifest["files"]]
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            raise NotFound(none) from None
        if "Key" not in columns:
            raise NotFound(f"{none} Its fileSchema names no Key.")
        for file in files:
            try:
                yield from self._entries(workflow, columns, _opened(workflow, bucket, file))
            except (gzip.BadGzipFile, EOFError, zlib.error, csv.Error, ValueError) as error:
                raise NotFound(
                    f"s3://{bucket}/{file} of {self} is no CSV in gzip with the columns of its "
                    f"fileSchema: {error}"
                ) from error

    def _entries(self, workflow: Workflow, columns: Sequence[str], body: Any) -> Iterator[Listed]:
        with gzip.open(body, "rt", encoding="utf-8", newline="") as lines:
            for row in csv.reader(lines):
                entry = dict(zip(columns, row, strict=True))
                if entry.get("IsDeleteMarker") != "true":
                    key = _upload(self, workflow, unquote_plus(entry["Key"]))
                    yield Listed(key, _bytes(entry.get("Size")))

    def handed_over(self, workflow: Workflow, execution: str) -> Mapping[str, Any]:
        return {"inventory": {"bucket": self.bucket, "key": self.key}}


@dataclass(frozen=True)
class ByKeys:
    """A file with a key a line, or a line of JSON with a "key" for one that holds a line end.

    What can be read only once, such as a pipe, is kept: it is counted first and then handed over.
    """

    file: Path

    def __str__(self) -> str:
        return f"the keys of {self.file}"

    def listed(self, workflow: Workflow) -> Iterator[Listed]:
        for key in self._keys():
            yield Listed(_upload(self, workflow, key), None)

    def handed_over(self, workflow: Workflow, execution: str) -> Mapping[str, Any]:
        bucket, key = workflow.results_bucket, f"{workflow.reports_prefix}{execution}/keys.jsonl"
        with TemporaryFile() as lines:
            for name in self._keys():
                lines.write(json.dumps({"key": name}).encode() + b"\n")
            lines.seek(0)
            workflow.aws.s3.put_object(Bucket=bucket, Key=key, Body=lines)
        return {"keys": {"bucket": bucket, "key": key}}

    def _keys(self) -> Iterator[str]:
        try:
            self._lines.seek(0)
            for number, line in enumerate(self._lines, 1):
                if text := line.decode().rstrip("\r\n"):
                    yield self._key(text, number)
        except (OSError, UnicodeDecodeError) as error:
            raise NotFound(f"{self.file} cannot be read: {error}") from error

    @cached_property
    def _lines(self) -> IO[bytes]:
        lines = self.file.open("rb")
        if lines.seekable():
            return lines
        kept = TemporaryFile()  # noqa: SIM115  until the command ends
        with lines:
            copyfileobj(lines, kept)
        return kept

    def _key(self, text: str, number: int) -> str:
        if not text.startswith("{"):
            return text
        try:
            key = json.loads(text)["key"]
            if not isinstance(key, str):
                raise TypeError
        except (ValueError, LookupError, TypeError, RecursionError):
            said = f'Line {number} of {self.file} is no JSON with a "key".'
            raise NotFound(said) from None
        return key


@dataclass
class Count:
    """How much there is, and some of the keys, each as likely as any other."""

    objects: int = 0
    bytes: int = 0
    sized: bool = True  # whether the source told of every object how large it is
    sample: list[str] = field(default_factory=list)


def count(entries: Iterable[Listed], sample: int, dice: random.Random) -> Count:
    """Keeps so many keys and no more, however many there are."""
    found = Count()
    for entry in entries:
        found.objects += 1
        found.bytes += entry.bytes or 0
        found.sized &= entry.bytes is not None
        if len(found.sample) < sample:
            found.sample.append(entry.key)
        elif (place := dice.randrange(found.objects)) < sample:
            found.sample[place] = entry.key
    return found


def _upload(source: Source, workflow: Workflow, key: str) -> str:
    """The key. Raises NotFound for one that is no upload's: no role of ours could read it, and so
    many failures end a remake."""
    if not is_unicode(key):
        raise NotFound(f'"{printable(key)}" of {source} is no key: S3 has none but in UTF-8.')
    if not key.startswith(workflow.uploads_prefix):
        raise NotFound(
            f'Keys begin with {workflow.uploads_prefix}; "{printable(key)}" of {source} does not.'
        )
    return key


def _bytes(text: str | None) -> int | None:
    return int(text) if text else None


def _opened(workflow: Workflow, bucket: str, key: str) -> Any:
    """What reads the object as it comes."""
    try:
        return workflow.aws.s3.get_object(Bucket=bucket, Key=key)["Body"]
    except ClientError as error:
        if error_code(error) in ("NoSuchKey", "NoSuchBucket", "404"):
            raise NotFound(f"There is no s3://{bucket}/{key}.") from error
        raise
