"""Converts bent and hostile files: `python -m tests.corpus.fuzz [--seconds N] [--seed N]`.

Half are mutants of real files, half draw a quantity of a format (`quantities`), and some of those
are bent as well. What may come out is renditions within their boxes or a Rejected of the closed
set. Anything else, and what nobody foresaw, is written to build/fuzz and ends the run with exit 1.
They meet the converter behind the fence, where a death is a refusal; how many there were is told.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image

from tests.corpus.one_file import RENDITIONS
from tests.corpus.quantities import draw
from tests.support.pictures import moving, saved, scene, with_orientation
from upload_workflow.errors import Rejected, Unforeseen
from upload_workflow.image.limits import Limits, refuse_by_head
from upload_workflow.image.pictures import Pictures
from upload_workflow.run.fence import Fence
from upload_workflow.work import Made, Order

KEPT = Path(__file__).parents[2] / "build" / "fuzz"

# Small, so that a mutated size field cannot make one case cost more than a fraction of a second.
LIMITS = Limits(
    max_pixels=2_000_000, max_frame_pixels=4_000_000, max_scan_pixels=20_000_000, max_seconds=3
)
PICTURES = Pictures(RENDITIONS, LIMITS)


def seeds() -> list[bytes]:
    alpha = scene(90, 60).convert("RGBA")
    alpha.putalpha(Image.linear_gradient("L").resize(alpha.size))
    palette = scene(90, 60).quantize(16)
    small = scene(90, 60)
    return [
        with_orientation(small, 6, "JPEG"),
        saved(small, "JPEG", progressive=True, comment=b"x" * 30),
        saved(small.convert("CMYK"), "JPEG"),
        saved(small.convert("L"), "JPEG", restart_marker_blocks=2),
        saved(alpha, "PNG"),
        saved(palette, "PNG", transparency=3),
        saved(small.convert("I;16"), "PNG"),
        saved(small.convert("1"), "PNG"),
        moving(3, "PNG"),
        saved(alpha, "WEBP"),
        saved(small, "WEBP", lossless=True),
        moving(3, "WEBP"),
        saved(palette, "GIF", transparency=1),
        moving(3, "GIF"),
        saved(alpha, "TIFF", compression="tiff_lzw"),
        saved(small, "TIFF", compression="jpeg"),
        saved(small.convert("F"), "TIFF", compression="tiff_adobe_deflate"),
        saved(palette, "TIFF", compression="packbits"),
        saved(small.convert("1"), "TIFF", compression="group4"),
        saved(small, "TIFF", big_tiff=True),
        saved(alpha, "AVIF", speed=10),
        moving(2, "AVIF", speed=10),
        saved(palette, "BMP"),
        saved(small, "BMP"),
    ]


def mutations(seed: int) -> Iterator[bytes]:
    """Endless, the same for the same seed."""
    chance = random.Random(seed)
    originals = seeds()
    while True:
        data = bytearray(chance.choice(originals))
        for _ in range(chance.choice((1, 1, 2, 4, 16))):
            _mutate(data, chance, originals)
        yield bytes(data)


def _mutate(data: bytearray, chance: random.Random, originals: list[bytes]) -> None:
    # Headers are where decoders decide: half of all mutations hit the first 200 bytes.
    at = chance.randrange(min(len(data), 200) if chance.random() < 0.5 else len(data))
    match chance.randrange(7):
        case 0:
            data[at] ^= 1 << chance.randrange(8)
        case 1:
            data[at] = chance.randrange(256)
        case 2:
            data[at : at + 4] = chance.choice(
                (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\1", b"\1\0\0\0")
            )
        case 3:
            del data[at : at + chance.randrange(1, 64)]
        case 4:
            data[at:at] = data[max(0, at - chance.randrange(64)) : at + 8]
        case 5:
            other = chance.choice(originals)
            start = chance.randrange(len(other))
            data[at : at + 32] = other[start : start + 32]
        case 6:
            del data[max(at, 24) :]
    if not data:
        data.append(0)


def uploads(seed: int) -> Iterator[bytes]:
    """Endless, the same for the same seed."""
    chance = random.Random(seed)
    mutants, drawn, originals = mutations(seed), draw(seed), seeds()
    while True:
        yield next(mutants)
        data = bytearray(next(drawn)[1])
        if chance.random() < 0.3:
            _mutate(data, chance, originals)
        yield bytes(data)


def in_process(upload: bytes) -> Made:
    return PICTURES.load()(upload, Order())


def try_one(upload: bytes, convert: Callable[[bytes], Made] = in_process) -> str:
    """What became of it. Raises what must not leave the converter, and what nobody foresaw."""
    try:
        refuse_by_head(upload[: 64 << 10], len(upload), LIMITS)
        made = convert(upload)
    except Unforeseen:
        raise
    except Rejected as rejected:
        died = rejected.cause is not None and "converter" in rejected.cause
        return f"{rejected.code} by death" if died else str(rejected.code)
    for file in made.files:
        asked = RENDITIONS[file.rendition]
        for edge, most in ((file.width, asked.width_px), (file.height, asked.height_px)):
            if (edge or 0) > (most or 0):
                raise ValueError(f"{file.name} is {file.width} x {file.height}")
    return "renditions"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.corpus.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    KEPT.mkdir(parents=True, exist_ok=True)
    found: Counter[str] = Counter()
    fence = Fence(PICTURES)
    end = time.monotonic() + arguments.seconds
    for number, upload in enumerate(uploads(arguments.seed)):
        if time.monotonic() > end:
            break
        try:
            found[try_one(upload, lambda upload: fence.convert([upload]))] += 1
        except Exception as escaped:  # noqa: BLE001, that nothing escapes is what is tested
            kept = KEPT / f"escaped-{arguments.seed}-{number}"
            kept.write_bytes(upload)
            found[f"ESCAPED {type(escaped).__name__}"] += 1
            print(f"{kept}: {escaped!r} {getattr(escaped, 'cause', '')}")
    print(f"seed {arguments.seed}: {sum(found.values())} files: {dict(found.most_common())}")
    return 1 if any(name.startswith("ESCAPED") for name in found) else 0


if __name__ == "__main__":
    sys.exit(main())
