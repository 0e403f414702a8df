"""Reads TIFF: its directories here, its strips and tiles by Pillow and libtiff.

Pillow is given a directory of our own, with nothing in it but what pixels are made of. What it
reads as it is written goes through as it is; every other layout of samples is read channel by
channel, each as a gray picture.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from PIL import Image, ImageChops, TiffImagePlugin

from ...errors import Rejected, RejectionCode
from .. import samples
from ..color import Colors, to_resamplable, to_srgb
from ..header import Header
from ..orientation import TURNS
from ..profile import is_reasonable
from ..rendition import Size
from ..tiff_directory import BYTES_OF_TYPE, HEIGHT, WIDTH, Directory, directory_of_picture
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
_INK_SET, _EXTRA, _FORMAT, _ICC, _NO_DATA = 332, 338, 339, 34675, 42113
_LUMA, _SUBSAMPLING, _REFERENCE = 529, 530, 532
_OLD_JPEG_PLACES = (513, 519, 520, 521)

_KEPT_NUMBERS = frozenset({
    WIDTH, HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER, _STRIPS, _SAMPLES, _ROWS,
    _STRIP_BYTES, _PLANAR, _PREDICTOR, _COLOR_MAP, _TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES,
    _INK_SET, _FORMAT, _SUBSAMPLING,
    292, 293,  # options of fax
    *_OLD_JPEG_PLACES, 512, 514, 515, 517, 518,  # JPEG as in TIFF 6.0
    531,  # position of chroma
})  # fmt: skip
_KEPT_RAW = frozenset({347, _LUMA, _REFERENCE})  # tables of JPEG; coefficients and range of YCbCr
# What holds places within the file, which move with it.
_PLACES = frozenset({_STRIPS, _TILES, *_OLD_JPEG_PLACES})

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
_FAX = frozenset({2, 3, 4, 32771})
_SILENT = _FAX | {_OLD_JPEG, _JPEG}  # whose missing pixels libtiff makes up
_WITH_PREDICTOR = frozenset({5, 8, 32946, 34925, 50000})
# Pillow knows WebP's number, but the libtiff of its wheels is built without.
_COMPRESSIONS = TiffImagePlugin.COMPRESSION_INFO.keys() - {50001}
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
        """Which sample is alpha, the colours counted too: the first extra one that says so."""
        kinds = enumerate(self.extra, self.channels)
        return next((at for at, kind in kinds if kind in (_PREMULTIPLIED, _ALPHA)), None)

    @property
    def is_multiplied(self) -> bool:
        """True where the colours were multiplied by alpha."""
        return self.alpha is not None and self.extra[self.alpha - self.channels] == _PREMULTIPLIED


class TiffReader(StillReader):
    """The first full-size picture of the file."""

    def __init__(self, upload: bytes, header: Header) -> None:
        self._upload = upload
        self._directory = directory_of_picture(upload)
        self._layout = _layout(self._directory)
        self.size = Size(header.width, header.height)
        self.turn = TURNS.get(self._directory.number(_ORIENTATION, 1))
        self.exif = upload  # EXIF is a TIFF
        profile = self._directory.raw(_ICC)
        self._profile: Colors = profile if is_reasonable(profile) else None
        # What is no mode of Pillow's is sRGB once it is decoded: L*a*b*, and CMYK with alpha.
        four_and_alpha = self._layout.photometric == _CMYK and self._layout.alpha is not None
        is_lab = self._layout.photometric in (_LAB, _ICC_LAB)
        self.colors = None if four_and_alpha or is_lab else self._profile

    def decode(self) -> Image.Image:
        if self._is_plain():
            pixels = self._read(self._tags())
            self._refuse_missing(pixels)
            return to_resamplable(pixels.convert("LA") if pixels.mode == "La" else pixels)
        if self._layout.photometric == _YCBCR:
            return self._ycbcr()
        return self._from_channels()

    def _is_plain(self) -> bool:
        """True for what Pillow reads with the meaning that it has."""
        layout = self._layout
        if layout.compression in (_OLD_JPEG, _JPEG):
            return True
        if layout.photometric == _YCBCR:
            return False  # libtiff fills in what is missing, and says nothing
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
        if layout.photometric == _PALETTE:
            raise _unsupported(f"a {layout.bits}-bit palette of this kind")
        wanted = [*range(layout.channels), *([] if layout.alpha is None else [layout.alpha])]
        read = self._planes(wanted) if layout.planar else self._side_by_side(wanted)
        color, alpha = read[: layout.channels], read[layout.channels :]
        del read
        if layout.photometric in (_LAB, _ICC_LAB):
            if layout.is_multiplied:
                raise _unsupported("L*a*b* that was multiplied by alpha")
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
        narrow = [channel if channel.mode == "L" else channel.convert("L") for channel in read]
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
        if alpha is not None and layout.is_multiplied:
            color = [
                Image.merge("La", (channel, alpha)).convert("LA").getchannel("L")
                for channel in color
            ]
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
        color.clear()  # whose memory the conversion needs
        if pixels.mode == "CMYK":
            pixels = to_srgb(pixels, self._profile)
        pixels.putalpha(alpha)
        return pixels

    def _planes(self, wanted: list[int]) -> list[Image.Image]:
        """Each plane as a picture of its own."""
        tags = self._tags()
        offsets, sizes = (_TILES, _TILE_BYTES) if _TILES in tags else (_STRIPS, _STRIP_BYTES)
        each = len(tags[offsets]) // self._layout.samples
        planes = []
        for plane in wanted:
            part = slice(plane * each, (plane + 1) * each)
            of_plane = {offsets: tags[offsets][part], sizes: tags.get(sizes, ())[part]}
            planes.append(self._gray(tags | of_plane, (1, 1), 1))
        return planes

    def _side_by_side(self, wanted: list[int]) -> list[Image.Image]:
        """All samples of a row as one wide gray row, of which each channel is every n-th."""
        every = self._layout.samples
        wide = self._gray(self._tags(), (1, 1), every)
        if every == 1:
            return [wide]
        return [samples.every(wide, every, channel) for channel in wanted]

    def _gray(self, tags: dict[int, Any], unit: tuple[int, int], count: int) -> Image.Image:
        """Gray samples, `count` for each unit of so many pixels across and down."""
        if count > 1 and self._layout.predictor != _NO_PREDICTOR:
            raise _unsupported("a predictor on channels of this kind", "Save it without.")
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
        across, down = unit
        tags |= {
            WIDTH: (-(-self.size.width // across) * count,),
            HEIGHT: (-(-self.size.height // down),),
            _BITS: (layout.bits,),
            _SAMPLES: (1,),
            _PHOTOMETRIC: (_BLACK_IS_ZERO,),
            _PLANAR: (1,),
            _FORMAT: (format,),
        }
        if _TILE_WIDTH in tags:
            tags[_TILE_WIDTH] = (tags[_TILE_WIDTH][0] // across * count,)
            tags[_TILE_HEIGHT] = (tags[_TILE_HEIGHT][0] // down,)
        if _ROWS in tags:
            tags[_ROWS] = (-(-tags[_ROWS][0] // down),)
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

    # --- YCbCr ---

    def _ycbcr(self) -> Image.Image:
        """Units of `across` x `down` values of Y, then Cb and Cr (TIFF 6.0, section 21)."""
        layout = self._layout
        across, down = unit = self._subsampling()
        if (layout.samples, layout.bits, layout.format) != (3, 8, _UNSIGNED):
            raise _unsupported("YCbCr that is not of three unsigned samples of 8 bits")
        if layout.planar:
            if unit != (1, 1):
                raise _unsupported("YCbCr in planes of different sizes")
            planes = self._planes([0, 1, 2])
        else:
            count = across * down + 2
            units = self._gray(self._tags(), unit, count)
            size = units.width // count, units.height
            coded = units.tobytes()
            # Row y of every unit, one beside the other, is row after row of the picture.
            rows = Image.new("L", (size[0] * across * down, size[1]), None)
            for y in range(down):
                row = bytearray(size[0] * across * size[1])
                for x in range(across):
                    row[x::across] = coded[y * across + x :: count]
                part = Image.frombytes("L", (size[0] * across, size[1]), row)
                rows.paste(part, (y * part.width, 0))
            whole = size[0] * across, size[1] * down
            planes = [Image.frombytes("L", whole, rows.tobytes())] + [
                Image.frombytes("L", size, coded[channel::count]).resize(
                    whole, Image.Resampling.NEAREST
                )
                for channel in (count - 2, count - 1)
            ]
        pixels = Image.merge("RGB", [plane.crop((0, 0, *self.size)) for plane in planes])
        return pixels.convert("RGB", self._ycbcr_matrix())

    def _subsampling(self) -> tuple[int, int]:
        across, down = self._directory.numbers(_SUBSAMPLING) or (2, 2)
        return across, down

    def _ycbcr_matrix(self) -> tuple[float, ...]:
        """What makes red, green and blue of Y, Cb and Cr: three factors and a summand for each."""
        red, green, blue = self._directory.fractions(_LUMA) or (0.299, 0.587, 0.114)
        reference = self._directory.fractions(_REFERENCE) or (0, 255, 128, 255, 128, 255)
        black, blue_zero, red_zero = reference[::2]
        white, blue_full, red_full = reference[1::2]
        light = 255 / (white - black)
        from_cb = 127 / (blue_full - blue_zero) * (2 - 2 * blue)
        from_cr = 127 / (red_full - red_zero) * (2 - 2 * red)
        factors = (
            (light, 0, from_cr),
            (light, -from_cb * blue / green, -from_cr * red / green),
            (light, from_cb, 0),
        )
        return tuple(
            value
            for y, cb, cr in factors
            for value in (y, cb, cr, -y * black - cb * blue_zero - cr * red_zero)
        )

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
        if layout.extra:
            tags[_EXTRA] = layout.extra
        colors = tags.get(_COLOR_MAP, ())
        if colors and max(colors) < 256:
            # Entries have 16 bits; some writers fill 8, and every reader knows.
            tags[_COLOR_MAP] = tuple(value * 257 for value in colors)
        return tags

    def _read(
        self, tags: dict[int, Any], order: str | None = None, coded: bytes | None = None
    ) -> Image.Image:
        """coded: where the tags' places lie, if not in the upload."""
        types = {tag: self._directory.type_of(tag) for tag in _KEPT_RAW & tags.keys()}
        file = _with_directory(
            self._upload if coded is None else coded, tags, order or self._directory.order, types
        )
        image = Image.open(io.BytesIO(file), formats=("TIFF",))
        image.load()
        return image

    def _refuse_missing(self, pixels: Image.Image) -> None:
        """Raise ValueError for fax and JPEG of which pixels are missing.

        Pixels that are all there do not change with what follows their strip or tile, and missing
        ones do.
        """
        compression = self._layout.compression
        if compression not in _SILENT:
            return
        tags = self._tags()
        offsets, sizes = (_TILES, _TILE_BYTES) if _TILES in tags else (_STRIPS, _STRIP_BYTES)
        places = list(zip(tags.get(offsets, ()), tags.get(sizes, ()), strict=False))
        if any(at + size > len(self._upload) for at, size in places):
            raise ValueError("The file ends before its pixels.")
        if compression == _OLD_JPEG or not places or not all(size for _, size in places):
            return  # libtiff finds the lengths itself
        parts = [self._upload[at : at + size] for at, size in places]
        end = b""
        if compression == _JPEG:
            end = _END_OF_JPEG
            parts = [part.rstrip(b"\0") for part in parts]
            if all(part.endswith(end) for part in parts):
                return
        parts = [part.removesuffix(end) + _NOISE + end for part in parts]
        starts = tuple(accumulate(map(len, parts), initial=0))[:-1]
        tags |= {offsets: starts, sizes: tuple(map(len, parts))}
        if self._read(tags, coded=b"".join(parts)).tobytes() != pixels.tobytes():
            raise ValueError("Coded pixels are missing.")


