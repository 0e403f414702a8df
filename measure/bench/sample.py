"""One sample, in a process of its own: `python -m measure.bench.sample CONTESTANT FILE [RUNS]`.

Prints the CPU of each run (user and system, imports excluded) and the peak memory as JSON. The
first run is the fresh process, later ones the warm one.
"""

# ruff: noqa: PLC0415, a process loads its contestant and no other

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

SIZES = (2048, 1024, 480, 160)
QUALITY = 80


def ours() -> Callable[[bytes], list[bytes]]:
    from upload_workflow.image.convert import convert
    from upload_workflow.image.limits import Limits
    from upload_workflow.image.rendition import Rendition

    renditions = {str(size): Rendition(size, size, quality=QUALITY) for size in SIZES}
    limits = Limits(max_memory_mb=4000)
    return lambda upload: [e.data for e in convert(upload, renditions, limits).values()]


HEAD_BYTES, PART_BYTES = 64 << 10, 1 << 20  # in which a worker reads an upload from S3


def worker_fenced() -> Callable[[bytes], list[bytes]]:
    """What a worker does with an upload: the child's CPU is added to this process's by `main`."""
    from upload_workflow.image.limits import Limits
    from upload_workflow.image.pictures import Pictures
    from upload_workflow.image.rendition import Rendition
    from upload_workflow.run.fence import Fence

    renditions = {str(size): Rendition(size, size, quality=QUALITY) for size in SIZES}
    fence = Fence(Pictures(renditions, Limits(max_memory_mb=4000)))
    assert fence.bounded  # noqa: S101, so that its start is not counted

    def convert(upload: bytes) -> list[bytes]:
        opened = io.BytesIO(upload)
        parts = iter(partial(opened.read, PART_BYTES), b"")
        made = fence.convert(chain([opened.read(HEAD_BYTES)], parts))
        convert.elsewhere_seconds = fence.cpu_seconds  # type: ignore[attr-defined]
        return [file.data for file in made.files]

    return convert


def worker_unfenced() -> Callable[[bytes], list[bytes]]:
    """The same in one process, as it was before there was a fence."""
    convert = ours()

    def whole(upload: bytes) -> list[bytes]:
        opened = io.BytesIO(upload)
        return convert(opened.read(HEAD_BYTES) + opened.read())

    return whole


def ours_without_simd() -> Callable[[bytes], list[bytes]]:
    """What a machine without the resampler's wheel does (Linux on arm64, musl)."""
    import upload_workflow.image.resample

    upload_workflow.image.resample.SIMD = False
    return ours()


def tutorial() -> Callable[[bytes], list[bytes]]:
    """What tutorials show: for each size open, turn, convert, thumbnail, save."""
    from PIL import Image, ImageOps

    Image.preinit()
    from PIL import WebPImagePlugin

    assert WebPImagePlugin  # noqa: S101, imported so that it is not counted

    def convert(upload: bytes) -> list[bytes]:
        made = []
        for size in SIZES:
            image = ImageOps.exif_transpose(Image.open(io.BytesIO(upload))).convert("RGB")
            image.thumbnail((size, size), Image.Resampling.LANCZOS)
            buffer = io.BytesIO()
            image.save(buffer, "JPEG", quality=QUALITY)
            made.append(buffer.getvalue())
        return made

    return convert


def vips_per_size() -> Callable[[bytes], list[bytes]]:
    """What most users of libvips write: one thumbnail call for each size."""
    pyvips = _pyvips()

    def convert(upload: bytes) -> list[bytes]:
        images = (
            pyvips.Image.thumbnail_buffer(upload, size, height=size, size="down") for size in SIZES
        )
        return [image.jpegsave_buffer(Q=QUALITY, keep="none") for image in images]

    return convert


def vips_cascade() -> Callable[[bytes], list[bytes]]:
    """The best that libvips can do: one decode, each size from the one before."""
    pyvips = _pyvips()

    def convert(upload: bytes) -> list[bytes]:
        largest, *others = SIZES
        image = pyvips.Image.thumbnail_buffer(upload, largest, height=largest, size="down")
        image = image.copy_memory()
        made = [image.jpegsave_buffer(Q=QUALITY, keep="none")]
        for size in others:
            image = image.thumbnail_image(size, height=size, size="down").copy_memory()
            made.append(image.jpegsave_buffer(Q=QUALITY, keep="none"))
        return made

    return convert


def _pyvips() -> Any:
    os.environ["VIPS_CONCURRENCY"] = "1"
    import pyvips

    pyvips.cache_set_max(0)  # or a second run would find its operations done
    return pyvips


CONTESTANTS = {
    "ours": ours,
    "worker, fenced": worker_fenced,
    "worker, unfenced": worker_unfenced,
    "ours, stock Pillow": ours_without_simd,
    "tutorial Pillow": tutorial,
    "libvips per size": vips_per_size,
    "libvips cascade": vips_cascade,
}


def peak_mb() -> float:
    """VmHWM in MiB: ru_maxrss would also tell of the parent before exec."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main() -> None:
    contestant, file, runs = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    convert = CONTESTANTS[contestant]()
    upload = file.read_bytes()
    cpu_ms, peak = [], 0.0
    for _ in range(runs):
        started = time.process_time()
        made = convert(upload)
        elsewhere = getattr(convert, "elsewhere_seconds", 0.0)
        cpu_ms.append((time.process_time() - started + elsewhere) * 1000)
        peak = peak or peak_mb()
    print(json.dumps({"cpu_ms": cpu_ms, "peak_mb": peak, "bytes": [len(data) for data in made]}))


if __name__ == "__main__":
    main()
