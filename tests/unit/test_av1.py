"""What an AV1 stream says of its colours, and where an AVIF keeps that stream."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.support.pictures import opened, saved
from upload_workflow.image import av1, isobmff
from upload_workflow.image.convert import convert
from upload_workflow.image.limits import Limits
from upload_workflow.image.rendition import OutputFormat, Rendition

DELIMITER = b"\x12\0"


def unit(bits: str, kind: int = 1) -> bytes:
    payload = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    return bytes((kind << 3 | 2, len(payload))) + payload


@st.composite
def sequence_headers(draw: st.DrawFn) -> tuple[str, tuple[int, int]]:
    """Bits of every syntax element in its order (AV1, 5.5.1), and the code points among them."""

    def some(count: int) -> str:
        return f"{draw(st.integers(0, (1 << count) - 1)):0{count}b}" if count else ""

    def flag(*counts: int) -> str:
        return "1" + some(sum(counts)) if draw(st.booleans()) else "0"

    profile, reduced = draw(st.integers(0, 2)), draw(st.booleans())
    bits = f"{profile:03b}" + some(1) + ("1" if reduced else "0")
    if reduced:
        bits += some(5)
    else:
        delay_bits = 0
        if draw(st.booleans()):
            bits += "1" + some(64)
            zeros = draw(st.integers(0, 5))
            bits += draw(st.sampled_from(["0", "1" + "0" * zeros + "1" + some(zeros)]))
            if draw(st.booleans()):
                delay_bits = draw(st.integers(1, 32))
                bits += "1" + f"{delay_bits - 1:05b}" + some(42)
            else:
                bits += "0"
        else:
            bits += "0"
        delayed, points = draw(st.booleans()), draw(st.integers(1, 3))
        bits += ("1" if delayed else "0") + f"{points - 1:05b}"
        for _ in range(points):
            level = draw(st.integers(0, 31))
            bits += some(12) + f"{level:05b}" + some(1 if level > 7 else 0)
            bits += flag(2 * delay_bits, 1) if delay_bits else ""
            bits += flag(4) if delayed else ""
    width, height = draw(st.integers(1, 16)), draw(st.integers(1, 16))
    bits += f"{width - 1:04b}{height - 1:04b}" + some(width + height)
    bits += "" if reduced else flag(7)
    bits += some(3)
    if not reduced:
        hinted = flag(2)
        bits += some(4) + hinted
        forced = draw(st.sampled_from(["1", "01", "00"]))
        bits += forced
        if forced != "00":
            bits += draw(st.sampled_from(["1", "00", "01"]))
        bits += some(3 if hinted[0] == "1" else 0)
    bits += some(3)
    deep = some(1)
    bits += deep + (some(1) if profile == 2 and deep == "1" else "")
    bits += "" if profile == 1 else some(1)
    if draw(st.booleans()):
        stated = draw(st.integers(0, 255)), draw(st.integers(0, 255))
        return bits + f"1{stated[0]:08b}{stated[1]:08b}" + some(8), stated
    return bits + "0", (2, 2)


@settings(max_examples=300, deadline=None)
@given(sequence_headers())
def test_code_points_are_found_behind_whatever_a_sequence_header_holds(
    header: tuple[str, tuple[int, int]],
) -> None:
    bits, stated = header
    assert av1.code_points(DELIMITER + unit(bits) + b"\x32\x05frame") == stated


@given(st.binary(max_size=80))
def test_any_bytes_say_two_numbers_or_nothing(stream: bytes) -> None:
    for head in (b"", DELIMITER, b"\x0a\x20", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff", b"\x08"):
        found = av1.code_points(head + stream)
        assert found is None or len(found) == 2


# --- where the stream is ---


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


@pytest.mark.parametrize("version", [0, 1, 2])
@pytest.mark.parametrize("grid", [False, True])
def test_the_stream_of_the_primary_picture_is_found(version: int, grid: bool) -> None:
    """Of a grid that of its first tile."""
    number = ">I" if version == 2 else ">H"

    def place(item: int, offset: int) -> bytes:
        method = b"\0\0" if version else b""
        head = struct.pack(number, item) + method + b"\0\0" + struct.pack(">IH", 100, 1)
        return head + (b"\0\0" if version else b"") + struct.pack(">II", offset, 9)

    iloc = bytes((version, 0, 0, 0, 0x44, 0x42 if version else 0x40)) + struct.pack(number, 2)
    wide = b"\1\0\0\0" if version == 2 else bytes(4)
    references = box(b"dimg", struct.pack(number, 7), b"\0\1", struct.pack(number, 8))
    meta = box(
        b"meta",
        bytes(4),
        box(b"pitm", wide, struct.pack(number, 7)),
        box(b"iref", wide, references if grid else b""),
        box(b"iloc", iloc, place(7, 400), place(8, 500)),
    )
    file = meta.ljust(500, b"\0") + b"primary".ljust(100) + b"tile"
    assert isobmff.coded(file).startswith(b"tile" if grid else b"primary")
    for end in range(len(meta)):
        assert isobmff.coded(file[:end]) == b""


def test_the_stream_of_a_sequence_is_found() -> None:
    boxes = box(b"stco", bytes(4), struct.pack(">II", 1, 300))
    for kind in (b"stbl", b"minf", b"mdia", b"trak", b"moov"):
        boxes = box(kind, boxes)
    assert isobmff.coded(boxes.ljust(300, b"\0") + b"frame") == b"frame"


# --- what it does to a picture ---


def avif(primaries: int, nclx: int | None) -> bytes:
    """Of a red as Display P3 stores it. nclx: primaries in a box of their own, if there is one."""
    file = bytearray(saved(Image.new("RGB", (32, 32), (234, 51, 35)), "AVIF", quality=100, speed=9))
    at = file.index(b"colrnclx")
    if nclx is None:
        file[at : at + 4] = b"free"
    else:
        struct.pack_into(">H", file, at + 8, nclx)
    start = file.index(b"mdat") + 4
    bits = f"{int.from_bytes(file[start : start + 16], 'big'):0128b}"
    stated = f"1{1:08b}{13:08b}"
    assert bits.count(stated) == 1
    bits = bits.replace(stated, f"1{primaries:08b}{13:08b}")
    file[start : start + 16] = int(bits, 2).to_bytes(16, "big")
    return bytes(file)


@pytest.mark.parametrize(
    ("stream", "nclx", "wanted"),
    [
        (12, None, (255, 0, 0)),
        (1, None, (234, 51, 35)),
        (12, 1, (234, 51, 35)),
        (12, 2, (234, 51, 35)),
        (1, 12, (255, 0, 0)),
    ],
)
def test_the_code_points_of_the_stream_count_where_the_file_names_none(
    stream: int, nclx: int | None, wanted: tuple[int, int, int]
) -> None:
    made = convert(avif(stream, nclx), {"x": Rendition(format=OutputFormat.PNG)}, Limits())
    found = opened(made["x"].data).getpixel((2, 2))
    assert isinstance(found, tuple)
    assert all(abs(a - b) <= 6 for a, b in zip(found, wanted, strict=True))
