"""Reads BMP, of Windows versions 2 to 5 and of OS/2: its header and run lengths here."""

from __future__ import annotations

import struct

from PIL import Image

from ...errors import Rejected, RejectionCode
from .. import samples
from ..color import without_idle_alpha
from ..header import Header
from ..rendition import Size
from .reader import StillReader

_NONE, _RLE8, _RLE4, _MASKS, _MASKS_WITH_ALPHA = 0, 1, 2, 3, 6
_OS2_HEADERS = (16, 64)  # whose compressions above RLE4 mean something else
_CORE_HEADER, _FIRST_WITH_ALPHA = 12, 56
_INDEXED = {1: "P;1", 2: "P;2", 4: "P;4", 8: "P"}

_Masks = tuple[int, int, int, int]  # red, green, blue, alpha
# Of 16 and 32 bits without masks: the highest bits are alpha only where a header says so.
_USUAL_MASKS: dict[int, _Masks] = {
    16: (0x7C00, 0x3E0, 0x1F, 0),
    32: (0xFF0000, 0xFF00, 0xFF, 0),
}
# Masks that Pillow unpacks by itself.
_PACKED = {
    (16, (0x7C00, 0x3E0, 0x1F, 0)): ("RGB", "BGR;15"),
    (16, (0xF800, 0x7E0, 0x1F, 0)): ("RGB", "BGR;16"),
    (32, (0xFF0000, 0xFF00, 0xFF, 0)): ("RGB", "BGRX"),
    (32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000)): ("RGBA", "BGRA"),
    (32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000)): ("RGBA", "RGBA"),
    (32, (0, 0, 0, 0)): ("RGBA", "BGRA"),
}


