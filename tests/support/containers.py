"""Builds PNG, GIF, TIFF, BMP and AVIF part by part, so that a test can bend one part."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def png_chunk(kind: bytes, data: bytes, check: int | None = None) -> bytes:
    right = zlib.crc32(kind + data)
    return (
        struct.pack(">I", len(data))
        + kind
        + data
        + struct.pack(">I", right if check is None else check)
    )


def png(
    size: tuple[int, int],
    depth: int,
    color_type: int,
    rows: bytes,
    *,
    before: bytes = b"",
    after: bytes = b"",
) -> bytes:
    """rows: packed, without filter bytes. before, after: chunks around the coded pixels."""
    stride = len(rows) // size[1]
    filtered = b"".join(b"\0" + rows[at : at + stride] for at in range(0, len(rows), stride))
    header = struct.pack(">IIBBBBB", *size, depth, color_type, 0, 0, 0)
    coded = png_chunk(b"IDAT", zlib.compress(filtered))
    return (
        PNG_SIGNATURE
        + png_chunk(b"IHDR", header)
        + before
        + coded
        + after
        + png_chunk(b"IEND", b"")
    )


def with_png_chunks(png_file: bytes, chunks: bytes, at_end: bool = False) -> bytes:
    """The chunks right after IHDR, or before IEND."""
    at = len(png_file) - 12 if at_end else 33
    return png_file[:at] + chunks + png_file[at:]


@dataclass(frozen=True)
class GifFrame:
    """indexes: rows of colour numbers. place: of the upper left corner."""

    indexes: Sequence[bytes]
    place: tuple[int, int] = (0, 0)
    disposal: int = 0
    hole: int | None = None
    delay: int = 10

    @property
    def size(self) -> tuple[int, int]:
        return (len(self.indexes[0]) if self.indexes else 0), len(self.indexes)


def gif(
    size: tuple[int, int],
    palette: Sequence[tuple[int, int, int]],
    frames: Sequence[GifFrame],
    repeats: int | None = None,
    background: int = 0,
) -> bytes:
    """palette: four colours."""
    file = b"GIF89a" + struct.pack("<HHBBB", *size, 0x91, background, 0)
    file += bytes(value for color in palette for value in color)
    if repeats is not None:
        file += b"\x21\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", repeats) + b"\0"
    for frame in frames:
        flags = frame.disposal << 2 | (frame.hole is not None)
        file += b"\x21\xf9\x04" + struct.pack("<BHB", flags, frame.delay, frame.hole or 0) + b"\0"
        file += b"\x2c" + struct.pack("<HHHHB", *frame.place, *frame.size, 0)
        file += b"\x02" + _blocks(_lzw(b"".join(frame.indexes))) + b"\0"
    return file + b"\x3b"


def _lzw(indexes: bytes) -> bytes:
    """Codes of three bits that are never packed: the table is cleared before it grows."""
    codes = []
    for at in range(0, len(indexes), 2):
        codes += [4, *indexes[at : at + 2]]
    bits = "".join(f"{code:03b}"[::-1] for code in [*codes, 5])
    bits = bits.ljust(-(-len(bits) // 8) * 8, "0")
    return bytes(int(bits[at : at + 8][::-1], 2) for at in range(0, len(bits), 8))


def _blocks(data: bytes) -> bytes:
    parts = [data[at : at + 255] for at in range(0, len(data), 255)]
    return b"".join(bytes((len(part),)) + part for part in parts)


_TIFF_TYPES = {"R": 5, "H": 3, "I": 4, "Q": 16, "B": 1, "s": 2, "x": 7}


@dataclass(frozen=True)
class TiffPage:
    """One picture: its planes or its one interleaved strip, already compressed, and its tags.

    tags: number of a tag: struct's letter for its values, and the values; "R" for fractions, as
        numerator and denominator in turn.
    """

    width: int
    height: int
    strips: Sequence[bytes]
    tags: dict[int, tuple[str, Sequence[int] | bytes]]


def tiff(pages: Sequence[TiffPage], order: str = "<", big: bool = False) -> bytes:
    """A TIFF or BigTIFF of these pages, each of one strip or of one strip a plane."""
    offset = "Q" if big else "I"
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "H", 43 if big else 42)
    file = bytearray(
        head + (struct.pack(order + "HHQ", 8, 0, 16) if big else struct.pack(order + "I", 8))
    )
    link_at = len(file) - (8 if big else 4)
    for page in pages:
        places = []
        for strip in page.strips:
            places.append(len(file))
            file += strip + b"\0" * (len(strip) % 2)
        tags: dict[int, tuple[str, Sequence[int] | bytes]] = {
            256: ("I", [page.width]),
            257: ("I", [page.height]),
            273: (offset, places),
            278: ("I", [page.height]),
            279: ("I", [len(strip) for strip in page.strips]),
        } | dict(page.tags)
        packed = {}
        for tag, (letter, values) in sorted(tags.items()):
            is_raw = isinstance(values, bytes)
            code = "I" if letter == "R" else letter
            data = values if is_raw else struct.pack(f"{order}{len(values)}{code}", *values)
            if len(data) > (8 if big else 4):
                place = len(file)
                file += data + b"\0" * (len(data) % 2)
                data = struct.pack(order + offset, place)
            packed[tag] = (_TIFF_TYPES[letter], len(values) // (2 if letter == "R" else 1), data)
        file[link_at : link_at + struct.calcsize(offset)] = struct.pack(order + offset, len(file))
        file += struct.pack(order + ("Q" if big else "H"), len(packed))
        for tag, (code, count, data) in packed.items():
            file += struct.pack(f"{order}HH{offset}", tag, code, count)
            file += data.ljust(8 if big else 4, b"\0")
        link_at = len(file)
        file += bytes(8 if big else 4)
    return bytes(file)


def tiff_with_pixels_last(page: TiffPage, order: str = "<", big: bool = False) -> bytes:
    """The same, with nothing behind the strips: what is cut off at the end are pixels."""
    offset = "Q" if big else "I"

    def directory(at: int) -> bytes:
        places = []
        for strip in page.strips:
            places.append(at)
            at += len(strip)
        counts = [len(strip) for strip in page.strips]
        tags = page.tags | {273: (offset, places), 279: ("I", counts)}
        return tiff([TiffPage(page.width, page.height, [], tags)], order, big)

    return directory(len(directory(0))) + b"".join(page.strips)


def bmp(
    size: tuple[int, int],
    bits: int,
    pixels: bytes,
    *,
    compression: int = 0,
    masks: Sequence[int] = (),
    palette: bytes = b"",
    header_bytes: int = 40,
) -> bytes:
    """pixels: rows from the lowest up, padded to four bytes, or run lengths."""
    header = struct.pack(
        "<IiiHHIIiiII",
        header_bytes,
        *size,
        1,
        bits,
        compression,
        len(pixels),
        0,
        0,
        len(palette) // 4,
        0,
    )
    header += b"".join(struct.pack("<I", mask) for mask in masks)
    header = header.ljust(header_bytes, b"\0")
    start = 14 + len(header) + len(palette)
    file_header = b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start)
    return file_header + header + palette + pixels


def bmp_row(words: Sequence[int], bits: int) -> bytes:
    """A row of 16- or 32-bit pixels."""
    row = b"".join(struct.pack("<H" if bits == 16 else "<I", word) for word in words)
    return row + b"\0" * (-len(row) % 4)


def with_avif_property(avif: bytes, box: bytes) -> bytes:
    """The AVIF with one more property on its primary picture, which must be item 1."""
    ipco, ipma, iloc = (avif.index(kind) - 4 for kind in (b"ipco", b"ipma", b"iloc"))
    (ipco_bytes,) = struct.unpack_from(">I", avif, ipco)
    properties, at = 0, ipco + 8
    while at < ipco + ipco_bytes:
        properties, at = properties + 1, at + struct.unpack_from(">I", avif, at)[0]
    changed = bytearray(avif)
    # One more association for the first item: its count stands after 4 + 4 + 4 + 4 + 2 bytes.
    count_at = ipma + 18
    changed[count_at] += 1
    place = count_at + 1 + avif[count_at]
    changed[place:place] = bytes((0x80 | properties + 1,))
    changed[ipco + ipco_bytes : ipco + ipco_bytes] = box
    grown = len(box) + 1
    for start, more in ((ipco, len(box)), (ipma + len(box), 1)):
        struct.pack_into(">I", changed, start, struct.unpack_from(">I", changed, start)[0] + more)
    for kind in (b"iprp", b"meta"):
        start = avif.index(kind) - 4
        struct.pack_into(">I", changed, start, struct.unpack_from(">I", changed, start)[0] + grown)
    coded_at = avif.index(b"mdat") + 4
    place = avif.index(struct.pack(">I", coded_at), iloc)
    struct.pack_into(">I", changed, place, coded_at + grown)
    return bytes(changed)


def clap(width: int, height: int, across: tuple[int, int], down: tuple[int, int]) -> bytes:
    """A clean aperture; across, down: how far its middle lies from the picture's, as fractions."""
    values = struct.pack(">4IiIiI", width, 1, height, 1, *across, *down)
    return struct.pack(">I4s", 8 + len(values), b"clap") + values
