"""Nothing that a picture does leaves the converter but renditions and refusals."""

from __future__ import annotations

import io
import re
import struct
import warnings
import zlib
from pathlib import Path

import PIL
import pytest
from PIL import Image

from tests.support.pictures import saved, scene
from upload_workflow.errors import Rejected, RejectionCode, Unforeseen
from upload_workflow.image import convert as convert_module
from upload_workflow.image.convert import convert
from upload_workflow.image.limits import Limits
from upload_workflow.image.rendition import Rendition

SMALL = {"small": Rendition(20, 20)}

# Every name that any part of Pillow reads from, or writes into, what it knows of an image.
NAMES = sorted(
    {
        name
        for source in Path(PIL.__file__).parent.glob("*.py")
        for name in re.findall(
            r"info(?:\[|\.get\(|\.pop\(|\.setdefault\()\s*\"([^\"]{1,79})\"", source.read_text()
        )
    }
)


def png_with(chunks: bytes) -> bytes:
    png = saved(scene(60, 40), "PNG")
    after_header = 8 + 25
    return png[:after_header] + chunks + png[after_header:]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_pillow_knows_an_image_by_many_names() -> None:
    assert {"duration", "transparency", "icc_profile", "loop", "exif"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [b"abc", b"-1"])
def test_a_text_of_a_file_is_never_taken_for_a_finding_of_pillows(name: str, value: bytes) -> None:
    upload = png_with(chunk(b"tEXt", name.encode("latin-1", "replace") + b"\0" + value))
    try:
        converted = convert(upload, SMALL, Limits())
    except Rejected as refused:
        # Pillow itself trusts these, while it opens a file. The file is refused, not we surprised.
        assert not isinstance(refused, Unforeseen)
        assert "exif" in name.lower() or name in ("bbox", "interlace", "xmp")
    else:
        assert converted["small"].data == convert(png_with(b""), SMALL, Limits())["small"].data


def test_an_error_that_nobody_foresaw_is_told_as_a_broken_image_and_to_us_with_its_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Surprise(Exception):
        pass

    def raises(*_: object) -> None:
        raise Surprise("of the picture's making")

    monkeypatch.setattr(convert_module, "lay_out", raises)
    with pytest.raises(Unforeseen) as refused:
        convert(saved(scene(), "JPEG"), SMALL, Limits())
    assert refused.value.code is RejectionCode.CORRUPT
    assert "Surprise" not in refused.value.message
    assert refused.value.cause is not None
    assert refused.value.cause.rstrip().endswith("Surprise: of the picture's making")


def test_no_memory_is_a_refusal_of_its_own_that_names_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def raises(*_: object) -> None:
        raise MemoryError

    upload = saved(scene(), "JPEG")
    monkeypatch.setattr(Image.Image, "frombytes", raises)
    with pytest.raises(Rejected) as refused:
        convert(upload, SMALL, Limits(max_memory_mb=123))
    assert refused.value.code is RejectionCode.TOO_MUCH_MEMORY
    assert "more than 123 MB" in refused.value.message


def test_a_picture_prints_no_warning() -> None:
    entries = b"".join(struct.pack("<HHII", tag, 7, 0xFFFFFFF0, 8) for tag in range(99))
    exif = b"II*\0\x08\0\0\0" + struct.pack("<H", 99) + entries + bytes(4)
    upload = png_with(chunk(b"eXIf", exif))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        Image.open(io.BytesIO(upload)).getexif()
        assert told, "Pillow has something to warn of"
        told.clear()
        convert(upload, SMALL, Limits())
    assert told == []
