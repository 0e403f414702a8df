"""Resamples pixels with LANCZOS, by SIMD where its wheel exists, otherwise by Pillow.

The one place that knows there are two resamplers. Both take the same filter, so a machine
without the wheel gives the same picture, only slower.
"""

from __future__ import annotations

from PIL import Image

try:
    from cykooz_resizer import CropBox, FilterType, ResizeAlg, ResizeOptions, Resizer
except ImportError:  # no wheel for this platform (Linux on arm64, musl)
    SIMD = False
else:
    SIMD = True

PixelBox = tuple[float, float, float, float]


def resample(pixels: Image.Image, size: tuple[int, int], box: PixelBox) -> Image.Image:
    """The part `box` (left, top, right, bottom in pixels) of an L, RGB or RGBA image at `size`."""
    if not SIMD:
        return pixels.resize(size, Image.Resampling.LANCZOS, box)
    left, top, right, bottom = box
    drawn = Image.new(pixels.mode, size)
    options = ResizeOptions(
        resize_alg=ResizeAlg.convolution(FilterType.lanczos3),
        crop_box=CropBox(left, top, right - left, bottom - top),
    )
    Resizer().resize_pil(pixels, drawn, options)
    return drawn
