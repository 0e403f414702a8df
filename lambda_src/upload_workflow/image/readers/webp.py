"""Reads WebP through libwebp."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from PIL import Image, _webp

from ..color import Colors, without_idle_alpha
from ..header import Header, riff_chunks
from ..orientation import TURNS, orientation_in
from ..rendition import Size
from .reader import Frame

_ANIMATION = 2  # the flag in VP8X


class WebPReader:
    """A still or an animation, lossy or lossless."""

    pages: int | None = None

    def __init__(self, upload: bytes, header: Header) -> None:
        del header
        self._moves = upload[12:16] == b"VP8X" and bool(upload[20] & _ANIMATION)
        try:
            self._decoder = _webp.WebPAnimDecoder(upload)
        except OSError:
            self._decoder = _webp.WebPAnimDecoder(_readable(upload))
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
            try:
                data, until_ms = self._decoder.get_next()
            except OSError:
                if at:
                    return
                raise
            if self._count == 1:
                # Its two canvases, before Pillow makes its own: 12 bytes a pixel instead of 16.
                self._decoder = None
            if self._moves:
                # Without its flag for alpha, too, an animation shows through where a frame has
                # holes, or was disposed of.
                pixels = without_idle_alpha(self._pixels(data, "RGBA"))
            else:
                pixels = self._pixels(data, self._raw_mode)
            yield Frame(pixels, until_ms - shown_ms)
            shown_ms = until_ms

    def _pixels(self, data: bytes, raw_mode: str) -> Image.Image:
        pixels = Image.new("RGB" if raw_mode == "RGBX" else "RGBA", self.size, None)
        pixels.frombytes(data, "raw", raw_mode)
        return pixels


# What pixels and their colours are made of.
_PARTS = (b"VP8X", b"ICCP", b"ANIM", b"ANMF", b"ALPH", b"VP8 ", b"VP8L")


def _readable(upload: bytes) -> bytes:
    """An animation up to its last frame that is whole and begins as one; a still whose pixels are
    whole, without the EXIF in which it ends. libwebp opens nothing that is more than that."""
    parts = [
        upload[start:end]
        for kind, start, end in riff_chunks(upload)
        if end <= len(upload) and kind in _PARTS
    ]
    frames = [at for at, part in enumerate(parts) if part.startswith(b"ANMF")]

    def is_broken(count: int) -> bool:
        """The first so many frames."""
        try:
            _webp.WebPAnimDecoder(_file_of(parts[: frames[count - 1] + 1]))
        except OSError:
            return True
        return False

    whole = bisect_left(range(1, len(frames) + 1), True, key=is_broken)
    return _file_of(parts[: frames[whole]] if whole < len(frames) else parts)


def _file_of(parts: list[bytes]) -> bytes:
    body = b"WEBP" + b"".join(parts)
    return b"RIFF" + len(body).to_bytes(4, "little") + body