# Coded bytes that are no padding, in each of the eight intervals that JPEG's restart markers end.
_NOISE = b"".join(b"\x5a\x93\x2d\x61" * 16 + bytes((0xFF, 0xD0 + i)) for i in range(8)) * 2
_END_OF_JPEG = b"\xff\xd9"


def _layout(directory: Directory) -> _Layout:
    """Raises Rejected for what is valid, and not read here."""
    compression = directory.number(_COMPRESSION, _UNCOMPRESSED)
    if compression not in _COMPRESSIONS:
        raise _unsupported(f"compression {compression}", "Save it with LZW or Deflate.")
    extra = directory.numbers(_EXTRA)
    photometric = directory.number(_PHOTOMETRIC, -1)
    if photometric == -1:
        photometric = _guessed_photometric(directory, compression, len(extra))
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
    if compression == _JPEG and bits[0] > 8:
        raise _unsupported(f"JPEG of {bits[0]} bits", "Save it with LZW or Deflate.")
    if not channels <= samples_of_pixel <= 16:
        raise ValueError("Too few or too many samples.")
    if photometric == _RGB and not extra and samples_of_pixel == 4:
        extra = (_ALPHA,)
    return _Layout(
        photometric=photometric,
        bits=bits[0],
        format=format,
        samples=samples_of_pixel,
        extra=tuple(
            _ALPHA if kind == 999 else kind  # as Corel Draw 10 wrote
            for kind in extra[: samples_of_pixel - channels]
        ),
        planar=directory.number(_PLANAR, 1) == 2 and samples_of_pixel > 1,
        compression=compression,
        predictor=(
            directory.number(_PREDICTOR, _NO_PREDICTOR)
            if compression in _WITH_PREDICTOR
            else _NO_PREDICTOR
        ),
        fill_order=directory.number(_FILL_ORDER, 1),
    )


