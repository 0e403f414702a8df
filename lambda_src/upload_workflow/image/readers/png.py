"""Reads PNG (W3C Recommendation, third edition): its chunks here, its pixels by Pillow's unfilter.

Of an animated PNG the default image is shown: what the standard has for viewers of stills.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from PIL import Image

from ..color import Colors, to_resamplable
from ..colorimetry import Chromaticities, CodePoints, Gamma
from ..header import Header, png_chunks
from ..orientation import TURNS, orientation_in
from ..profile import is_usable
from ..rendition import Size
from .reader import StillReader

# By depth and colour type: Pillow's mode, and how its pixels are packed in a row.
_MODES = {
    (1, 0): ("1", "1"),
    (2, 0): ("L", "L;2"),
    (4, 0): ("L", "L;4"),
    (8, 0): ("L", "L"),
    (16, 0): ("I;16", "I;16B"),
    (8, 2): ("RGB", "RGB"),
    (16, 2): ("RGB", "RGB;16B"),
    (1, 3): ("P", "P;1"),
    (2, 3): ("P", "P;2"),
    (4, 3): ("P", "P;4"),
    (8, 3): ("P", "P"),
    (8, 4): ("LA", "LA"),
    (16, 4): ("RGBA", "LA;16B"),
    (8, 6): ("RGBA", "RGBA"),
    (16, 6): ("RGBA", "RGBA;16B"),
}

_INDEXED = 3  # colour type of which tRNS means colours of the palette before it

# The chunks that are read, beside IDAT. A later one of a kind is ignored, as is every one whose
# checksum is wrong.
_READ = frozenset({b"PLTE", b"tRNS", b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"eXIf"})

_INTENTS = (b"\0", b"\1", b"\2", b"\3")  # what sRGB holds
_LONGEST_NAME = 79  # of a profile

# More than any profile has that people use (2 MB), and cheap to unpack.
_MAX_PROFILE_BYTES = 8 << 20

_PIECE_BYTES = 1 << 20

# Written where the last row is to come: no picture has one like it.
_MARK = b"\x5a\x93\x2d\x61\xc6"


class PngReader(StillReader):
    """One still of every depth and colour type."""

    def __init__(self, upload: bytes, header: Header) -> None:
        self._upload = upload
        self.size = Size(header.width, header.height)
        self._idat: list[tuple[int, int]] = []
        self._chunks: dict[bytes, bytes] = {}
        for kind, at, end in png_chunks(upload):
            if kind == b"IDAT":
                self._idat.append((at, end))
            elif kind in _READ and kind not in self._chunks and (not self._idat or kind == b"eXIf"):
                known = kind != b"tRNS" or b"PLTE" in self._chunks or upload[25] != _INDEXED
                if known and _checksum_is_right(upload, at, end):
                    self._chunks[kind] = upload[at:end]
            elif kind == b"IHDR" and not _checksum_is_right(upload, at, end):
                raise ValueError("The checksum of IHDR is wrong.")
        self._depth, self._color_type, _, _, self._interlaced = struct.unpack_from(
            ">5B", upload, 24
        )
        self._mode, self._raw_mode = _MODES[self._depth, self._color_type]
        self.exif = self._chunks.get(b"eXIf", b"")
        self.turn = TURNS.get(orientation_in(self.exif))
        self.colors = _colors(self._chunks)

    def decode(self) -> Image.Image:
        pixels = self._decoded(self._raw_mode)
        key = self._chunks.get(b"tRNS", b"")
        if self._mode == "P":
            pixels.putpalette(self._chunks[b"PLTE"][:768].ljust(768, b"\0"))
            if 0 < len(key) <= 256:
                pixels.info["transparency"] = key
        elif self._color_type == 0 and len(key) >= 2:
            return self._gray_with_a_hole(pixels, int.from_bytes(key[:2], "big"))
        elif self._color_type == 2 and len(key) >= 6:
            return self._rgb_with_a_hole(pixels, key[:6])
        return to_resamplable(pixels)

    def _gray_with_a_hole(self, pixels: Image.Image, key: int) -> Image.Image:
        """key: the sample that is transparent, at the depth of the file."""
        if self._depth == 16:
            table = [0 if value == key else 255 for value in range(65536)]
            alpha = pixels.convert("I").point(table, "L")
            pixels = to_resamplable(pixels).convert("RGBA")
            pixels.putalpha(alpha)
            return pixels
        most = (1 << self._depth) - 1
        pixels.info["transparency"] = (key & most) * 255 // most
        return pixels.convert("RGBA")

    def _rgb_with_a_hole(self, pixels: Image.Image, key: bytes) -> Image.Image:
        high, low = key[0::2], key[1::2]
        if self._depth == 8:
            pixels.info["transparency"] = tuple(low)
            return pixels.convert("RGBA")
        # Read as if in the other byte order, the low bytes stand where the high ones were.
        both = (*zip(pixels.split(), high, strict=True),)
        both += (*zip(self._decoded("RGB;16L").split(), low, strict=True),)
        alpha = Image.new("L", pixels.size, 0)
        for channel, value in both:
            alpha.paste(255, mask=channel.point([255 * (at != value) for at in range(256)]))
        pixels.putalpha(alpha)
        return pixels

    def _decoded(self, raw_mode: str) -> Image.Image:
        pixels = Image.new(self._mode, self.size, None)
        last_row = (0, self.size.height - 1, *self.size)
        marked = pixels.crop(last_row)
        row_bytes = len(marked.tobytes())
        marked.frombytes((_MARK * row_bytes)[:row_bytes])
        pixels.paste(marked, last_row)
        # Of a stream that ends between two rows, with rows missing, the decoder says that it is
        # done. Only the last row shows it; where another pass writes that, the end is hidden.
        whole = (
            not self._interlaced
            and self._unfilter(pixels, raw_mode, self._pieces())
            and pixels.crop(last_row) != marked
        )
        if not whole and not self._unfilter(pixels, raw_mode, self._endless_pieces()):
            raise ValueError("The coded pixels are broken or end too early.")
        return pixels

    def _unfilter(self, pixels: Image.Image, raw_mode: str, pieces: Iterator[bytes]) -> bool:
        """Draw the rows; True if the decoder came to the last one or to the end of the stream."""
        decoder = Image.core.zip_decoder(self._mode, raw_mode, self._interlaced)  # type: ignore[attr-defined]
        decoder.setimage(pixels.im, (0, 0, *self.size))
        left = b""
        for piece in pieces:
            used, error = decoder.decode(left + piece if left else piece)
            if used < 0:
                return not error
            left = (left + piece)[used:]
        return False

    def _endless_pieces(self) -> Iterator[bytes]:
        """The coded pixels again, stored, without an end and without the checksum behind it.

        Whoever is done with these has every row. A wrong checksum takes away no pixel.
        """
        wrapper, inflate = zlib.decompressobj(), zlib.decompressobj(-zlib.MAX_WBITS)
        store = zlib.compressobj(0)
        head_bytes = 2
        for piece in self._pieces():
            wrapper.decompress(piece[:head_bytes])  # raises what is wrong with it
            coded = piece[head_bytes:]
            head_bytes = max(head_bytes - len(piece), 0)
            while coded:
                rows = inflate.decompress(coded, _PIECE_BYTES)
                coded = inflate.unconsumed_tail
                yield store.compress(rows) + store.flush(zlib.Z_SYNC_FLUSH)

    def _pieces(self) -> Iterator[bytes]:
        for at, end in self._idat:
            for start in range(at, end, _PIECE_BYTES):
                yield self._upload[start : min(start + _PIECE_BYTES, end)]


def _checksum_is_right(upload: bytes, at: int, end: int) -> bool:
    with memoryview(upload) as data:
        return zlib.crc32(data[at - 4 : end]) == int.from_bytes(data[end : end + 4], "big")


def _colors(chunks: dict[bytes, bytes]) -> Colors:
    """The chunk that counts is the first of cICP, iCCP, sRGB, gAMA with cHRM (section 4.3).

    One that cannot be used does not stand before the next.
    """
    code_points = chunks.get(b"cICP", b"")
    if len(code_points) == 4 and code_points[2:] == b"\0\1":  # RGB, not YCbCr; of full range
        points = CodePoints(code_points[0], code_points[1])
        if points.known:
            return points
    profile = _unpacked(chunks.get(b"iCCP", b""))
    if is_usable(profile):
        return profile
    gamma = int.from_bytes(chunks.get(b"gAMA", b""), "big")
    if chunks.get(b"sRGB") in _INTENTS or len(chunks.get(b"gAMA", b"")) != 4 or not gamma:
        return None
    try:
        x_and_y = [value / 100_000 for value in struct.unpack(">8I", chunks.get(b"cHRM", b""))]
    except struct.error:
        return Gamma(gamma / 100_000)
    places = zip(x_and_y[0::2], x_and_y[1::2], strict=True)
    return Gamma(gamma / 100_000, Chromaticities(*places))


def _unpacked(chunk: bytes) -> bytes:
    """The profile in iCCP; empty where it is broken."""
    name, _, rest = chunk.partition(b"\0")
    if not 0 < len(name) <= _LONGEST_NAME or rest[:1] != b"\0":  # the one method of compression
        return b""
    unpacked = zlib.decompressobj()
    try:
        profile = unpacked.decompress(rest[1:], _MAX_PROFILE_BYTES)
    except zlib.error:
        return b""
    return profile if not unpacked.unconsumed_tail else b""
