"""What the first bytes of an upload tell: its real type, its size, how much it will ask for.

Knows the byte layouts of the accepted formats, and how much memory their decoders take for a
pixel. Imports no decoder and decodes no pixel, so that a bomb costs what reading a few boxes costs.
"""

from __future__ import annotations

import re
import struct
import traceback
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ..errors import Rejected, RejectionCode, Unforeseen


class Format(StrEnum):
    """Our formats, by the name under which Pillow knows their decoder; PLUGS may have others."""

    JPEG = "JPEG"
    PNG = "PNG"
    WEBP = "WEBP"
    GIF = "GIF"
    AVIF = "AVIF"
    TIFF = "TIFF"
    BMP = "BMP"
    HEIF = "HEIF"  # only with the extra `heic`
    PDF = "PDF"  # its first page; only with the extra `pdf`

    @property
    def media_type(self) -> str:
        return "application/pdf" if self is Format.PDF else f"image/{self.lower()}"


@dataclass(frozen=True)
class Header:
    """What is known before a pixel is decoded. Frames and scans are at-least figures.

    width, height: pixels as stored, before any orientation.
    decoder_bytes: memory at the peak of decoding for each pixel that is decoded, measured.
    coefficient_bytes: what a JPEG decoder keeps besides, for each stored pixel, until the last
        scan has been read (0 when it decodes row by row).
    canvas_pixels: of the largest frame of an animation.
    """

    format: str
    width: int
    height: int
    decoder_bytes: float
    frames: int = 1
    scans: int = 1
    coefficient_bytes: float = 0.0
    canvas_pixels: int = 0

    @property
    def animated(self) -> bool:
        return self.frames > 1 and self.format in (Format.GIF, Format.WEBP)

    @property
    def pixels(self) -> int:
        return self.width * self.height


# Memory at the peak of decoding, in bytes for each decoded pixel, as measured: the worst of our
# generators for each kind of picture. tests/corpus/test_memory.py holds every row against a run.
_JPEG_BYTES = {1: 1.0, 3: 4.0, 4: 6.0}  # by components; CMYK becomes RGB after drawing
# By colour type: grey, RGB, palette (and its RGB), grey with alpha (and its RGBA), RGBA.
_PNG_BYTES = {0: 1.0, 2: 4.3, 3: 7.0, 4: 9.5, 6: 7.0}
_PNG_16_BIT_GREY_BYTES = 5.0
_PNG_TRANSPARENT_COLOUR_BYTES = 4.0  # besides: the RGBA that a tRNS chunk asks for
# Two canvases of libwebp and the frame that it gives to Pillow; alpha and lossless need more.
_LOSSY_WEBP_BYTES = 12.1
_WEBP_BYTES = 14.5
# Palette indices, and RGB or RGBA beside them: 6.0 measured under Python 3.11, 6.2 under 3.13.
_GIF_BYTES = 6.3
# Planes of 4:4:4, their RGB and Pillow's copy; an alpha plane and RGBA are dearer.
_AVIF_BYTES = 10.5
_AVIF_ALPHA_BYTES = 12.5
_HEIF_BYTES = 8.0
# 4 for a plain image; as much again for a single large strip, a turn or 32-bit samples.
_TIFF_BYTES = 9.0
_TIFF_SAMPLES_BESIDE = 0.5  # of a TIFF whose samples are taken apart
_BMP_BYTES = 5.0
_PDF_BYTES = 8.0  # PDFium's canvas and Pillow's copy
# A JPEG decoder keeps a coefficient of two bytes for each sample until the last scan is read.
_COEFFICIENT_BYTES = 2.0

ReadHeader = Callable[[bytes], Header | None]


@dataclass(frozen=True)
class Plug:
    """A format of an embedder's own, by the bytes with which its files begin.

    open_: makes what `decode.Picture` reads from, of an upload and its header. version: of the
    pixels that it gives.
    """

    magic: bytes
    read: ReadHeader
    open_: Callable[[bytes, Header], Any]
    version: int

    def header(self, data: bytes) -> Header | None:
        """What `read` raises beyond what says that bytes are missing is the file's fault."""
        try:
            return self.read(data)
        except (Rejected, struct.error, IndexError, OverflowError):
            raise
        except Exception as error:
            raise Unforeseen(traceback.format_exc()) from error


