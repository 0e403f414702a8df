"""What the first bytes tell, for each format, against what Pillow says of the same file."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image

from tests.support.pictures import moving, saved, scene
from upload_workflow.errors import Rejected, RejectionCode
from upload_workflow.image.header import Format, read_header, sniff

HEAD = 64 << 10

UPLOADS = {
    "jpeg": saved(scene(), "JPEG"),
    "jpeg grey": saved(scene().convert("L"), "JPEG"),
    "jpeg progressive": saved(scene(), "JPEG", progressive=True),
    "jpeg with a thumbnail in its EXIF": saved(
        scene(), "JPEG", exif=b"Exif\0\0" + saved(scene(90, 60), "JPEG")
    ),
    "png": saved(scene(), "PNG"),
    "apng": moving(4, "PNG"),
    "webp lossy": saved(scene(), "WEBP"),
    "webp lossless": saved(scene(), "WEBP", lossless=True),
    "webp with alpha": saved(scene().convert("RGBA"), "WEBP", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0"),
    "webp animated": moving(3, "WEBP"),
    "gif": saved(scene().quantize(), "GIF"),
    "gif animated": moving(7, "GIF"),
    "avif": saved(scene(), "AVIF", speed=10),
    "avif animated": moving(3, "AVIF", speed=10),
    "tiff": saved(scene(), "TIFF"),
    "tiff big-endian": saved(scene().convert("I;16B"), "TIFF"),
    "tiff big": saved(scene(), "TIFF", big_tiff=True),
    "bmp": saved(scene(), "BMP"),
}


@pytest.mark.parametrize("name", UPLOADS)
def test_size_and_frames_are_read_without_decoding(name: str) -> None:
    header = read_header(UPLOADS[name])
    image = Image.open(io.BytesIO(UPLOADS[name]))
    assert header is not None
    assert (header.format, header.width, header.height) == (image.format, *image.size)
    assert header.frames == getattr(image, "n_frames", 1)


@pytest.mark.parametrize(
    "name", sorted(set(UPLOADS) - {"tiff", "tiff big-endian", "avif animated"})
)
def test_64_kib_are_enough_for_the_size(name: str) -> None:
    whole, head = read_header(UPLOADS[name]), read_header(UPLOADS[name][:HEAD])
    assert whole is not None
    assert head is not None
    assert (head.width, head.height) == (whole.width, whole.height)


def test_the_scans_of_a_progressive_jpeg_are_counted_by_its_markers() -> None:
    whole = read_header(UPLOADS["jpeg progressive"])
    assert whole is not None
    # libjpeg's script for colour has ten scans; FF DA also stands once in the EXIF thumbnail.
    assert whole.scans == UPLOADS["jpeg progressive"].count(b"\xff\xda") == 10
    with_thumbnail = read_header(UPLOADS["jpeg with a thumbnail in its EXIF"])
    assert with_thumbnail is not None
    assert (with_thumbnail.scans, with_thumbnail.coefficient_bytes) == (1, 0)


@pytest.mark.parametrize(("subsampling", "bytes_a_pixel"), [(0, 6), (1, 4), (2, 3)])
def test_a_progressive_jpeg_keeps_its_coefficients(subsampling: int, bytes_a_pixel: int) -> None:
    header = read_header(saved(scene(), "JPEG", progressive=True, subsampling=subsampling))
    assert header is not None
    assert header.coefficient_bytes == bytes_a_pixel


def test_what_ends_within_its_header_is_not_known_yet() -> None:
    for name, upload in UPLOADS.items():
        assert read_header(upload[: 10 if "gif" in name else 15]) is None, name


def test_a_header_that_loops_or_points_nowhere_ends() -> None:
    meta = struct.pack(">I4sI", 12, b"meta", 0)
    nested = b"\0\0\0\x14ftypavif\0\0\0\0avif" + struct.pack(">I4s", 0, b"moov") * 4000 + meta
    assert read_header(nested) is None
    assert read_header(b"II+\0\x08\0\0\0" + b"\xff" * 8) is None
    assert read_header(b"II*\0\xff\xff\xff\xff") is None
    assert read_header(b"\xff\xd8" + b"\xff" * 70_000) is None


def test_a_gif_frame_beyond_its_canvas_counts_with_the_size_it_causes() -> None:
    frame = b"\x2c" + struct.pack("<HHHHB", 100, 200, 30, 40, 0) + b"\x02\x02\x44\x01\x00"
    first_small = b"\x2c" + struct.pack("<HHHHB", 0, 0, 5, 5, 0) + b"\x02\x02\x44\x01\x00"
    canvas = b"GIF89a" + struct.pack("<HHBBB", 10, 10, 0x80, 0, 0) + bytes(6)
    first = read_header(canvas + frame + b";")
    later = read_header(canvas + first_small + frame + b";")
    assert first is not None
    assert later is not None
    assert (first.width, first.height) == (130, 240)
    assert (later.width, later.height, later.canvas_pixels) == (10, 10, 130 * 240)


def test_a_gif_made_only_to_be_walked_is_refused() -> None:
    canvas = b"GIF89a" + struct.pack("<HHBBB", 10, 10, 0, 0, 0)
    with pytest.raises(Rejected) as refused:
        read_header(canvas + b"\x21\xfe" + b"\x01a" * 1_000_100)
    assert refused.value.code is RejectionCode.TOO_COMPLEX


@pytest.mark.parametrize(
    ("head", "named"),
    [
        (b"8BPS\0\1", "Photoshop"),
        (b"\0\0\0\x0cjP  \r\n", "JPEG 2000"),
        (b"\0\0\0\x0cJXL \r\n", "JPEG XL"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "PostScript"),
        (b"\0\0\1\0\1\0", "icon"),
        (b"\n<?xml version='1.0'?><svg>", "SVG"),
        (b"\0\0\0\x18ftypisom\0\0\0\0", "video"),
    ],
)
def test_a_picture_of_an_unaccepted_format_is_refused_by_its_name(head: bytes, named: str) -> None:
    with pytest.raises(Rejected) as refused:
        sniff(head)
    assert refused.value.code is RejectionCode.UNSUPPORTED_FORMAT
    assert named in refused.value.message


def test_heic_is_told_from_avif_by_its_brands() -> None:
    assert sniff(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic") is Format.HEIF
    assert sniff(b"\0\0\0\x1cftypmif1\0\0\0\0mif1miafavif") is Format.AVIF
