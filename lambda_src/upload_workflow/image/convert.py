"""From the bytes of one upload to the bytes of all its renditions: the heart.

Reads as the way of one image. Knows nothing of AWS or files.
"""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from PIL import Image

from ..errors import Rejected, RejectionCode, Unforeseen
from .cascade import Drawing, draw, whole_size
from .color import to_srgb
from .converted import Converted, Encoded, ImageFacts
from .decode import Picture, pillow_bounded
from .encode import Motion, can_move, encode, on_canvas
from .exif import credits_in
from .header import Header
from .limits import Deadline, Limits, Work, header_within, refuse_by_work
from .orientation import upright
from .overlay import lay, read_mark
from .placeholder import SAMPLE_PX, dominant_color, thumbhash
from .readers.reader import Frame
from .rendition import (
    NO_MARKS,
    SALIENT,
    WHOLE,
    Focus,
    Layout,
    Marks,
    OverlaySource,
    Rendition,
    Size,
    fit_inside,
    lay_out,
    overlay_sources,
)
from .salience import salient_focus

__all__ = ["Converted", "Encoded", "ImageFacts", "Limits", "Rendition", "convert"]


def convert(
    upload: bytes,
    renditions: Mapping[str, Rendition],
    limits: Limits,
    marks: Marks = NO_MARKS,
    focus: tuple[float, float] | None = None,
) -> Converted:
    """Make every rendition from one decode.

    focus: what crops keep in sight, whatever their position says: across and down, from 0 to 1.
    Raises Rejected for whatever is wrong with the upload, UnusableOverlay for a mark, and nothing
    else. The same upload, renditions, limits, marks and focus give the same bytes.
    """
    read = {source: read_mark(marks[source], source) for source in overlay_sources(renditions)}
    with pillow_bounded(limits), _escapes_refused(limits):
        return _convert(upload, renditions, limits, read, Focus(*focus) if focus else None)