def _guessed_photometric(directory: Directory, compression: int, extra: int) -> int:
    """Of a file that lacks this tag: what libtiff takes it for, by the number of its channels."""
    channels = directory.number(_SAMPLES, 1) - extra
    if channels == 1 and _COLOR_MAP not in directory:
        return _WHITE_IS_ZERO if compression in _FAX else _BLACK_IS_ZERO
    if channels == 3 and compression != _JPEG:
        return _RGB
    raise _unsupported("samples without a photometric interpretation", "Save it as RGB.")


def _unsupported(what: str, instead: str = "Save it as 8-bit RGB.") -> Rejected:
    return Rejected(
        RejectionCode.UNSUPPORTED_FORMAT, f"This TIFF has {what}, which is not read. {instead}"
    )


_SHORT, _LONG = 3, 4


def _with_directory(
    upload: bytes, tags: dict[int, Any], order: str, raw_types: dict[int, int]
) -> bytes:
    """A classic TIFF whose only directory holds these tags, and the upload behind it.

    Nothing follows the upload, so that what it lacks stays missing.
    """
    codes = {
        tag: raw_types[tag]
        if isinstance(values, bytes)
        else _LONG
        if tag in _PLACES or max(values, default=0) >= 1 << 16
        else _SHORT
        for tag, values in tags.items()
    }
    bytes_each = {tag: BYTES_OF_TYPE.get(codes[tag], 1) for tag in tags}
    at = 8
    body_at = at + 2 + 12 * len(tags) + 4
    lengths = {
        tag: len(values) if isinstance(values, bytes) else len(values) * bytes_each[tag]
        for tag, values in tags.items()
    }
    moved = body_at + sum(length + length % 2 for length in lengths.values() if length > 4)
    entries, body = b"", b""
    for tag in sorted(tags):
        values = tags[tag]
        if not isinstance(values, bytes):
            if tag in _PLACES:
                values = [value + moved for value in values]
            letter = "H" if codes[tag] == _SHORT else "I"
            values = struct.pack(f"{order}{len(values)}{letter}", *values)
        if len(values) > 4:
            where = struct.pack(order + "I", body_at + len(body))
            body += values + b"\0" * (len(values) % 2)
        else:
            where = values.ljust(4, b"\0")
        count = len(values) // bytes_each[tag]
        entries += struct.pack(order + "HHI", tag, codes[tag], count) + where
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", at)
    return b"".join((
        head, struct.pack(order + "H", len(tags)), entries, bytes(4), body, upload,
    ))  # fmt: skip
