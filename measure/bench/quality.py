"""How near each rendition comes to LANCZOS from all pixels, before encoding, as SSIM.

SSIM after Wang et al. 2004 on luma, Gaussian window of sigma 1.5, computed by libvips.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pyvips
from PIL import Image, ImageOps

from upload_workflow.image.convert import convert
from upload_workflow.image.limits import Limits
from upload_workflow.image.rendition import OutputFormat, Rendition

from .sample import SIZES


def ssim_of_renditions(photo: Path) -> dict[int, float]:
    """SSIM by the size of the rendition. Renditions are PNGs, so that encoding loses nothing."""
    upload = photo.read_bytes()
    renditions = {str(size): Rendition(size, size, format=OutputFormat.PNG) for size in SIZES}
    converted = convert(upload, renditions, Limits(max_memory_mb=4000))
    whole = ImageOps.exif_transpose(Image.open(io.BytesIO(upload))).convert("RGB")
    found = {}
    for size in SIZES:
        made = Image.open(io.BytesIO(converted[str(size)].data))
        reference = whole.resize(made.size, Image.Resampling.LANCZOS)
        found[size] = ssim(_luma(made), _luma(reference))
    return found


def _luma(image: Image.Image) -> Any:
    grey = image.convert("L")
    return pyvips.Image.new_from_memory(grey.tobytes(), *grey.size, 1, "uchar").cast("float")


def ssim(one: Any, other: Any) -> float:
    def blurred(image: Any) -> Any:
        return image.gaussblur(1.5, precision="float", min_ampl=0.001)

    mean_one, mean_other = blurred(one), blurred(other)
    variance_one = blurred(one * one) - mean_one * mean_one
    variance_other = blurred(other * other) - mean_other * mean_other
    covariance = blurred(one * other) - mean_one * mean_other
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    above = (mean_one * mean_other * 2 + c1) * (covariance * 2 + c2)
    below = (mean_one * mean_one + mean_other * mean_other + c1) * (
        variance_one + variance_other + c2
    )
    return float((above / below).avg())
