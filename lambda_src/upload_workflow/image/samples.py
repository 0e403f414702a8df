"""Narrows samples of more than 8 bits, of other meanings and of many channels to 8-bit ones.

Knows Pillow's modes. Does not know formats.
"""

from __future__ import annotations

from collections.abc import Iterator

from PIL import Image, ImageMath

# Beyond this a float is no brightness but a mark for "nothing here" (-3.4e38 is usual).
_NO_DATA = 1e37
_STRIP_PIXELS = 1 << 18


def scaled(samples: Image.Image, bits: int) -> Image.Image:
    """Unsigned samples of up to 16 bits, of which all bits set is white. Never clipped."""
    if samples.mode != "I;16":
        samples = samples.convert("I")  # of the other byte order
    white = (1 << bits) - 1
    return samples.point(lambda value: value * (255 / white) + 0.5).convert("L")


def signed_scaled(samples: Image.Image) -> Image.Image:
    """Signed 8-bit samples that were read as unsigned: the least becomes black."""
    return samples.point([value ^ 0x80 for value in range(256)])


def stretched(samples: Image.Image, no_data: float | None = None) -> Image.Image:
    """Floats or 32-bit integers, from the least value (black) to the greatest (white).

    What is no number, infinite or `no_data` does not count, and is black. Integers within 0 to
    255 or to 65535 are taken for samples of 8 or 16 bits.
    """
    low, high = _range(samples, no_data)
    if samples.mode == "I" and low >= 0 and high <= 65535:
        low, high = 0.0, 255.0 if high <= 255 else 65535.0
    return _between(samples, low, high, no_data)


def of_full(samples: list[Image.Image]) -> list[Image.Image]:
    """Channels of floats: 0 is none, 1 is full, or the greatest value where that is more."""
    high = max(1.0, *(_range(channel, None)[1] for channel in samples))
    return [_between(channel, 0.0, high, None) for channel in samples]


def unsigned(samples: Image.Image) -> Image.Image:
    """32-bit samples that were read as signed."""
    wide = Image.new("F", samples.size, None)
    for top, strip in _strips(samples):
        wrapped = ImageMath.lambda_eval(
            lambda of: of["float"](of["x"]) + of["float"](of["x"] < 0) * 4294967296.0, x=strip
        )
        wide.paste(wrapped, (0, top))
    return wide


def signed(samples: Image.Image) -> Image.Image:
    """Signed 16-bit samples that were read as unsigned."""
    wide = Image.new("I", samples.size, None)
    for top, strip in _strips(samples):
        wrapped = ImageMath.lambda_eval(
            lambda of: of["x"] - (of["x"] >> 15) * 65536, x=strip.convert("I")
        )
        wide.paste(wrapped, (0, top))
    return wide


def every(samples: Image.Image, step: int, first: int) -> Image.Image:
    """Every `step`-th column from `first` on: one of the channels that stand side by side."""
    size = samples.width // step, samples.height
    # The affine transform looks at the middle of each pixel: x becomes step * (x + .5) + c.
    across = (step, 0, first + 0.5 - step / 2, 0, 1, 0)
    return samples.transform(size, Image.Transform.AFFINE, across, Image.Resampling.NEAREST)


def _strips(samples: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """In parts, because arithmetic on images makes several copies."""
    rows = max(1, _STRIP_PIXELS // samples.width)
    for top in range(0, samples.height, rows):
        end = min(top + rows, samples.height)
        yield top, samples.crop((0, top, samples.width, end))


def _counted(strip: Image.Image, no_data: float | None) -> Image.Image | None:
    """Where the samples count, as a mask; None if all do."""
    if no_data is None:
        if strip.mode != "F":
            return None
        no_data = _NO_DATA
    wide = strip.convert("F")
    counts = ImageMath.lambda_eval(
        lambda of: (of["x"] < _NO_DATA) * (of["x"] > -_NO_DATA) * (of["x"] != no_data), x=wide
    )
    mask = counts.point(lambda value: value * 255).convert("L")
    return None if mask.getextrema() == (255, 255) else mask


def _range(samples: Image.Image, no_data: float | None) -> tuple[float, float]:
    low, high = float("inf"), float("-inf")
    for _, strip in _strips(samples):
        mask = _counted(strip, no_data)
        if mask is not None:
            box = mask.getbbox()
            if box is None:
                continue
            row = mask.crop((0, box[1], mask.width, box[1] + 1))
            filler = strip.getpixel((row.tobytes().index(255), box[1]))
            only = Image.new(strip.mode, strip.size, filler)
            only.paste(strip, mask=mask)
            strip = only  # noqa: PLW2901
        least, greatest = strip.getextrema()
        low, high = min(low, float(least)), max(high, float(greatest))  # type: ignore[arg-type]
    return (low, high) if low <= high else (0.0, 0.0)


def _between(samples: Image.Image, low: float, high: float, no_data: float | None) -> Image.Image:
    narrow = Image.new("L", samples.size, None)
    scale = 255 / (high - low) if high > low else 0.0
    for top, strip in _strips(samples):
        bright = strip.point(lambda value: value * scale + (0.5 - low * scale)).convert("L")
        mask = _counted(strip, no_data)
        if mask is not None:
            bright.paste(0, mask=mask.point(lambda value: 255 - value))
        narrow.paste(bright, (0, top))
    return narrow


def masked(words: Image.Image, mask: int) -> Image.Image:
    """The bits of each 32-bit word that the mask selects, scaled to 8 bits.

    Raises ValueError if they do not stand side by side.
    """
    shift = (mask & -mask).bit_length() - 1
    bits = (mask >> shift).bit_length()
    if mask >> shift != (1 << bits) - 1:
        raise ValueError("A mask with holes.")
    if bits > 16:
        shift, bits = shift + bits - 16, 16
    white = (1 << bits) - 1
    narrow = Image.new("L", words.size, None)
    for top, strip in _strips(words):
        part = ImageMath.lambda_eval(
            lambda of: (((of["x"] >> shift) & white) * 255 + white // 2) / white, x=strip
        )
        narrow.paste(part.convert("L"), (0, top))
    return narrow
