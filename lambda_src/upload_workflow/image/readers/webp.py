"""Reads WebP through libwebp."""

from __future__ import annotations

from collections.abc import Iterator

from PIL import Image, _webp

from ..color import Colors, without_idle_alpha
from ..header import Header, riff_chunks
from ..orientation import TURNS, orientation_in
from ..rendition import Size
from .reader import Frame


class WebPReader:
    """A still or an animation, lossy or lossless."""

    pages: int | None = None

    def __init__(self, upload: bytes, header: Header) -> None:
        del header
        try:
            self._decoder = _webp.WebPAnimDecoder(upload)
        except OSError:
            self._decoder = _webp.WebPAnimDecoder(_whole_parts(upload))
        size, self.loop, _, self._count, self._raw_mode = self._decoder.get_info()
        self.size = Size(*size)
        self.exif = self._decoder.get_chunk("EXIF") or b""
        self.turn = TURNS.get(orientation_in(self.exif))
        self.colors: Colors = self._decoder.get_chunk("ICCP") or None

    def scaled(self, needed: Size) -> Size:
        del needed
        return self.size

    def decode(self) -> Image.Image:
        return next(self.frames()).pixels

    def frames(self) -> Iterator[Frame]:
        shown_ms = 0
        for at in range(self._count):
            frame = self._decoder.get_next()
            if frame is None:
                if at:
                    return
                raise ValueError("The first frame is broken.")
            data, until_ms = frame
            if self._count == 1:
                # Its two canvases, before Pillow makes its own: 12 bytes a pixel instead of 16.
                self._decoder = None
                yield Frame(self._pixels(data, self._raw_mode), until_ms)
                return
            # Without its flag for alpha, too, an animation shows through where a frame was
            # disposed of.
            yield Frame(without_idle_alpha(self._pixels(data, "RGBA")), until_ms - shown_ms)
            shown_ms = until_ms

    def _pixels(self, data: bytes, raw_mode: str) -> Image.Image:
        pixels = Image.new("RGB" if raw_mode == "RGBX" else "RGBA", self.size, None)
        pixels.frombytes(data, "raw", raw_mode)
        return pixels


# What pixels and their colours are made of.
_PARTS = (b"VP8X", b"ICCP", b"ANIM", b"ANMF", b"ALPH", b"VP8 ", b"VP8L")


def _whole_parts(upload: bytes) -> bytes:
    """An animation up to its last whole frame; a still whose pixels are whole, without the EXIF
    in which it ends. libwebp opens nothing that is cut off."""
    kept = [
        upload[start:end]
        for kind, start, end in riff_chunks(upload)
        if end <= len(upload) and kind in _PARTS
    ]
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + len(body).to_bytes(4, "little") + body
