"""What one rendition is: its box, its fit, its format; and the geometry that follows from it.

Pure arithmetic on sizes. Does not know pixels.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, NamedTuple, Self


class Size(NamedTuple):
    width: int
    height: int


class Fit(StrEnum):
    INSIDE = "inside"  # within the box, shape kept
    COVER = "cover"  # fills the box's shape, the rest is cut away
    CONTAIN = "contain"  # within the box, the rest is background


class OutputFormat(StrEnum):
    JPEG = "jpeg"
    WEBP = "webp"
    AVIF = "avif"
    PNG = "png"
    AUTO = "auto"  # the smaller of WebP and AVIF


_CHOICES: dict[str, type[StrEnum]] = {"fit": Fit, "format": OutputFormat}

# Where the picture lies in its box, as fractions of the room that is left over.
POSITIONS: dict[str, tuple[float, float]] = {
    "center": (0.5, 0.5),
    "top": (0.5, 0.0),
    "bottom": (0.5, 1.0),
    "left": (0.0, 0.5),
    "right": (1.0, 0.5),
    "top-left": (0.0, 0.0),
    "top-right": (1.0, 0.0),
    "bottom-left": (0.0, 1.0),
    "bottom-right": (1.0, 1.0),
}

# Beyond this neither WebP (16383) nor a browser's canvas follows.
MAX_EDGE_PX = 16_383


@dataclass(frozen=True)
class Rendition:
    """One image to make from an upload. Fields are those of the module's `renditions`."""

    width_px: int | None = None
    height_px: int | None = None
    fit: Fit = Fit.INSIDE
    position: str = "center"
    background: str = "#ffffff"  # behind alpha in JPEG, and around the picture in `contain`
    format: OutputFormat = OutputFormat.JPEG
    quality: int | None = None  # 1 to 100; None is the format's default
    enlarge: bool = False
    animated: bool = False

    def __post_init__(self) -> None:
        for name in ("width_px", "height_px"):
            edge = getattr(self, name)
            if edge is not None and not (_is_int(edge) and 1 <= edge <= MAX_EDGE_PX):
                raise ValueError(f"{name} is a whole number from 1 to {MAX_EDGE_PX}, not {edge!r}.")
        if self.fit is not Fit.INSIDE and None in (self.width_px, self.height_px):
            raise ValueError(f"fit {self.fit} needs both width_px and height_px.")
        if self.position not in POSITIONS:
            raise ValueError(f"position is one of {', '.join(POSITIONS)}, not {self.position!r}.")
        if not (
            isinstance(self.background, str) and re.fullmatch(r"#[0-9a-fA-F]{6}", self.background)
        ):
            raise ValueError(f'background is a colour like "#ffffff", not {self.background!r}.')
        if self.quality is not None and not (_is_int(self.quality) and 1 <= self.quality <= 100):
            raise ValueError(f"quality is a whole number from 1 to 100, not {self.quality!r}.")

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Raises ValueError with one sentence when a field is unknown or does not fit."""
        names = [field.name for field in fields(cls)]
        for name in values:
            if name not in names:
                raise ValueError(f"A rendition has no {name!r}; it has {', '.join(names)}.")
        parsed = dict(values)
        for name, choices in _CHOICES.items():
            if name in values:
                if values[name] not in list(choices):
                    raise ValueError(
                        f"{name} is one of {', '.join(choices)}, not {values[name]!r}."
                    )
                parsed[name] = choices(values[name])
        return cls(**parsed)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


class Box(NamedTuple):
    """A part of a picture, in fractions of its width and height."""

    left: float
    top: float
    right: float
    bottom: float


WHOLE = Box(0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class Layout:
    """How one rendition comes from the upright picture.

    box: the part of the picture that is shown.
    drawn: the size at which that part is drawn.
    canvas, offset: where it is laid when there is background around it.
    """

    box: Box
    drawn: Size
    canvas: Size | None = None
    offset: tuple[int, int] = (0, 0)

    @property
    def pixels(self) -> int:
        width, height = self.canvas or self.drawn
        return width * height


def lay_out(rendition: Rendition, picture: Size) -> Layout:
    """Lay the rendition out for an upright picture of this size."""
    if rendition.fit is Fit.COVER:
        return _cover(rendition, picture)
    width = rendition.width_px or MAX_EDGE_PX
    height = rendition.height_px or MAX_EDGE_PX
    boxless = rendition.width_px is None and rendition.height_px is None
    drawn = fit_inside(picture, Size(width, height), rendition.enlarge and not boxless)
    if rendition.fit is Fit.CONTAIN:
        across, down = POSITIONS[rendition.position]
        offset = round((width - drawn.width) * across), round((height - drawn.height) * down)
        return Layout(WHOLE, drawn, Size(width, height), offset)
    return Layout(WHOLE, drawn)


def fit_inside(picture: Size, box: Size, enlarge: bool = False) -> Size:
    """The largest size of the picture's shape within the box."""
    scale = min(box.width / picture.width, box.height / picture.height)
    if not enlarge:
        scale = min(scale, 1.0)
    return Size(
        min(max(1, round(picture.width * scale)), box.width),
        min(max(1, round(picture.height * scale)), box.height),
    )


def _cover(rendition: Rendition, picture: Size) -> Layout:
    if rendition.width_px is None or rendition.height_px is None:
        raise ValueError("fit cover needs both width_px and height_px.")
    scale = max(rendition.width_px / picture.width, rendition.height_px / picture.height)
    # A picture smaller than the box gives the box's shape, not its size.
    shrink = 1.0 if rendition.enlarge else min(1.0, 1.0 / scale)
    drawn = Size(
        max(1, round(rendition.width_px * shrink)), max(1, round(rendition.height_px * shrink))
    )
    # The part of the picture that has the drawn shape, as large as fits.
    shown_width = min(1.0, rendition.width_px / (picture.width * scale))
    shown_height = min(1.0, rendition.height_px / (picture.height * scale))
    across, down = POSITIONS[rendition.position]
    left, top = (1.0 - shown_width) * across, (1.0 - shown_height) * down
    return Layout(Box(left, top, left + shown_width, top + shown_height), drawn)
