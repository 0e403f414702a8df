"""Reads JPEG (ITU-T T.81): its segments here, its pixels by libjpeg."""

from __future__ import annotations

import zlib
from contextlib import suppress
from math import ceil

from PIL import Image

from ..color import Colors
from ..header import END_OF_SCAN, PROGRESSIVE_SOF, SOF, Header, jpeg_segments
from ..orientation import TURNS, Turn, orientation_in
from ..rendition import Size
from .reader import StillReader

# The gap between a DCT-scaled decode and the picture drawn from it that keeps SSIM above 0.99.
DRAFT_GAP = 1.2

# Of four channels Photoshop stores the inverse, and all others followed: browsers do not ask.
_MODES = {1: ("L", "L"), 3: ("RGB", "RGB"), 4: ("CMYK", "CMYK;I")}

_SOS, _APP1, _APP2 = 0xDA, 0xE1, 0xE2
_EXIF, _ICC = b"Exif\0\0", b"ICC_PROFILE\0"

_END = b"\xff\xd9"
# What may stand between two scans: DHT, DAC, DNL, DQT, DRI, APPn, COM, and the next scan.
_BETWEEN_SCANS = frozenset({0xC4, 0xCC, 0xDC, 0xDB, 0xDD, _SOS, 0xFE, *range(0xE0, 0xF0)})
# Coded bytes that are no padding, in each of the eight intervals that restart markers end.
_NOISE = b"".join(b"\x5a\x93\x2d\x61" * 16 + bytes((0xFF, 0xD0 + i)) for i in range(8)) * 2

_STRIP_ROWS = 64


class JpegReader(StillReader):
    """One still, decoded at a half, a quarter or an eighth when that is enough."""

    def __init__(self, upload: bytes, header: Header) -> None:
        self._upload = upload
        self._scale = 1
        self.size = Size(header.width, header.height)
        self.turn: Turn = None
        fragments: dict[int, bytes] = {}
        count = 0
        for marker, at in jpeg_segments(upload):
            end = at - 2 + int.from_bytes(upload[at - 2 : at], "big")
            if marker == _SOS:
                break
            if marker in SOF:
                self._mode, self._raw_mode = _MODES[upload[at + 5]]
            elif marker == _APP1 and upload.startswith(_EXIF, at) and not self.exif:
                self.exif = upload[at:end]
                self.turn = TURNS.get(orientation_in(self.exif))
            elif marker == _APP2 and upload.startswith(_ICC, at) and end >= at + 14:
                number, said = upload[at + 12], upload[at + 13]
                count = count or said
                if said == count:
                    fragments.setdefault(number, upload[at + 14 : end])
        whole = all(number in fragments for number in range(1, count + 1))
        profile = b"".join(fragments[n] for n in range(1, count + 1)) if whole else b""
        self.colors: Colors = profile or None

    def scaled(self, needed: Size) -> Size:
        gap = min(
            self.size.width // ceil(needed.width * DRAFT_GAP),
            self.size.height // ceil(needed.height * DRAFT_GAP),
        )
        self._scale = next(scale for scale in (8, 4, 2, 1) if gap >= scale or scale == 1)
        return Size(ceil(self.size.width / self._scale), ceil(self.size.height / self._scale))

    def decode(self) -> Image.Image:
        with suppress(ValueError):
            return self._decoded(self._upload)
        return self._without_end()

    def _decoded(self, coded: bytes) -> Image.Image:
        size = Size(ceil(self.size.width / self._scale), ceil(self.size.height / self._scale))
        pixels = Image.new(self._mode, size, None)
        pixels.frombytes(coded, "jpeg", self._raw_mode, "", self._scale, 0)
        return pixels

    def _without_end(self) -> Image.Image:
        """The pixels of a file without its end marker; ValueError if pixels are missing, too.

        libjpeg tells neither. But pixels that are all there do not change with what follows
        them, and a missing one does: it is drawn from the bytes that come next. Of the first
        decode only a checksum is kept, because two large pictures are more than may be used.
        """
        coded = memoryview(self._upload)[: _end_of_scans(self._upload)]
        ended = _checksum(self._decoded(b"".join((coded, _END))))
        followed = self._decoded(b"".join((coded, _NOISE, _END)))
        if _checksum(followed) != ended:
            raise ValueError("The coded pixels end too early.")
        return followed


def _checksum(pixels: Image.Image) -> int:
    """In strips, because the bytes of an image are a copy of it."""
    found = 0
    for top in range(0, pixels.height, _STRIP_ROWS):
        bottom = min(top + _STRIP_ROWS, pixels.height)
        found = zlib.crc32(pixels.crop((0, top, pixels.width, bottom)).tobytes(), found)
    return found


def _end_of_scans(upload: bytes) -> int:
    """Where the coded data ends: before the first marker that no scan is followed by."""
    channels, end = 0, len(upload)
    for marker, at in jpeg_segments(upload):
        if channels and marker not in _BETWEEN_SCANS:
            break
        if marker in SOF:
            # A progressive picture has further scans after one of all channels.
            channels = 255 if marker in PROGRESSIVE_SOF else upload[at + 5]
        elif marker == _SOS:
            after = END_OF_SCAN.search(upload, at)
            end = after.start() if after else len(upload)
            if upload[at] >= channels:
                break
    return len(upload[:end].rstrip(b"\xff"))  # the first half of a marker
