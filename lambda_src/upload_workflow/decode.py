"""Opens an upload with Pillow and decodes it once, no larger than needed.

The one door through which bytes of strangers reach a decoder: only the format that the header
showed is opened, and everything a decoder may throw leaves as Rejected.
"""

from __future__ import annotations

import io
import math
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from PIL import Image

from .errors import Rejected, RejectionCode
from .header import Format, Header
from .limits import Limits
from .orientation import TURNS, Turn
from .rendition import Size

# Pillow warns above MAX_IMAGE_PIXELS and raises above twice that. `opened` sets it so that it
# raises where our own limit is; the warning says nothing that the limit does not.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

# What Pillow's decoders raise on broken or hostile files: its plugins read with struct, zlib,
# subscripts and arithmetic, and let whatever that throws through. Measured over the corpora
# and the fuzzer; a new kind here is a new kind of broken file, not a bug of ours, because
# nothing but Pillow runs inside `broken_images_refused`.
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
    MemoryError,  # a size field beyond anything the header could show
)

# The gap between a DCT-scaled decode and the picture drawn from it that keeps SSIM above 0.99.
DRAFT_GAP = 1.2

_ORIENTATION_TAG = 0x0112


@contextmanager
def broken_images_refused(format: Format) -> Iterator[None]:
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


def open_image(upload: bytes, header: Header, limits: Limits) -> Image.Image:
    """Open, without decoding pixels, as the format that the header showed and no other."""
    _load_plugin(header.format)
    Image.MAX_IMAGE_PIXELS = max(1, limits.max_pixels // 2)
    return Image.open(io.BytesIO(upload), formats=(header.format,))


# Those that Image.open does not import by itself.
_PLUGINS = {
    Format.WEBP: "PIL.WebPImagePlugin",
    Format.AVIF: "PIL.AvifImagePlugin",
    Format.TIFF: "PIL.TiffImagePlugin",
}


def _load_plugin(format: Format) -> None:
    """Import only what is used: Pillow would import all its plugins for an unknown name."""
    if format is Format.HEIF:
        _load_heif()
    elif format in _PLUGINS:
        import_module(_PLUGINS[format])


def _load_heif() -> None:
    try:
        pillow_heif = import_module("pillow_heif")  # the extra `heic`
    except ImportError:
        raise Rejected(
            RejectionCode.UNSUPPORTED_FORMAT,
            "HEIC images are not accepted here. Send a JPEG; phones convert when asked for one.",
        ) from None
    pillow_heif.register_heif_opener()


def turn_of(image: Image.Image) -> Turn:
    """How the decoded pixels are still to be turned to stand upright."""
    if image.format == "TIFF":
        return None  # Pillow turns TIFFs itself while loading
    return TURNS.get(image.getexif().get(_ORIENTATION_TAG, 1))


def decode(image: Image.Image, needed: Size) -> Image.Image:
    """Decode no smaller than `needed`, in the stored orientation.

    JPEG decodes at 1/2, 1/4 or 1/8 for less when that leaves DRAFT_GAP.
    """
    image.draft(None, (math.ceil(needed.width * DRAFT_GAP), math.ceil(needed.height * DRAFT_GAP)))
    image.load()
    return image
