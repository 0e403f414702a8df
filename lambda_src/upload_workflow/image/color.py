"""Brings the pixels of any accepted image to 8-bit sRGB: L, RGB or RGBA.

Knows Pillow's modes and ICC profiles. Does not know sizes or formats.
"""

from __future__ import annotations

import io

from PIL import Image


def to_resamplable(image: Image.Image) -> Image.Image:
    """Widen palettes and narrow 16 bits, which cannot be averaged as they are."""
    if image.mode in ("I;16", "I;16L", "I;16B", "I;16N", "I", "F"):
        return _to_8_bits(image)
    if image.mode == "LAB":
        return _lab_to_srgb(image)
    if image.mode == "RGBA" or image.has_transparency_data:
        mode = "RGBA"
    elif image.mode in ("1", "L"):
        mode = "L"
    else:
        mode = "CMYK" if image.mode == "CMYK" else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Scale, never clip: a plain convert("L") would turn all above 255 white."""
    if image.mode.startswith("I;16"):
        if image.mode != "I;16":
            image = image.convert("I")  # of the other byte order
        return image.point(lambda value: value * (255 / 65535) + 0.5).convert("L")
    low, high = image.getextrema()
    low, high = float(low), float(high)  # type: ignore[arg-type]
    if image.mode == "I" and low >= 0 and high <= 255:
        return image.convert("L")
    if image.mode == "I" and low >= 0 and high <= 65535:
        return image.point(lambda value: value * (255 / 65535) + 0.5).convert("L")
    scale = 255 / (high - low) if high > low else 0.0
    return image.point(lambda value: value * scale + (0.5 - low * scale)).convert("L")


def _lab_to_srgb(image: Image.Image) -> Image.Image:
    from PIL import ImageCms  # noqa: PLC0415, see _by_profile

    transform = ImageCms.buildTransform(
        ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB"
    )
    converted = ImageCms.applyTransform(image, transform)
    return image.convert("RGB") if converted is None else converted


def to_srgb(pixels: Image.Image, icc_profile: bytes | None) -> Image.Image:
    """Convert by the embedded profile; without one, or with a broken one, sRGB is assumed."""
    alpha = pixels.getchannel("A") if pixels.mode == "RGBA" else None
    if icc_profile and not _is_srgb(icc_profile):
        pixels = _by_profile(pixels, icc_profile)
    if pixels.mode == "CMYK":
        pixels = pixels.convert("RGB")
    if alpha is not None and pixels.mode == "RGB":
        pixels.putalpha(alpha)
    return pixels


def _is_srgb(icc_profile: bytes) -> bool:
    head = icc_profile[: 1 << 12]
    return icc_profile[16:20] == b"RGB " and (
        b"sRGB IEC61966" in head or "sRGB".encode("utf-16-be") in head
    )


def _by_profile(pixels: Image.Image, icc_profile: bytes) -> Image.Image:
    # Imported late: most uploads carry sRGB or no profile, and lcms costs 3 ms to load.
    from PIL import ImageCms  # noqa: PLC0415

    source = pixels.convert("RGB") if pixels.mode == "RGBA" else pixels
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
