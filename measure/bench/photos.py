"""Makes the photographs that everything is measured on, from real ones, into build/bench/photos.

The four photos are of Debian's package lomiri-wallpapers-16.04 (CC-BY-4.0 and CC-BY-SA-4.0, see
its copyright file), of 8 to 16 megapixels. They are brought to 12 megapixels with a little noise
as of a camera; 24 and 48 megapixels are mosaics of all four.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from PIL import Image, ImageChops

PACKAGE = "lomiri-wallpapers-16.04"
ORIGINALS = {
    "mountain": "picosdeeuropa_by_Aitzol_Berasategi.jpg",
    "dragonfly": "Dragonfly_by_Bolly.jpg",
    "dandelion": "seeding_by_Clements_Engelhardt.jpg",
    "sunset": "sunset_by_Aitzol_Berasategi.jpg",
}

# Inputs by name: what is measured on them differs, see __main__.py.
JPEGS = ("12mp", "24mp", "48mp")
OTHERS = (
    "12mp-progressive",
    "48mp-progressive",
    "12mp-png",
    "12mp-webp",
    "12mp-rotated",
    "12mp-cmyk",
)
SECOND_PHOTOS = ("12mp-dragonfly", "12mp-dandelion", "12mp-sunset")


def photos(folder: Path) -> dict[str, Path]:
    """Every input by name, made once. Raises RuntimeError where there are no Debian packages."""
    made = {
        path.stem: path for path in folder.glob("*mp*.*") if path.suffix not in (".part", ".deb")
    }
    if set(made) >= {*JPEGS, *OTHERS, *SECOND_PHOTOS}:
        return made
    folder.mkdir(parents=True, exist_ok=True)
    print("Making the photographs (once) ...", flush=True)
    _make(_originals(folder / "package"), folder)
    return photos(folder)


def _originals(folder: Path) -> dict[str, Image.Image]:
    unpacked = folder / "usr" / "share" / "backgrounds"
    if not unpacked.exists():
        if not (shutil.which("apt-get") and shutil.which("dpkg")):
            raise RuntimeError(
                f"The photographs are in Debian's package {PACKAGE}: apt-get needed."
            )
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "-q", PACKAGE], cwd=folder, check=True)  # noqa: S607
        (package,) = folder.glob("*.deb")
        subprocess.run(["dpkg", "-x", package.name, "."], cwd=folder, check=True)  # noqa: S607
    return {name: Image.open(unpacked / file).convert("RGB") for name, file in ORIGINALS.items()}


def _make(originals: dict[str, Image.Image], folder: Path) -> None:
    twelve = {name: _noisy(_covering(photo, (4032, 3024))) for name, photo in originals.items()}
    mosaic24, mosaic48 = Image.new("RGB", (6000, 4000)), Image.new("RGB", (8064, 6048))
    for index, photo in enumerate(twelve.values()):
        across, down = index % 2, index // 2
        mosaic24.paste(photo.crop((500, 500, 3500, 2500)), (across * 3000, down * 2000))
        mosaic48.paste(photo, (across * 4032, down * 3024))
    mountain = twelve.pop("mountain")
    turned = Image.Exif()
    turned[0x0112] = 6
    mountain.save(folder / "12mp.jpg", quality=90)
    for name, photo in twelve.items():
        photo.save(folder / f"12mp-{name}.jpg", quality=90)
    mountain.save(folder / "12mp-progressive.jpg", quality=90, progressive=True)
    mountain.save(folder / "12mp-rotated.jpg", quality=90, exif=turned)
    mountain.convert("CMYK").save(folder / "12mp-cmyk.jpg", quality=90)
    mountain.save(folder / "12mp-png.png", compress_level=6)
    mountain.save(folder / "12mp-webp.webp", quality=85)
    mosaic24.save(folder / "24mp.jpg", quality=90)
    mosaic48.save(folder / "48mp.jpg", quality=90)
    mosaic48.save(folder / "48mp-progressive.jpg", quality=90, progressive=True)


def _covering(photo: Image.Image, size: tuple[int, int]) -> Image.Image:
    scale = max(1.0, size[0] / photo.width, size[1] / photo.height)
    enlarged = photo.resize((round(photo.width * scale), round(photo.height * scale)))
    left, top = (enlarged.width - size[0]) // 2, (enlarged.height - size[1]) // 2
    return enlarged.crop((left, top, left + size[0], top + size[1]))


def _noisy(photo: Image.Image) -> Image.Image:
    noise = Image.effect_noise(photo.size, 6)
    bands = [ImageChops.offset(noise, 37 * band, 91 * band) for band in range(3)]
    return ImageChops.add(photo, Image.merge("RGB", bands), scale=1, offset=-128)
