"""What every reader offers; `decode.Picture` is the one who calls it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from PIL import Image

from ..color import Colors
from ..orientation import Turn
from ..rendition import Size


class Frame(NamedTuple):
    """A frame as it is shown, composed with those before it."""

    pixels: Image.Image
    duration_ms: int


class Reader(Protocol):
    """An opened upload of one format. Opening decodes no pixel.

    size: of the stored pixels that are shown, before any turn.
    turn: how they are to be turned to stand upright.
    colors: what their numbers mean.
    loop: how often an animation plays, 0 for ever.
    pages: of a document, of which the first is the picture; None for what is no document.
    exif: a TIFF header and its directories, with or without "Exif" before it; empty for none.
    """

    size: Size
    turn: Turn
    colors: Colors
    loop: int
    exif: bytes
    pages: int | None

    def scaled(self, needed: Size) -> Size:
        """Choose the decoder's scale: the size at which `decode` will give the stored picture.

        needed: the stored size that is to be drawn, at most `size`. Most formats have one scale.
        """

    def decode(self) -> Image.Image:
        """The first frame, stored: L, RGB, RGBA or CMYK, of 8 bits."""

    def frames(self) -> Iterator[Frame]:
        """Every frame, the first included. An animation ends before a frame that is broken."""


class StillReader:
    """The parts of a reader that a format of one frame and one scale does not need."""

    size: Size
    turn: Turn = None
    colors: Colors = None
    loop = 1
    exif = b""
    pages: int | None = None

    def scaled(self, needed: Size) -> Size:
        del needed
        return self.size

    def decode(self) -> Image.Image:
        raise NotImplementedError

    def frames(self) -> Iterator[Frame]:
        yield Frame(self.decode(), 0)
