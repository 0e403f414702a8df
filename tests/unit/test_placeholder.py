"""The placeholder against the reference implementation, and the dominant colour."""

from __future__ import annotations

import pytest
from PIL import Image

from upload_workflow.image.placeholder import dominant_color, thumbhash


def uneven(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Without symmetry, so that no wave is zero: at a tie of rounding, sums in another order
    may differ from the reference."""
    values = (
        x * x * (3 + band) // 7 + y * (5 * band + 2) + 40 * band
        for y in range(height)
        for x in range(width)
        for band in range(len(mode))
    )
    return Image.frombytes(mode, (width, height), bytes(value % 256 for value in values))


# Made by the reference implementation, npm thumbhash 0.1.1, from the same pixels.
@pytest.mark.parametrize(
    ("picture", "hashed"),
    [
        (Image.new("RGB", (1, 1), (10, 200, 30)), "VIoon14I9wiIh4hwj3CI+AiIgIAI94cP"),
        (uneven(30, 20), "XbcFJY4AWopWZ3hVZXiHiAEhC4WJ"),
        (uneven(20, 30), "XJcFJRRwljKldpdGRFaKebAiBGqb"),
        (uneven(24, 24, "RGBA"), "HKiFHQwIcJdmh2ZXl3ARA5qJvDp3V/vOTA=="),
    ],
)
def test_the_thumbhash_is_that_of_the_reference(picture: Image.Image, hashed: str) -> None:
    assert thumbhash(picture) == hashed


def test_a_fully_transparent_picture_has_a_placeholder_too() -> None:
    nothing = Image.new("RGBA", (8, 8), (200, 0, 0, 0))
    assert thumbhash(nothing)
    assert dominant_color(nothing) == "#ffffff"


def test_the_dominant_color_is_the_one_there_is_most_of() -> None:
    picture = Image.new("RGB", (10, 10), "#204060")
    picture.paste("#ffcc00", (0, 0, 10, 4))
    assert dominant_color(picture) == "#204060"


def test_hidden_pixels_do_not_count_for_the_dominant_color() -> None:
    picture = Image.new("RGBA", (10, 10), (255, 0, 0, 0))
    picture.paste((0, 128, 0, 255), (0, 0, 2, 2))
    assert dominant_color(picture) == "#008000"
