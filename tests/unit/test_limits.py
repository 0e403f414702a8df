"""Every limit refuses from the header, with its own code and a message that says what passes."""

from __future__ import annotations

import struct
import tracemalloc
import zlib

import pytest

from tests.support.pictures import saved, scene
from upload_workflow.errors import Rejected, RejectionCode
from upload_workflow.image.convert import convert
from upload_workflow.image.header import Format, Header, read_header
from upload_workflow.image.limits import (
    Limits,
    Work,
    header_within,
    refuse_by_head,
    refuse_by_header,
    refuse_by_work,
)
from upload_workflow.image.rendition import Rendition

HEAD = 64 << 10


def png_that_claims(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n\0\0\0\x0d" + header + struct.pack(">I", zlib.crc32(header))


def refusal(header: Header, limits: Limits, work: Work | None = None) -> Rejected:
    with pytest.raises(Rejected) as refused:
        refuse_by_header(header, 1000, limits)
        refuse_by_work(header, 1000, work or Work(header.pixels, 0, 0), limits)
    return refused.value


@pytest.mark.parametrize(
    ("header", "limits", "code", "tells"),
    [
        (
            Header(Format.PNG, 12_000, 10_000, 4),
            Limits(max_memory_mb=9999),
            RejectionCode.TOO_MANY_PIXELS,
            "The image has 120 megapixels (12000 \u00d7 10000); at most 100 are accepted.",
        ),
        (
            Header(Format.JPEG, 8000, 8000, 4, scans=2000),
            Limits(),
            RejectionCode.TOO_COMPLEX,
            "at 64 megapixels at most 31 are accepted. Save it as a baseline JPEG.",
        ),
        (
            Header(Format.JPEG, 8000, 8000, 4, scans=10, coefficient_bytes=6),
            Limits(),
            RejectionCode.TOO_MUCH_MEMORY,
            "or a baseline JPEG.",
        ),
        (
            Header(Format.PNG, 9400, 9400, 7),
            Limits(),
            RejectionCode.TOO_MUCH_MEMORY,
            "at most 340 MB may be used. Send at most 42.8 megapixels.",
        ),
        (
            Header(Format.PNG, 9000, 9000, 1),
            Limits(max_seconds=2, max_memory_mb=999),
            RejectionCode.TOO_MUCH_TIME,
            "about 2 seconds; at most 2 are allowed",
        ),
    ],
)
def test_a_limit_says_what_would_pass(
    header: Header, limits: Limits, code: RejectionCode, tells: str
) -> None:
    refused = refusal(header, limits)
    assert refused.code is code
    assert tells in refused.message


def test_the_advice_on_pixels_is_itself_accepted() -> None:
    big = Header(Format.WEBP, 6000, 6000, 14.5)
    message = refusal(big, Limits()).message
    advised = float(message.rpartition("Send at most ")[2].split()[0])
    refuse_by_header(Header(Format.WEBP, int(advised * 1000), 1000, 14.5), 1000, Limits())


def test_an_animation_is_held_to_frames_times_its_largest_canvas() -> None:
    header = Header(Format.GIF, 100, 100, 6, frames=50, canvas_pixels=40_000)
    refused = refusal(header, Limits(max_frame_pixels=1_000_000), Work(10_000, 100, 100))
    assert refused.code is RejectionCode.TOO_MANY_FRAMES
    assert "at most 25 are accepted" in refused.message
    refuse_by_work(header, 1000, Work(10_000, 100, 0), Limits(max_frame_pixels=1_000_000))


def test_an_animation_whose_frames_would_fill_the_memory_is_refused() -> None:
    header = Header(Format.GIF, 1000, 1000, 6, frames=200)
    refused = refusal(header, Limits(), Work(1_000_000, 1_000_000, 1_000_000))
    assert refused.code is RejectionCode.TOO_MUCH_MEMORY


def test_too_many_bytes_are_refused_before_they_are_read() -> None:
    with pytest.raises(Rejected) as refused:
        refuse_by_head(saved(scene(), "JPEG")[:HEAD], 60_000_000, Limits())
    assert refused.value.code is RejectionCode.TOO_MANY_BYTES
    assert "60,000,000 bytes; at most 50,000,000" in refused.value.message


def test_a_bomb_is_refused_from_its_first_bytes_without_memory_for_pixels() -> None:
    bomb = png_that_claims(30_000, 30_000) + bytes(HEAD)
    tracemalloc.start()
    with pytest.raises(Rejected) as refused:
        refuse_by_head(bomb[:HEAD], 2_600_000, Limits())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert refused.value.code is RejectionCode.TOO_MANY_PIXELS
    assert peak < 1_000_000


def test_what_the_first_bytes_do_not_decide_passes_on() -> None:
    tiff = saved(scene(), "TIFF")
    assert read_header(tiff[:4]) is None
    refuse_by_head(tiff[:4], len(tiff), Limits())
    refuse_by_head(saved(scene(), "JPEG")[:HEAD], 1000, Limits())


def test_an_upload_cut_off_within_its_header_is_refused_when_it_is_whole() -> None:
    with pytest.raises(Rejected) as refused:
        header_within(saved(scene(), "PNG")[:20], Limits())
    assert refused.value.code is RejectionCode.CORRUPT


def test_a_zero_size_is_a_broken_header() -> None:
    with pytest.raises(Rejected) as refused:
        header_within(png_that_claims(0, 10), Limits())
    assert refused.value.code is RejectionCode.CORRUPT


@pytest.mark.parametrize(
    "values", [{"max_pixel": 1}, {"max_pixels": 0}, {"max_pixels": "9"}, {"max_seconds": True}]
)
def test_unknown_or_impossible_limits_are_refused_in_one_sentence(
    values: dict[str, object],
) -> None:
    with pytest.raises(ValueError, match=r"^(The limit|Limits) .*\.$"):
        Limits.from_json(values)


def test_limits_read_as_they_are_written() -> None:
    assert Limits.from_json({"max_pixels": 5, "max_seconds": 2.5}) == Limits(
        max_pixels=5, max_seconds=2.5
    )


def test_a_second_frame_header_cannot_smuggle_in_more_pixels() -> None:
    first = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, 60, 90, 1) + b"\1\x11\0"
    second = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, 9000, 9000, 1) + b"\1\x11\0"
    upload = b"\xff\xd8" + first + second + b"\xff\xda" + struct.pack(">HB", 8, 1) + b"\1\0\0\x3f\0"
    with pytest.raises(Rejected) as refused:
        convert(upload, {"x": Rendition(9000)}, Limits(max_pixels=50_000_000))
    assert refused.value.code is RejectionCode.CORRUPT
