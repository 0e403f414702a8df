"""What is refused, and the sentence the client reads. Decides from the header alone.

Knows sizes and costs. Does not know Pillow, pixels or AWS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from time import process_time
from typing import Any, Self

from ..errors import Rejected, RejectionCode
from .header import Format, Header, known_formats, read_header


@dataclass(frozen=True)
class Limits:
    """Every limit that an operator can move. Megapixels and megabytes are millions."""

    max_bytes: int = 50_000_000
    max_pixels: int = 100_000_000
    max_frame_pixels: int = 250_000_000  # frames x pixels of an animation that is kept
    max_scan_pixels: int = 2_000_000_000  # scans x pixels of a progressive JPEG
    max_memory_mb: int = 340
    max_seconds: float = 30
    formats: frozenset[str] | None = None  # whose decoders are switched on; None: all

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Raises ValueError with one sentence when a field is unknown or not positive.

        formats: a list of their names in lower case.
        """
        names = [field.name for field in fields(cls)]
        formats = values.get("formats")
        for name, value in values.items():
            if name not in names:
                raise ValueError(f"Limits have no {name!r}; they have {', '.join(names)}.")
            if name == "formats":
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
                raise ValueError(f"The limit {name} is a positive number, not {value!r}.")
        return cls(**{**values, "formats": None if formats is None else _formats(formats)})


def _formats(names: object) -> frozenset[str]:
    known = {format.lower(): format for format in known_formats()}
    if not isinstance(names, list) or not names or not set(map(str, names)) <= known.keys():
        raise ValueError(f"The limit formats is a list of some of {', '.join(sorted(known))}.")
    return frozenset(known[name] for name in names)


# A side costs the resampler for each of its pixels, whatever the other side is. Slivers of 200,000
# are made (timelines, waveforms) and cost 0.03 s; beyond this is none of them.
_MOST_SIDE = 250_000


def refuse_by_head(head: bytes, size_bytes: int, limits: Limits) -> None:
    """Raise Rejected if the first bytes of the upload (64 KiB are enough) decide it.

    Returning promises nothing: the size may stand later in the file, and scans and frames
    are counted only as far as these bytes reach.
    """
    refuse_bytes(size_bytes, limits)
    header = read_header(head)
    if header is not None:
        refuse_by_header(header, size_bytes, limits)


def header_within(upload: bytes, limits: Limits) -> Header:
    """The header of a whole upload that keeps within the limits; otherwise raises Rejected."""
    refuse_bytes(len(upload), limits)
    header = read_header(upload)
    if header is None:
        raise Rejected(
            RejectionCode.CORRUPT, "The image ends within its header. Upload the whole file."
        )
    refuse_by_header(header, len(upload), limits)
    return header


def refuse_by_header(header: Header, size_bytes: int, limits: Limits) -> None:
    """Raise Rejected for what the header alone forbids, whatever is to be made of the image."""
    if limits.formats is not None and header.format not in limits.formats:
        accepted = ", ".join(sorted(limits.formats))
        raise Rejected(
            RejectionCode.UNSUPPORTED_FORMAT,
            f"{header.format} images are not accepted here. Accepted are: {accepted}.",
        )
    if max(header.width, header.height) > _MOST_SIDE:
        raise Rejected(
            RejectionCode.TOO_MANY_PIXELS,
            f"The image is {header.width} \u00d7 {header.height}; each side may have at most "
            f"{_MOST_SIDE:,} pixels.",
        )
    if header.pixels > limits.max_pixels:
        raise Rejected(
            RejectionCode.TOO_MANY_PIXELS,
            f"The image has {_mega(header.pixels)} megapixels "
            f"({header.width} \u00d7 {header.height}); "
            f"at most {_mega(limits.max_pixels)} are accepted.",
        )
    if header.scans > 1 and header.scans * header.pixels > limits.max_scan_pixels:
        raise Rejected(
            RejectionCode.TOO_COMPLEX,
            f"The progressive JPEG has {header.scans} or more scans; at "
            f"{_mega(header.pixels)} megapixels at most "
            f"{limits.max_scan_pixels // header.pixels} are accepted. "
            "Save it as a baseline JPEG.",
        )
    # JPEG may decode at an eighth of its width and height.
    fewest = header.pixels // 64 if header.format is Format.JPEG else header.pixels
    _refuse_memory(header, size_bytes, memory_mb(header, size_bytes, fewest, 0), limits)


@dataclass(frozen=True)
class Work:
    """What the renditions ask for, known when they are laid out and before pixels are decoded.

    decoded_pixels: that the decoder will give. made_pixels: of the renditions' first frames.
    moving_pixels: of those renditions that are animations.
    """

    decoded_pixels: int
    made_pixels: int
    moving_pixels: int