# By the format's name. Filled while a worker's module is imported, before there is a fence.
PLUGS: dict[str, Plug] = {}

# The longest prefix that decides the type; `ftyp` boxes list their brands within it.
SNIFF_BYTES = 64

_MAGIC = {
    Format.JPEG: re.compile(rb"\xff\xd8\xff"),
    Format.PNG: re.compile(rb"\x89PNG\r\n\x1a\n"),
    Format.WEBP: re.compile(rb"RIFF....WEBP", re.S),
    Format.GIF: re.compile(rb"GIF8[79]a"),
    Format.TIFF: re.compile(rb"II[*+]\0|MM\0[*+]"),
    Format.BMP: re.compile(rb"BM"),
    Format.PDF: re.compile(rb"%PDF-"),
}
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}

# Pictures that people do upload and that are refused by name, so that the message can say so.
_REFUSED_FORMATS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"8BPS"), "Photoshop"),
    (re.compile(rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51"), "JPEG 2000"),
    (re.compile(rb"\0\0\0\x0cJXL |\xff\x0a"), "JPEG XL"),
    (re.compile(rb"\0\0[\1\2]\0"), "icon"),
    (re.compile(rb"%!PS|\xc5\xd0\xd3\xc6"), "PostScript"),
    (re.compile(rb"(\xef\xbb\xbf)?\s*<(\?xml|svg|!DOCTYPE svg)"), "SVG or XML"),
    (re.compile(rb"....ftyp(crx |qt  |isom|mp4|M4V)", re.S), "raw or video"),
)


def sniff(head: bytes) -> str:
    """The real type, decided by the bytes alone. Raises Rejected for anything else."""
    if not head:
        raise Rejected(RejectionCode.EMPTY, "The upload is empty. Send an image file.")
    for format, magic in _MAGIC.items():
        if magic.match(head):
            return format
    if head[4:8] == b"ftyp":
        brands = _brands(head)
        if brands & _AVIF_BRANDS:
            return Format.AVIF
        if brands & _HEIC_BRANDS:
            return Format.HEIF
    for name, plug in PLUGS.items():
        if head.startswith(plug.magic):
            return name
    for refused, name in _REFUSED_FORMATS:
        if refused.match(head):
            raise Rejected(
                RejectionCode.UNSUPPORTED_FORMAT,
                f"This is a {name} file. Accepted are JPEG, PNG, WebP, GIF, AVIF, TIFF and BMP.",
            )
    raise Rejected(
        RejectionCode.NOT_AN_IMAGE,
        "This is not an image. Accepted are JPEG, PNG, WebP, GIF, AVIF, TIFF and BMP.",
    )


def known_formats() -> Collection[str]:
    return (*Format, *PLUGS)


def _brands(head: bytes) -> set[bytes]:
    size = min(int.from_bytes(head[:4], "big"), SNIFF_BYTES)
    return {head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))}


def read_header(data: bytes) -> Header | None:
    """Read what `data`, a whole upload or its beginning, tells.

    Returns None when the size lies beyond the bytes at hand (a TIFF may keep its directory at
    the end). Raises Rejected when the type is not accepted or the header is broken.
    """
    kind = sniff(data[:SNIFF_BYTES])
    try:
        header = PLUGS[kind].header(data) if kind in PLUGS else _READERS[kind](data)
    except (struct.error, IndexError, OverflowError):  # the bytes end within the header
        return None
    if header is not None and header.pixels <= 0:
        raise Rejected(RejectionCode.CORRUPT, "The image's header gives it no width or no height.")
    return header


# Parts (segments, chunks, boxes) of a file: honest ones have tens, a 50 MB PNG in pieces of 1 kB
# has 50,000. Decoders take some microseconds for each, whatever is in it.
_MOST_PARTS = 60_000


def _bounded(parts: Iterator[Any], format: Format) -> Iterator[Any]:
    for count, part in enumerate(parts):
        if count >= _MOST_PARTS:
            raise _too_many_parts(format)
        yield part


