"""Every picture of the corpus beside libvips, and beside Chromium where it is installed.

`differences.json` names each difference with its reason. A new one fails, and so does a row
that is no longer true.
"""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.clients.browser import installed
from tests.corpus.judge import (
    MEDIA_TYPES,
    Seen,
    by_chromium,
    by_libvips,
    chromium_page,
    differences,
    ours,
)
from tests.corpus.test_independent_decoder import UPLOADS
from tests.corpus.test_pillow_corpus import images  # noqa: F401, a fixture
from tests.support.containers import GifFrame, gif, png, png_chunk
from tests.support.pictures import moving, saved, scene, with_orientation
from tests.unit.test_tiff import BLACK_IS_ZERO, CMYK, GRAYS, RGB, SCENE, WHITE_IS_ZERO, layout
from upload_workflow.errors import Rejected
from upload_workflow.image.header import SNIFF_BYTES, sniff

HERE = Path(__file__).parent
NAMED: list[dict[str, str]] = json.loads((HERE / "differences.json").read_text("utf-8"))
# Of the kinds that no reader may get wrong there is none in the table; of all others this share.
MOST_NAMED = 0.01


def made_here() -> Iterator[tuple[str, bytes]]:
    """What the other tests make, and more of the kinds that decoders get wrong."""
    yield from UPLOADS.items()
    for path in sorted((HERE / "reported").iterdir()):
        if path.suffix != ".json":
            yield path.name, path.read_bytes()
    yield from _animations()
    yield from _stills()
    yield from _holes()
    yield from _tiffs()


def _animations() -> Iterator[tuple[str, bytes]]:
    """By chance, and the same each time."""
    for format in ("GIF", "WEBP"):
        for loop in (0, 1, 3):
            yield f"moving {format} {loop}", moving(4, format, duration=[50, 60, 70, 80], loop=loop)
    chance = random.Random(14)
    colors = [(200, 30, 30), (30, 160, 40), (30, 30, 220), (240, 240, 240)]
    for number in range(160):
        side = chance.randint(16, 40)
        frames = []
        for _ in range(chance.randint(2, 5)):
            left, top = chance.randrange(side - 8), chance.randrange(side - 8)
            width, height = chance.randint(8, side - left), chance.randint(8, side - top)
            rows = [bytes([chance.randrange(4)]) * width for _ in range(height)]
            disposal = chance.choice([0, 1, 2] if number % 2 else [0, 1])
            frames.append(GifFrame(rows, (left, top), disposal, chance.choice([None, 0, 3])))
        whole = GifFrame([bytes([chance.randrange(4)]) * side] * side, disposal=1)
        repeats = chance.choice([None, 0, 1, 5])
        name = "animation that is disposed of" if number % 2 else "animation"
        yield f"{name} {number}", gif((side, side), colors, [whole, *frames], repeats)


def _stills() -> Iterator[tuple[str, bytes]]:
    for orientation, format in product(range(1, 9), ("PNG", "TIFF")):
        upload = with_orientation(scene(90, 60), orientation, format)
        yield f"{format} of orientation {orientation}", upload
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA"):
        yield f"PNG {mode}", saved(scene(90, 60).convert(mode), "PNG")
    for mode, quality, lossless in product(("RGB", "RGBA"), (50, 90), (False, True)):
        picture = scene(90, 60).convert(mode)
        name = f"WebP {mode} {quality} {lossless}"
        yield name, saved(picture, "WEBP", quality=quality, lossless=lossless)
    for mode in ("L", "RGB", "RGBA"):
        picture = scene(90, 60).convert(mode)
        yield f"AVIF {mode}", saved(picture, "AVIF", quality=95, subsampling="4:4:4")
    for quality, subsampling, progressive in product((30, 75, 95), (0, 1, 2), (False, True)):
        settings = {"quality": quality, "subsampling": subsampling, "progressive": progressive}
        yield f"JPEG {sorted(settings.items())}", saved(scene(91, 61), "JPEG", **settings)


