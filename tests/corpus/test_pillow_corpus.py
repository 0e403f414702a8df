"""Every image of Pillow's own tests that Pillow decodes is converted to every format."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CACHE = ROOT / "build" / "pillow-corpus"

# What Pillow decodes and we refuse, each with its reason.
REFUSED = {
    # GIF, 100 x 100: the second frame would enlarge the canvas to 4,308 megapixels.
    "decompression_bomb_extents.gif": "first frame only",
}


@pytest.fixture(scope="session")
def images() -> list[Path]:
    if not (CACHE / "complete").exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        options = ["--no-binary", "pillow", "--require-hashes", "--dest", str(CACHE)]
        listed = ["-r", str(ROOT / "requirements" / "corpus.txt")]
        ran = subprocess.run(
            [*download, *options, *listed], capture_output=True, text=True, check=False
        )
        if ran.returncode:
            pytest.skip(f"Pillow's source distribution cannot be downloaded: {ran.stderr[-300:]}")
        (archive,) = CACHE.glob("*.tar.gz")
        with tarfile.open(archive) as packed:
            members = [member for member in packed if "/Tests/images/" in member.name]
            packed.extractall(CACHE, members, filter="data")
        archive.unlink()
        (CACHE / "complete").touch()
    return sorted(path for path in CACHE.rglob("Tests/images/**/*") if path.is_file())


@pytest.fixture(scope="session")
def outcomes(images: list[Path]) -> list[dict[str, Any]]:
    """In two processes, so that a crash is a failed test and not the end of the run."""
    with ThreadPoolExecutor(2) as pool:
        halves = pool.map(_convert_all, [images[0::2], images[1::2]])
    return [outcome for half in halves for outcome in half]


def _convert_all(images: list[Path]) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "tests.corpus.test_pillow_corpus"]
    names = "\n".join(map(str, images))
    ran = subprocess.run(
        command, cwd=ROOT, input=names, capture_output=True, text=True, check=False
    )
    outcomes = [json.loads(line) for line in ran.stdout.splitlines()]
    if ran.returncode:
        outcomes.append({"file": str(images[len(outcomes)]), "state": f"CRASH {ran.stderr[-500:]}"})
    return outcomes


def test_all_renditions_are_made_of_what_pillow_decodes(outcomes: list[dict[str, Any]]) -> None:
    decodable = [outcome for outcome in outcomes if outcome.get("decodes")]
    assert len(decodable) > 650
    lost = {
        Path(outcome["file"]).name: (outcome["state"], outcome.get("code"))
        for outcome in decodable
        if outcome["state"] != "SUCCEEDED"
    }
    assert set(lost) == set(REFUSED), lost


def test_nothing_but_renditions_and_rejections_comes_out(outcomes: list[dict[str, Any]]) -> None:
    assert len(outcomes) > 1000
    assert {outcome["state"] for outcome in outcomes} == {"SUCCEEDED", "REJECTED"}


def test_every_rendition_can_be_read_and_carries_no_metadata(
    outcomes: list[dict[str, Any]],
) -> None:
    assert [outcome for outcome in outcomes if outcome.get("wrong")] == []


def _main() -> None:
    from PIL import AvifImagePlugin, Image, TiffImagePlugin, WebPImagePlugin

    from tests.corpus.one_file import RENDITIONS, outcome
    from upload_workflow.image.header import Format

    assert AvifImagePlugin, (TiffImagePlugin, WebPImagePlugin)
    formats = [format for format in Format if format is not Format.HEIF]
    for line in sys.stdin:
        upload = Path(line.rstrip("\n")).read_bytes()
        Image.MAX_IMAGE_PIXELS = 50_000_000
        try:
            Image.open(io.BytesIO(upload), formats=formats).load()
        except Exception:  # noqa: BLE001, the question is only whether Pillow decodes it
            decodes = False
        else:
            decodes = True
        wrong = []
        try:
            state, code, renditions = outcome(upload)
        except Exception as escaped:  # noqa: BLE001, that nothing escapes is what is tested
            state, code, renditions = f"ESCAPED {escaped!r}", "", {}
        for name, data in renditions.items():
            image = Image.open(io.BytesIO(data))
            image.load()
            rendition = RENDITIONS[name]
            if image.width > (rendition.width_px or 0) or image.height > (rendition.height_px or 0):
                wrong.append(f"{name}: {image.size}")
            if {"exif", "icc_profile", "xmp", "comment"} & set(image.info):
                wrong.append(f"{name}: {sorted(image.info)}")
        found = {"file": line.rstrip("\n"), "state": state, "code": code}
        print(json.dumps(found | {"decodes": decodes, "wrong": wrong}), flush=True)


if __name__ == "__main__":
    _main()