def _too_many_parts(format: Format) -> Rejected:
    return Rejected(
        RejectionCode.TOO_COMPLEX,
        f"The {format} image is cut into more than {_MOST_PARTS:,} parts. Save it again.",
    )


# Start-of-frame markers (ITU T.81, table B.1): all of C0 to CF but DHT, JPG and DAC.
SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
PROGRESSIVE_SOF = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
# Before a marker; decoders read them one by one.
_MOST_FILL_BYTES = 100_000
_NO_FILL_BYTE = re.compile(rb"[^\xff]")
# Within entropy-coded data FF is followed by 00 or a restart marker; anything else ends it.
END_OF_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")


def _read_jpeg(data: bytes) -> Header | None:
    size: tuple[int, int] | None = None
    coefficient_bytes = 0.0
    components = scans = 0
    for marker, at in _bounded(jpeg_segments(data), Format.JPEG):
        if marker in SOF and size is None:
            height, width, components = struct.unpack_from(">HHB", data, at + 1)
            _refuse_unread_jpeg(marker, data[at], components)
            size = width, height
            if marker in PROGRESSIVE_SOF:
                coefficient_bytes = _coefficient_bytes(data, at + 6, components)
        elif marker == 0xDA and size is not None:
            scans += 1
            if scans == 1 and not coefficient_bytes:
                if data[at] >= components:
                    break  # one scan holds everything and is decoded row by row
                coefficient_bytes = _COEFFICIENT_BYTES * components
    if size is None:
        return None
    decoder_bytes = _JPEG_BYTES.get(components, _JPEG_BYTES[3])
    return Header(Format.JPEG, *size, decoder_bytes, 1, max(scans, 1), coefficient_bytes)


# Frames that are coded without loss, and those that refine a smaller one (T.81, table B.1).
_LOSSLESS_SOF = frozenset({0xC3, 0xCB})
_HIERARCHICAL_SOF = frozenset({0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF})


def _refuse_unread_jpeg(marker: int, precision: int, components: int) -> None:
    """Raise Rejected for what the standard knows and neither browsers nor libjpeg show."""
    if marker in _LOSSLESS_SOF:
        what = "a lossless one"
    elif marker in _HIERARCHICAL_SOF:
        what = "a hierarchical one"
    elif precision != 8:
        what = f"one of {precision} bits"
    elif components not in (1, 3, 4):
        what = f"one of {components} channels"
    else:
        return
    raise Rejected(
        RejectionCode.UNSUPPORTED_FORMAT,
        f"This JPEG is {what}, which is not read. Save it as an ordinary JPEG of 8 bits.",
    )


def jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Each marker with the offset of its payload, up to the end of the image or of `data`."""
    at = 2
    lone = fill_bytes = 0
    while True:
        start = data.find(b"\xff", at)
        if start < 0:
            return
        found = _NO_FILL_BYTE.search(data, start)
        fill_bytes += (found.start() if found else len(data)) - start - 1
        if fill_bytes > _MOST_FILL_BYTES or lone > _MOST_PARTS:
            raise _too_many_parts(Format.JPEG)
        if found is None or found.end() + 2 > len(data):
            return
        marker = data[found.start()]
        payload = found.end() + 2
        if marker == 0xD9:
            return
        if marker in (0x00, 0x01) or 0xD0 <= marker <= 0xD8:  # no payload
            at = found.end()
            lone += 1
            continue
        yield marker, payload
        at = payload - 2 + int.from_bytes(data[payload - 2 : payload], "big")
        if marker == 0xDA:
            scan_end = END_OF_SCAN.search(data, at)
            if scan_end is None:
                return
            at = scan_end.start()


def _coefficient_bytes(data: bytes, at: int, components: int) -> float:
    """Two bytes a coefficient; a subsampled component has fewer than one a pixel."""
    sampling = [data[at + 3 * i + 1] for i in range(components)]
    areas = [(factor >> 4) * (factor & 15) for factor in sampling]
    largest = max((f >> 4 for f in sampling), default=1) * max(
        (f & 15 for f in sampling), default=1
    )
    return _COEFFICIENT_BYTES * sum(areas) / max(largest, 1)


def _read_png(data: bytes) -> Header | None:
    width, height, depth, color_type = struct.unpack_from(">IIBB", data, 16)
    decoder_bytes = _PNG_BYTES.get(color_type, _PNG_BYTES[2])
    if color_type == 0 and depth == 16:
        decoder_bytes = _PNG_16_BIT_GREY_BYTES
    frames = 1
    pixels = False
    for kind, at, _ in _bounded(png_chunks(data), Format.PNG):
        if kind == b"IDAT":
            pixels = True
        elif kind == b"acTL" and not pixels:
            (frames,) = struct.unpack_from(">I", data, at)
        elif kind == b"tRNS" and not pixels and color_type in (0, 2):
            decoder_bytes += _PNG_TRANSPARENT_COLOUR_BYTES
    return Header(Format.PNG, width, height, decoder_bytes, max(frames, 1))


def png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Each chunk with the start and the end of its payload, up to IEND or the end of `data`."""
    at, kind = 8, b""
    while at + 8 <= len(data) and kind != b"IEND":
        size, kind = struct.unpack_from(">I4s", data, at)
        yield kind, at + 8, at + 8 + size
        at += 12 + size


