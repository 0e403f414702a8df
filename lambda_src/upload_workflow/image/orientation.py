"""How stored pixels become upright (Exif 2.32, tag 274), for pixels, sizes and boxes.

Does not know where the EXIF was found.
"""

from __future__ import annotations

import struct

from PIL import Image

from .exif import first_directory
from .rendition import Box, Size

Turn = Image.Transpose | None

TURNS: dict[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Turns that exchange width and height.
_SIDEWAYS = frozenset(TURNS[orientation] for orientation in (5, 6, 7, 8))
# Turns whose stored pixels run against the upright ones, once the edges are exchanged.
_MIRRORED_ACROSS = frozenset(TURNS[orientation] for orientation in (2, 3, 7, 8))
_MIRRORED_DOWN = frozenset(TURNS[orientation] for orientation in (3, 4, 6, 7))


def turned(size: Size, turn: Turn) -> Size:
    """The upright size of a stored one, and the other way round."""
    return Size(size.height, size.width) if turn in _SIDEWAYS else size


def stored_box(box: Box, turn: Turn) -> Box:
    """The part of the stored pixels that shows as `box` once upright."""
    left, top, right, bottom = box
    if turn in _SIDEWAYS:
        left, top, right, bottom = top, left, bottom, right
    if turn in _MIRRORED_ACROSS:
        left, right = 1 - right, 1 - left
    if turn in _MIRRORED_DOWN:
        top, bottom = 1 - bottom, 1 - top
    return Box(left, top, right, bottom)


def upright(pixels: Image.Image, turn: Turn) -> Image.Image:
    return pixels if turn is None else pixels.transpose(turn)


_TAG = 274
# BYTE, SHORT and LONG: writers are not strict.
_CODES = {1: "B", 3: "H", 4: "I"}


def orientation_in(exif: bytes) -> int:
    """The orientation that EXIF states, 1 to 8; 1 (upright) where it is absent or broken.

    exif: a TIFF header and its directories, with or without "Exif" before it.
    """
    for field in first_directory(exif):
        if field.tag == _TAG and field.kind in _CODES:
            try:
                (value,) = struct.unpack_from(field.order + _CODES[field.kind], exif, field.at)
            except struct.error:
                return 1
            return value if value in TURNS else 1
    return 1
