"""From the bytes of one upload to the bytes of all its renditions: the heart.

Reads as the way of one image. Knows nothing of AWS or files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from PIL import Image

from .cascade import Drawing, draw, whole_size
from .color import to_srgb
from .decode import Picture, pillow_bounded
from .encode import Encoded, Motion, can_move, encode, on_canvas
from .limits import Deadline, Limits, Work, inspect, refuse_work
from .orientation import upright
from .placeholder import SAMPLE_PX, dominant_color, thumbhash
from .rendition import WHOLE, Rendition, Size, fit_inside, lay_out

__all__ = ["Converted", "Encoded", "ImageFacts", "Limits", "Rendition", "convert"]


@dataclass(frozen=True)
class ImageFacts:
    """What the status document says of the upload. Sizes are upright."""

    format: str
    width: int
    height: int
    frames: int
    dominant_color: str  # "#rrggbb"
    placeholder: str  # a ThumbHash in base64

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
    with pillow_bounded(limits):
        return _convert(upload, renditions, limits)


def _convert(upload: bytes, renditions: Mapping[str, Rendition], limits: Limits) -> Converted:
    deadline = Deadline(limits.max_seconds)
    header = inspect(upload, limits)
    picture = Picture(upload, header)
    layouts = {name: lay_out(rendition, picture.size) for name, rendition in renditions.items()}
    moving = [
        name
        for name, rendition in renditions.items()
        if rendition.animated and header.animated and can_move(rendition.format)
    ]
    drawings = {name: Drawing(layout.box, layout.drawn) for name, layout in layouts.items()}
    sample = Drawing(WHOLE, fit_inside(picture.size, Size(SAMPLE_PX, SAMPLE_PX)))
    work = Work(
        decoded_pixels=picture.decoded_pixels(whole_size(drawings.values(), picture.size)),
        made_pixels=sum(layout.pixels for layout in layouts.values()),
        moving_pixels=sum(layouts[name].pixels for name in moving),
    )
    refuse_work(header, len(upload), work, limits)
    drawn = _drawn(picture, picture.decode(), {sample, *drawings.values()})
    deadline.check()

    frames = {name: [drawn[drawing]] for name, drawing in drawings.items()}
    motion = Motion([picture.duration_ms], picture.loop)
    for pixels in picture.later_frames() if moving else ():
        later = _drawn(picture, pixels, {drawings[name] for name in moving})
        for name in moving:
            frames[name].append(later[drawings[name]])
        motion.durations_ms.append(picture.duration_ms)
        deadline.check()

    encoded = {}
    for name, rendition in renditions.items():
        finished = [on_canvas(frame, layouts[name], rendition.background) for frame in frames[name]]
        encoded[name] = encode(finished, motion, rendition)
        deadline.check()
    facts = ImageFacts(
        format=header.format,
        width=picture.size.width,
        height=picture.size.height,
        frames=header.frames,
        dominant_color=dominant_color(drawn[sample]),
        placeholder=thumbhash(drawn[sample]),
    )
    return Converted(facts, encoded)


def _drawn(
    picture: Picture, pixels: Image.Image, drawings: set[Drawing]
) -> dict[Drawing, Image.Image]:
    def finish(stored: Image.Image) -> Image.Image:
        return to_srgb(upright(stored, picture.turn), picture.icc_profile)

    return draw(pixels, picture.size, picture.turn, drawings, finish)