def refuse_by_work(header: Header, size_bytes: int, work: Work, limits: Limits) -> None:
    """Raise Rejected if making the renditions would take too much, as far as can be foreseen."""
    if work.decoded_pixels > limits.max_pixels:
        raise Rejected(
            RejectionCode.TOO_MANY_PIXELS,
            f"The image holds {_mega(work.decoded_pixels)} megapixels, more than its header says; "
            f"at most {_mega(limits.max_pixels)} are accepted.",
        )
    frames = header.frames if work.moving_pixels else 1
    canvas_pixels = max(header.canvas_pixels, header.pixels, _LEAST_FRAME_PIXELS)
    if frames > 1 and frames * canvas_pixels > limits.max_frame_pixels:
        raise Rejected(
            RejectionCode.TOO_MANY_FRAMES,
            f"The animation has {frames} frames; at its size "
            f"at most {limits.max_frame_pixels // canvas_pixels} are accepted.",
        )
    kept_pixels = work.made_pixels + (frames - 1) * work.moving_pixels
    needed_mb = memory_mb(header, size_bytes, work.decoded_pixels, kept_pixels)
    _refuse_memory(header, size_bytes, needed_mb, limits)
    decode_ns = _DECODE_NS.get(header.format, _PLUGGED_DECODE_NS)
    seconds = (header.pixels * header.scans * decode_ns * frames + kept_pixels * _ENCODE_NS) / 1e9
    if seconds > limits.max_seconds:
        raise Rejected(
            RejectionCode.TOO_MUCH_TIME,
            f"Converting {frames} x {_mega(header.pixels)} megapixels would take about "
            f"{seconds:.0f} seconds; at most {limits.max_seconds:g} are allowed. "
            "Send fewer pixels or frames.",
        )


# Python with Pillow and the resampler (20), and the strips that are drawn from (20).
_PROCESS_MB = 40
_PIXEL_BYTES = 4

# A frame of one pixel costs as much as one of these, for its handling alone (40 us).
_LEAST_FRAME_PIXELS = 4096

# CPU for each pixel of the upload and of a rendition, measured on one core of the machine of
# docs/performance.md; encoding is that of WebP, of which there are most. Only for telling
# minutes from seconds.
_DECODE_NS: dict[str, float] = {
    Format.JPEG: 6,
    Format.PNG: 30,
    Format.WEBP: 30,
    Format.GIF: 15,
    Format.AVIF: 30,
    Format.TIFF: 20,
    Format.BMP: 6,
    Format.HEIF: 40,
    Format.PDF: 40,
}
_PLUGGED_DECODE_NS = 40  # of a reader that nobody here has measured: as the slowest of ours
_ENCODE_NS = 100


def memory_mb(header: Header, size_bytes: int, decoded_pixels: int, kept_pixels: int) -> float:
    """Peak memory of a conversion, in millions of bytes; tests hold it against measurements."""
    decoding = decoded_pixels * header.decoder_bytes + header.pixels * header.coefficient_bytes
    drawing = (decoded_pixels + kept_pixels) * _PIXEL_BYTES
    return _PROCESS_MB + (size_bytes + max(decoding, drawing)) / 1e6


def _refuse_memory(header: Header, size_bytes: int, needed_mb: float, limits: Limits) -> None:
    if needed_mb <= limits.max_memory_mb:
        return
    fixed_mb = _PROCESS_MB + size_bytes / 1e6
    share = max(0.0, limits.max_memory_mb - fixed_mb) / (needed_mb - fixed_mb)
    allowed_pixels = int(header.pixels * share) // 100_000 * 100_000
    raise Rejected(
        RejectionCode.TOO_MUCH_MEMORY,
        f"This {header.format} image takes about {needed_mb:.0f} MB to convert; at most "
        f"{limits.max_memory_mb} MB may be used. Send at most {_mega(allowed_pixels)} megapixels"
        + (", or a baseline JPEG." if header.coefficient_bytes else "."),
    )


def refuse_bytes(size_bytes: int, limits: Limits) -> None:
    """Raise Rejected for an upload that is too large, whatever it is."""
    if size_bytes > limits.max_bytes:
        raise Rejected(
            RejectionCode.TOO_MANY_BYTES,
            f"The upload has {size_bytes:,} bytes; at most {limits.max_bytes:,} are accepted.",
        )


def _mega(pixels: int) -> str:
    return f"{pixels / 1e6:.1f}".removesuffix(".0")


class Deadline:
    """Ends a conversion between two of its steps; a decoder at work is not interrupted.

    Counts the CPU time of this process: a machine that is busy or frozen is no picture's fault.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = process_time() + seconds

    def check(self) -> None:
        if process_time() > self._end:
            raise Rejected(
                RejectionCode.TOO_MUCH_TIME,
                f"The image took more than {self._seconds:g} seconds. Send fewer pixels or frames.",
            )
