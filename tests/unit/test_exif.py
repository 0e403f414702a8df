"""What a rendition may keep of EXIF: two fields that credit people, and nothing else."""

from __future__ import annotations

import io
import struct

import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, TiffImagePlugin

from tests.support.heif import phone_photo
from tests.support.pictures import moving, opened, saved, scene
from upload_workflow.image.convert import convert
from upload_workflow.image.exif import credits_in
from upload_workflow.image.limits import Limits
from upload_workflow.image.orientation import orientation_in
from upload_workflow.image.rendition import OutputFormat, Rendition

ARTIST, COPYRIGHT = 315, 33432
MAKER, ORIENTATION, GPS = 0x010F, 0x0112, 0x8825

texts = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)


def private(place: bool = True) -> Image.Exif:
    exif = Image.Exif()
    exif[ARTIST], exif[COPYRIGHT] = "Jane Roe", "(c) 2026 Jane Roe"
    exif[MAKER], exif[ORIENTATION] = "SECRET camera", 6
    if place:
        exif[GPS] = {1: "N", 2: (51.0, 30.0, 0.0)}
    return exif


def read(exif: bytes) -> dict[int, object]:
    """By another reader."""
    found = Image.Exif()
    found.load(exif)
    return dict(found)


@given(texts, texts, st.integers(1, 8))
def test_artist_and_copyright_are_kept_and_nothing_else(
    artist: str, notice: str, orientation: int
) -> None:
    exif = private()
    exif[ARTIST], exif[COPYRIGHT], exif[ORIENTATION] = artist, notice, orientation
    assert orientation_in(exif.tobytes()) == orientation
    assert read(credits_in(exif.tobytes())) == {ARTIST: artist, COPYRIGHT: notice}


@given(texts, st.sampled_from(["<", ">"]))
def test_both_orders_of_bytes_and_one_field_alone_will_do(notice: str, order: str) -> None:
    head = b"II*\0\x08\0\0\0" if order == "<" else b"MM\0*\0\0\0\x08"
    exif = TiffImagePlugin.ImageFileDirectory_v2(head)
    exif[COPYRIGHT] = notice
    data = head + exif.tobytes(8)
    assert read(credits_in(data)) == {COPYRIGHT: notice}
    assert credits_in(b"Exif\0\0" + data) == credits_in(data)


def copyright_of(value: bytes, kind: int, size: int = 1) -> bytes:
    """EXIF with this one field. size: of one unit of its kind, in bytes."""
    entry = struct.pack("<HHI", COPYRIGHT, kind, len(value) // size)
    head = b"II*\0\x08\0\0\0\x01\0" + entry
    if len(value) <= 4:
        return head + value.ljust(4, b"\0") + bytes(4)
    return head + struct.pack("<I", 26) + bytes(4) + value


@pytest.mark.parametrize("kind", [2, 129])
@pytest.mark.parametrize("text", ["Zoë Ångström".encode(), b"Jane\0Editor", b"\xe9t\xe9", b"JR"])
def test_the_bytes_of_a_text_stay_as_they_are(text: bytes, kind: int) -> None:
    exif = copyright_of(text + b"\0", kind)
    assert credits_in(exif).removeprefix(b"Exif\0\0")[: len(exif)] == exif


@given(st.binary(max_size=300), st.integers(0, 200))
def test_broken_exif_is_no_exif(noise: bytes, at: int) -> None:
    whole = private().tobytes()
    for broken in (noise, b"Exif\0\0II*\0" + noise, whole[:at], whole[:at] + noise + whole[at:]):
        kept = credits_in(broken)
        assert not kept or set(read(kept)) <= {ARTIST, COPYRIGHT}
        orientation_in(broken)


@pytest.mark.parametrize(
    ("value", "kind", "size"),
    [
        (b"\0", 2, 1),
        (b"     \0", 2, 1),
        (b"x" * 2_001, 2, 1),
        (bytes(4), 4, 4),
        (b"undefined", 7, 1),
    ],
)
def test_what_is_no_notice_is_not_kept(value: bytes, kind: int, size: int) -> None:
    assert credits_in(copyright_of(value, kind, size)) == b""


UPLOADS = {
    "JPEG": lambda: saved(scene(90, 60), "JPEG", exif=private()),
    "PNG": lambda: saved(scene(90, 60), "PNG", exif=private()),
    "WEBP": lambda: saved(scene(90, 60), "WEBP", exif=private()),
    "AVIF": lambda: saved(scene(90, 60), "AVIF", exif=private()),
    "TIFF": lambda: saved(scene(90, 60), "TIFF", exif=private(place=False)),
}


@pytest.mark.parametrize("upload", UPLOADS)
@pytest.mark.parametrize("format", list(OutputFormat))
def test_a_rendition_credits_whom_its_upload_credits(upload: str, format: OutputFormat) -> None:
    asked = {
        "kept": Rendition(60, format=format, keep_copyright=True),
        "plain": Rendition(60, format=format),
    }
    made = convert(UPLOADS[upload](), asked, Limits())
    found = opened(made["kept"].data)
    assert dict(found.getexif()) == {ARTIST: "Jane Roe", COPYRIGHT: "(c) 2026 Jane Roe"}
    assert b"SECRET" not in made["kept"].data
    assert not dict(opened(made["plain"].data).getexif())
    # Upright once, not a second time by what is kept.
    assert found.size == opened(made["plain"].data).size
    if format in (OutputFormat.JPEG, OutputFormat.PNG):
        seen = pyvips.Image.new_from_buffer(made["kept"].data, "")
        assert "Jane Roe" in seen.get("exif-ifd0-Copyright")


def test_an_animation_is_credited_too() -> None:
    upload = moving(3, "WEBP", (80, 40), exif=private())
    asked = {"a": Rendition(40, format=OutputFormat.WEBP, animated=True, keep_copyright=True)}
    made = Image.open(io.BytesIO(convert(upload, asked, Limits())["a"].data))
    assert made.n_frames == 3
    assert dict(made.getexif()) == {ARTIST: "Jane Roe", COPYRIGHT: "(c) 2026 Jane Roe"}


def test_where_nobody_is_credited_nothing_is_written() -> None:
    asked = {"kept": Rendition(60, keep_copyright=True), "plain": Rendition(60)}
    for upload in (phone_photo(scene(90, 60)), saved(scene(90, 60), "BMP"), moving(2, "GIF")):
        made = convert(upload, asked, Limits())
        assert made["kept"] == made["plain"]
