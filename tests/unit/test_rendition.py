"""The geometry of boxes and fits, by properties."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upload_workflow.image.orientation import TURNS, stored_box, turned
from upload_workflow.image.rendition import (
    MAX_EDGE_PX,
    POSITIONS,
    WHOLE,
    Box,
    Fit,
    Focus,
    Rendition,
    Size,
    lay_out,
)

edges = st.integers(1, 3000)
pictures = st.builds(Size, edges, edges)


def boxes(*fits: Fit) -> st.SearchStrategy[Rendition]:
    return st.builds(
        Rendition,
        width_px=edges,
        height_px=edges,
        fit=st.sampled_from(fits),
        position=st.sampled_from(sorted(POSITIONS)),
        enlarge=st.booleans(),
    )


renditions = boxes(*Fit)
focuses = st.builds(Focus, st.floats(0, 1), st.floats(0, 1))


@given(boxes(*(fit for fit in Fit if fit is not Fit.OUTSIDE)), pictures)
def test_a_rendition_never_exceeds_its_box(rendition: Rendition, picture: Size) -> None:
    layout = lay_out(rendition, picture)
    width, height = layout.canvas or layout.drawn
    assert rendition.width_px is not None
    assert rendition.height_px is not None
    assert 1 <= width <= rendition.width_px
    assert 1 <= height <= rendition.height_px


@given(renditions, pictures)
def test_a_picture_is_never_enlarged_unless_asked(rendition: Rendition, picture: Size) -> None:
    layout = lay_out(rendition, picture)
    shown_width = (layout.box.right - layout.box.left) * picture.width
    shown_height = (layout.box.bottom - layout.box.top) * picture.height
    if not rendition.enlarge:
        assert layout.drawn.width <= shown_width + 1
        assert layout.drawn.height <= shown_height + 1


@given(boxes(*(fit for fit in Fit if fit is not Fit.FILL)), pictures)
def test_the_shape_of_what_is_shown_is_kept(rendition: Rendition, picture: Size) -> None:
    layout = lay_out(rendition, picture)
    box = layout.box
    assert 0 <= box.left < box.right <= 1 + 1e-9
    assert 0 <= box.top < box.bottom <= 1 + 1e-9
    width = (box.right - box.left) * picture.width
    height = (box.bottom - box.top) * picture.height
    drawn = layout.drawn
    # One scale for both sides, but for rounding to whole pixels, of which there is at least one.
    assert any(
        abs(drawn.width - width * scale) <= 1 and abs(drawn.height - height * scale) <= 1
        for scale in (drawn.width / width, drawn.height / height)
    )


@given(renditions, pictures)
def test_what_is_padded_lies_within_its_canvas(rendition: Rendition, picture: Size) -> None:
    layout = lay_out(rendition, picture)
    if layout.canvas:
        assert layout.offset[0] >= 0
        assert layout.offset[1] >= 0
        assert layout.offset[0] + layout.drawn.width <= layout.canvas.width
        assert layout.offset[1] + layout.drawn.height <= layout.canvas.height


@given(boxes(Fit.OUTSIDE), pictures)
def test_outside_is_the_smallest_that_covers_the_box(rendition: Rendition, picture: Size) -> None:
    layout = lay_out(rendition, picture)
    assert layout.box == WHOLE and not layout.canvas
    assert rendition.width_px and rendition.height_px
    over = layout.drawn.width - rendition.width_px, layout.drawn.height - rendition.height_px
    if rendition.enlarge and max(layout.drawn) < MAX_EDGE_PX:
        assert min(over) == 0
    elif min(over) != 0:
        # It would have to grow, or be longer than any format holds.
        assert layout.drawn == picture or max(layout.drawn) == MAX_EDGE_PX


def test_outside_stays_within_what_formats_hold() -> None:
    box = {"width_px": 100, "height_px": 100, "fit": Fit.OUTSIDE}
    assert lay_out(Rendition(**box), Size(100_000, 2)).drawn == (MAX_EDGE_PX, 1)
    assert lay_out(Rendition(**box, enlarge=True), Size(2, 100_000)).drawn == (1, MAX_EDGE_PX)


@given(boxes(Fit.FILL), pictures)
def test_fill_has_the_boxs_shape_and_the_whole_picture(rendition: Rendition, picture: Size) -> None:
    layout = lay_out(rendition, picture)
    assert layout.box == WHOLE and layout.stretched
    assert rendition.width_px and rendition.height_px
    box = Size(rendition.width_px, rendition.height_px)
    if rendition.enlarge or (box.width <= picture.width and box.height <= picture.height):
        assert layout.drawn == box
    else:
        scale = layout.drawn.width / box.width
        assert abs(layout.drawn.height - box.height * scale) <= 1 + box.height / box.width


@given(boxes(Fit.COVER), pictures, focuses)
def test_a_focus_is_cut_to_from_wherever_it_is(
    rendition: Rendition, picture: Size, focus: Focus
) -> None:
    plain, focused = lay_out(rendition, picture), lay_out(rendition, picture, focus)
    assert focused.drawn == plain.drawn
    box = focused.box
    assert (box.width, box.height) == pytest.approx((plain.box.width, plain.box.height))
    assert -1e-9 <= box.left <= focus.x <= box.right + 1e-9 <= 1 + 2e-9
    assert -1e-9 <= box.top <= focus.y <= box.bottom + 1e-9 <= 1 + 2e-9


def test_a_focus_wins_over_the_position() -> None:
    rendition = Rendition(50, 100, fit=Fit.COVER, position="left")
    assert lay_out(rendition, Size(100, 100)).box.left == 0
    assert lay_out(rendition, Size(100, 100), Focus(0.9, 0.5)).box.right == 1


def test_cover_of_a_small_picture_keeps_the_shape_of_the_box() -> None:
    layout = lay_out(Rendition(400, 200, fit=Fit.COVER), Size(100, 100))
    assert layout.drawn == (100, 50)
    assert layout.box == (0, 0.25, 1, 0.75)


def test_one_side_is_enough_for_inside() -> None:
    assert lay_out(Rendition(width_px=100), Size(400, 200)).drawn == (100, 50)
    assert lay_out(Rendition(height_px=100), Size(400, 200)).drawn == (200, 100)
    assert lay_out(Rendition(), Size(400, 200)).drawn == (400, 200)


@given(st.sampled_from(sorted(TURNS)), st.tuples(*[st.floats(0, 0.49)] * 4))
def test_a_box_turned_there_and_back_is_the_same(
    orientation: int, edges: tuple[float, ...]
) -> None:
    box = Box(edges[0], edges[1], 1 - edges[2], 1 - edges[3])
    turn = TURNS[orientation]
    back = {6: TURNS[8], 8: TURNS[6]}.get(orientation, turn)
    assert stored_box(stored_box(box, turn), back) == pytest.approx(box)
    assert turned(turned(Size(3, 5), turn), turn) == (3, 5)
    assert stored_box(WHOLE, turn) == WHOLE


@pytest.mark.parametrize(
    "fields",
    [
        {"width": 100},
        {"width_px": 0},
        {"width_px": 20_000},
        {"width_px": "100"},
        {"width_px": True},
        {"fit": "crop", "width_px": 1},
        {"fit": "cover", "width_px": 1},
        {"format": "gif"},
        {"position": "middle"},
        {"position": "salient"},
        {"position": "salient", "fit": "contain", "width_px": 1, "height_px": 1},
        {"fit": "outside", "width_px": 1},
        {"fit": "fill", "height_px": 1},
        {"background": "white"},
        {"quality": 0},
        {"quality": 101},
    ],
)
def test_a_rendition_that_makes_no_sense_is_refused_in_one_sentence(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        Rendition.from_json(fields)


def test_a_rendition_reads_as_it_is_written() -> None:
    fields = {"width_px": 10, "height_px": 20, "fit": "cover", "format": "auto", "animated": True}
    rendition = Rendition.from_json(fields)
    assert {name: getattr(rendition, name) for name in fields} == fields
