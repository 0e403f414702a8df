"""What a page shows before a rendition arrives: a dominant colour and a ThumbHash.

Pure arithmetic on a small picture. Does not know where it came from.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import cache
from math import cos, floor, pi
from operator import mul

from PIL import Image

# The longer side of the picture that both are computed from. ThumbHash keeps at most seven
# waves across; more pixels than this cost time and change nothing.
SAMPLE_PX = 32


def dominant_color(sample: Image.Image) -> str:
    """The colour of which there is most, as "#rrggbb"; what is transparent does not count.

    Counts in 8 x 8 x 8 cells and answers with the mean of the fullest one.
    """
    cells: dict[tuple[int, int, int], list[tuple[int, int, int]]] = {}
    data = sample.convert("RGBA").tobytes()
    for red, green, blue, alpha in zip(*(data[i::4] for i in range(4)), strict=True):
        if alpha >= 128:
            cell = (red >> 5, green >> 5, blue >> 5)
            cells.setdefault(cell, []).append((red, green, blue))
    if not cells:
        return "#ffffff"
    fullest = max(cells.items(), key=lambda item: (len(item[1]), item[0]))[1]
    mean = (sum(channel) // len(fullest) for channel in zip(*fullest, strict=True))
    return "#{:02x}{:02x}{:02x}".format(*mean)


def thumbhash(sample: Image.Image) -> str:
    """The ThumbHash of a picture of at most 100 px a side, in base64 (about 28 characters).

    Format and decoders: Evan Wallace, https://evanw.github.io/thumbhash/ (MIT). It carries the
    aspect ratio, alpha and average colour; any ThumbHash decoder turns it into a small picture.
    """
    width, height = sample.size
    data = sample.convert("RGBA").tobytes()
    alpha = [value / 255 for value in data[3::4]]
    opacity = sum(alpha)
    has_alpha = opacity < width * height
    red, green, blue = (_over_average(data[i::4], alpha, opacity) for i in range(3))
    luminance = [(r + g + b) / 3 for r, g, b in zip(red, green, blue, strict=True)]
    yellow_blue = [(r + g) / 2 - b for r, g, b in zip(red, green, blue, strict=True)]
    red_green = [r - g for r, g in zip(red, green, strict=True)]

    limit, longer = (5 if has_alpha else 7), max(width, height)
    across, down = max(1, _round(limit * width / longer)), max(1, _round(limit * height / longer))
    l_dc, l_ac, l_scale = _waves(luminance, width, max(3, across), max(3, down))
    p_dc, p_ac, p_scale = _waves(yellow_blue, width, 3, 3)
    q_dc, q_ac, q_scale = _waves(red_green, width, 3, 3)

    landscape = width > height
    header = (
        _round(63 * l_dc)
        | _round(31.5 + 31.5 * p_dc) << 6
        | _round(31.5 + 31.5 * q_dc) << 12
        | _round(31 * l_scale) << 18
        | has_alpha << 23
        | (down if landscape else across) << 24
        | _round(63 * p_scale) << 27
        | _round(63 * q_scale) << 33
        | landscape << 39
    )
    hashed = header.to_bytes(5, "little")
    nibbles = l_ac + p_ac + q_ac
    if has_alpha:
        a_dc, a_ac, a_scale = _waves(alpha, width, 5, 5)
        hashed += bytes([_round(15 * a_dc) | _round(15 * a_scale) << 4])
        nibbles += a_ac
    values = [_round(15 * nibble) for nibble in nibbles] + [0] * (len(nibbles) % 2)
    hashed += bytes(low | high << 4 for low, high in zip(values[::2], values[1::2], strict=True))
    return base64.b64encode(hashed).decode("ascii")


def _over_average(channel: bytes, alpha: list[float], opacity: float) -> list[float]:
    """The channel, 0 to 1, laid over its own average where the picture is transparent."""
    visible = [value / 255 * a for value, a in zip(channel, alpha, strict=True)]
    average = sum(visible) / opacity if opacity else 0.0
    return [value + average * (1 - a) for value, a in zip(visible, alpha, strict=True)]


def _waves(
    channel: Sequence[float], width: int, across: int, down: int
) -> tuple[float, list[float], float]:
    """Cosine transform of the lowest frequencies: the mean, the others from 0 to 1, their scale."""
    height = len(channel) // width
    rows = [channel[start : start + width] for start in range(0, len(channel), width)]
    columns = [[sum(map(mul, row, _cosines(width, x))) for row in rows] for x in range(across)]
    waves = [
        sum(map(mul, columns[x], _cosines(height, y))) / len(channel)
        for y in range(down)
        for x in range(across)
        if x * down < across * (down - y)
    ]
    mean, *others = waves
    scale = max(map(abs, others), default=0.0)
    return mean, [0.5 + 0.5 / scale * wave for wave in others] if scale else others, scale


@cache
def _cosines(length: int, frequency: int) -> tuple[float, ...]:
    return tuple(cos(pi / length * frequency * (at + 0.5)) for at in range(length))


def _round(value: float) -> int:
    """Halves go up, as in the reference; Python's round would take them to even."""
    return floor(value + 0.5)
