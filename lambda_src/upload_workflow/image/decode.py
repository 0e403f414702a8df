"""Opens an upload with Pillow and decodes it, once and no larger than needed.

The one door through which bytes of strangers reach a decoder: only the format that the header
showed is opened, and everything a decoder may throw leaves as Rejected.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from math import ceil

from PIL import Image

from ..errors import Rejected, RejectionCode
from .color import to_resamplable
from .header import Format, Header
from .limits import Limits
from .orientation import TURNS, Turn, turned
from .profile import is_reasonable
from .rendition import Size

# The plugins that Image.open would import with the first image.
Image.preinit()

# Pillow gives the memory of each image back to the system and takes new pages for the next: a
# fifth of the cost of a decode. In blocks of 1 MB, of which 64 stay (12 megapixels), a warm
# process decodes into the pages of the last photo. Larger blocks are cut down and lost again
# when a small image takes one.
Image.core.set_block_size(1 << 20)  # type: ignore[attr-defined]
Image.core.set_blocks_max(64)  # type: ignore[attr-defined]

# What Pillow's decoders raise on broken or hostile files: its plugins read with struct, zlib,
# subscripts and arithmetic, and let whatever that throws through. Measured over the corpora
# and the fuzzer; a new kind here is a new kind of broken file, not a bug of ours, because
# nothing but Pillow runs inside `_broken_images_refused`.
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

# The gap between a DCT-scaled decode and the picture drawn from it that keeps SSIM above 0.99.
DRAFT_GAP = 1.2

_ORIENTATION_TAG = 0x0112


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
    loop: how often an animation plays, 0 for ever.
    """

    def __init__(self, upload: bytes, header: Header) -> None:
        self._header = header
        with _broken_images_refused(header.format):
            _load_plugin(header.format)
            image = Image.open(io.BytesIO(upload), formats=(header.format,))
            if header.format is Format.JPEG:
                image.decodermaxblock = len(upload)  # everything at once, which copies nothing
            self.turn = _turn_of(image)
            self.size = turned(Size(*image.size), self.turn)
            _drop_texts(image)
            profile: bytes | None = image.info.get("icc_profile")
            # Another is ignored as a broken one is: browsers do the same.
            self.icc_profile = profile if profile and is_reasonable(profile) else None
            self.loop: int = image.info.get("loop", 1)
            self._image = image

    def decoded_pixels(self, needed: Size) -> int:
        """Choose the decoder's scale: how many pixels will be decoded to draw `needed` well.

        JPEG decodes at 1/2, 1/4 or 1/8 for less, when that leaves DRAFT_GAP. needed: upright.
        """
        width, height = turned(needed, self.turn)
        self._image.draft(None, (ceil(width * DRAFT_GAP), ceil(height * DRAFT_GAP)))
        return self._image.width * self._image.height

    def decode(self) -> Image.Image:
        """The pixels of the first frame, not turned."""
        with _broken_images_refused(self._header.format):
            return self._pixels()

    def later_frames(self) -> Iterator[Image.Image]:
        """The pixels of the second frame and of those after it."""
        for frame in range(1, self._header.frames):
            with _broken_images_refused(self._header.format):
                try:
                    self._image.seek(frame)
                except EOFError:
                    return  # fewer frames than the header promised
                pixels = self._pixels()
            stored = turned(self.size, self.turn)
            # A later GIF frame may have enlarged the canvas.
            yield pixels if pixels.size == stored else pixels.crop((0, 0, *stored))

    @property
    def duration_ms(self) -> int:
        """How long the frame decoded last is shown. Browsers show 100 ms for none."""
        return int(self._image.info.get("duration", 0)) or 100

    def _pixels(self) -> Image.Image:
        self._image.load()
        _drop_texts(self._image)
        pixels = to_resamplable(self._image)
        if self._header.frames > 1:
            return pixels.copy() if pixels is self._image else pixels
        if pixels is not self._image:
            self._image.close()
        return pixels


@contextmanager
def _broken_images_refused(format: Format) -> Iterator[None]:
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


def _load_plugin(format: Format) -> None:
    """Import only what is used: for a name it does not know Pillow imports all its plugins."""
    if format in (Format.WEBP, Format.AVIF):
        # Late: most uploads are JPEGs, and these two decoders take a while to load.
        from . import lean_plugins  # noqa: PLC0415

        lean_plugins.install()
    elif format is Format.TIFF:
        import_module("PIL.TiffImagePlugin")
    elif format is Format.HEIF:
        try:
            pi_heif = import_module("pi_heif")  # the extra `heic`
        except ImportError:
            raise Rejected(
                RejectionCode.UNSUPPORTED_FORMAT,
                "HEIC images are not accepted here. Send a JPEG: phones convert when asked to.",
            ) from None
        # What lies beside the picture is not asked for. One thread: a function has one CPU.
        pi_heif.register_heif_opener(
            thumbnails=False, depth_images=False, aux_images=False, decode_threads=1
        )


def _drop_texts(image: Image.Image) -> None:
    """Forget what a file itself has named.

    Pillow keeps the texts of a PNG beside its own findings, under keywords that the file chose:
    one called "duration" or "transparency" would be taken for Pillow's. Those are never texts.
    """
    for name in [name for name, value in image.info.items() if isinstance(value, str)]:
        del image.info[name]


def _turn_of(image: Image.Image) -> Turn:
    if image.format == "TIFF":
        return None  # Pillow turns TIFFs itself while loading
    return TURNS.get(image.getexif().get(_ORIENTATION_TAG, 1))
