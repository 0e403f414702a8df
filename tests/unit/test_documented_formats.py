"""The table of formats in docs/conversion.md beside files that do what its words say."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.containers import bmp, clap, tiff, with_avif_property
from tests.support.pictures import moving, saved, scene, with_orientation
from tests.unit.test_tiff import CMYK, FLOAT, LAB, RGB, SCENE, layout, page
from tests.unit.test_tiff import SIGNED as TIFF_SIGNED
from upload_workflow.errors import Rejected, RejectionCode
from upload_workflow.image.convert import convert
from upload_workflow.image.header import Format
from upload_workflow.image.limits import Limits
from upload_workflow.image.rendition import Rendition

ROOT = Path(__file__).parents[2]
ROWS = {
    cells[0]: cells[1:]
    for line in (ROOT / "docs/conversion.md").read_text("utf-8").splitlines()
    if (cells := [cell.strip() for cell in line.strip("|").split(" | ")]) and len(cells) == 3
}
TABLE = {name.strip(): cells for names, cells in ROWS.items() for name in names.split(",")}

GRAY = [[90], [200], [30], [128]]
ARITHMETIC = ROOT / "tests/corpus/kept/arithmetic.jpg"


def jpeg_frame(marker: int, precision: int, components: int) -> bytes:
    frame = struct.pack(">HBHHB", 8 + 3 * components, precision, 60, 90, components)
    frame += b"".join(bytes((i, 0x11, 0)) for i in range(components))
    return b"\xff\xd8\xff" + bytes((marker,)) + frame + b"\xff\xda\0\x08\1\1\0\0\x3f\0"


READ: dict[tuple[str, str], Callable[[], bytes]] = {
    ("JPEG", "baseline"): lambda: saved(scene(40, 30), "JPEG"),
    ("JPEG", "progressive"): lambda: saved(scene(40, 30), "JPEG", progressive=True),
    ("JPEG", "arithmetic"): ARITHMETIC.read_bytes,
    ("JPEG", "gray"): lambda: saved(scene(40, 30).convert("L"), "JPEG"),
    ("JPEG", "CMYK"): lambda: saved(scene(40, 30).convert("CMYK"), "JPEG"),
    ("JPEG", "without its end marker"): lambda: saved(scene(40, 30), "JPEG")[:-2],
    ("JPEG", "with a camera's trailer"): lambda: saved(scene(40, 30), "JPEG")[:-2] + b"SEFH" * 9,
    ("PNG", "every depth"): lambda: saved(scene(40, 30).convert("I;16"), "PNG"),
    ("PNG", "default image"): lambda: moving(3, "PNG"),
    ("WebP", "lossy"): lambda: saved(scene(40, 30), "WEBP"),
    ("WebP", "lossless"): lambda: saved(scene(40, 30), "WEBP", lossless=True),
    ("WebP", "animations"): lambda: moving(3, "WEBP"),
    ("GIF", "animations"): lambda: moving(3, "GIF"),
    ("GIF", "89a"): lambda: saved(scene(40, 30).quantize(), "GIF", transparency=1),
    ("AVIF", "alpha"): lambda: saved(scene(40, 30).convert("RGBA"), "AVIF", speed=10),
    ("AVIF", "`irot`"): lambda: with_orientation(scene(40, 30), 6, "AVIF", speed=10),
    ("AVIF", "`clap`"): lambda: with_avif_property(
        saved(scene(40, 30), "AVIF", speed=10), clap(20, 10, (0, 1), (0, 1))
    ),
    ("AVIF", "of a sequence the first frame"): lambda: moving(3, "AVIF", speed=10),
    ("TIFF", "BigTIFF of both byte orders"): lambda: layout(RGB, SCENE, big=True, order=">"),
    ("TIFF", "planes"): lambda: layout(RGB, SCENE, planar=True, bits=16),
    ("TIFF", "12"): lambda: layout(1, GRAY, bits=12),
    ("TIFF", "signed or not"): lambda: layout(1, GRAY, format=TIFF_SIGNED),
    ("TIFF", "float"): lambda: layout(1, GRAY, bits=32, format=FLOAT),
    ("TIFF", "CMYK"): lambda: layout(CMYK, [[*c, 0] for c in SCENE]),
    ("TIFF", "L\\*a\\*b\\*"): lambda: layout(LAB, SCENE, bits=16),
    ("TIFF", "RGB also of 12 bits and float"): lambda: layout(RGB, SCENE, bits=12),
    ("TIFF", "LZMA"): lambda: saved(scene(40, 30), "TIFF", compression="lzma"),
    ("TIFF", "fax"): lambda: saved(scene(40, 30).convert("1"), "TIFF", compression="group4"),
    ("BMP", "2,"): lambda: bmp((4, 1), 2, bytes(4), palette=bytes(16)),
    ("BMP", "any masks"): lambda: bmp(
        (1, 1), 32, bytes(4), compression=3, masks=(0x3FF00000, 0xFFC00, 0x3FF)
    ),
    ("BMP", "RLE8"): lambda: bmp((4, 1), 8, b"\4\1\0\1", compression=1, palette=bytes(1024)),
}  # fmt: skip

NOT_READ: dict[tuple[str, str], Callable[[], bytes]] = {
    ("JPEG", "lossless"): lambda: jpeg_frame(0xC3, 8, 3),
    ("JPEG", "hierarchical"): lambda: jpeg_frame(0xC7, 8, 3),
    ("JPEG", "12 bits"): lambda: jpeg_frame(0xC1, 12, 3),
    ("JPEG", "2 channels"): lambda: jpeg_frame(0xC0, 8, 2),
    ("TIFF", "raw files"): lambda: tiff([page((16, 12), 9, t50706=("B", [1, 4, 0, 0]))]),
    ("TIFF", "other depths"): lambda: tiff([page((16, 12), 9, t258=("H", [10]))]),
    ("TIFF", "inks other than CMYK"): lambda: layout(
        CMYK, [[*c, 0] for c in SCENE], more={332: ("H", [2])}
    ),
    ("TIFF", "a predictor on channels side by side that are float"): lambda: layout(
        RGB, SCENE, bits=32, format=FLOAT, deflate=True, more={317: ("H", [3])}
    ),
    ("TIFF", "CMYK or L\\*a\\*b\\* with alpha"): lambda: layout(
        CMYK, [[*c, 0, 9] for c in SCENE], extra=(2,), deflate=True, more={317: ("H", [2])}
    ),
    ("TIFF", "JPEG of 12 bits"): lambda: tiff(
        [page((16, 12), 9, t258=("H", [12]), t259=("H", [7]))]
    ),
    ("TIFF", "YCbCr with alpha"): lambda: layout(
        6, [[*c, 9] for c in SCENE], extra=(2,), more={530: ("H", [1, 1])}
    ),
    ("TIFF", "multiplied by alpha"): lambda: layout(LAB, [[*c, 9] for c in SCENE], extra=(1,)),
    ("TIFF", "WebP"): lambda: tiff([page((16, 12), 9, t259=("H", [50001]))]),
    ("TIFF", "other compressions"): lambda: tiff([page((16, 12), 9, t259=("H", [34712]))]),
    ("BMP", "embedded JPEG"): lambda: bmp((4, 4), 24, bytes(99), compression=4),
}


def test_every_format_has_a_row() -> None:
    named = {name.upper() for name in TABLE}
    assert {str(format) for format in Format} <= named
    assert re.search(r"\| format \| read \|", (ROOT / "docs/conversion.md").read_text("utf-8"))


@pytest.mark.parametrize(("format", "words"), READ)
def test_what_the_table_says_is_read_is_read(format: str, words: str) -> None:
    assert words in TABLE[format][0]
    assert convert(READ[format, words](), {"small": Rendition(20, 20)}, Limits())


@pytest.mark.parametrize(("format", "words"), NOT_READ)
def test_what_the_table_says_is_not_read_is_told_so(format: str, words: str) -> None:
    assert words in TABLE[format][1]
    with pytest.raises(Rejected) as refused:
        convert(NOT_READ[format, words](), {"small": Rendition(20, 20)}, Limits())
    assert refused.value.code is RejectionCode.UNSUPPORTED_FORMAT


def test_the_samples_differ() -> None:
    made = [make() for make in (*READ.values(), *NOT_READ.values())]
    assert len(set(made)) == len(made)
