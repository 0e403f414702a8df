"""Where what stands out lies in a picture, for crops that are to keep it.

Pure arithmetic on a small picture. Does not know where it came from or what is cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import sqrt

from PIL import Image

from .rendition import Box, Focus

# Shades of salience that are told apart. Whole numbers, so that machines whose floating point
# differs in the last place find the same.
_SHADES = 1000


def salient_focus(sample: Image.Image, cut: Box) -> Focus:
    """The middle of the part of the size of `cut` that holds most of what stands out.

    Of parts that hold the same, the one nearest to the picture's middle.
    """
    width, height = sample.size
    map = salience(sample)
    columns = [sum(map[x::width]) for x in range(width)]
    rows = [sum(map[y * width : (y + 1) * width]) for y in range(height)]
    return Focus(_best(columns, cut.width), _best(rows, cut.height))


def salience(sample: Image.Image) -> list[int]:
    """How much each pixel stands out, row by row: by its colour and by the detail around it.

    Colour is its distance from the mean colour in CIELAB, after R. Achanta and others,
    "Frequency-tuned Salient Region Detection" (CVPR 2009); the sample is as good as blurred.
    That alone takes a bright sky for a subject, so it is weighed with how much the neighbours
    differ. What is transparent does not stand out.
    """
    width, height = sample.size
    data = sample.convert("RGBA").tobytes()
    alpha = data[3::4]
    opacity = sum(alpha) or 1
    colors = [_lab(*rgb) for rgb in zip(data[0::4], data[1::4], data[2::4], strict=True)]
    mean = [
        sum(channel * a for channel, a in zip(channels, alpha, strict=True)) / opacity
        for channels in zip(*colors, strict=True)
    ]
    map = []
    for at, color in enumerate(colors):
        x, y = at % width, at // width
        around = [
            colors[row * width + column]
            for row in range(max(0, y - 1), min(height, y + 2))
            for column in range(max(0, x - 1), min(width, x + 2))
        ]
        detail = sum(_distance(color, other) for other in around) / len(around)
        map.append(round(_SHADES * _distance(color, mean) * detail * alpha[at] / 255 / 100))
    return map


def _best(totals: Sequence[int], share: float) -> float:
    """The middle of the stretch of this share that holds most of the totals, from 0 to 1."""
    length = len(totals)
    span = share * length
    if span >= length:
        return 0.5
    sums = [0, *accumulate(totals)]

    def up_to(at: float) -> float:
        whole = min(int(at), length - 1)
        return sums[whole] + (at - whole) * totals[whole]

    # The best stretch begins or ends where a pixel does; of equal ones the middle one is taken.
    middle = (length - span) / 2
    starts = {middle, *(float(at) for at in range(length) if at + span <= length)}
    starts |= {at - span for at in range(length + 1) if at >= span}

    def worth(start: float) -> tuple[float, float, float]:
        held = round(up_to(start + span) - up_to(start), 3)
        return held, -round(abs(start - middle), 6), -start

    return (max(starts, key=worth) + span / 2) / length


def _lab(red: int, green: int, blue: int) -> tuple[float, float, float]:
    """CIELAB of an sRGB colour under D65 (IEC 61966-2-1, CIE 15)."""
    r, g, b = _LINEAR[red], _LINEAR[green], _LINEAR[blue]
    x = _lightness((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505)
    y = _lightness(0.2126 * r + 0.7152 * g + 0.0722 * b)
    z = _lightness((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


_LINEAR = [
    value / 255 / 12.92 if value <= 10 else ((value / 255 + 0.055) / 1.055) ** 2.4
    for value in range(256)
]


def _lightness(t: float) -> float:
    return t ** (1 / 3) if t > 216 / 24389 else (841 / 108) * t + 4 / 29


def _distance(a: Sequence[float], b: Sequence[float]) -> float:
    return sqrt(sum((x - y) ** 2 for x, y in zip(a, b, strict=True)))
