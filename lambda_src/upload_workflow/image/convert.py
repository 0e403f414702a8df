"""From the bytes of one upload to the bytes of all its renditions: the heart.

Reads as the way of one image. Knows nothing of AWS or files.
"""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from PIL import Image

from ..errors import Rejected, RejectionCode, Unforeseen
from .cascade import Drawing, draw, whole_size
from .color import to_srgb
from .converted import Converted, Encoded, ImageFacts
from .decode import Picture, pillow_bounded
from .encode import Motion, can_move, encode, on_canvas
from .exif import credits_in
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
    with pillow_bounded(limits), _escapes_refused():
        return _convert(upload, renditions, limits, read, Focus(*focus) if focus else None)


@contextmanager
def _escapes_refused() -> Iterator[None]:
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
            "The image takes more memory to convert than is allowed. Send fewer pixels.",
        ) from error
    except Exception as error:
        raise Unforeseen(traceback.format_exc()) from error


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
    layouts = {
        name: lay_out(rendition, picture.size, focus) for name, rendition in renditions.items()
    }
    salient = [
        name
        for name, rendition in renditions.items()
        if rendition.position == SALIENT and not focus
    ]
    moving = [
        name
        for name, rendition in renditions.items()
        if rendition.animated and header.animated and can_move(rendition.format)
    ]
    drawings = {name: _drawing(layout) for name, layout in layouts.items()}
    sample = Drawing(WHOLE, fit_inside(picture.size, Size(SAMPLE_PX, SAMPLE_PX)))
    # What an overlay is laid on is a copy.
    made_pixels = {
        name: layout.pixels * (2 if renditions[name].overlay else 1)
        for name, layout in layouts.items()
    }
    work = Work(
        decoded_pixels=picture.decoded_pixels(whole_size(drawings.values(), picture.size)),
        made_pixels=sum(made_pixels.values()),
        moving_pixels=sum(made_pixels[name] for name in moving),
    )
    refuse_by_work(header, len(upload), work, limits)
    shown = picture.frames() if moving else iter([Frame(picture.decode(), 0)])
    first = next(shown)
    if salient:
        # What stands out is looked for where the placeholder comes from, before anything is cut.
        seen = _drawn(picture, first.pixels, {sample})[sample]
        for name in salient:
            found = salient_focus(seen, layouts[name].box)
            layouts[name] = lay_out(renditions[name], picture.size, found)
            drawings[name] = _drawing(layouts[name])
    drawn = _drawn(picture, first.pixels, {sample, *drawings.values()})
    deadline.check()

    frames = {name: [drawn[drawing]] for name, drawing in drawings.items()}
    motion = Motion([first.duration_ms], picture.loop)
    for frame in shown:
        later = _drawn(picture, frame.pixels, {drawings[name] for name in moving})
        for name in moving:
            frames[name].append(later[drawings[name]])
        motion.durations_ms.append(frame.duration_ms)
        deadline.check()

    encoded = {}
    for name, rendition in renditions.items():
        finished = [on_canvas(frame, layouts[name], rendition.background) for frame in frames[name]]
        if overlay := rendition.overlay:
            finished = [lay(marks[overlay.source], overlay, frame) for frame in finished]
        kept = credits_in(picture.exif) if rendition.keep_copyright else b""
        encoded[name] = encode(finished, motion, rendition, kept)
        deadline.check()
    facts = ImageFacts(
        format=header.format,
        width=picture.size.width,
        height=picture.size.height,
        frames=picture.pages or header.frames,
        dominant_color=dominant_color(drawn[sample]),
        placeholder=thumbhash(drawn[sample]),
    )
    return Converted(facts, encoded)


def _drawing(layout: Layout) -> Drawing:
    return Drawing(layout.box, layout.drawn, layout.stretched)


def _drawn(
    picture: Picture, pixels: Image.Image, drawings: set[Drawing]
) -> dict[Drawing, Image.Image]:
    def finish(stored: Image.Image) -> Image.Image:
        return to_srgb(upright(stored, picture.turn), picture.colors)

    return draw(pixels, picture.size, picture.turn, drawings, finish)