@contextmanager
def _escapes_refused(limits: Limits) -> Iterator[None]:
    """Whatever a picture makes anybody raise is the picture's fault, also where nobody knew of it.

    Pillow's warnings stay away: a file may hold as many reasons for one as it likes.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Rejected:
        raise
    except MemoryError as error:
        raise Rejected(
            RejectionCode.TOO_MUCH_MEMORY,
            f"The image takes more than {limits.max_memory_mb} MB to convert. Send fewer pixels.",
        ) from error
    except Exception as error:
        raise Unforeseen(traceback.format_exc()) from error


@dataclass(frozen=True)
class _Plan:
    """How each rendition is laid out, and which of them keep the motion.

    sample: the small drawing of the whole picture that placeholder and salience are read from.
    """

    layouts: Mapping[str, Layout]
    moving: tuple[str, ...]
    sample: Drawing

    @property
    def drawings(self) -> Mapping[str, Drawing]:
        return {
            name: Drawing(layout.box, layout.drawn, layout.stretched)
            for name, layout in self.layouts.items()
        }


@dataclass(frozen=True)
class _Drawn:
    """frames: of each rendition, before background and overlay. layouts: as they were drawn."""

    frames: Mapping[str, list[Image.Image]]
    layouts: Mapping[str, Layout]
    motion: Motion
    sample: Image.Image


def _convert(
    upload: bytes,
    renditions: Mapping[str, Rendition],
    limits: Limits,
    marks: Mapping[OverlaySource, Image.Image],
    focus: Focus | None,
) -> Converted:
    deadline = Deadline(limits.max_seconds)
    header = header_within(upload, limits)
    picture = Picture(upload, header)
    plan = _lay_out(picture, header, renditions, focus)
    refuse_by_work(header, len(upload), _work(picture, plan, renditions), limits)
    salient = [
        name
        for name, rendition in renditions.items()
        if rendition.position == SALIENT and not focus
    ]
    drawn = _draw(picture, plan, {name: renditions[name] for name in salient}, deadline)
    encoded = _encode(picture, drawn, renditions, marks, deadline)
    facts = ImageFacts(
        format=header.format,
        width=picture.size.width,
        height=picture.size.height,
        frames=picture.pages or header.frames,
        dominant_color=dominant_color(drawn.sample),
        placeholder=thumbhash(drawn.sample),
    )
    return Converted(facts, encoded)


def _lay_out(
    picture: Picture, header: Header, renditions: Mapping[str, Rendition], focus: Focus | None
) -> _Plan:
    return _Plan(
        layouts={
            name: lay_out(rendition, picture.size, focus) for name, rendition in renditions.items()
        },
        moving=tuple(
            name
            for name, rendition in renditions.items()
            if rendition.animated and header.animated and can_move(rendition.format)
        ),
        sample=Drawing(WHOLE, fit_inside(picture.size, Size(SAMPLE_PX, SAMPLE_PX))),
    )


def _work(picture: Picture, plan: _Plan, renditions: Mapping[str, Rendition]) -> Work:
    # What an overlay is laid on is a copy.
    made_pixels = {
        name: layout.pixels * (2 if renditions[name].overlay else 1)
        for name, layout in plan.layouts.items()
    }
    return Work(
        decoded_pixels=picture.decoded_pixels(whole_size(plan.drawings.values(), picture.size)),
        made_pixels=sum(made_pixels.values()),
        moving_pixels=sum(made_pixels[name] for name in plan.moving),
    )


def _draw(
    picture: Picture, plan: _Plan, salient: Mapping[str, Rendition], deadline: Deadline
) -> _Drawn:
    """Decode once and draw everything. salient: the renditions that are cut where it shows."""
    shown = picture.frames() if plan.moving else iter([Frame(picture.decode(), 0)])
    first = next(shown)
    if salient:
        # What stands out is looked for where the placeholder comes from, before anything is cut.
        seen = _frame(picture, first.pixels, {plan.sample})[plan.sample]
        cut = {
            name: lay_out(rendition, picture.size, salient_focus(seen, plan.layouts[name].box))
            for name, rendition in salient.items()
        }
        plan = replace(plan, layouts={**plan.layouts, **cut})
    drawings = plan.drawings
    drawn = _frame(picture, first.pixels, {plan.sample, *drawings.values()})
    deadline.check()
    frames = {name: [drawn[drawing]] for name, drawing in drawings.items()}
    motion = Motion([first.duration_ms], picture.loop)
    for frame in shown:
        later = _frame(picture, frame.pixels, {drawings[name] for name in plan.moving})
        for name in plan.moving:
            frames[name].append(later[drawings[name]])
        motion.durations_ms.append(frame.duration_ms)
        deadline.check()
    return _Drawn(frames, plan.layouts, motion, drawn[plan.sample])


def _encode(
    picture: Picture,
    drawn: _Drawn,
    renditions: Mapping[str, Rendition],
    marks: Mapping[OverlaySource, Image.Image],
    deadline: Deadline,
) -> dict[str, Encoded]:
    encoded = {}
    for name, rendition in renditions.items():
        layout, background = drawn.layouts[name], rendition.background
        finished = [on_canvas(frame, layout, background) for frame in drawn.frames[name]]
        if overlay := rendition.overlay:
            finished = [lay(marks[overlay.source], overlay, frame) for frame in finished]
        kept = credits_in(picture.exif) if rendition.keep_copyright else b""
        encoded[name] = encode(finished, drawn.motion, rendition, kept)
        deadline.check()
    return encoded


def _frame(
    picture: Picture, pixels: Image.Image, drawings: set[Drawing]
) -> dict[Drawing, Image.Image]:
    """One frame at every wanted size, upright and in sRGB."""

    def finish(stored: Image.Image) -> Image.Image:
        return to_srgb(upright(stored, picture.turn), picture.colors)

    return draw(pixels, picture.size, picture.turn, drawings, finish)
