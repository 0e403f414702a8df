"""One image, from bytes to renditions."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from upload_workflow.convert import convert
from upload_workflow.errors import Rejected, RejectionCode
from upload_workflow.limits import Limits
from upload_workflow.rendition import OutputFormat, Rendition


def corners(width: int = 120, height: int = 80) -> Image.Image:
    """A picture whose four quarters differ: red, green, blue, white, in reading order."""
    picture = Image.new("RGB", (width, height), "white")
    picture.paste("red", (0, 0, width // 2, height // 2))
    picture.paste("green", (width // 2, 0, width, height // 2))
    picture.paste("blue", (0, height // 2, width // 2, height))
    return picture


def saved(picture: Image.Image, format: str, **settings: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format, **settings)
    return buffer.getvalue()


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_rotated_phone_photo_keeps_its_up_side_up(orientation: int) -> None:
    upright = corners()
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    upload = saved(stored, "JPEG", quality=95, subsampling=0, exif=exif)

    converted = convert(upload, {"small": Rendition(60, 60, format=OutputFormat.PNG)}, Limits())

    rendition = opened(converted["small"].data).convert("RGB")
    assert rendition.size == (60, 40)
    for at, color in {
        (10, 10): (255, 0, 0),
        (50, 10): (0, 128, 0),
        (10, 30): (0, 0, 255),
        (50, 30): (255, 255, 255),
    }.items():
        found = rendition.getpixel(at)
        assert all(abs(a - b) < 12 for a, b in zip(found, color, strict=True)), (at, found)


def test_an_empty_upload_is_rejected_by_name() -> None:
    with pytest.raises(Rejected) as refusal:
        convert(b"", {"small": Rendition(60)}, Limits())
    assert refusal.value.code is RejectionCode.EMPTY
