"""Reads the first directory of EXIF (Exif 2.32, TIFF 6.0), and writes one that credits alone.

Knows bytes. Does not know where the EXIF was found.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

_ARTIST, _COPYRIGHT = 315, 33432
# ASCII, in which many write UTF-8, and the UTF-8 of Exif 3.0.
_TEXTS = (2, 129)
# A notice is a line or two. More is not one, and a rendition would carry it for ever.
_LONGEST_TEXT = 2_000

_HEAD = b"Exif\0\0"
_ENTRY = 12


class Field(NamedTuple):
    """One entry.

    length: of its value, in units of its kind. at: where the value stands, or its offset.
    order: of its bytes, for struct.
    """

    tag: int
    kind: int
    length: int
    at: int
    order: str


def first_directory(exif: bytes) -> Iterator[Field]:
    """The fields as far as the bytes reach; none where it is no EXIF.

    exif: a TIFF header and its directories, with or without "Exif" before it.
    """
    start = len(_HEAD) if exif.startswith(_HEAD) else 0
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[start : start + 4])
    if order is None:
        return
    try:
        (at,) = struct.unpack_from(order + "I", exif, start + 4)
        (entries,) = struct.unpack_from(order + "H", exif, start + at)
        for entry in range(start + at + 2, start + at + 2 + _ENTRY * entries, _ENTRY):
            tag, kind, length = struct.unpack_from(order + "HHI", exif, entry)
            yield Field(tag, kind, length, entry + 8, order)
    except struct.error:
        return


def credits_in(exif: bytes) -> bytes:
    """EXIF with the artist and the copyright that `exif` states and nothing else; empty if none."""
    start = len(_HEAD) if exif.startswith(_HEAD) else 0
    kept: dict[int, tuple[int, bytes]] = {}
    for field in first_directory(exif):
        if field.tag in (_ARTIST, _COPYRIGHT) and field.kind in _TEXTS and field.tag not in kept:
            text = _text(exif, start, field)
            if text:
                kept[field.tag] = field.kind, text
    return _written(sorted(kept.items())) if kept else b""


def _text(exif: bytes, start: int, field: Field) -> bytes:
    """Its bytes; a copyright may hold a NUL between the photographer's and the editor's."""
    if field.length > _LONGEST_TEXT:
        return b""
    at = field.at
    if field.length > 4:
        try:
            (offset,) = struct.unpack_from(field.order + "I", exif, at)
        except struct.error:
            return b""
        at = start + offset
    text = exif[at : at + field.length]
    return text.rstrip(b"\0 ") if len(text) == field.length and text.strip(b"\0 ") else b""


def _written(fields: list[tuple[int, tuple[int, bytes]]]) -> bytes:
    values = 8 + 2 + _ENTRY * len(fields) + 4
    entries, data = b"", b""
    for tag, (kind, text) in fields:
        ended = text + b"\0"
        entries += struct.pack("<HHI", tag, kind, len(ended))
        if len(ended) <= 4:
            entries += ended.ljust(4, b"\0")
        else:
            entries += struct.pack("<I", values + len(data))
            data += ended + b"\0" * (len(ended) % 2)
    head = struct.pack("<2sHIH", b"II", 42, 8, len(fields))
    return _HEAD + head + entries + struct.pack("<I", 0) + data