def _holes() -> Iterator[tuple[str, bytes]]:
    """PNG of every depth of gray with one that is transparent."""
    for depth, key in product((1, 2, 4, 8, 16), (0, 1)):
        values = [0, 1, 0, 1, 1, 0, 1, 0]
        row = b"".join(struct.pack(">H" if depth == 16 else "B", value) for value in values)
        if depth < 8:
            row = int("".join(f"{value:0{depth}b}" for value in values), 2).to_bytes(depth, "big")
        trns = png_chunk(b"tRNS", struct.pack(">H", key))
        yield f"PNG of {depth} bits without {key}", png((8, 1), depth, 0, row, before=trns)


def _tiffs() -> Iterator[tuple[str, bytes]]:
    for compression, mode in product(
        ("tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd", "jpeg"), ("L", "RGB", "CMYK")
    ):
        picture = scene(90, 60).convert(mode)
        yield f"TIFF {compression} {mode}", saved(picture, "TIFF", compression=compression)
    grays = [[gray] for gray in GRAYS]
    quarters = {
        RGB: SCENE,
        BLACK_IS_ZERO: grays,
        WHITE_IS_ZERO: grays,
        CMYK: [[*(255 - value for value in color), 0] for color in SCENE],
    }
    flags = (False, True)
    for photometric, bits in product(quarters, (1, 2, 4, 8, 16)):
        if bits < 8 and photometric in (RGB, CMYK):
            continue
        for order, planar, deflate, big in product("<>", flags, flags, flags):
            if planar and photometric not in (RGB, CMYK):
                continue
            options: dict[str, Any] = {"order": order, "planar": planar, "big": big}
            name = f"TIFF {photometric} of {bits} bits {options} {deflate}"
            yield (
                name,
                layout(photometric, quarters[photometric], bits=bits, deflate=deflate, **options),
            )


@pytest.fixture(scope="module")
def corpus(images: list[Path]) -> dict[str, tuple[bytes, Seen]]:  # noqa: F811
    """The pictures that are read, with what is seen of them."""
    uploads = {path.name: path.read_bytes() for path in images} | dict(made_here())
    seen = {}
    for name, upload in uploads.items():
        try:
            seen[name] = upload, ours(upload)
        except Rejected:
            continue  # whose refusal is held elsewhere
    return seen


def _named(witness: str) -> set[tuple[str, str]]:
    return {(row["picture"], row["kind"]) for row in NAMED if row["witness"] == witness}


def _frames(seen: Seen) -> int:
    return len(seen.frames) if seen.durations_ms else 1


def _libvips(name: str, upload: bytes, seen: Seen) -> Seen | None:
    # It clears to the background colour of the file, which browsers do not (kind D2).
    return None if "disposed of" in name else by_libvips(upload, _frames(seen))


def _found(
    witness: str, corpus: dict[str, tuple[bytes, Seen]], by: Any
) -> dict[tuple[str, str], str]:
    found, asked = {}, 0
    for name, (upload, seen) in corpus.items():
        try:
            other = by(name, upload, seen)
        except Exception as error:
            if witness in type(error).__module__ or "laywright" in type(error).__module__:
                continue
            raise
        if other is None:
            continue
        asked += 1
        for difference in differences(seen, other):
            found[name, difference.split()[0]] = difference
    assert asked > 600
    return found


def test_libvips_sees_what_we_see(corpus: dict[str, tuple[bytes, Seen]]) -> None:
    found = _found("pyvips", corpus, _libvips)
    assert set(found) == _named("libvips"), found


def test_chromium_shows_what_we_see(corpus: dict[str, tuple[bytes, Seen]]) -> None:
    if not installed():
        pytest.skip("This needs Chromium: apt-get install chromium, or Chrome.")

    def shown(name: str, upload: bytes, seen: Seen) -> Seen | None:
        del name
        format = sniff(upload[:SNIFF_BYTES])
        if format not in MEDIA_TYPES:
            return None
        return by_chromium(page, upload, format, _frames(seen))

    with chromium_page() as page:
        found = _found("playwright", corpus, shown)
    assert set(found) == _named("Chromium"), found


def test_the_differences_are_few_and_each_has_its_reason(
    corpus: dict[str, tuple[bytes, Seen]],
) -> None:
    assert all(len(row["reason"]) > 20 for row in NAMED)
    assert {row["picture"] for row in NAMED} <= set(corpus)
    # A picture that one witness sees as we do is one on which the witnesses differ.
    alone = {row["picture"] for row in NAMED if row["others"] == "none"}
    assert len(alone) <= MOST_NAMED * len(corpus)
