"""What stands out in a picture, and that a crop keeps it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from tests.support.pictures import moving, opened, saved, with_orientation
from upload_workflow.image.convert import convert
from upload_workflow.image.limits import Limits
from upload_workflow.image.rendition import SALIENT, Box, Fit, OutputFormat, Rendition
from upload_workflow.image.salience import salient_focus

LEFT_HALF, TOP_HALF = Box(0, 0, 0.5, 1), Box(0, 0, 1, 0.5)
backgrounds = st.sampled_from(["#406080", "#e8e8e8", "#103010", "#000000"])
inside = st.floats(0.1, 0.9)


def subject_at(x: float, y: float, background: str = "#406080", size: int = 32) -> Image.Image:
    """A ball in a plain place."""
    picture = Image.new("RGB", (size, size), background)
    middle, radius = (x * size, y * size), size / 10
    box = [middle[0] - radius, middle[1] - radius, middle[0] + radius, middle[1] + radius]
    ImageDraw.Draw(picture).ellipse(box, fill="#e04020", outline="#ffffff")
    return picture


@given(inside, inside, backgrounds)
def test_a_crop_keeps_the_subject_wherever_it_is(x: float, y: float, background: str) -> None:
    picture = subject_at(x, y, background)
    assert abs(salient_focus(picture, LEFT_HALF).x - x) <= 0.25 + 0.06
    assert abs(salient_focus(picture, TOP_HALF).y - y) <= 0.25 + 0.06


@given(st.integers(1, 32), st.integers(1, 32), st.floats(0.02, 1), st.floats(0.02, 1))
def test_where_nothing_stands_out_the_middle_is_kept(
    width: int, height: int, across: float, down: float
) -> None:
    picture = Image.new("RGB", (width, height), "#808080")
    assert tuple(salient_focus(picture, Box(0, 0, across, down))) == pytest.approx((0.5, 0.5))


def test_what_is_transparent_does_not_stand_out() -> None:
    picture = subject_at(0.8, 0.5).convert("RGBA")
    picture.paste((255, 0, 0, 0), (0, 0, 6, 32))
    assert salient_focus(picture, LEFT_HALF).x > 0.6


def test_a_large_bright_sky_is_no_subject() -> None:
    picture = Image.new("RGB", (32, 32), "#203020")
    picture.paste("#f0f4ff", (0, 0, 32, 12))
    picture.paste(subject_at(0.5, 0.5, "#203020").crop((10, 10, 22, 22)), (10, 20))
    assert salient_focus(picture, Box(0, 0, 1, 0.4)).y > 0.5


def cut(upload: bytes, **fields: object) -> Image.Image:
    rendition = Rendition(60, 120, fit=Fit.COVER, format=OutputFormat.PNG, position=SALIENT)
    made = convert(upload, {"cut": Rendition(**vars(rendition) | fields)}, Limits())
    return opened(made["cut"].data)


def redness(picture: Image.Image) -> float:
    rgb = picture.convert("RGB")
    pixels = zip(*(rgb.getchannel(channel).tobytes() for channel in "RGB"), strict=True)
    return sum(r > 180 and g < 100 for r, g, _ in pixels) / (rgb.width * rgb.height)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("x", [0.15, 0.85])
def test_a_salient_crop_is_of_the_upright_picture(orientation: int, x: float) -> None:
    picture = subject_at(x, 0.5, size=400)
    made = cut(with_orientation(picture, orientation, "JPEG", quality=95))
    assert made.size == (60, 120)
    assert redness(made) == pytest.approx(2 * redness(picture), rel=0.1)


def test_renditions_of_other_positions_stay_as_they_are() -> None:
    upload = saved(subject_at(0.15, 0.5, size=400), "PNG")
    others = {
        "center": Rendition(60, 120, fit=Fit.COVER, format=OutputFormat.PNG),
        "whole": Rendition(200, 200, format=OutputFormat.WEBP),
    }
    salient = Rendition(60, 120, fit=Fit.COVER, format=OutputFormat.PNG, position=SALIENT)
    alone = convert(upload, others, Limits())
    beside = convert(upload, others | {"salient": salient}, Limits())
    assert all(beside[name] == alone[name] for name in others)
    assert beside.image == alone.image
    assert beside["salient"].data != beside["center"].data


def test_every_frame_of_an_animation_is_cut_in_the_same_place() -> None:
    animation = moving(3, "GIF", (80, 40))
    fields = {"width_px": 20, "height_px": 20, "format": OutputFormat.WEBP, "animated": True}
    made = cut(animation, **fields)
    assert (made.size, made.n_frames) == ((20, 20), 3)
