"""WebP and AVIF decoders that let go of their canvases before Pillow makes its own.

Pillow keeps libwebp's two canvases and libavif's planes while it copies the frame they gave:
16 bytes a pixel instead of 12. Importing this module replaces Pillow's two plugins.
"""

from __future__ import annotations

from PIL import AvifImagePlugin, Image, WebPImagePlugin


class _ThriftyWebP(WebPImagePlugin.WebPImageFile):
    def load_prepare(self) -> None:
        if not self.is_animated:
            self._decoder = None
        super().load_prepare()


class _ThriftyAvif(AvifImagePlugin.AvifImageFile):
    def load_prepare(self) -> None:
        if not self.is_animated:
            self._decoder = None
        super().load_prepare()


for _plugin in (_ThriftyWebP, _ThriftyAvif):
    _, _accept = Image.OPEN[_plugin.format]
    Image.register_open(_plugin.format, _plugin, _accept)
