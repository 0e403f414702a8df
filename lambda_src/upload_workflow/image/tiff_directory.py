"""The directories of a TIFF (TIFF 6.0, BigTIFF), and which of them is the picture.

Knows bytes. Does not know Pillow.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import Rejected, RejectionCode

WIDTH, HEIGHT = 256, 257
_SUBFILE_TYPE, _OLD_SUBFILE_TYPE, _PHOTOMETRIC, _SUB_DIRECTORIES = 254, 255, 262, 330
_DNG_VERSION = 50706
# What a camera's sensor gives, not yet a picture: CFA and LinearRaw (TIFF/EP, DNG 1.7).
_SENSOR_DATA = (32803, 34892)

# Struct's letter and the bytes of the types that hold whole numbers.
_INTEGERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
BYTES_OF_TYPE = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
BYTES_OF_TYPE |= {16: 8, 17: 8, 18: 8}

_RATIONAL = 5

# More than any scanner writes pages that matter here: the first picture is looked for.
_MOST_DIRECTORIES = 64
_MOST_ENTRIES = 4096


@dataclass(frozen=True)
class Directory:
    """One directory. Its values are read when they are asked for.

    order: of the bytes, "<" or ">".
    next: where the next directory stands, 0 for none.
    """

    data: bytes
    order: str
    next: int
    _entries: dict[int, tuple[int, int, int]]  # tag: type, count, where its values stand

    def __contains__(self, tag: int) -> bool:
        return tag in self._entries

    def numbers(self, tag: int) -> tuple[int, ...]:
        """The whole numbers of a tag; empty where it is absent or holds something else.

        Raises struct.error when the data ends before them.
        """
        code, count, at = self._entries.get(tag, (0, 0, 0))
        if code not in _INTEGERS:
            return ()
        return struct.unpack_from(f"{self.order}{count}{_INTEGERS[code]}", self.data, at)

    def number(self, tag: int, default: int) -> int:
        return next(iter(self.numbers(tag)), default)

    def fractions(self, tag: int) -> tuple[float, ...]:
        """The fractions of a tag; empty where it is absent or holds something else.

        Raises ZeroDivisionError for one over 0.
        """
        code, count, at = self._entries.get(tag, (0, 0, 0))
        if code != _RATIONAL:
            return self.numbers(tag)
        parts = struct.unpack_from(f"{self.order}{2 * count}I", self.data, at)
        return tuple(above / below for above, below in zip(parts[::2], parts[1::2], strict=True))

    def count(self, tag: int) -> int:
        """How many values the tag says that it has."""
        return self._entries.get(tag, (0, 0, 0))[1]

    def raw(self, tag: int) -> bytes:
        """The bytes of a tag as they stand; empty where it is absent."""
        code, count, at = self._entries.get(tag, (0, 0, 0))
        return self.data[at : at + count * BYTES_OF_TYPE.get(code, 0)]

    def type_of(self, tag: int) -> int:
        return self._entries[tag][0]

    @property
    def is_picture(self) -> bool:
        """True unless it is a smaller copy of another one, or its mask."""
        return not self.number(_SUBFILE_TYPE, 0) & 5 and self.number(_OLD_SUBFILE_TYPE, 1) != 2


def directory_of_picture(data: bytes) -> Directory:
    """The first full-size picture.

    Raises struct.error when the data ends before it is found, and Rejected for a camera's raw
    file, which shows nothing but a thumbnail without that camera's own arithmetic.
    """
    pages = list(_chain(data, _header(data)))
    first = pages[0]
    inner = [
        directory
        for at in first.numbers(_SUB_DIRECTORIES)[:_MOST_DIRECTORIES]
        for directory in _chain(data, at, only_one=True)
    ]
    raw = data[8:10] == b"CR" or any(
        _DNG_VERSION in directory or directory.number(_PHOTOMETRIC, 0) in _SENSOR_DATA
        for directory in (*pages, *inner)
    )
    if raw:
        raise Rejected(
            RejectionCode.UNSUPPORTED_FORMAT,
            "This is a camera's raw file. Send the JPEG that the camera or a raw developer makes.",
        )
    return next((page for page in (*pages, *inner) if page.is_picture), first)


def _header(data: bytes) -> int:
    order, big = _kind(data)
    (at,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
    return int(at)


def _kind(data: bytes) -> tuple[str, bool]:
    return "<" if data[:2] == b"II" else ">", data[2:4] in (b"+\0", b"\0+")


def _chain(data: bytes, at: int, only_one: bool = False) -> Iterator[Directory]:
    seen: set[int] = set()
    while at and at not in seen and len(seen) < _MOST_DIRECTORIES:
        if seen and at >= len(data):
            return  # a link to nowhere after a directory that is there
        seen.add(at)
        directory = _read(data, at)
        yield directory
        at = 0 if only_one else directory.next
    if not seen:
        raise struct.error("no directory")


def _read(data: bytes, at: int) -> Directory:
    order, big = _kind(data)
    offset, count_code, entry_bytes, inline = ("Q", "Q", 20, 8) if big else ("I", "H", 12, 4)
    (count,) = struct.unpack_from(order + count_code, data, at)
    at += struct.calcsize(order + count_code)
    entries: dict[int, tuple[int, int, int]] = {}
    for entry in range(at, at + min(count, _MOST_ENTRIES) * entry_bytes, entry_bytes):
        tag, code, values = struct.unpack_from(f"{order}HH{offset}", data, entry)
        where = entry + entry_bytes - inline
        if values * BYTES_OF_TYPE.get(code, 0) > inline:
            (where,) = struct.unpack_from(order + offset, data, where)
        entries.setdefault(tag, (code, values, where))
    end = at + count * entry_bytes
    following = data[end : end + inline]  # a last directory may lack it
    link = int.from_bytes(following, "little" if order == "<" else "big")
    return Directory(data, order, link if len(following) == inline else 0, entries)
