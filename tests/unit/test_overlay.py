"""A mark on a rendition: where it lies, how large, and what happens when it is no use."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.support.pictures import moving, opened, saved, scene, with_orientation
from upload_workflow.errors import Rejected, UnusableOverlay
from upload_workflow.image.convert import convert
from upload_workflow.image.limits import Limits
from upload_workflow.image.overlay import lay, read_mark
from upload_workflow.image.rendition import (
    POSITIONS,
    Fit,
    Marks,
    OutputFormat,
    Overlay,
    Rendition,
    overlay_sources,
)

RED = Image.new("RGBA", (40, 20), (255, 0, 0, 255))
OVERLAY = Overlay("brand", "mark.png")
MARKS: Marks = {OVERLAY.source: saved(RED, "PNG")}
edges = st.integers(1, 300)


def stamped(upload: bytes, overlay: Overlay = OVERLAY, **fields: object) -> Image.Image:
    rendition = Rendition(**{"format": OutputFormat.PNG, "overlay": overlay} | fields)
    return opened(convert(upload, {"one": rendition}, Limits(), MARKS)["one"].data)


def reds(picture: Image.Image) -> tuple[int, int, int, int] | None:
    """The box around what is red."""
    red, green, blue = picture.convert("RGB").split()
    mask = red.point(lambda v: 255 * (v > 200))
    for other in (green, blue):
        mask.paste(0, mask=other.point(lambda v: 255 * (v > 60)))
    return mask.getbbox()


@given(
    st.builds(
        Overlay,
        st.just("b"),
        st.just("k"),
        st.sampled_from(sorted(POSITIONS)),
        st.integers(1, 100),
    ),
    edges,
    edges,
    edges,
    edges,
)
def test_a_mark_lies_within_the_rendition_in_its_own_shape(
    overlay: Overlay, width: int, height: int, wide: int, high: int
) -> None:
    mark = Image.new("RGBA", (wide, high), (255, 0, 0, 255))
    box = reds(lay(mark, overlay, Image.new("RGB", (width, height), "white")))
    assert box is not None
    left, top, right, bottom = box
    drawn = right - left, bottom - top
    assert drawn[0] <= max(1, round(width * overlay.width_percent / 100)) and drawn[1] <= height
    assert any(
        abs(drawn[0] - wide * scale) <= 1 and abs(drawn[1] - high * scale) <= 1
        for scale in (drawn[0] / wide, drawn[1] / high)
    )
    # As far from the edge that its position names as from no other.
    across, down = POSITIONS[overlay.position]
    for share, before, after in (
        (across, left, width - right),
        (down, top, height - bottom),
    ):
        assert abs(before - after) <= 1 or (before < after if share == 0 else after < before)
        assert share != 0.5 or abs(before - after) <= 1


@pytest.mark.parametrize("format", list(OutputFormat))
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_a_mark_is_laid_on_every_mode_and_format(format: OutputFormat, mode: str) -> None:
    upload = saved(Image.new(mode, (200, 100), "white"), "PNG")
    assert reds(stamped(upload, format=format)) == pytest.approx((147, 72, 197, 97), abs=3)


def test_a_mark_is_laid_on_the_upright_finished_rendition() -> None:
    upload = with_orientation(Image.new("RGB", (200, 100), "white"), 6, "JPEG")
    assert reds(stamped(upload, width_px=100, height_px=100, fit=Fit.CONTAIN)) == pytest.approx(
        (72, 85, 97, 97), abs=2
    )


def test_opacity_lets_the_picture_through() -> None:
    overlay = Overlay("brand", "mark.png", "center", 100, opacity_percent=50)
    middle = stamped(saved(Image.new("RGB", (40, 20), "white"), "PNG"), overlay).getpixel((20, 10))
    assert middle == pytest.approx((255, 128, 128), abs=2)


def test_what_is_transparent_under_a_mark_stays_so_around_it() -> None:
    upload = saved(Image.new("RGBA", (200, 100), (0, 0, 0, 0)), "PNG")
    made = stamped(upload)
    assert made.getpixel((10, 10))[3] == 0
    assert made.getpixel((170, 85)) == (255, 0, 0, 255)


def test_every_frame_of_an_animation_carries_the_mark() -> None:
    made = stamped(moving(3, "GIF", (80, 40)), format=OutputFormat.WEBP, animated=True)
    assert made.n_frames == 3
    for frame in range(3):
        made.seek(frame)
        red, green, blue = made.convert("RGB").getpixel((70, 34))
        assert red > 200 and green < 60 and blue < 60


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_rendition_without_a_mark_keeps_its_bytes_beside_one_with_it(mode: str) -> None:
    upload = saved(scene().convert(mode), "PNG")
    plain = {"plain": Rendition(100, 100)}
    both = {"stamped": Rendition(100, 100, overlay=OVERLAY)} | plain
    made = convert(upload, both, Limits(), MARKS)
    assert made["plain"] == convert(upload, plain, Limits())["plain"]
    assert made["stamped"].data != made["plain"].data
    assert made == convert(upload, both, Limits(), MARKS)


def test_sources_are_read_once_each() -> None:
    renditions = {
        "a": Rendition(10, overlay=Overlay("b", "2", "top")),
        "b": Rendition(10, overlay=Overlay("b", "2")),
        "c": Rendition(10, overlay=Overlay("b", "1")),
        "d": Rendition(10),
    }
    assert overlay_sources(renditions) == [("b", "1"), ("b", "2")]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no picture",
        saved(RED, "PNG")[:60],
        saved(Image.new("L", (2100, 2000)), "PNG"),  # 4.2 megapixels
        saved(RED, "PNG") + bytes(2_000_000),
    ],
    ids=["empty", "text", "cut off", "too many pixels", "too many bytes"],
)
def test_a_mark_that_is_no_use_is_our_fault_and_not_the_uploads(data: bytes) -> None:
    with pytest.raises(UnusableOverlay, match=r"^The overlay s3://brand/mark.png is no use: .*\.$"):
        convert(
            saved(scene(), "JPEG"),
            {"a": Rendition(10, overlay=OVERLAY)},
            Limits(),
            {OVERLAY.source: data},
        )


def test_a_broken_upload_is_still_its_own_fault() -> None:
    with pytest.raises(Rejected):
        convert(b"no picture", {"a": Rendition(10, overlay=OVERLAY)}, Limits(), MARKS)


def test_a_mark_is_decoded_once() -> None:
    read_mark.cache_clear()
    for _ in range(3):
        stamped(saved(scene(), "JPEG"))
    assert (read_mark.cache_info().misses, read_mark.cache_info().hits) == (1, 2)


@pytest.mark.parametrize(
    "overlay",
    [
        "mark.png",
        {"bucket": "brand"},
        {"key": "mark.png"},
        {"bucket": "brand", "key": ""},
        {"bucket": "brand", "key": "mark.png", "position": "salient"},
        {"bucket": "brand", "key": "mark.png", "width_percent": 0},
        {"bucket": "brand", "key": "mark.png", "opacity_percent": 101},
        {"bucket": "brand", "key": "mark.png", "size": 1},
    ],
)
def test_an_overlay_that_makes_no_sense_is_refused_in_one_sentence(overlay: object) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        Rendition.from_json({"width_px": 10, "overlay": overlay})


def test_an_overlay_reads_as_it_is_written() -> None:
    said = {"bucket": "brand", "key": "mark.png", "position": "top", "width_percent": 10}
    assert Rendition.from_json({"overlay": said}).overlay == Overlay(**said)
    assert Rendition.from_json({"overlay": None}).overlay is None
