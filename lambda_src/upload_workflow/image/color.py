"""How pixels of any colours become 8-bit sRGB: L, RGB or RGBA.

What a file says of its colours is put into one language, the ICC profile, by `colorimetry`. Knows
Pillow's modes. Does not know sizes or formats.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, TypeAlias

from PIL import Image

from .profile import PICTURE_CLASSES

if TYPE_CHECKING:
    from .colorimetry import CodePoints, Gamma

# What a file says of its colours: an ICC profile, one of these, or nothing, which means sRGB.
Colors: TypeAlias = "bytes | CodePoints | Gamma | None"


def to_resamplable(image: Image.Image) -> Image.Image:
    """Widen palettes and narrow 16 bits, which cannot be averaged as they are."""
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        from . import samples  # noqa: PLC0415, most uploads have 8 bits

        if image.mode in ("I", "F"):
            return samples.stretched(image)
        return samples.scaled(image, 16)
    if image.mode == "LAB":
        return _lab_to_srgb(image)
    if image.mode == "RGBA" or image.has_transparency_data:
        mode = "RGBA"
    elif image.mode in ("1", "L"):
        mode = "L"
    else:
        mode = "CMYK" if image.mode == "CMYK" else "RGB"
    return image if image.mode == mode else image.convert(mode)


def without_idle_alpha(pixels: Image.Image) -> Image.Image:
    """RGB of an RGBA picture that hides nothing: less to draw and to encode."""
    if pixels.mode == "RGBA" and pixels.getchannel("A").getextrema() == (255, 255):
        return pixels.convert("RGB")
    return pixels


def _lab_to_srgb(image: Image.Image) -> Image.Image:
    from PIL import ImageCms  # noqa: PLC0415, see _by_profile

    transform = ImageCms.buildTransform(
        ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB"
    )
    converted = ImageCms.applyTransform(image, transform)
    return image.convert("RGB") if converted is None else converted


def to_srgb(pixels: Image.Image, colors: Colors) -> Image.Image:
    """Convert by what the file says; where it says nothing, or nonsense, sRGB is assumed."""
    profile = None
    if colors is not None:
        from .colorimetry import is_srgb, profile_of  # noqa: PLC0415, many uploads say nothing

        profile = colors if isinstance(colors, bytes) else profile_of(colors)
        if profile and is_srgb(profile):
            profile = None
    alpha = pixels.getchannel("A") if pixels.mode == "RGBA" else None
    if profile:
        pixels = _by_profile(pixels, profile)
    if pixels.mode == "CMYK":
        pixels = pixels.convert("RGB")
    if alpha is not None and pixels.mode != "RGBA":
        pixels = pixels.convert("RGB")
        pixels.putalpha(alpha)
    return pixels


def _by_profile(pixels: Image.Image, icc_profile: bytes) -> Image.Image:
    # Imported late: most uploads carry sRGB or no profile, and lcms costs 3 ms to load.
    from PIL import ImageChops, ImageCms  # noqa: PLC0415

    if icc_profile[12:16] not in PICTURE_CLASSES:
        return pixels
    source = pixels.convert("RGB") if pixels.mode == "RGBA" else pixels
    space = icc_profile[16:20]
    if space == b"RGB " and source.mode == "L":
        source = source.convert("RGB")  # as browsers: the three channels happen to be equal
    elif space == b"GRAY" and source.mode == "RGB":
        red, green, blue = source.split()
        if any(ImageChops.difference(red, other).getbbox() for other in (green, blue)):
            return pixels  # a profile for other channels
        source = red
    try:
        profile = ImageCms.getOpenProfile(io.BytesIO(icc_profile))
        transform = ImageCms.buildTransform(
            profile,
            ImageCms.createProfile("sRGB"),
            source.mode,
            "RGB",
            ImageCms.Intent.PERCEPTUAL,
        )
        converted = ImageCms.applyTransform(source, transform)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return pixels  # a profile for other channels, or a broken one: as browsers, ignore it
    return pixels if converted is None else converted
