"""The estimate that limits.max_memory_mb is held against is not below what is used."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from PIL import Image

from tests.support.containers import TiffPage, tiff
from tests.support.pictures import saved, scene, with_orientation
from upload_workflow.image.header import read_header
from upload_workflow.image.limits import memory_mb

ROOT = Path(__file__).parents[2]
MADE_PIXELS = 2048 * 1536 + 200 * 200 + 160 * 120 + 90 * 90  # of tests.corpus.one_file

FILES = {
    "jpeg": ("RGB", "JPEG", {}),
    "jpeg progressive 4:4:4": ("RGB", "JPEG", {"progressive": True, "subsampling": 0}),
    "jpeg cmyk": ("CMYK", "JPEG", {}),
    "png": ("RGB", "PNG", {"compress_level": 1}),
    "png with alpha": ("RGBA", "PNG", {"compress_level": 1}),
    "png of a palette with a hole": ("P", "PNG", {"compress_level": 1, "transparency": 3}),
    "png of 16 bits": ("I;16", "PNG", {"compress_level": 1}),
    "png grey with alpha": ("LA", "PNG", {"compress_level": 1}),
    "webp": ("RGB", "WEBP", {"method": 0}),
    "webp with alpha": ("RGBA", "WEBP", {"method": 0}),
    "webp lossless": ("RGB", "WEBP", {"method": 0, "lossless": True, "quality": 0}),
    "gif with a hole": ("P", "GIF", {"transparency": 3}),
    "avif 4:4:4": ("RGB", "AVIF", {"speed": 10, "subsampling": "4:4:4"}),
    "avif with alpha": ("RGBA", "AVIF", {"speed": 10}),
    "tiff in one strip": ("RGB", "TIFF", {"compression": "tiff_lzw", "tiffinfo": {278: 3000}}),
    "tiff of floats": ("F", "TIFF", {"compression": "tiff_lzw"}),
    "bmp": ("RGB", "BMP", {}),
}


@pytest.mark.parametrize("name", FILES)
def test_the_memory_estimate_is_not_below_what_is_used(name: str, tmp_path: Path) -> None:
    mode, format, settings = FILES[name]
    base = scene(800, 600).resize((4000, 3000), Image.Resampling.BICUBIC)
    picture = base.quantize(32) if mode == "P" else base.convert(mode)
    _check(saved(picture, format, **settings), tmp_path / "upload")


def test_a_tiff_that_has_to_be_turned_is_estimated_too(tmp_path: Path) -> None:
    picture = scene(800, 600).resize((4000, 3000))
    _check(with_orientation(picture, 6, "TIFF", compression="tiff_lzw"), tmp_path / "upload")


@pytest.mark.parametrize(
    ("sample", "tags"),
    [
        (struct.pack("<3f", 0.1, 0.5, 0.9), {258: [32] * 3, 262: [2], 277: [3], 339: [3] * 3}),
        (bytes((9, 99, 0, 20, 200)), {258: [8] * 5, 262: [5], 277: [5], 338: [2]}),
    ],
    ids=["floats in colours", "CMYK with alpha"],
)
def test_a_tiff_whose_samples_are_taken_apart_is_estimated_too(
    sample: bytes, tags: dict[int, list[int]], tmp_path: Path
) -> None:
    across, down, rows = 3000, 3000, 50
    strips = [zlib.compress(sample * (across * rows), 1)] * (down // rows)
    words = {tag: ("H", values) for tag, values in {**tags, 259: [8], 278: [rows]}.items()}
    _check(tiff([TiffPage(across, down, strips, words)]), tmp_path / "upload")


def test_a_jpeg_without_its_end_marker_takes_no_more_than_a_whole_one(tmp_path: Path) -> None:
    picture = scene(800, 600).resize((4000, 3000), Image.Resampling.BICUBIC)
    _check(saved(picture, "JPEG")[:-2], tmp_path / "upload")


def _check(upload: bytes, file: Path) -> None:
    file.write_bytes(upload)
    command = [sys.executable, "-m", "tests.corpus.one_file", str(file)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    used_mb = json.loads(ran.stdout)["peak_mb"]
    header = read_header(upload)
    assert header is not None
    estimate_mb = memory_mb(header, len(upload), header.pixels, MADE_PIXELS)
    # Twice too high would refuse honest images of half the size.
    assert used_mb <= estimate_mb <= 2 * used_mb
