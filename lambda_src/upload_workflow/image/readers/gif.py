"""Reads GIF (89a): its blocks and frames here, their LZW by Pillow.

Frames are composed as browsers do it: the canvas is empty at first, and "background" is empty.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from PIL import Image

from ..color import Colors, without_idle_alpha
from ..header import Header
from ..orientation import Turn
from ..rendition import Size
from .reader import Frame

_TO_BACKGROUND = 2
_TO_PREVIOUS = (3, 4)  # 4 is in the wild, and read so by browsers
_GRAYS = bytes(value for value in range(256) for _ in range(3))
_MOST_PLAYS = 65_535


class _Part(NamedTuple):
    """One frame as it is stored."""

    left: int
    top: int
    size: Size
    interlaced: bool
    palette: bytes
    hole: int | None  # the index that is transparent
    disposal: int
    duration_ms: int
    code_bits: int
    start: int  # of its LZW blocks
    end: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        return self.left, self.top, self.left + self.size.width, self.top + self.size.height


class GifReader:
    """A still or an animation."""

    turn: Turn = None
    colors: Colors = None
    exif = b""
    pages: int | None = None

    def __init__(self, upload: bytes, header: Header) -> None:
        self._upload = upload
        self.size = Size(header.width, header.height)
        self.loop = _plays(upload)

    def scaled(self, needed: Size) -> Size:
        del needed
        return self.size

    def decode(self) -> Image.Image:
        pixels, _ = next(self._canvases())
        return without_idle_alpha(pixels)

    def frames(self) -> Iterator[Frame]:
        for pixels, part in self._canvases():
            yield Frame(without_idle_alpha(pixels.copy()), part.duration_ms)

    def _canvases(self) -> Iterator[tuple[Image.Image, _Part]]:
        """What is seen with each frame; the next is drawn onto the same pixels."""
        canvas: Image.Image | None = None
        under: Image.Image | None = None
        last: _Part | None = None
        for part in _parts(self._upload):
            try:
                pixels = self._pixels(part)
            except ValueError:
                if last is None:
                    raise
                return
            if last is None and pixels is not None and pixels.size == self.size:
                # Most stills need no canvas.
                canvas = pixels
            else:
                if canvas is None:
                    canvas = Image.new("RGBA", self.size)
                elif canvas.mode != "RGBA":
                    canvas = canvas.convert("RGBA")
                if last and last.disposal == _TO_BACKGROUND:
                    canvas.paste((0, 0, 0, 0), last.box)
                elif last and last.disposal in _TO_PREVIOUS:
                    canvas = under or Image.new("RGBA", self.size)
                under = canvas.copy() if part.disposal in _TO_PREVIOUS else None
                if pixels is not None:
                    mask = pixels if pixels.mode == "RGBA" else None
                    canvas.paste(pixels, part.box[:2], mask)
            last = part
            yield canvas, part
        if last is None:
            raise ValueError("The GIF holds no frame.")

    def _pixels(self, part: _Part) -> Image.Image | None:
        if not part.size.width * part.size.height:
            return None  # a frame that only waits
        indexes = Image.new("P", part.size, None)
        indexes.frombytes(
            memoryview(self._upload)[part.start : part.end],
            "gif",
            part.code_bits,
            int(part.interlaced),
            -1,
        )
        indexes.putpalette(part.palette.ljust(768, b"\0"))
        if part.hole is None:
            return indexes.convert("RGB")
        indexes.info["transparency"] = part.hole
        return indexes.convert("RGBA")


def _sub_blocks_end(upload: bytes, at: int) -> int:
    """Behind the sub-blocks that start at `at`."""
    while at < len(upload) and upload[at]:
        at += upload[at] + 1
    return at + 1


def _global_palette_end(upload: bytes) -> int:
    return 13 + (3 << (upload[10] & 7) + 1 if upload[10] & 0x80 else 0)


def _blocks(upload: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of each extension and frame up to the trailer, or to a frame that is cut off
    before its pixels."""
    at = _global_palette_end(upload)
    seen = False
    while at + 1 < len(upload) and upload[at] != 0x3B:
        if upload[at] == 0x21:
            end = _sub_blocks_end(upload, at + 2)
        elif upload[at] == 0x2C and at + 11 <= len(upload):
            flags = upload[at + 9]
            coded = at + 10 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
            if coded >= len(upload):
                return
            end = _sub_blocks_end(upload, coded + 1)
            seen = True
        elif seen:
            return  # browsers, too, take what is no block for the end
        else:
            at += 1
            continue
        yield at, end
        at = end


def _parts(upload: bytes) -> Iterator[_Part]:
    global_palette = upload[13 : _global_palette_end(upload)] or _GRAYS
    hole, disposal, duration_ms = None, 0, 0
    for at, end in _blocks(upload):
        if upload[at] == 0x21:
            if upload[at + 1] == 0xF9 and at + 7 <= len(upload) and upload[at + 2] >= 4:
                flags, delay, index = struct.unpack_from("<BHB", upload, at + 3)
                hole, disposal, duration_ms = (
                    index if flags & 1 else None,
                    flags >> 2 & 7,
                    delay * 10,
                )
            continue
        left, top, width, height, flags = struct.unpack_from("<4HB", upload, at + 1)
        coded, palette = at + 10, global_palette
        if flags & 0x80:
            coded += 3 << (flags & 7) + 1
            palette = upload[at + 10 : coded]
        yield _Part(
            left, top, Size(width, height), bool(flags & 0x40), palette,
            hole, disposal, duration_ms, upload[coded], coded + 1, end,
        )  # fmt: skip
        hole, disposal, duration_ms = None, 0, 0


_LOOPERS = (b"\x21\xff\x0bNETSCAPE2.0", b"\x21\xff\x0bANIMEXTS1.0")
# The sub-block of theirs that holds the repeats: its length and its number.
_REPEATS = b"\x03\x01"


def _plays(upload: bytes) -> int:
    """How often all frames are shown, 0 for ever. The file says how often they are repeated."""
    plays = 1
    # Mostly near the beginning: what comes behind need not be walked.
    last = max(upload.rfind(looper + _REPEATS) for looper in _LOOPERS)
    for at, _ in _blocks(upload) if last >= 0 else ():
        if at > last:
            break
        if upload.startswith(_LOOPERS, at) and upload.startswith(_REPEATS, at + 14):
            repeats = int.from_bytes(upload[at + 16 : at + 18], "little")
            plays = min(repeats + 1, _MOST_PLAYS) if repeats else 0
    return plays
