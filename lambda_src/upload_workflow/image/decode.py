"""Opens an upload and decodes it, once and no larger than needed.

The one door through which bytes of strangers reach a decoder: only the format that the header
showed is opened, and everything a decoder may throw leaves as Rejected.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from PIL import Image

from ..errors import Rejected, RejectionCode
from .header import PLUGS, Format, Header
from .limits import Limits
from .orientation import turned
from .profile import is_reasonable
from .readers.reader import Frame, Reader
from .rendition import Size

# The encoders that `save` would import with the first image.
Image.preinit()

# Pillow gives the memory of each image back to the system and takes new pages for the next: a
# fifth of the cost of a decode. In blocks of 1 MB, of which 64 stay (12 megapixels), a warm
# process decodes into the pages of the last photo. Larger blocks are cut down and lost again
# when a small image takes one.
Image.core.set_block_size(1 << 20)  # type: ignore[attr-defined]
Image.core.set_blocks_max(64)  # type: ignore[attr-defined]

# What decoders raise on broken or hostile files, and readers on their way to them: struct, zlib,
# subscripts and arithmetic on bytes that are not there. Measured over the corpora and the
# fuzzer; a new kind here is a new kind of broken file, not a bug of ours, because nothing but
# readers runs inside `_broken_images_refused`.
_DECODER_ERRORS = (
    OSError,  # truncated data, UnidentifiedImageError, libtiff and libjpeg errors
    SyntaxError,  # Pillow's "not this format" and broken chunks
    ValueError,  # impossible parameters, bad text encodings
    EOFError,
    struct.error,
    zlib.error,
    LookupError,  # IndexError, KeyError: tags and tables that are not there
    TypeError,  # a tag of another type than the plugin expects
    AttributeError,
    ArithmeticError,  # OverflowError, ZeroDivisionError
    AssertionError,
    NotImplementedError,  # an option of the format that Pillow does not decode
    RuntimeError,  # libavif, RecursionError
)

# Imported with the first upload of the format: a cold start pays for no other.
_READERS: dict[str, tuple[str, str]] = {
    Format.JPEG: ("jpeg", "JpegReader"),
    Format.PNG: ("png", "PngReader"),
    Format.WEBP: ("webp", "WebPReader"),
    Format.GIF: ("gif", "GifReader"),
    Format.AVIF: ("avif", "AvifReader"),
    Format.TIFF: ("tiff", "TiffReader"),
    Format.BMP: ("bmp", "BmpReader"),
    Format.HEIF: ("heif", "HeifReader"),
    Format.PDF: ("pdf", "PdfReader"),
}

# Browsers show a frame that asks for 10 ms or less for 100, and animations rely on it.
_HASTY_MS, _USUAL_MS = 10, 100


@contextmanager
def pillow_bounded(limits: Limits) -> Iterator[None]:
    """Let Pillow, too, refuse twice what our own limits let pass.

    Pillow keeps its bound for the whole process: whoever else uses it finds it as it was.
    """
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = limits.max_pixels
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


class Picture:
    """An opened upload. Opening decodes no pixel.

    size: of the upright picture.
    turn: how the decoded pixels are still to be turned to stand upright.
    colors: what the numbers of the decoded pixels mean.
    loop: how often an animation plays, 0 for ever.
    pages: of a document; None where the header tells the number of frames.
    exif: as its reader found it; nothing has looked at it.
    """

    def __init__(self, upload: bytes, header: Header) -> None:
        self._format = header.format
        with _broken_images_refused(header.format):
            reader = _reader(upload, header)
        self._reader = reader
        self.turn = reader.turn
        self.size = turned(reader.size, reader.turn)
        self.colors = reader.colors
        if isinstance(self.colors, bytes) and not is_reasonable(self.colors):
            self.colors = None  # ignored as a broken one is: browsers do the same
        self.loop = reader.loop
        self.pages = reader.pages
        self.exif = reader.exif

    def decoded_pixels(self, needed: Size) -> int:
        """Choose the decoder's scale: how many pixels will be decoded to draw `needed` well.

        needed: upright.
        """
        width, height = self._reader.scaled(turned(needed, self.turn))
        return width * height

    def decode(self) -> Image.Image:
        """The pixels of the first frame, not turned."""
        with _broken_images_refused(self._format):
            return self._reader.decode()

    def frames(self) -> Iterator[Frame]:
        """Every frame of an animation, not turned, up to the first broken one."""
        frames = self._reader.frames()
        while True:
            with _broken_images_refused(self._format):
                frame = next(frames, None)
            if frame is None:
                return
            hasty = frame.duration_ms <= _HASTY_MS
            yield Frame(frame.pixels, _USUAL_MS if hasty else frame.duration_ms)


def _reader(upload: bytes, header: Header) -> Reader:
    if header.format in PLUGS:
        plugged: Reader = PLUGS[header.format].open_(upload, header)
        return plugged
    module, name = _READERS[header.format]
    found: Reader = getattr(import_module(f".readers.{module}", __package__), name)(upload, header)
    return found


@contextmanager
def _broken_images_refused(format: str) -> Iterator[None]:
    try:
        yield
    except Image.DecompressionBombError as error:
        raise Rejected(
            RejectionCode.TOO_MANY_PIXELS,
            f"The {format} image holds more pixels than its header says.",
        ) from error
    except _DECODER_ERRORS as error:
        raise Rejected(
            RejectionCode.CORRUPT,
            f"The {format} image is broken or cut off. Upload the whole file, or save it again.",
        ) from error
