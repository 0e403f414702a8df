"""Reads HEIC and HEIF through libheif, where the extra `heic` is installed."""

from __future__ import annotations

import io
from importlib import import_module

from PIL import Image

from ...errors import Rejected, RejectionCode
from .. import isobmff
from ..color import Colors, to_resamplable
from ..colorimetry import CodePoints
from ..header import Header
from ..rendition import Size
from .reader import StillReader


class HeifReader(StillReader):
    """The primary picture. libheif crops and turns it itself."""

    def __init__(self, upload: bytes, header: Header) -> None:
        try:
            pi_heif = import_module("pi_heif")
        except ImportError:
            raise Rejected(
                RejectionCode.UNSUPPORTED_FORMAT,
                "HEIC images are not accepted here. Send a JPEG: phones convert when asked to.",
            ) from None
        # What lies beside the picture is not asked for. One thread: a function has one CPU.
        pi_heif.register_heif_opener(
            thumbnails=False, depth_images=False, aux_images=False, decode_threads=1
        )
        self._image = Image.open(io.BytesIO(upload), formats=(header.format,))
        self.size = Size(*self._image.size)
        self.exif = self._image.info.get("exif") or b""
        points = isobmff.shown(upload).code_points
        self.colors: Colors = self._image.info.get("icc_profile") or (
            CodePoints(*points) if points else None
        )

    def decode(self) -> Image.Image:
        self._image.load()
        return to_resamplable(self._image)
