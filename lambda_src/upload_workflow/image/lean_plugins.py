"""WebP and AVIF decoders that let go of their canvases before Pillow makes its own.

Pillow keeps libwebp's two canvases and libavif's planes while it copies the frame they gave:
16 bytes a pixel instead of 12. `install` replaces Pillow's two plugins by these.
"""

from __future__ import annotations

from PIL import AvifImagePlugin, Image, WebPImagePlugin


class _LeanWebP(WebPImagePlugin.WebPImageFile):
    def load_prepare(self) -> None:
        if not self.is_animated:
            self._decoder = None
        super().load_prepare()


class _LeanAvif(AvifImagePlugin.AvifImageFile):
    def load_prepare(self) -> None:
        if not self.is_animated:
            self._decoder = None
        super().load_prepare()


def install() -> None:
    for plugin in (_LeanWebP, _LeanAvif):
        _, accept = Image.OPEN[plugin.format]
        Image.register_open(plugin.format, plugin, accept)
