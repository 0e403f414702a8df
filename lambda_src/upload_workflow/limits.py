"""What is refused, and the sentence the client reads. Decides from the header alone.

Knows sizes and costs. Does not know Pillow, pixels or AWS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from .errors import Rejected, RejectionCode
from .header import Format, Header, read_header


@dataclass(frozen=True)
class Limits:
    """Every limit that an operator can move. Megapixels and megabytes are millions."""

    max_bytes: int = 50_000_000
    max_pixels: int = 100_000_000
    max_frame_pixels: int = 250_000_000  # frames x pixels of an animation
    max_scan_pixels: int = 2_000_000_000  # scans x pixels of a progressive JPEG
    max_memory_mb: int = 340
    max_seconds: float = 30.0

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Raises ValueError with one sentence when a field is unknown or not positive."""
        names = [field.name for field in fields(cls)]
        for name, value in values.items():
            if name not in names:
                raise ValueError(f"Limits have no {name!r}; they have {', '.join(names)}.")
            if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
                raise ValueError(f"The limit {name} is a positive number, not {value!r}.")
        return cls(**values)


def refuse_early(head: bytes, size_bytes: int, limits: Limits) -> None:
    """Raise Rejected if the first bytes of the upload (64 KiB are enough) decide it.

    Returning promises nothing: the size may stand later in the file, and scans and frames
    are counted only as far as these bytes reach.
    """
    _refuse_bytes(size_bytes, limits)
    header = read_header(head)
    if header is not None:
        refuse(header, size_bytes, limits)


def inspect(upload: bytes, limits: Limits) -> Header:
    """The header of a whole upload that keeps within the limits; otherwise raises Rejected."""
    _refuse_bytes(len(upload), limits)
    header = read_header(upload)
    if header is None:
        raise Rejected(
            RejectionCode.CORRUPT, "The image ends within its header. Upload the whole file."
        )
    refuse(header, len(upload), limits)
    return header


def refuse(header: Header, size_bytes: int, limits: Limits) -> None:
    if header.pixels > limits.max_pixels:
        raise Rejected(
            RejectionCode.TOO_MANY_PIXELS,
            f"The image has {_mega(header.pixels)} megapixels "
            f"({header.width} x {header.height}); at most {_mega(limits.max_pixels)} are accepted.",
        )
    if header.scans > 1 and header.scans * header.pixels > limits.max_scan_pixels:
        allowed = max(limits.max_scan_pixels // header.pixels, 1)
        raise Rejected(
            RejectionCode.TOO_COMPLEX,
            f"The progressive JPEG has more than {allowed} scans at "
            f"{_mega(header.pixels)} megapixels. Save it as a baseline JPEG.",
        )
    memory_mb = memory_estimate_mb(header, size_bytes)
    if memory_mb > limits.max_memory_mb:
        raise Rejected(
            RejectionCode.TOO_MUCH_MEMORY,
            f"Decoding this {header.format} image takes about {memory_mb:.0f} MB; "
            f"at most {limits.max_memory_mb} MB are available. "
            "Send fewer pixels, or a baseline JPEG.",
        )


# Process with its libraries, before any pixel.
_PROCESS_MB = 30
# What each format's decoder holds at its peak for each pixel of the image.
_DECODER_BYTES: dict[Format, float] = {
    Format.JPEG: 4,
    Format.PNG: 4,
    Format.WEBP: 16,
    Format.GIF: 5,
    Format.AVIF: 10,
    Format.TIFF: 5,
    Format.BMP: 4,
    Format.HEIF: 10,
}


def memory_estimate_mb(header: Header, size_bytes: int) -> float:
    pixel_bytes = _DECODER_BYTES[header.format] + header.coefficient_bytes
    return _PROCESS_MB + (size_bytes + header.pixels * pixel_bytes) / 1e6


def _refuse_bytes(size_bytes: int, limits: Limits) -> None:
    if size_bytes > limits.max_bytes:
        raise Rejected(
            RejectionCode.TOO_MANY_BYTES,
            f"The upload has {size_bytes:,} bytes; at most {limits.max_bytes:,} are accepted.",
        )


def _mega(pixels: int) -> str:
    return f"{pixels / 1e6:.1f}".removesuffix(".0")
