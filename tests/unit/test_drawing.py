"""Resampling and the cascade: the two resamplers agree, and nothing is drawn twice."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageStat

import upload_workflow.image.resample as resampler
from tests.support.pictures import scene
from upload_workflow.image.cascade import CASCADE_GAP, Drawing, draw, plan
from upload_workflow.image.rendition import WHOLE, Box, Size
from upload_workflow.image.resample import Filter, resample

needs_simd = pytest.mark.skipif(not resampler.SIMD, reason="no wheel of the resampler here")


def greatest_difference(one: Image.Image, other: Image.Image) -> int:
    extrema = ImageChops.difference(one, other).getextrema()
    bands = extrema if isinstance(extrema[0], tuple) else (extrema,)
    return max(int(high) for _, high in bands)


@needs_simd
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("filter", list(Filter))
def test_both_resamplers_draw_the_same_picture(
    mode: str, filter: Filter, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture, box = scene().convert(mode), (3.3, 10.7, 590.2, 399.5)
    by_simd = resample(picture, (201, 133), box, filter)
    monkeypatch.setattr(resampler, "SIMD", False)
    by_pillow = resample(picture, (201, 133), box, filter)
    # They round between their two passes in another way; at hard edges that shows most.
    assert greatest_difference(by_simd, by_pillow) <= 12
    assert max(ImageStat.Stat(ImageChops.difference(by_simd, by_pillow)).mean) < 0.5


@pytest.mark.parametrize("simd", [pytest.param(True, marks=needs_simd), False])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "CMYK"])
@pytest.mark.parametrize("filter", list(Filter))
def test_strips_draw_what_one_piece_draws(
    mode: str, filter: Filter, simd: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resampler, "SIMD", simd)
    picture, box = scene().convert(mode), (3.3, 10.7, 590.2, 399.5)
    whole = resample(picture, (201, 133), box, filter)
    monkeypatch.setattr(resampler, "_STRIP_BYTES", 30_000)
    assert greatest_difference(whole, resample(picture, (201, 133), box, filter)) <= 1


@pytest.mark.parametrize("simd", [pytest.param(True, marks=needs_simd), False])
def test_what_is_transparent_does_not_bleed_into_what_is_not(
    simd: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resampler, "SIMD", simd)
    picture = Image.new("RGBA", (200, 200), (255, 0, 0, 0))
    picture.paste((0, 0, 255, 255), (100, 0, 200, 200))
    drawn = resample(picture, (21, 21), (0, 0, 200, 200))
    for x in range(21):
        red, _, _, alpha = drawn.getpixel((x, 10))
        assert alpha < 8 or red == 0


sizes = st.builds(Size, st.integers(1, 90), st.integers(1, 90))
boxes = st.sampled_from([WHOLE, Box(0.25, 0, 0.75, 1), Box(0, 0.5, 1, 1)])
drawings = st.builds(Drawing, boxes, sizes)


@given(st.lists(drawings, min_size=1, max_size=6))
def test_every_drawing_comes_from_all_pixels_or_from_enough_larger_ones(
    wanted: list[Drawing],
) -> None:
    planned = plan(wanted)
    order = list(planned)
    assert set(order) == set(wanted)
    for drawing, parent in planned.items():
        if parent is not None:
            assert parent.box == WHOLE
            assert order.index(parent) < order.index(drawing)
            assert max(parent.size) >= CASCADE_GAP * max(drawing.whole)
    from_all_pixels = [parent is None for parent in planned.values()]
    assert from_all_pixels == sorted(from_all_pixels, reverse=True)


@given(st.lists(drawings, min_size=1, max_size=4))
@settings(max_examples=25, deadline=None)
def test_each_drawing_has_the_size_that_was_asked_for(wanted: list[Drawing]) -> None:
    picture = scene(100, 80)
    drawn = draw(picture, Size(100, 80), None, wanted, lambda pixels: pixels)
    assert {drawing: pixels.size for drawing, pixels in drawn.items()} == {
        drawing: drawing.size for drawing in wanted
    }


def test_what_is_squeezed_is_no_source_for_others_and_needs_enough_in_both_directions() -> None:
    level = Drawing(WHOLE, Size(1000, 100))
    squeezed = Drawing(WHOLE, Size(900, 90), stretched=True)
    small = Drawing(WHOLE, Size(300, 30))
    high = Drawing(WHOLE, Size(90, 90), stretched=True)
    tiny = Drawing(WHOLE, Size(60, 60), stretched=True)
    parents = plan([level, squeezed, small, high, tiny])
    assert parents == {level: None, squeezed: None, high: None, small: level, tiny: level}
