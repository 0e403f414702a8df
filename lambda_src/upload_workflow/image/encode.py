"""Encodes finished pixels. Knows the encoders' settings and why they are as they are."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from .converted import Encoded
from .rendition import Layout, OutputFormat, Rendition


@dataclass(frozen=True)
class _Encoder:
    content_type: str
    alpha: bool
    default_quality: int
    settings: dict[str, Any]


_ENCODERS = {
    OutputFormat.JPEG: _Encoder(
        # Progressive costs seven times the CPU for 6 % fewer bytes, optimised tables 2.6 times
        # for 0.8 %.
        "image/jpeg",
        False,
        80,
        {"subsampling": "4:2:0"},
    ),
    OutputFormat.WEBP: _Encoder(
        # Method 2 takes half the CPU of Pillow's 4 for 2 % more bytes.
        "image/webp",
        True,
        80,
        {"method": 2},
    ),
    OutputFormat.AVIF: _Encoder(
        # Speed 9 takes an eighth of the CPU of Pillow's 6 for 2 % more bytes. One thread, so
        # that the same pixels always give the same bytes.
        "image/avif",
        True,
        60,
        {"speed": 9, "max_threads": 1},
    ),
    # With zlib-ng levels 1 to 3 are three times cheaper than 6, and no larger on photos.
    OutputFormat.PNG: _Encoder("image/png", True, 0, {"compress_level": 3}),
}


@dataclass(frozen=True)
class Motion:
    """How the frames of an animation follow each other. loop: 0 is for ever."""

    durations_ms: list[int]
    loop: int


def can_move(format: OutputFormat) -> bool:
    """AVIF and PNG could, at several times the CPU and the bytes of WebP."""
    return format in (OutputFormat.WEBP, OutputFormat.AUTO)


def encode(
    frames: Sequence[Image.Image], motion: Motion, rendition: Rendition, exif: bytes = b""
) -> Encoded:
    """Encode L, RGB or RGBA pixels, as an animation if there are several.

    exif: the only metadata that is written.
    """
    if rendition.format is not OutputFormat.AUTO:
        return _encode(frames, motion, rendition, rendition.format, exif)
    candidates = [OutputFormat.WEBP] if len(frames) > 1 else [OutputFormat.WEBP, OutputFormat.AVIF]
    encoded = (_encode(frames, motion, rendition, format, exif) for format in candidates)
    return min(encoded, key=lambda candidate: len(candidate.data))


def _encode(
    frames: Sequence[Image.Image],
    motion: Motion,
    rendition: Rendition,
    format: OutputFormat,
    exif: bytes,
) -> Encoded:
    encoder = _ENCODERS[format]
    settings = dict(encoder.settings)
    if exif:
        settings["exif"] = exif
    if encoder.default_quality:
        settings["quality"] = rendition.quality or encoder.default_quality
    if not encoder.alpha:
        frames = [flatten(frame, rendition.background) for frame in frames]
    for frame in frames:
        frame.info = {}  # Pillow would write comments and profiles that it finds here
    first, *others = frames
    if others:
        settings |= {
            "save_all": True,
            "append_images": others,
            "duration": motion.durations_ms,
            "loop": motion.loop,
        }
    buffer = io.BytesIO()
    first.save(buffer, format.upper(), **settings)
    return Encoded(buffer.getvalue(), encoder.content_type, *first.size)


def flatten(pixels: Image.Image, background: str) -> Image.Image:
    """Lay RGBA pixels on the background; what alpha hides stays hidden."""
    if pixels.mode != "RGBA":
        return pixels
    canvas = Image.new("RGB", pixels.size, background)
    canvas.paste(pixels, mask=pixels.getchannel("A"))
    return canvas


def on_canvas(pixels: Image.Image, layout: Layout, background: str) -> Image.Image:
    """The picture with the background around it that `contain` asks for."""
    if layout.canvas is None:
        return pixels
    canvas = Image.new("RGB", layout.canvas, background)
    mask = pixels.getchannel("A") if pixels.mode == "RGBA" else None
    canvas.paste(pixels, layout.offset, mask)
    return canvas
