"""Draws a picture at every wanted size, each from the fewest pixels that keep its quality.

Knows sizes and resampling. Does not know formats, colours or metadata.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import ceil
from typing import NamedTuple

from PIL import Image

from .orientation import Turn, stored_box, turned
from .rendition import WHOLE, Box, Size
from .resample import Filter, resample

# A picture drawn from one that is only a little larger is blurred twice. From this gap on,
# SSIM against drawing from all pixels stays above 0.99 (docs/performance.md).
CASCADE_GAP = 1.3

# From this reduction on, BICUBIC from all pixels of a photo keeps SSIM to LANCZOS above 0.995
# for half the CPU, which matters from this many pixels on. After a decoder has scaled, its
# losses and BICUBIC's would add up: then LANCZOS.
BICUBIC_GAP = 1.5
BICUBIC_PIXELS = 4_000_000


class Drawing(NamedTuple):
    """A part of the upright picture, and the size it is drawn at.

    stretched: not in the picture's shape.
    """

    box: Box
    size: Size
    stretched: bool = False

    @property
    def whole(self) -> tuple[float, float]:
        """The size that the whole picture has at this drawing's scale."""
        return self.size.width / self.box.width, self.size.height / self.box.height

    def can_come_from(self, level: Size) -> bool:
        """Whether the whole picture at this size, not stretched, is enough to draw it from."""
        if self.stretched:
            wide, high = self.whole
            return level.width >= CASCADE_GAP * wide and level.height >= CASCADE_GAP * high
        return max(level) >= CASCADE_GAP * max(self.whole)


def plan(drawings: Iterable[Drawing]) -> dict[Drawing, Drawing | None]:
    """From which other drawing each is drawn (None: the decoded pixels), in order of drawing.

    What needs the decoded pixels comes first, so that they can be freed early.
    """
    levels: list[Drawing] = []
    parents: dict[Drawing, Drawing | None] = {}
    for drawing in sorted(set(drawings), key=lambda d: (max(d.whole), d), reverse=True):
        parents[drawing] = next(
            (level for level in reversed(levels) if drawing.can_come_from(level.size)), None
        )
        if drawing.box == WHOLE and not drawing.stretched:
            levels.append(drawing)
    return dict(sorted(parents.items(), key=lambda item: item[1] is not None))


def whole_size(drawings: Iterable[Drawing], picture: Size) -> Size:
    """The size at which the whole picture is needed for all of them, at most its own."""
    widths, heights = zip(*(drawing.whole for drawing in drawings), strict=True)
    return Size(min(ceil(max(widths)), picture.width), min(ceil(max(heights)), picture.height))


def draw(
    decoded: Image.Image,
    picture: Size,
    turn: Turn,
    drawings: Iterable[Drawing],
    finish: Callable[[Image.Image], Image.Image],
) -> dict[Drawing, Image.Image]:
    """Draw all; `decoded` is closed as soon as its pixels are no longer needed.

    picture: its upright size; `decoded` may have fewer pixels.
    finish: makes stored pixels upright sRGB; called for each drawing made from `decoded`.
    """
    drawn: dict[Drawing, Image.Image] = {}
    scaled_by_decoder = decoded.size != turned(picture, turn)
    large = decoded.width * decoded.height >= BICUBIC_PIXELS
    for drawing, parent in plan(drawings).items():
        if parent is None:
            size = turned(drawing.size, turn)
            box = _pixel_box(stored_box(drawing.box, turn), decoded)
            shrinks = box[2] - box[0] >= BICUBIC_GAP * size.width
            fast = large and shrinks and not scaled_by_decoder
            filter = Filter.BICUBIC if fast else Filter.LANCZOS
            drawn[drawing] = finish(resample(decoded, size, box, filter))
            continue
        if not any(decoded is pixels for pixels in drawn.values()):
            decoded.close()
        pixels = drawn[parent]
        drawn[drawing] = resample(pixels, drawing.size, _pixel_box(drawing.box, pixels))
    return drawn


def _pixel_box(box: Box, pixels: Image.Image) -> tuple[float, float, float, float]:
    width, height = pixels.size
    return box.left * width, box.top * height, box.right * width, box.bottom * height
