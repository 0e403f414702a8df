"""No file that means harm crashes the converter, slows it down or fills the memory."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.corpus import hostile
from upload_workflow.errors import RejectionCode

ROOT = Path(__file__).parents[2]
MOST_SECONDS = 5
MOST_MB = 350


@pytest.fixture(scope="session")
def files() -> dict[str, Path]:
    """Written once for each version of their generator: some take seconds to make."""
    version = hashlib.sha256(Path(hostile.__file__).read_bytes()).hexdigest()[:16]
    folder = ROOT / "build" / "hostile" / version
    if not (folder / "complete").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in hostile.hostile_files():
            (folder / name).write_bytes(data)
        (folder / "complete").touch()
    return {path.name: path for path in sorted(folder.iterdir()) if path.name != "complete"}


@pytest.fixture(scope="session")
def outcomes(files: dict[str, Path]) -> dict[str, dict[str, Any]]:
    """Each file in a process of its own."""
    names = list(files)
    halves = names[::2], names[1::2]
    with ThreadPoolExecutor(2) as pool:
        lines = pool.map(lambda half: _converted([files[name] for name in half]), halves)
        return {
            name: found
            for half, line in zip(halves, lines, strict=True)
            for name, found in zip(half, line, strict=True)
        }


def _converted(files: list[Path]) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "tests.corpus.one_file", *map(str, files)]
    ran = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in ran.stdout.splitlines()]


def test_every_file_ends_in_renditions_or_a_rejection(outcomes: dict[str, dict[str, Any]]) -> None:
    assert len(outcomes) > 100
    assert {name: found for name, found in outcomes.items() if "crash" in found} == {}


def test_no_file_takes_long(outcomes: dict[str, dict[str, Any]]) -> None:
    slow = {name: found["seconds"] for name, found in outcomes.items()}
    assert max(slow.values()) < MOST_SECONDS, max(slow, key=lambda name: slow[name])


def test_no_file_fills_the_memory(outcomes: dict[str, dict[str, Any]]) -> None:
    large = {name: found["peak_mb"] for name, found in outcomes.items()}
    assert max(large.values()) < MOST_MB, max(large, key=lambda name: large[name])


def test_nothing_of_a_polyglot_survives(outcomes: dict[str, dict[str, Any]]) -> None:
    assert [name for name, found in outcomes.items() if found["markup"]] == []


def test_bombs_are_refused_by_the_limit_they_break(outcomes: dict[str, dict[str, Any]]) -> None:
    expected = {
        "png_400MP_of_one_bit": RejectionCode.TOO_MANY_PIXELS,
        "png_88MP_rgba": RejectionCode.TOO_MUCH_MEMORY,
        "png_that_claims_4_exapixels": RejectionCode.TOO_MANY_PIXELS,
        "png_of_no_size": RejectionCode.CORRUPT,
        "png_with_60MB_profile": "",  # ignored, as every profile that cannot be used
        "webp_36MP": RejectionCode.TOO_MUCH_MEMORY,
        "jpeg_of_2000_scans_64MP": RejectionCode.TOO_COMPLEX,
        "gif_100000_frames_of_1_pixel": RejectionCode.TOO_MANY_FRAMES,
        "gif_that_claims_4295MP": RejectionCode.TOO_MANY_PIXELS,
        "tiff_of_4_billion_strips": RejectionCode.TOO_COMPLEX,
        "avif_that_claims_4_exapixels": RejectionCode.TOO_MANY_PIXELS,
        "svg_script": RejectionCode.UNSUPPORTED_FORMAT,
        "postscript": RejectionCode.UNSUPPORTED_FORMAT,
        "page": RejectionCode.NOT_AN_IMAGE,
        "nothing": RejectionCode.EMPTY,
    }
    assert {name: outcomes[name]["code"] for name in expected} == expected


def test_odd_but_honest_files_are_converted(outcomes: dict[str, dict[str, Any]]) -> None:
    honest = [
        "jpeg_98MP",
        "jpeg_60MP_progressive",
        "webp_24MP",
        "png_60MP_rgb",
        "jpeg_of_30_scans_64MP",
        "png_1x60000",
        "jpeg_60000x1",
        "jpeg_and_zip",
        "png_named_jpg",
        "tiff_of_400_pages",
    ]
    assert {name: outcomes[name]["state"] for name in honest} == dict.fromkeys(honest, "SUCCEEDED")
