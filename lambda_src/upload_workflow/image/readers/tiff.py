"""Reads TIFF: its directories here, its strips and tiles by Pillow and libtiff.

Pillow is given a directory of our own, with nothing in it but what pixels are made of. What it
reads as it is written goes through as it is; every other layout of samples is read channel by
channel, each as a gray picture.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageChops, TiffImagePlugin

from ...errors import Rejected, RejectionCode
from .. import samples
from ..color import Colors, to_resamplable, to_srgb
from ..header import Header
from ..orientation import TURNS
from ..rendition import Size
from ..tiff_directory import HEIGHT, WIDTH, Directory, directory_of_picture
from .reader import StillReader

_BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER = 258, 259, 262, 266
_STRIPS, _ORIENTATION, _SAMPLES, _ROWS, _STRIP_BYTES, _PLANAR = 273, 274, 277, 278, 279, 284
_PREDICTOR, _COLOR_MAP, _TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES = (
    317,
    320,
    322,
    323,
    324,
    325,
)
_INK_SET, _EXTRA, _FORMAT, _SUBSAMPLING, _ICC, _NO_DATA = 332, 338, 339, 530, 34675, 42113

_KEPT_NUMBERS = frozenset({
    WIDTH, HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER, _STRIPS, _SAMPLES, _ROWS,
    _STRIP_BYTES, _PLANAR, _PREDICTOR, _COLOR_MAP, _TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES,
    _INK_SET, _EXTRA, _FORMAT, _SUBSAMPLING,
    292, 293,  # options of fax
    512, 513, 514, 515, 517, 518, 519, 520, 521,  # JPEG as in TIFF 6.0
    531,  # position of chroma
})  # fmt: skip
_KEPT_RAW = frozenset({347, 529, 532})  # tables of JPEG; coefficients and range of YCbCr

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR, _LAB, _ICC_LAB = (
    0,
    1,
    2,
    3,
    5,
    6,
    8,
    9,
)
_CHANNELS = {0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3, 8: 3, 9: 3}
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3
_NO_PREDICTOR = 1
_UNCOMPRESSED, _OLD_JPEG, _JPEG = 1, 6, 7
_PREMULTIPLIED, _ALPHA = 1, 2

# The samples that Pillow can be made to read as gray ones.
_READABLE = {
    (_UNSIGNED, 1), (_UNSIGNED, 2), (_UNSIGNED, 4), (_UNSIGNED, 8), (_UNSIGNED, 12),
    (_UNSIGNED, 16), (_UNSIGNED, 32), (_SIGNED, 8), (_SIGNED, 16), (_SIGNED, 32), (_FLOAT, 32),
}  # fmt: skip


@dataclass(frozen=True)
class _Layout:
    """How samples lie in the file. extra: what the samples beyond the colour mean."""

    photometric: int
    bits: int
    format: int
    samples: int
    extra: tuple[int, ...]
    planar: bool
    compression: int
    predictor: int
    fill_order: int

    @property
    def channels(self) -> int:
        return _CHANNELS[self.photometric]

    @property
    def alpha(self) -> int | None:
        """What kind of alpha the first extra sample is."""
        kind = self.extra[0] if self.extra and self.samples > self.channels else None
        return kind if kind in (_PREMULTIPLIED, _ALPHA) else None


class TiffReader(StillReader):
    """The first full-size picture of the file."""

    def __init__(self, upload: bytes, header: Header) -> None:
        self._upload = upload
        self._directory = directory_of_picture(upload)
        self._layout = _layout(self._directory)
        self.size = Size(header.width, header.height)
        self.turn = TURNS.get(self._directory.number(_ORIENTATION, 1))
        self.exif = upload  # EXIF is a TIFF
        self._profile: Colors = self._directory.raw(_ICC) or None
        # CMYK with alpha is no mode of Pillow's: its colours are converted while decoding.
        four_and_alpha = self._layout.photometric == _CMYK and self._layout.alpha
        self.colors = None if four_and_alpha else self._profile

    def decode(self) -> Image.Image:
        layout = self._layout
        if layout.photometric == _YCBCR and layout.compression == _UNCOMPRESSED:
            return self._uncompressed_ycbcr()
        if self._is_plain():
            pixels = self._read(self._tags())
            return to_resamplable(pixels.convert("LA") if pixels.mode == "La" else pixels)
        return self._from_channels()

    def _is_plain(self) -> bool:
        """True for what Pillow reads with the meaning that it has."""
        layout = self._layout
        if layout.compression in (_OLD_JPEG, _JPEG):
            return True
        prefix = b"II" if self._directory.order == "<" else b"MM"
        bits = (layout.bits,) * layout.samples
        known = (
            prefix, layout.photometric, (layout.format,), layout.fill_order, bits, layout.extra
        ) in TiffImagePlugin.OPEN_INFO  # fmt: skip
        if layout.planar and (layout.extra or layout.photometric == _LAB):
            return False  # Pillow takes planes of alpha for colours, and signed ones for unsigned
        deep = layout.bits == 16 and layout.photometric in (_RGB, _CMYK) and not layout.planar
        return known and layout.format == _UNSIGNED and (layout.bits <= 8 or deep)

    # --- channel by channel ---

    def _from_channels(self) -> Image.Image:
        layout = self._layout
        count = layout.channels + bool(layout.alpha)
        if layout.photometric in (_PALETTE, _YCBCR):
            raise _unsupported(f"a {layout.bits}-bit palette or YCbCr")
        read = self._planes(count) if layout.planar else self._side_by_side(count)
        color, alpha = read[: layout.channels], read[layout.channels :]
        if layout.photometric in (_LAB, _ICC_LAB):
            color = self._lab(color)
        elif len(color) == 1 and self._has_no_scale():
            color = [samples.stretched(self._mended(color[0]), self._no_data())]
        else:
            color = self._scaled(color)
        alpha = self._scaled(alpha)
        if layout.photometric == _WHITE_IS_ZERO:
            color = [ImageChops.invert(color[0])]
        return self._merged(color, alpha[0] if alpha else None)

    def _has_no_scale(self) -> bool:
        """True for samples whose black and white only the picture itself can tell."""
        layout = self._layout
        return layout.format == _FLOAT or layout.bits == 32 or self._is_signed(16)

    def _is_signed(self, bits: int) -> bool:
        return (self._layout.format, self._layout.bits) == (_SIGNED, bits)

    def _mended(self, channel: Image.Image) -> Image.Image:
        """Samples that were read with the other sign."""
        if (self._layout.format, self._layout.bits) == (_UNSIGNED, 32):
            return samples.unsigned(channel)
        return samples.signed(channel) if self._is_signed(16) else channel

    def _scaled(self, read: list[Image.Image]) -> list[Image.Image]:
        """Channels in 8 bits, by a scale that all of them share."""
        layout = self._layout
        if read and layout.format == _FLOAT:
            return samples.of_full(read)
        if read and self._has_no_scale():
            raise _unsupported(f"colours of {layout.bits}-bit integers")
        if layout.bits > 8:
            return [samples.scaled(channel, layout.bits) for channel in read]
        narrow = [channel.convert("L") for channel in read]
        return [samples.signed_scaled(c) for c in narrow] if self._is_signed(8) else narrow

    def _lab(self, read: list[Image.Image]) -> list[Image.Image]:
        """Lightness from 0; a and b signed (CIELab), or from the middle (ICCLab)."""
        if self._layout.bits not in (8, 16):
            raise _unsupported(f"{self._layout.bits}-bit L*a*b*")
        narrow = self._scaled(read)
        if self._layout.photometric == _LAB:
            narrow[1:] = [samples.signed_scaled(channel) for channel in narrow[1:]]
        return narrow

    def _merged(self, color: list[Image.Image], alpha: Image.Image | None) -> Image.Image:
        layout = self._layout
        if layout.photometric in (_LAB, _ICC_LAB):
            pixels = to_resamplable(Image.merge("LAB", color))
        elif len(color) == 1:
            if alpha is None:
                return color[0]
            pixels = Image.merge("RGB", color * 3)
        else:
            pixels = Image.merge({3: "RGB", 4: "CMYK"}[len(color)], color)
        if alpha is None:
            return pixels
        if pixels.mode == "CMYK":
            pixels = to_srgb(pixels, self._profile)
        if layout.alpha == _PREMULTIPLIED:
            return Image.merge("RGBa", (*pixels.split(), alpha)).convert("RGBA")
        pixels.putalpha(alpha)
        return pixels

    def _planes(self, count: int) -> list[Image.Image]:
        """Each plane as a picture of its own."""
        tags = self._tags()
        offsets, sizes = (_TILES, _TILE_BYTES) if _TILES in tags else (_STRIPS, _STRIP_BYTES)
        each = len(tags[offsets]) // self._layout.samples
        planes = []
        for plane in range(count):
            part = slice(plane * each, (plane + 1) * each)
            of_plane = {offsets: tags[offsets][part], sizes: tags.get(sizes, ())[part]}
            planes.append(self._gray(tags | of_plane, 1))
        return planes

    def _side_by_side(self, count: int) -> list[Image.Image]:
        """All samples of a row as one wide gray row, of which each channel is every n-th."""
        every = self._layout.samples
        if every > 1 and self._layout.predictor != _NO_PREDICTOR:
            raise _unsupported("a predictor on channels of this kind", "Save it without.")
        wide = self._gray(self._tags(), every)
        if every == 1:
            return [wide]
        return [samples.every(wide, every, channel) for channel in range(count)]

    def _gray(self, tags: dict[int, Any], across: int) -> Image.Image:
        """Gray samples, `across` for each pixel of the picture."""
        layout = self._layout
        order = self._directory.order
        if layout.bits == 12:
            order = "<"  # packed bits know no byte order, and Pillow this one only
        format = layout.format
        if format != _FLOAT:
            format = _SIGNED if layout.bits == 32 else _UNSIGNED  # mended later
        tags = {
            tag: values for tag, values in tags.items() if tag not in (_EXTRA, _COLOR_MAP, _INK_SET)
        }
        tags |= {
            WIDTH: (self.size.width * across,),
            _BITS: (layout.bits,),
            _SAMPLES: (1,),
            _PHOTOMETRIC: (_BLACK_IS_ZERO,),
            _PLANAR: (1,),
            _FORMAT: (format,),
        }
        if _TILE_WIDTH in tags:
            tags[_TILE_WIDTH] = (tags[_TILE_WIDTH][0] * across,)
        pixels = self._read(tags, order)
        swapped = order == ">" and layout.bits == 32 and layout.compression != _UNCOMPRESSED
        if swapped:
            # libtiff gave the machine's order, and Pillow turned it once more.
            raw = "F;32BF" if pixels.mode == "F" else "I;32BS"
            return Image.frombytes(pixels.mode, pixels.size, pixels.tobytes(), "raw", raw)
        return pixels

    def _no_data(self) -> float | None:
        """The value that means "nothing here" (tag of GDAL)."""
        try:
            return float(self._directory.raw(_NO_DATA).rstrip(b"\0 "))
        except ValueError:
            return None

    # --- YCbCr without compression ---

    def _uncompressed_ycbcr(self) -> Image.Image:
        """Units of `across` x `down` values of Y, then Cb and Cr (TIFF 6.0, section 21)."""
        across, down = self._directory.numbers(_SUBSAMPLING) or (2, 2)
        tags = self._tags()
        if self._layout.planar or _TILES in tags or self._layout.bits != 8:
            raise _unsupported("YCbCr without compression, in planes or tiles")
        width, height = self.size
        units = -(-width // across)
        unit_bytes = across * down + 2
        brightness = Image.new("L", (units * across, height + down))
        chroma = [Image.new("L", (units, -(-height // down))) for _ in range(2)]
        rows = min(tags.get(_ROWS, (height,))[0], height)
        for strip, offset in enumerate(tags[_STRIPS]):
            for row in range(0, min(rows, height - strip * rows), down):
                at = offset + row // down * units * unit_bytes
                line = self._upload[at : at + units * unit_bytes]
                top = strip * rows + row
                for y in range(down):
                    values = bytearray(units * across)
                    for x in range(across):
                        values[x::across] = line[y * across + x :: unit_bytes]
                    part = Image.frombytes("L", (units * across, 1), bytes(values))
                    brightness.paste(part, (0, top + y))
                for plane, first in zip(chroma, (across * down, across * down + 1), strict=True):
                    part = Image.frombytes("L", (units, 1), line[first::unit_bytes])
                    plane.paste(part, (0, top // down))
        large = [
            plane.resize((units * across, plane.height * down), Image.Resampling.NEAREST)
            for plane in chroma
        ]
        planes = [plane.crop((0, 0, width, height)) for plane in (brightness, *large)]
        return Image.merge("YCbCr", planes).convert("RGB")

    # --- directories of our own ---

    def _tags(self) -> dict[int, Any]:
        """What pixels are made of, by tag: numbers, or bytes as they stand."""
        tags: dict[int, Any] = {
            tag: self._directory.numbers(tag) for tag in _KEPT_NUMBERS if tag in self._directory
        }
        tags |= {tag: self._directory.raw(tag) for tag in _KEPT_RAW if tag in self._directory}
        layout = self._layout
        tags |= {
            _PHOTOMETRIC: (layout.photometric,),
            _BITS: (layout.bits,) * layout.samples,
            _SAMPLES: (layout.samples,),
            # One plane is no planes: Pillow forgets then that white is 0.
            _PLANAR: (2 if layout.planar else 1,),
            _FORMAT: (layout.format,) * layout.samples,
        }
        colors = tags.get(_COLOR_MAP, ())
        if colors and max(colors) < 256:
            # Entries have 16 bits; some writers fill 8, and every reader knows.
            tags[_COLOR_MAP] = tuple(value * 257 for value in colors)
        return tags

    def _read(self, tags: dict[int, Any], order: str | None = None) -> Image.Image:
        order = order or self._directory.order
        types = {tag: self._directory.type_of(tag) for tag in _KEPT_RAW & tags.keys()}
        file = _with_directory(self._upload, tags, order, types)
        image = Image.open(io.BytesIO(file), formats=("TIFF",))
        image.load()
        return image


def _layout(directory: Directory) -> _Layout:
    """Raises Rejected for what is valid, and not read here."""
    compression = directory.number(_COMPRESSION, _UNCOMPRESSED)
    if compression not in TiffImagePlugin.COMPRESSION_INFO:
        raise _unsupported(f"compression {compression}", "Save it with LZW or Deflate.")
    photometric = directory.number(_PHOTOMETRIC, _WHITE_IS_ZERO)
    if compression == _OLD_JPEG:
        photometric = _YCBCR
    if photometric not in _CHANNELS:
        raise _unsupported(f"photometric interpretation {photometric}", "Save it as RGB.")
    if photometric == _CMYK and directory.number(_INK_SET, 1) != 1:
        raise _unsupported("inks other than CMYK", "Save it as CMYK or RGB.")
    channels = _CHANNELS[photometric]
    samples_of_pixel = directory.number(
        _SAMPLES, channels if compression in (_OLD_JPEG, _JPEG) else 1
    )
    bits = directory.numbers(_BITS)[: max(samples_of_pixel, 1)] or (1,)
    formats = directory.numbers(_FORMAT) or (_UNSIGNED,)
    format = formats[0] if formats[0] in (_UNSIGNED, _SIGNED, _FLOAT) else _UNSIGNED
    if min(bits) != max(bits) or (format, bits[0]) not in _READABLE:
        kind = {_UNSIGNED: "", _SIGNED: "signed ", _FLOAT: "float "}[format]
        raise _unsupported(
            f"{kind}samples of {' and '.join(map(str, sorted(set(bits))))} bits",
            "Save it with 8 or 16 bits.",
        )
    if not channels <= samples_of_pixel <= 16:
        raise ValueError("Too few or too many samples.")
    extra = directory.numbers(_EXTRA)
    if photometric == _RGB and not extra and samples_of_pixel == 4:
        extra = (_ALPHA,)
    return _Layout(
        photometric=photometric,
        bits=bits[0],
        format=format,
        samples=samples_of_pixel,
        extra=tuple(_ALPHA if kind == 999 else kind for kind in extra),  # as Corel Draw 10 wrote
        planar=directory.number(_PLANAR, 1) == 2 and samples_of_pixel > 1,
        compression=compression,
        predictor=directory.number(_PREDICTOR, _NO_PREDICTOR),
        fill_order=directory.number(_FILL_ORDER, 1),
    )


def _unsupported(what: str, instead: str = "Save it as 8-bit RGB.") -> Rejected:
    return Rejected(
        RejectionCode.UNSUPPORTED_FORMAT, f"This TIFF has {what}, which is not read. {instead}"
    )


_SHORT, _LONG = 3, 4


def _with_directory(
    upload: bytes, tags: dict[int, Any], order: str, raw_types: dict[int, int]
) -> bytes:
    """The same file as a classic TIFF whose only directory holds these tags."""
    at = len(upload) + len(upload) % 2
    body_at = at + 2 + 12 * len(tags) + 4
    entries, body = b"", b""
    for tag in sorted(tags):
        values = tags[tag]
        if isinstance(values, bytes):
            code, packed = raw_types[tag], values
            count = len(values) // {5: 8, 7: 1, 1: 1, 2: 1, 3: 2, 4: 4, 10: 8}.get(code, 1)
        else:
            code = (
                _SHORT
                if max(values, default=0) < 1 << 16 and tag not in (_STRIPS, _TILES)
                else _LONG
            )
            packed = struct.pack(f"{order}{len(values)}{'H' if code == _SHORT else 'I'}", *values)
            count = len(values)
        if len(packed) > 4:
            where = struct.pack(order + "I", body_at + len(body))
            body += packed + b"\0" * (len(packed) % 2)
        else:
            where = packed.ljust(4, b"\0")
        entries += struct.pack(order + "HHI", tag, code, count) + where
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", at)
    return b"".join((
        head, memoryview(upload)[8:], b"\0" * (at - len(upload)),
        struct.pack(order + "H", len(tags)), entries, bytes(4), body,
    ))  # fmt: skip
