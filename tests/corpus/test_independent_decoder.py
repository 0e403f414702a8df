"""The same files through libvips: another decoder, other colour conversion, other resampling."""

from __future__ import annotations

import io

import pytest
import pyvips
from PIL import Image, ImageChops, ImageStat

from tests.support.pictures import opened, saved, scene, with_orientation
from upload_workflow.image.convert import convert
from upload_workflow.image.limits import Limits
from upload_workflow.image.rendition import OutputFormat, Rendition


def _alpha() -> Image.Image:
    picture = scene().convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    return picture


def _grey16() -> Image.Image:
    low = scene().convert("L").tobytes()
    return Image.frombytes("I;16", (600, 400), bytes(b for v in low for b in (v // 3, v)))


UPLOADS = {
    "jpeg": saved(scene(), "JPEG", quality=92),
    "jpeg 4:4:4": saved(scene(), "JPEG", quality=92, subsampling=0),
    "jpeg progressive": saved(scene(), "JPEG", quality=92, progressive=True),
    "jpeg grey": saved(scene().convert("L"), "JPEG"),
    "png": saved(scene(), "PNG"),
    "png with alpha": saved(_alpha(), "PNG"),
    "png grey with alpha": saved(_alpha().convert("LA"), "PNG"),
    "png of a palette": saved(scene().quantize(200), "PNG"),
    "png of a palette with a hole": saved(scene().quantize(9), "PNG", transparency=2),
    "png of one bit": saved(scene().convert("1"), "PNG"),
    "png of 16 bits": saved(_grey16(), "PNG"),
    "webp": saved(scene(), "WEBP", quality=90),
    "webp lossless with alpha": saved(_alpha(), "WEBP", lossless=True, exact=True),
    "gif": saved(scene().quantize(100), "GIF"),
    "avif": saved(scene(), "AVIF", quality=90, speed=10),
    "avif with alpha": saved(_alpha(), "AVIF", quality=90, speed=10),
    "tiff": saved(scene(), "TIFF", compression="tiff_lzw"),
    "tiff of 16 bits": saved(_grey16(), "TIFF"),
    **{
        f"jpeg of orientation {orientation}": with_orientation(
            scene(), orientation, "JPEG", quality=92
        )
        for orientation in range(1, 9)
    },
}

# Mean difference of a channel, in steps of 255. At full size only the decoders' rounding and
# the upsampling of chroma differ (libheif repeats it, we interpolate it); scaled down, libvips
# shrinks first and resamples then. The picture is all edges: on photos it is a third of this.
FULL_SIZE, FULL_SIZE_AVIF, SCALED = 0.6, 5.0, 3.2


@pytest.mark.parametrize("edge", [None, 200])
@pytest.mark.parametrize("name", UPLOADS)
def test_libvips_sees_the_same_picture(name: str, edge: int | None) -> None:
    rendition = Rendition(edge, edge, format=OutputFormat.PNG)
    made = opened(convert(UPLOADS[name], {"x": rendition}, Limits())["x"].data)
    expected = _by_libvips(UPLOADS[name], edge)
    assert made.size == expected.size
    full_size = FULL_SIZE_AVIF if "avif" in name else FULL_SIZE
    assert _difference(made, expected) <= (SCALED if edge else full_size)


def _by_libvips(upload: bytes, edge: int | None) -> Image.Image:
    if edge:
        image = pyvips.Image.thumbnail_buffer(upload, edge, height=edge, size="down")
    else:
        image = pyvips.Image.new_from_buffer(upload, "").autorot()
    png = image.colourspace("srgb").pngsave_buffer(bitdepth=8)
    return Image.open(io.BytesIO(png))


def _difference(one: Image.Image, other: Image.Image) -> float:
    """On grey, so that what is hidden by alpha does not count."""
    grey = Image.new("RGBA", one.size, "#808080")
    shown = [Image.alpha_composite(grey, image.convert("RGBA")) for image in (one, other)]
    return max(ImageStat.Stat(ImageChops.difference(*shown)).mean)
