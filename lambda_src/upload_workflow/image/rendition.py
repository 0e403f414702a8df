"""What one rendition is: its box, its fit, its format; and the geometry that follows from it.

Pure arithmetic on sizes. Does not know pixels.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple, Self


class Size(NamedTuple):
    width: int
    height: int


class Fit(StrEnum):
    INSIDE = "inside"  # within the box, shape kept
    COVER = "cover"  # fills the box's shape, the rest is cut away
    CONTAIN = "contain"  # within the box, the rest is background
    FILL = "fill"  # the whole picture, squeezed into the box's shape
    OUTSIDE = "outside"  # around the box, shape kept: the smallest that covers it whole


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

# Instead of a place in the box: what stands out in the picture is kept (salience.py).
SALIENT = "salient"

# Beyond this neither WebP (16383) nor a browser's canvas follows.
MAX_EDGE_PX = 16_383


class OverlaySource(NamedTuple):
    """The object that holds a mark."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


# What overlays are read from, and what was read there.
Marks = Mapping[OverlaySource, bytes]
NO_MARKS: Marks = MappingProxyType({})


@dataclass(frozen=True)
class Overlay:
    """A mark to lay on a rendition. Percentages are whole numbers from 1 to 100.

    width_percent: of the rendition's width; a mark that is then too high is made smaller.
    """

    bucket: str
    key: str
    position: str = "bottom-right"
    width_percent: int = 25
    opacity_percent: int = 100

    def __post_init__(self) -> None:
        for name in ("bucket", "key"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value:
                raise ValueError(f"The {name} of an overlay is a text, not {value!r}.")
        _check_position("position of an overlay", self.position, POSITIONS)
        for name in ("width_percent", "opacity_percent"):
            percent = getattr(self, name)
            if not (_is_int(percent) and 1 <= percent <= 100):
                raise ValueError(
                    f"The {name} of an overlay is a whole number from 1 to 100, not {percent!r}."
                )

    @property
    def source(self) -> OverlaySource:
        return OverlaySource(self.bucket, self.key)

    @classmethod
    def from_json(cls, values: object) -> Self:
        """Raises ValueError with one sentence when a field is missing, unknown or does not fit."""
        if not isinstance(values, Mapping):
            raise ValueError(f"An overlay is an object with bucket and key, not {values!r}.")
        _check_names("An overlay", cls, values)
        if missing := [name for name in ("bucket", "key") if name not in values]:
            raise ValueError(f"An overlay has a {missing[0]}.")
        return cls(**values)


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
    overlay: Overlay | None = None
    keep_copyright: bool = False  # and the artist: these two fields of EXIF, and nothing else

    def __post_init__(self) -> None:
        for name in ("width_px", "height_px"):
            edge = getattr(self, name)
            if edge is not None and not (_is_int(edge) and 1 <= edge <= MAX_EDGE_PX):
                raise ValueError(f"{name} is a whole number from 1 to {MAX_EDGE_PX}, not {edge!r}.")
        if self.fit is not Fit.INSIDE and None in (self.width_px, self.height_px):
            raise ValueError(f"fit {self.fit} needs both width_px and height_px.")
        _check_position("position", self.position, (*POSITIONS, SALIENT))
        if self.position == SALIENT and self.fit is not Fit.COVER:
            raise ValueError(
                f"position {SALIENT} says what fit cover keeps; {self.fit} cuts nothing."
            )
        if not (
            isinstance(self.background, str) and re.fullmatch(r"#[0-9a-fA-F]{6}", self.background)
        ):
            raise ValueError(f'background is a colour like "#ffffff", not {self.background!r}.')
        if self.quality is not None and not (_is_int(self.quality) and 1 <= self.quality <= 100):
            raise ValueError(f"quality is a whole number from 1 to 100, not {self.quality!r}.")

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Raises ValueError with one sentence when a field is unknown or does not fit."""
        _check_names("A rendition", cls, values)
        parsed = dict(values)
        if values.get("overlay") is not None:
            parsed["overlay"] = Overlay.from_json(values["overlay"])
        for name, choices in _CHOICES.items():
            if name in values:
                if values[name] not in list(choices):
                    raise ValueError(
                        f"{name} is one of {', '.join(choices)}, not {values[name]!r}."
                    )
                parsed[name] = choices(values[name])
        return cls(**parsed)


def overlay_sources(renditions: Mapping[str, Rendition]) -> list[OverlaySource]:
    """What the renditions' overlays are read from, each once, in one order."""
    return sorted({each.overlay.source for each in renditions.values() if each.overlay})


def _check_names(what: str, of: type[Any], values: Mapping[str, Any]) -> None:
    names = [field.name for field in fields(of)]
    for name in values:
        if name not in names:
            raise ValueError(f"{what} has no {name!r}; it has {', '.join(names)}.")


def _check_position(what: str, position: object, choices: Collection[str]) -> None:
    if position not in choices:
        raise ValueError(f"{what} is one of {', '.join(choices)}, not {position!r}.")


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


class Focus(NamedTuple):
    """What a crop is to keep in its middle, in fractions of the picture's width and height."""

    x: float
    y: float


class Box(NamedTuple):
    """A part of a picture, in fractions of its width and height."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top


WHOLE = Box(0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class Layout:
    """How one rendition comes from the upright picture.

    box: the part of the picture that is shown.
    drawn: the size at which that part is drawn.
    canvas, offset: where it is laid when there is background around it.
    stretched: its shape is not kept.
    """

    box: Box
    drawn: Size
    canvas: Size | None = None
    offset: tuple[int, int] = (0, 0)
    stretched: bool = False

    @property
    def pixels(self) -> int:
        width, height = self.canvas or self.drawn
        return width * height


def lay_out(rendition: Rendition, picture: Size, focus: Focus | None = None) -> Layout:
    """Lay the rendition out for an upright picture of this size.

    focus: what a crop keeps, whatever its position says.
    """
    if rendition.width_px is None or rendition.height_px is None:
        box = Size(rendition.width_px or MAX_EDGE_PX, rendition.height_px or MAX_EDGE_PX)
        boxless = rendition.width_px is None and rendition.height_px is None
        return Layout(WHOLE, fit_inside(picture, box, rendition.enlarge and not boxless))
    box = Size(rendition.width_px, rendition.height_px)
    match rendition.fit:
        case Fit.INSIDE:
            return Layout(WHOLE, fit_inside(picture, box, rendition.enlarge))
        case Fit.CONTAIN:
            drawn = fit_inside(picture, box, rendition.enlarge)
            across, down = POSITIONS[rendition.position]
            offset = (
                round((box.width - drawn.width) * across),
                round((box.height - drawn.height) * down),
            )
            return Layout(WHOLE, drawn, box, offset)
        case Fit.COVER:
            drawn = _in_the_boxs_shape(picture, box, rendition.enlarge)
            return Layout(_cut(picture, box, rendition.position, focus), drawn)
        case Fit.FILL:
            drawn = _in_the_boxs_shape(picture, box, rendition.enlarge)
            return Layout(WHOLE, drawn, stretched=True)
        case Fit.OUTSIDE:
            return Layout(WHOLE, _fit_outside(picture, box, rendition.enlarge))


def fit_inside(picture: Size, box: Size, enlarge: bool = False) -> Size:
    """The largest size of the picture's shape within the box."""
    scale = min(box.width / picture.width, box.height / picture.height)
    if not enlarge:
        scale = min(scale, 1.0)
    return Size(
        min(max(1, round(picture.width * scale)), box.width),
        min(max(1, round(picture.height * scale)), box.height),
    )


def _fit_outside(picture: Size, box: Size, enlarge: bool) -> Size:
    """The smallest size of the picture's shape that the box fits into, within what formats hold."""
    scale = max(box.width / picture.width, box.height / picture.height)
    if not enlarge:
        scale = min(scale, 1.0)
    scale = min(scale, MAX_EDGE_PX / max(picture))
    return Size(max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))


def _in_the_boxs_shape(picture: Size, box: Size, enlarge: bool) -> Size:
    """The box; smaller for a picture that would have to grow in either direction."""
    scale = max(box.width / picture.width, box.height / picture.height)
    shrink = 1.0 if enlarge else min(1.0, 1.0 / scale)
    return Size(max(1, round(box.width * shrink)), max(1, round(box.height * shrink)))


def _cut(picture: Size, box: Size, position: str, focus: Focus | None) -> Box:
    """The part of the picture that has the box's shape, as large as fits."""
    scale = max(box.width / picture.width, box.height / picture.height)
    width = min(1.0, box.width / (picture.width * scale))
    height = min(1.0, box.height / (picture.height * scale))
    if focus:
        left = min(max(0.0, focus.x - width / 2), 1.0 - width)
        top = min(max(0.0, focus.y - height / 2), 1.0 - height)
    else:
        across, down = POSITIONS.get(position, POSITIONS["center"])
        left, top = (1.0 - width) * across, (1.0 - height) * down
    return Box(left, top, left + width, top + height)
