"""Pictures that people reported as shown wrongly by converters, rebuilt with invented pixels.

`reported/expected.json` says of each what it shows, who says so, and the colours at some points.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import pyvips
from PIL import Image

from tests.support.pictures import opened
from upload_workflow.image.convert import Converted, convert
from upload_workflow.image.limits import Limits
from upload_workflow.image.rendition import OutputFormat, Rendition

FOLDER = Path(__file__).parent / "reported"
REPORTED: list[dict[str, Any]] = json.loads((FOLDER / "expected.json").read_text("utf-8"))
RENDITIONS = {
    "still": Rendition(format=OutputFormat.PNG),
    "moving": Rendition(format=OutputFormat.WEBP, animated=True, quality=100),
}
CORNERS = (0.2, 0.8)  # in which the frames of animations are looked at


@pytest.mark.parametrize("picture", REPORTED, ids=lambda picture: picture["name"])
def test_a_reported_picture_is_shown_as_others_show_it(picture: dict[str, Any]) -> None:
    converted = convert((FOLDER / picture["name"]).read_bytes(), RENDITIONS, Limits())
    still = opened(converted["still"].data).convert("RGBA")
    facts = converted.image
    assert still.size == (facts.width, facts.height) == tuple(picture["size"])
    for x, y, *wanted in picture["points"]:
        found = still.getpixel((int(still.width * x), int(still.height * y)))
        assert _near(found, wanted, picture["tolerance"]), (x, y, found, picture["right"])
    if "frames" in picture:
        _check_frames(converted, picture)


def _check_frames(converted: Converted, picture: dict[str, Any]) -> None:
    film = pyvips.Image.new_from_buffer(converted["moving"].data, "", n=-1)
    assert film.get("loop") == picture["loop"]
    height = film.get("page-height")
    assert film.height // height == len(picture["frames"])
    pixels = Image.open(io.BytesIO(film.pngsave_buffer())).convert("RGBA")
    for index, frame in enumerate(picture["frames"]):
        for at, wanted in zip(CORNERS, frame, strict=True):
            x, y = int(film.width * at), index * height + int(height * at)
            assert _near(pixels.getpixel((x, y)), wanted, 8), (index, at, picture["right"])


def _near(found: Any, wanted: list[int], tolerance: int) -> bool:
    if len(wanted) == 4 and wanted[3] == 0:
        return bool(found[3] <= tolerance)
    return all(abs(a - b) <= tolerance for a, b in zip(found, wanted, strict=False))


@pytest.mark.parametrize("name", ["arithmetic.jpg", "arithmetic-progressive.jpg"])
def test_jpegs_of_arithmetic_coding_are_shown_as_chromium_and_libvips_do(name: str) -> None:
    upload = (FOLDER.parent / "kept" / name).read_bytes()  # as libjpeg's own encoder writes them
    made = opened(convert(upload, RENDITIONS, Limits())["still"].data)
    png = pyvips.Image.new_from_buffer(upload, "").pngsave_buffer()
    assert made.tobytes() == opened(png).tobytes()
