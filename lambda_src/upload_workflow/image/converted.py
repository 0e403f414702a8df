"""What a conversion gives: the renditions' bytes and the facts of the image they came from.

Plain values, so that a process without any decoder can take them from one that has them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..work import File, Made

# Every media type that a rendition may have, with the end of its file's name.
EXTENSIONS = {"image/jpeg": "jpg", "image/webp": "webp", "image/avif": "avif", "image/png": "png"}


@dataclass(frozen=True)
class Encoded:
    """One rendition as it is stored. width, height: pixels."""

    data: bytes
    content_type: str
    width: int
    height: int

    @property
    def extension(self) -> str:
        return EXTENSIONS[self.content_type]


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

    @property
    def made(self) -> Made:
        """The same, as it leaves a converter."""
        files = (
            File(f"{name}.{e.extension}", e.data, e.content_type, e.width, e.height)
            for name, e in self.renditions.items()
        )
        return Made(tuple(files), self.image.to_json())
