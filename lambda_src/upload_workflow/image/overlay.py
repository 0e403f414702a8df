"""Lays a mark, such as a watermark, on finished pixels.

Knows pixels. Does not know where a mark was read.
"""

from __future__ import annotations

from functools import lru_cache

from PIL import Image

from ..errors import Rejected, UnusableOverlay
from .color import to_srgb
from .decode import Picture
from .limits import Limits, header_within
from .orientation import upright
from .rendition import POSITIONS, Overlay, OverlaySource, Size, fit_inside
from .resample import resample

# A mark is kept, decoded, as long as its worker lives: 16 MB at most.
MARK_LIMITS = Limits(max_bytes=2_000_000, max_pixels=4_000_000)
_MOST_MARKS = 20  # as there are renditions

# Between the mark and the edge, where there is room: a share of the rendition's shorter edge.
_MARGIN = 0.03


@lru_cache(_MOST_MARKS)
def read_mark(data: bytes, source: OverlaySource) -> Image.Image:
    """The mark upright, in sRGB with alpha. Raises UnusableOverlay."""
    try:
        picture = Picture(data, header_within(data, MARK_LIMITS))
        pixels = to_srgb(upright(picture.decode(), picture.turn), picture.colors)
    except Rejected as refusal:
        raise UnusableOverlay(f"The overlay {source} is no use: {refusal.message}") from refusal
    return pixels.convert("RGBA")


def lay(mark: Image.Image, overlay: Overlay, pixels: Image.Image) -> Image.Image:
    """A copy of L, RGB or RGBA pixels with the mark on it: RGB or RGBA."""
    room = Size(max(1, round(pixels.width * overlay.width_percent / 100)), pixels.height)
    size = fit_inside(Size(*mark.size), room, enlarge=True)
    drawn = resample(mark, size, (0, 0, *mark.size))
    if overlay.opacity_percent < 100:
        drawn = drawn.copy()
        share = overlay.opacity_percent
        drawn.putalpha(drawn.getchannel("A").point([value * share // 100 for value in range(256)]))
    across, down = POSITIONS[overlay.position]
    margin = round(min(pixels.size) * _MARGIN)
    at = (
        _place(pixels.width - size.width, across, margin),
        _place(pixels.height - size.height, down, margin),
    )
    laid = pixels.copy() if pixels.mode == "RGBA" else pixels.convert("RGBA")
    laid.alpha_composite(drawn, at)
    return laid if pixels.mode == "RGBA" else laid.convert("RGB")


def _place(room: int, share: float, margin: int) -> int:
    margin = min(margin, room // 2)
    return round(margin + (room - 2 * margin) * share)