class BmpReader(StillReader):
    """One still, indexed or of any masks."""

    def __init__(self, upload: bytes, header: Header) -> None:
        self._upload = upload
        self.size = Size(header.width, header.height)
        self._start: int
        self._header_bytes: int
        self._start, self._header_bytes = struct.unpack_from("<II", upload, 10)
        if self._header_bytes == _CORE_HEADER:
            (self._bits,) = struct.unpack_from("<H", upload, 24)
            self._compression, self._colors, self._upwards = _NONE, 0, True
        else:
            # OS/2 lets a header end early; what it lacks is 0.
            fields = upload[22 : 14 + self._header_bytes].ljust(28, b"\0")
            height, _, self._bits, self._compression = struct.unpack_from("<iHHI", fields)
            (self._colors,) = struct.unpack_from("<I", fields, 24)
            self._upwards = height > 0
        masked = self._compression in (_MASKS, _MASKS_WITH_ALPHA)
        known = self._compression <= _RLE4 or (masked and self._header_bytes not in _OS2_HEADERS)
        if not known:
            raise Rejected(
                RejectionCode.UNSUPPORTED_FORMAT,
                f"This BMP is compressed in a way ({self._compression}) that is not read. "
                "Save it without compression, or as PNG.",
            )
        usual = _USUAL_MASKS.get(self._bits)
        self._masks = usual and self._read_masks(None if masked else usual)

    def _read_masks(self, usual: _Masks | None) -> _Masks:
        """usual: of a picture whose colours have none. Its alpha may have one, as in browsers."""
        red, green, blue = usual[:3] if usual else struct.unpack_from("<3I", self._upload, 54)
        if self._header_bytes in _OS2_HEADERS or not (
            self._header_bytes >= _FIRST_WITH_ALPHA
            or (self._header_bytes == 40 and self._compression == _MASKS_WITH_ALPHA)
        ):
            return red, green, blue, 0
        (alpha,) = struct.unpack_from("<I", self._upload, 66)
        alpha &= (1 << self._bits) - 1
        with_holes = alpha & (alpha + (alpha & -alpha))
        return red, green, blue, 0 if with_holes or alpha & (red | green | blue) else alpha

    def decode(self) -> Image.Image:
        if self._compression in (_RLE8, _RLE4):
            return self._run_lengths()
        if self._bits in _INDEXED:
            pixels = self._unpacked("P", _INDEXED[self._bits])
            pixels.putpalette(self._palette())
            return pixels.convert("RGB")
        if self._bits == 24:
            return self._unpacked("RGB", "BGR")
        if self._masks is None:
            raise ValueError("A depth that does not exist.")
        if packed := _PACKED.get((self._bits, self._masks)):
            pixels = self._unpacked(*packed)
        else:
            pixels = self._by_masks(self._masks)
        return _seen(pixels)

    def _unpacked(self, mode: str, raw_mode: str) -> Image.Image:
        stride = (self.size.width * self._bits + 31) // 32 * 4
        pixels = Image.new(mode, self.size, None)
        data = memoryview(self._upload)[self._start or self._palette_end() :]
        pixels.frombytes(data, "raw", raw_mode, stride, -1 if self._upwards else 1)
        return pixels

    def _by_masks(self, masks: _Masks) -> Image.Image:
        words = (
            self._unpacked("I;16", "I;16").convert("I")
            if self._bits == 16
            else self._unpacked("I", "I;32")
        )
        # Without a mask a colour is absent, as in browsers; alpha is then not stored at all.
        channels = [
            samples.masked(words, mask) if mask else Image.new("L", self.size, 0)
            for mask in (masks if masks[3] else masks[:3])
        ]
        return Image.merge("RGBA" if len(channels) == 4 else "RGB", channels)

    @property
    def _palette_start(self) -> int:
        short = self._header_bytes == 40
        masks = {_MASKS: 12, _MASKS_WITH_ALPHA: 16}.get(self._compression, 0) if short else 0
        return 14 + self._header_bytes + masks

    def _palette_end(self) -> int:
        if self._bits > 8:
            return self._palette_start
        entry_bytes = 3 if self._header_bytes == _CORE_HEADER else 4
        colors: int = min(self._colors or 256, 1 << self._bits)
        return self._palette_start + entry_bytes * colors

    def _palette(self) -> bytes:
        """RGB of 256 colours; those that the file lacks are black."""
        step = 3 if self._header_bytes == _CORE_HEADER else 4
        end = self._palette_end()
        if self._start > self._palette_start:
            end = min(end, self._start)
        stored = self._upload[self._palette_start : end]
        count = len(stored) // step
        palette = bytearray(768)
        for channel in range(3):  # stored as blue, green, red
            palette[channel : 3 * count : 3] = stored[2 - channel : step * count : step]
        return bytes(palette)

    def _run_lengths(self) -> Image.Image:
        """Pixels that no run reaches are transparent, as in browsers."""
        pixels = Image.new("P", self.size, None)
        indexes, written = self._runs()
        way = -1 if self._upwards else 1
        pixels.frombytes(indexes, "raw", "P", 0, way)
        del indexes
        pixels.putpalette(self._palette())
        if written == self.size.width * self.size.height:
            return pixels.convert("RGB")
        mask = Image.new("L", self.size, None)
        mask.frombytes(self._runs(mark=255)[0], "raw", "L", 0, way)
        shown = pixels.convert("RGB")
        shown.putalpha(mask)
        return shown

    def _runs(self, mark: int | None = None) -> tuple[bytearray, int]:
        """The pixels of all runs from the first row on, and how many there are.

        mark: what is written instead of the number of the colour.
        """
        width, height = self.size
        pixels, written = bytearray(width * height), 0
        data = self._upload
        at, x, y = self._start or self._palette_end(), 0, 0
        half = self._compression == _RLE4
        while y < height:
            count, value = data[at], data[at + 1]
            at += 2
            if count:
                run = bytes((value >> 4, value & 15)) * 128 if half else bytes((value,)) * 255
            elif value == 0:
                x, y = 0, y + 1
                continue
            elif value == 1:
                break
            elif value == 2:
                x, y = x + data[at], y + data[at + 1]
                at += 2
                continue
            else:
                count = value
                length = (count + 1) // 2 if half else count
                run = data[at : at + length]
                if half:
                    run = bytes(part for byte in run for part in (byte >> 4, byte & 15))
                at += length + length % 2
            count = max(min(count, width - x, len(run)), 0)
            place = y * width + x
            pixels[place : place + count] = run[:count] if mark is None else bytes((mark,)) * count
            x += count
            written += count
            if at >= len(data) and written == width * height:
                break  # without its end marker
        return pixels, written


def _seen(pixels: Image.Image) -> Image.Image:
    """Alpha that hides every pixel was never meant: writers left it empty."""
    if pixels.mode == "RGBA" and pixels.getchannel("A").getextrema() == (0, 0):
        return pixels.convert("RGB")
    return without_idle_alpha(pixels)
