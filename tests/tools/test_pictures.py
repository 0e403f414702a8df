"""The pictures of the documentation are what its command makes, and each is shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from tests.support.pictures import opened
from upload_workflow.image.convert import Converted, convert
from upload_workflow.image.limits import Limits
from upload_workflow.image.rendition import Fit, Rendition, overlay_sources

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
ASKED = json.loads((FOLDER / "renditions.json").read_text())
RENDITIONS = {name: Rendition.from_json(fields) for name, fields in ASKED.items()}
PAGE = (FOLDER.parent / "conversion.md").read_text()


@pytest.fixture(scope="module")
def made() -> Converted:
    marks = {source: (FOLDER / source.key).read_bytes() for source in overlay_sources(RENDITIONS)}
    return convert((FOLDER / "rocket.jpg").read_bytes(), RENDITIONS, Limits(), marks)


@pytest.mark.parametrize("name", RENDITIONS)
def test_a_picture_of_the_documentation_is_what_its_command_makes(
    name: str, made: Converted
) -> None:
    shown = Image.open(FOLDER / "made" / "rocket.jpg" / f"{name}.jpg")
    # Another release of an encoder may give other bytes; the picture stays.
    difference = ImageChops.difference(shown, opened(made[name].data))
    assert max(ImageStat.Stat(difference).mean) < 2, "run make pictures"
    assert f"pictures/made/rocket.jpg/{name}.jpg" in PAGE


def test_every_picture_there_is_of_the_command() -> None:
    there = {path.stem for path in (FOLDER / "made").rglob("*.jpg") if path.is_file()}
    assert there == set(RENDITIONS)


def test_every_fit_is_shown() -> None:
    assert {rendition.fit for rendition in RENDITIONS.values()} == set(Fit)
