"""The boxes of AVIF and HEIC (ISO 14496-12, ISO 23008-12): sizes, cropping, code points.

Knows bytes. Does not know Pillow.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from itertools import islice
from math import ceil, floor
from typing import NamedTuple

from .rendition import Size

# Boxes that lead to the sizes; `meta` carries four bytes before its children.
_CONTAINERS = {b"meta": 4, b"iprp": 0, b"ipco": 0} | dict.fromkeys(
    (b"moov", b"trak", b"mdia", b"minf", b"stbl"), 0
)
_TABLES_OF_TRACK = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
# What stands before the boxes of the first sample entry of video (ISO 14496-12, 12.1.3).
_BEFORE_ENTRY_BOXES = 8 + 8 + 78


class Box(NamedTuple):
    """Its four letters, and where its payload starts and ends."""

    kind: bytes
    start: int
    end: int


def all_boxes(data: bytes) -> Iterator[Box]:
    """Every box in the order of the file; in place of a container what it holds."""
    return _unfolded(data, 0, len(data), 8)


def _unfolded(data: bytes, start: int, end: int, depth: int) -> Iterator[Box]:
    for box in _children(data, start, end):
        if box.kind in _CONTAINERS and depth:
            yield from _unfolded(data, box.start + _CONTAINERS[box.kind], box.end, depth - 1)
        else:
            yield box


def _children(data: bytes, at: int, end: int) -> Iterator[Box]:
    while at + 8 <= min(end, len(data)):
        size, kind = struct.unpack_from(">I4s", data, at)
        payload = at + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, payload)
            payload += 8
        elif size == 0:
            size = end - at
        if size < payload - at:
            return
        yield Box(kind, payload, min(at + size, end))
        at += size


def _inside(data: bytes, path: Sequence[bytes], start: int, end: int) -> Iterator[Box]:
    """The boxes that the first box of each kind in `path` leads to."""
    for kind in path:
        box = next((box for box in _children(data, start, end) if box.kind == kind), None)
        if box is None:
            return
        start, end = box.start + _CONTAINERS.get(kind, 0), box.end
    yield from _children(data, start, end)


class Shown(NamedTuple):
    """What the file says of the picture that it shows first.

    code_points: its primaries and its transfer (ITU-T H.273), when it names them.
    aperture: of its clean aperture width, height and the distance of its middle from the
        picture's, across and down, in pixels.
    """

    code_points: tuple[int, int] | None = None
    aperture: tuple[float, float, float, float] | None = None

    def visible(self, coded: Size) -> tuple[int, int, int, int]:
        """The part of the coded picture that is to be seen: left, top, right, bottom.

        All of it when the aperture is absent, or larger than the picture.
        """
        whole = (0, 0, *coded)
        if self.aperture is None:
            return whole
        width, height, across, down = self.aperture
        left = (coded.width - width) / 2 + across
        top = (coded.height - height) / 2 + down
        box = ceil(left), ceil(top), floor(left + width), floor(top + height)
        inside = 0 <= box[0] < box[2] <= coded.width and 0 <= box[1] < box[3] <= coded.height
        return box if inside else whole


def shown(data: bytes) -> Shown:
    """Read what is said of the primary picture, or of the first track of a sequence."""
    try:
        return _said_by(data, _primary_properties(data) or _track_properties(data))
    except (struct.error, IndexError, ZeroDivisionError):
        return Shown()


def coded(data: bytes) -> bytes:
    """The beginning of what is coded of that picture, of a grid of its first tile; empty if it is
    not where it is said to be."""
    try:
        primary = _primary(data)
        start = _first_chunk(data) if primary is None else _place(data, _first_tile(data, primary))
    except (struct.error, IndexError):
        return b""
    return data[start : start + _MOST_CODED_BYTES] if start else b""


_MOST_CODED_BYTES = 1024
# Places are looked through one by one; the tiles of the largest pictures are hundreds.
_MOST_ITEMS = 10_000


def _first_tile(data: bytes, item: int) -> int:
    """The item that a grid refers to first (ISO 14496-12, 8.11.12), or the item itself."""
    for box in _inside(data, [b"meta"], 0, len(data)):
        if box.kind == b"iref":
            code = ">IHI" if data[box.start] else ">HHH"
            for reference in islice(_children(data, box.start + 4, box.end), _MOST_ITEMS):
                source, count, target = struct.unpack_from(code, data, reference.start)
                if reference.kind == b"dimg" and source == item and count:
                    return int(target)
    return item


def _place(data: bytes, wanted: int) -> int:
    """Where the item starts in the file (ISO 14496-12, 8.11.3); 0 if it is not told so."""
    for box in _inside(data, [b"meta"], 0, len(data)):
        if box.kind != b"iloc":
            continue
        version, sizes, more_sizes = data[box.start], data[box.start + 4], data[box.start + 5]
        offset_bytes, length_bytes, base_bytes = sizes >> 4, sizes & 15, more_sizes >> 4
        index_bytes = more_sizes & 15 if version else 0
        number = ">I" if version == 2 else ">H"
        number_bytes = struct.calcsize(number)
        (count,) = struct.unpack_from(number, data, box.start + 6)
        at = box.start + 6 + number_bytes
        for _ in range(min(count, _MOST_ITEMS)):
            (item,) = struct.unpack_from(number, data, at)
            at += number_bytes
            method = data[at + 1] & 15 if version else 0
            at += 4 if version else 2
            base = _number(data, at, base_bytes)
            (extents,) = struct.unpack_from(">H", data, at + base_bytes)
            at += base_bytes + 2
            if item == wanted:
                offset = _number(data, at + index_bytes, offset_bytes)
                return base + offset if extents and not method else 0
            at += extents * (index_bytes + offset_bytes + length_bytes)
    return 0


def _number(data: bytes, at: int, size: int) -> int:
    if at + size > len(data):
        raise IndexError
    return int.from_bytes(data[at : at + size], "big")


def _first_chunk(data: bytes) -> int:
    for box in _inside(data, _TABLES_OF_TRACK, 0, len(data)):
        if box.kind in (b"stco", b"co64"):
            code = ">I" if box.kind == b"stco" else ">Q"
            (start,) = struct.unpack_from(code, data, box.start + 8)
            return int(start)
    return 0


def _primary(data: bytes) -> int | None:
    for box in _inside(data, [b"meta"], 0, len(data)):
        if box.kind == b"pitm":
            code = ">I" if data[box.start] else ">H"
            return int(struct.unpack_from(code, data, box.start + 4)[0])
    return None


def _primary_properties(data: bytes) -> list[Box]:
    whole = 0, len(data)
    primary = _primary(data)
    properties = list(_inside(data, [b"meta", b"iprp", b"ipco"], *whole))
    indexes = [
        index
        for box in _inside(data, [b"meta", b"iprp"], *whole)
        if box.kind == b"ipma"
        for item, index in _associations(data, box.start)
        if item == primary
    ]
    return [properties[index - 1] for index in indexes if 0 < index <= len(properties)]


def _associations(data: bytes, at: int) -> Iterator[tuple[int, int]]:
    """Pairs of an item and the number of one of its properties (ISO 23008-12, 9.3)."""
    long_items, long_indexes = data[at] > 0, data[at + 3] & 1
    (count,) = struct.unpack_from(">I", data, at + 4)
    at += 8
    for _ in range(count):
        (item,) = struct.unpack_from(">I" if long_items else ">H", data, at)
        at += 4 if long_items else 2
        indexes = data[at]
        at += 1
        for _ in range(indexes):
            (index,) = struct.unpack_from(">H" if long_indexes else ">B", data, at)
            at += 2 if long_indexes else 1
            yield item, index & (0x7FFF if long_indexes else 0x7F)  # the rest: "essential"


def _track_properties(data: bytes) -> list[Box]:
    for box in _inside(data, _TABLES_OF_TRACK, 0, len(data)):
        if box.kind == b"stsd":
            return list(_children(data, box.start + _BEFORE_ENTRY_BOXES, box.end))
    return []


def _said_by(data: bytes, properties: list[Box]) -> Shown:
    code_points = aperture = None
    for kind, start, _ in properties:
        if kind == b"colr" and data[start : start + 4] == b"nclx":
            primaries, transfer = struct.unpack_from(">HH", data, start + 4)
            code_points = primaries, transfer
        elif kind == b"clap":
            w, w_n, h, h_n, x, x_n, y, y_n = struct.unpack_from(">4I", data, start) + (
                struct.unpack_from(">iIiI", data, start + 16)
            )
            aperture = w / w_n, h / h_n, x / x_n, y / y_n
    return Shown(code_points, aperture)
