"""From the bytes of one upload to the bytes of all its renditions: the heart.

Reads as the way of one image. Knows nothing of AWS, files or time of day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

from PIL import Image

from . import color
from .cascade import Drawing, draw
from .decode import broken_images_refused, decode, open_image, turn_of
from .encode import Encoded, encode, on_canvas
from .limits import Limits, inspect
from .orientation import turned, upright
from .rendition import Rendition, Size, lay_out

__all__ = ["Converted", "Encoded", "ImageFacts", "Limits", "Rendition", "convert"]


@dataclass(frozen=True)
class ImageFacts:
    """What the status document says of the upload. Sizes are upright."""

    format: str
    width: int
    height: int
    frames: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Converted(Mapping[str, Encoded]):
    """The renditions by name, and the facts of the image they were made from."""

    image: ImageFacts
    renditions: Mapping[str, Encoded]

    def __getitem__(self, name: str) -> Encoded:
        return self.renditions[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.renditions)

    def __len__(self) -> int:
        return len(self.renditions)


def convert(upload: bytes, renditions: Mapping[str, Rendition], limits: Limits) -> Converted:
    """Make every rendition from one decode. Raises Rejected, and nothing else.

    The same upload, renditions and limits give the same bytes.
    """
    header = inspect(upload, limits)
    with broken_images_refused(header.format):
        image = open_image(upload, header, limits)
        turn = turn_of(image)
        icc_profile = image.info.get("icc_profile")
        size = turned(Size(*image.size), turn)
        layouts = {name: lay_out(rendition, size) for name, rendition in renditions.items()}
        drawings = {name: Drawing(layout.box, layout.drawn) for name, layout in layouts.items()}
        needed = turned(_largest(drawings.values(), size), turn)
        pixels = color.to_resamplable(decode(image, needed))

    def finish(stored: Image.Image) -> Image.Image:
        return color.to_srgb(upright(stored, turn), icc_profile)

    drawn = draw(pixels, turn, drawings.values(), finish)
    encoded = {
        name: encode(
            on_canvas(drawn[drawings[name]], layouts[name], rendition.background),
            rendition.format,
            rendition.quality,
            rendition.background,
        )
        for name, rendition in renditions.items()
    }
    return Converted(ImageFacts(header.format, *size, header.frames), encoded)


def _largest(drawings: Iterable[Drawing], picture: Size) -> Size:
    """The size at which the whole picture is needed, never more than it has."""
    widths, heights = zip(*(drawing.whole for drawing in drawings), strict=True)
    return Size(min(ceil(max(widths)), picture.width), min(ceil(max(heights)), picture.height))
