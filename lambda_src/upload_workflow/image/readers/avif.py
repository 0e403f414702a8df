"""Reads AVIF through libavif: of a sequence the first frame."""

from __future__ import annotations

import os
import re

from PIL import Image, _avif

from .. import av1, isobmff
from ..color import Colors
from ..colorimetry import CodePoints
from ..header import Header
from ..orientation import TURNS
from ..rendition import Size
from .reader import StillReader

# The entry of an item that holds EXIF: version, flags, number of the item, its protection.
_EXIF_ITEM = re.compile(rb"(infe(?:\x02.{7}|\x03.{9}))Exif", re.S)


class AvifReader(StillReader):
    """One still of 8 to 12 bits, cut to its clean aperture: the rest is not to be seen."""

    def __init__(self, upload: bytes, header: Header) -> None:
        del header
        threads = len(os.sched_getaffinity(0))
        try:
            self._decoder = _avif.AvifDecoder(upload, "auto", threads)
        except (ValueError, RuntimeError):
            # libavif refuses EXIF that is broken. Nobody here asks for it.
            without_exif = _EXIF_ITEM.sub(rb"\1free", upload)
            self._decoder = _avif.AvifDecoder(without_exif, "auto", threads)
        size, _, self._mode, profile, exif, orientation, _ = self._decoder.get_info()
        self.exif = exif or b""
        self._coded = Size(*size)
        # libavif tells irot and imir so; only they turn an AVIF, whatever its EXIF says.
        self.turn = TURNS.get(orientation)
        said = isobmff.shown(upload)
        points = said.code_points or (None if profile else av1.code_points(isobmff.coded(upload)))
        self.colors: Colors = profile or (CodePoints(*points) if points else None)
        self._visible = said.visible(self._coded)
        left, top, right, bottom = self._visible
        self.size = Size(right - left, bottom - top)

    def decode(self) -> Image.Image:
        data, *_ = self._decoder.get_frame(0)
        self._decoder = None  # its planes, before Pillow makes its own
        pixels = Image.new(self._mode, self._coded, None)
        pixels.frombytes(data, "raw", self._mode)
        return pixels if self.size == self._coded else pixels.crop(self._visible)