def _read_webp(data: bytes) -> Header | None:
    kind = data[12:16]
    if kind == b"VP8X":
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
        if len(data) < 30:
            return None
        chunks = _bounded(riff_chunks(data), Format.WEBP)
        frames = sum(kind == b"ANMF" for kind, _, _ in chunks)
        return Header(Format.WEBP, width, height, _WEBP_BYTES, max(frames, 1))
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return Header(Format.WEBP, (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, _WEBP_BYTES)
    width, height = struct.unpack_from("<HH", data, 26)
    return Header(Format.WEBP, width & 0x3FFF, height & 0x3FFF, _LOSSY_WEBP_BYTES)


def riff_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Each chunk of a WebP with its start and its end, header and padding included."""
    at = 12
    while at + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, at)
        end = at + 8 + size + (size & 1)
        yield kind, at, end
        at = end


# A GIF is cut in blocks of at most 255 bytes; this many is a 250 MB file of full blocks, or a
# small one made only to be walked (0.3 s).
_MAX_GIF_BLOCKS = 1_000_000


def _read_gif(data: bytes) -> Header | None:
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    canvas_width, canvas_height = width, height
    at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    frames = blocks = 0
    while at < len(data) and blocks <= _MAX_GIF_BLOCKS:
        introducer = data[at]
        if introducer == 0x2C and at + 10 <= len(data):
            left, top, wide, high, local = struct.unpack_from("<HHHHB", data, at + 1)
            # A frame may reach beyond the canvas; the decoder then enlarges the canvas.
            canvas_width = max(canvas_width, left + wide)
            canvas_height = max(canvas_height, top + high)
            if not frames:
                width, height = canvas_width, canvas_height
            frames += 1
            at += 10 + (3 << (local & 7) + 1 if local & 0x80 else 0)
        elif introducer == 0x21:
            at += 1
        elif introducer == 0x3B or frames:
            break  # what is no block ends the animation, as in browsers
        else:
            at += 1
            blocks += 1
            continue
        at += 1  # LZW code size, or the extension's label
        while at < len(data) and data[at] and blocks <= _MAX_GIF_BLOCKS:
            at += data[at] + 1
            blocks += 1
        at += 1
        blocks += 1
    if blocks > _MAX_GIF_BLOCKS:
        raise Rejected(
            RejectionCode.TOO_COMPLEX,
            f"The GIF is cut into more than {_MAX_GIF_BLOCKS:,} blocks. Save it again.",
        )
    return Header(
        Format.GIF,
        width,
        height,
        _GIF_BYTES,
        max(frames, 1),
        canvas_pixels=canvas_width * canvas_height,
    )


_ALPHA_PLANE = b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"


def _read_avif(data: bytes) -> Header | None:
    has_alpha = _ALPHA_PLANE in data[:65536]
    return _read_isobmff(data, Format.AVIF, _AVIF_ALPHA_BYTES if has_alpha else _AVIF_BYTES)


def _read_heif(data: bytes) -> Header | None:
    return _read_isobmff(data, Format.HEIF, _HEIF_BYTES)


def _read_isobmff(data: bytes, format: Format, decoder_bytes: float) -> Header | None:
    """The largest picture of the file bounds what its decoder may be asked for."""
    from . import isobmff  # noqa: PLC0415, a cold start with a JPEG does without

    width = height = frames = 0
    for kind, at, _ in _bounded(isobmff.all_boxes(data), format):
        if kind == b"ispe":
            wide, high = struct.unpack_from(">II", data, at + 4)
            if wide * high > width * height:
                width, height = wide, high
        elif kind == b"stsz":
            frames = max(frames, struct.unpack_from(">I", data, at + 8)[0])
    if not width * height:
        return None
    return Header(format, width, height, decoder_bytes, max(frames, 1))


def _read_tiff(data: bytes) -> Header | None:
    from .tiff_directory import HEIGHT, WIDTH, directory_of_picture  # noqa: PLC0415, as above

    directory = directory_of_picture(data)
    width, height = directory.number(WIDTH, 0), directory.number(HEIGHT, 0)
    tile_width, tile_height = directory.number(_TILE_WIDTH, 0), directory.number(_TILE_HEIGHT, 0)
    places = max(directory.count(tag) for tag in _PLACES)
    _refuse_geometry(width, height, tile_width, tile_height, places)
    bits, samples = directory.number(_BITS, 1), directory.number(_SAMPLES, 1)
    return Header(Format.TIFF, width, height, _tiff_bytes(bits, samples))


def _tiff_bytes(bits: int, samples: int) -> float:
    """Pillow has no mode for some samples: taken apart, each of them is there twice."""
    if bits in (12, 32) or samples > 4:
        return max(_TIFF_BYTES, 2 * samples * -(-bits // 8) + _TIFF_SAMPLES_BESIDE)
    return _TIFF_BYTES


# Tags of TIFF 6.0 that say how a picture is cut, and where its parts lie.
_BITS, _SAMPLES = 258, 277
_TILE_WIDTH, _TILE_HEIGHT = 322, 323
_PLACES = frozenset({273, 279, 324, 325})  # of strips and of tiles: offsets and lengths
# A picture smaller than a tile still has one of the usual sizes.
_LARGEST_TILE_PIXELS = 4096 * 4096
_MOST_SAMPLES = 8


def _refuse_geometry(
    width: int, height: int, tile_width: int, tile_height: int, places: int
) -> None:
    """Parts that are larger, or more, than the picture needs cost a decoder what they say."""
    tiles = -(-width // max(tile_width, 1)) * -(-height // max(tile_height, 1))
    if tiles * tile_width * tile_height > max(4 * width * height, _LARGEST_TILE_PIXELS):
        raise Rejected(
            RejectionCode.TOO_COMPLEX,
            f"The TIFF has tiles of {tile_width} x {tile_height} for {width} x {height} pixels. "
            "Save it with smaller tiles.",
        )
    smallest_tiles = -(-width // 16) * -(-height // 16)
    needed = max(smallest_tiles, height) * _MOST_SAMPLES
    if places > needed and width and height:
        raise Rejected(
            RejectionCode.TOO_COMPLEX,
            f"The TIFF is cut into {places:,} parts; {width} x {height} pixels need at most "
            f"{needed:,}. Save it again.",
        )


def _read_bmp(data: bytes) -> Header | None:
    (dib_bytes,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if dib_bytes == 12 else "<ii", data, 18)
    return Header(Format.BMP, abs(width), abs(height), _BMP_BYTES)


# A page has no pixels of its own, and its size stands behind all that a PDF may be. It is drawn so
# that its longer side has this many at most: A4 at 350 dpi.
PDF_EDGE = 4_096


def _read_pdf(data: bytes) -> Header | None:
    del data
    return Header(Format.PDF, PDF_EDGE, PDF_EDGE, _PDF_BYTES)


_READERS: dict[str, ReadHeader] = {
    Format.JPEG: _read_jpeg,
    Format.PNG: _read_png,
    Format.WEBP: _read_webp,
    Format.GIF: _read_gif,
    Format.AVIF: _read_avif,
    Format.TIFF: _read_tiff,
    Format.BMP: _read_bmp,
    Format.HEIF: _read_heif,
    Format.PDF: _read_pdf,
}
