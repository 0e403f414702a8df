"""Pictures for tests: made here, small, and each showing one thing."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image, ImageDraw

# A picture whose four quarters differ, in reading order.
QUARTERS = ("#ff0000", "#008000", "#0000ff", "#ffffff")

# What was done to upright pixels to get those that a file of this orientation stores.
STORED: dict[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def quarters(width: int = 120, height: int = 80) -> Image.Image:
    picture = Image.new("RGB", (width, height))
    for index, color in enumerate(QUARTERS):
        left, top = index % 2 * width // 2, index // 2 * height // 2
        picture.paste(color, (left, top, left + (width + 1) // 2, top + (height + 1) // 2))
    return picture


def scene(width: int = 600, height: int = 400) -> Image.Image:
    """Gradients, edges and fine texture: closer to a photo than flat colour is."""
    gradient = Image.linear_gradient("L").resize((width, height))
    picture = Image.merge("RGB", (gradient, gradient.rotate(180), gradient.transpose(0)))
    draw = ImageDraw.Draw(picture)
    for at in range(0, width, 37):
        draw.line((at, 0, width - at, height), fill=(at % 255, 40, 200), width=2)
        draw.ellipse((at, at % height, at + 30, at % height + 20), fill=(250, at % 255, 30))
    return picture


def saved(picture: Image.Image, format: str, **settings: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format, **settings)
    return buffer.getvalue()


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def with_orientation(upright: Image.Image, orientation: int, format: str, **settings: Any) -> bytes:
    turn = STORED.get(orientation)
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(
        upright if turn is None else upright.transpose(turn), format, exif=exif, **settings
    )


def quarter_colors(picture: Image.Image) -> list[tuple[int, int, int]]:
    width, height = picture.size
    rgb = picture.convert("RGB")
    return [
        rgb.getpixel((width * (1 + 2 * (index % 2)) // 4, height * (1 + 2 * (index // 2)) // 4))
        for index in range(4)
    ]


def near(found: tuple[int, ...], expected: str, tolerance: int = 12) -> bool:
    wanted = bytes.fromhex(expected.removeprefix("#"))
    return all(abs(a - b) <= tolerance for a, b in zip(found, wanted, strict=True))


def moving(count: int, format: str, size: tuple[int, int] = (64, 48), **settings: Any) -> bytes:
    """An animation whose frames are told apart by their colour, from black to red."""
    frames = [Image.new("RGB", size, (255 * at // max(count - 1, 1), 0, 0)) for at in range(count)]
    return saved(frames[0], format, save_all=True, append_images=frames[1:], **settings)
