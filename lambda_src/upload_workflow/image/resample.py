"""Draws a part of a picture at another size, by SIMD where its wheel exists, else by Pillow.

The one place that knows there are two resamplers. Both take the same filters, so a machine
without the wheel gives the same picture, only slower.
"""

from __future__ import annotations

import threading
from enum import IntEnum
from math import ceil, floor

from PIL import Image

try:
    from cykooz_resizer import CropBox, FilterType, ResizeAlg, ResizeOptions, Resizer
except ImportError:  # no wheel for this platform (Linux on arm64, musl)
    SIMD = False
else:
    SIMD = True

    class _Resizers(threading.local):
        """One resizer a thread: it keeps its buffer, and refuses to be used by two at once."""

        def __init__(self) -> None:
            self.mine = Resizer()

    _RESIZERS = _Resizers()


class Filter(IntEnum):
    LANCZOS = Image.Resampling.LANCZOS
    BICUBIC = Image.Resampling.BICUBIC  # two thirds of the work; a little softer


PixelBox = tuple[float, float, float, float]  # left, top, right, bottom in pixels

# Both resamplers first squeeze all rows of the box to the new width and keep them. Drawing in
# strips bounds that: the rows of one strip fit a core's cache and are not 25 MB of new pages
# for a 12-megapixel photo. The result is the same. Smaller strips read more rows twice.
_STRIP_BYTES = 3 << 20
# Alpha is multiplied into colour before and divided out after, in a copy of all pixels given.
_COPY_BYTES = 12 << 20
_REACH = 3  # pixels of the target to both sides of a pixel, of LANCZOS; BICUBIC has 2
_PIXEL_BYTES = 4  # of an RGB or RGBA pixel in Pillow


def resample(
    pixels: Image.Image, size: tuple[int, int], box: PixelBox, filter: Filter = Filter.LANCZOS
) -> Image.Image:
    """The part `box` of an L, RGB, RGBA or CMYK image at `size`.

    Returns `pixels` themselves when that is what was asked for.
    """
    if box == (0, 0, *pixels.size) and size == pixels.size:
        return pixels
    left, top, right, bottom = box
    width, height = size
    squeezed_bytes = width * (bottom - top) * _PIXEL_BYTES
    strips = ceil(squeezed_bytes / _STRIP_BYTES)
    if pixels.mode == "RGBA":
        copied_bytes = pixels.width * (bottom - top) * _PIXEL_BYTES
        strips = max(strips, ceil(copied_bytes / _COPY_BYTES))
    strip_height = ceil(height / strips)
    if strip_height >= height:
        return _strip(pixels, size, box, filter)
    drawn = Image.new(pixels.mode, size, None)
    scale = (bottom - top) / height
    # Of RGBA only the rows that the strip's filter reaches are handed over.
    reach = ceil(_REACH * max(scale, 1.0)) if pixels.mode == "RGBA" else pixels.height
    for y in range(0, height, strip_height):
        end = min(y + strip_height, height)
        strip_top, strip_bottom = top + y * scale, min(top + end * scale, pixels.height)
        first, last = (
            max(0, floor(strip_top) - reach),
            min(pixels.height, ceil(strip_bottom) + reach),
        )
        rows = pixels
        if (first, last) != (0, pixels.height):
            rows = pixels.crop((0, first, pixels.width, last))
        part = (left, strip_top - first, right, strip_bottom - first)
        drawn.paste(_strip(rows, (width, end - y), part, filter), (0, y))
    return drawn


def _strip(
    pixels: Image.Image, size: tuple[int, int], box: PixelBox, filter: Filter
) -> Image.Image:
    if not SIMD:
        return pixels.resize(size, Image.Resampling(filter), box)
    left, top, right, bottom = box
    drawn = Image.new(pixels.mode, size, None)
    kernel = FilterType.lanczos3 if filter is Filter.LANCZOS else FilterType.catmull_rom
    options = ResizeOptions(
        resize_alg=ResizeAlg.convolution(kernel),
        crop_box=CropBox(left, top, right - left, bottom - top),
    )
    _RESIZERS.mine.resize_pil(pixels, drawn, options)
    return drawn
