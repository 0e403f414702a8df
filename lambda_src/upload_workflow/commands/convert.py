"""Shows what the workflow would make of your files: converts them here, without AWS.

Reads and writes local files. Does not know how a conversion works.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..errors import Rejected, UnusableOverlay
from ..image.limits import Limits
from ..image.pictures import Pictures
from ..image.rendition import Rendition
from ..run.fence import Fence
from ..terminal import ProgressLine, bar, printable, words
from ..work import Facts, Order
from .result_folders import result_folders

# Those that the module makes unless it is told others; a test compares them with variables.tf.
DEFAULT_RENDITIONS = {
    "large": Rendition(2048, 2048),
    "preview": Rendition(1024, 1024),
    "thumbnail": Rendition(320, 320),
}


def _parser() -> argparse.ArgumentParser:
    summary = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(prog="upload-workflow convert", description=summary)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="files or folders")
    parser.add_argument(
        "--renditions",
        type=Path,
        metavar="FILE",
        help='holds JSON such as {"large": {"width_px": 2048, "format": "webp"}}; '
        "left out: what the module makes by default",
    )
    parser.add_argument(
        "--limits", type=Path, metavar="FILE", help='holds JSON such as {"max_pixels": 50000000}'
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--json", action="store_true", help="print one JSON object a file")
    return parser


def main(command_line: Sequence[str]) -> int:
    """0 when every file reached a result, rejections included; 1 when one could not be read; 2 when
    the call is wrong; 130: stopped by Ctrl-C. Raises OSError where nothing can be written."""
    arguments = _parser().parse_args(command_line)
    try:
        renditions = _renditions(arguments.renditions)
        limits = Limits.from_json(_json(arguments.limits)) if arguments.limits else Limits()
        files = list(_files(arguments.files))
        folders = result_folders(arguments.out, files)
        pictures = Pictures(renditions, limits)
        order = _order(pictures, arguments.renditions)
        return _convert_all(files, folders, Fence(pictures), order, as_json=arguments.json)
    except KeyboardInterrupt:
        print("Stopped. The files named so far are converted.", file=sys.stderr)
        return 130
    except OSError as error:
        if error.strerror and not error.filename:  # what is written cannot be
            raise
        print(printable(words(error)), file=sys.stderr)
        return 2
    except (ValueError, UnusableOverlay) as error:
        print(printable(str(error)), file=sys.stderr)
        return 2


def _convert_all(
    files: Sequence[Path], folders: Sequence[Path], fence: Fence, order: Order, *, as_json: bool
) -> int:
    """0, or 1 when a file could not be read; the others are converted nevertheless."""
    worst = 0
    progress, total = ProgressLine(), len(files)
    for done, (file, folder) in enumerate(zip(files, folders, strict=True)):
        progress.show(f"{bar(done, total)} {done}/{total} {file.name}")
        result = _convert_file(file, folder, fence, order)
        progress.clear()
        print(json.dumps(result) if as_json else printable(_sentence(result)), flush=True)
        worst = max(worst, result["state"] == "FAILED")
    return int(worst)


def _convert_file(file: Path, folder: Path, fence: Fence, order: Order) -> dict[str, Any]:
    try:
        upload = file.read_bytes()
    except OSError as trouble:
        return {
            "file": str(file),
            "state": "FAILED",
            "message": f"{trouble.strerror}.",
            "renditions": [],
        }
    try:
        converted = fence.convert([upload], order)
    except Rejected as rejected:
        return {
            "file": str(file),
            "state": "REJECTED",
            "code": rejected.code,
            "message": rejected.message,
            "renditions": [],
        }
    folder.mkdir(parents=True, exist_ok=True)
    renditions = []
    for made in converted.files:
        path = folder / made.name
        path.write_bytes(made.data)
        renditions.append(
            {
                "name": made.rendition,
                "file": str(path),
                "content_type": made.content_type,
                "width": made.width,
                "height": made.height,
                "bytes": len(made.data),
                "sha256": hashlib.sha256(made.data).hexdigest(),
            }
        )
    return {
        "file": str(file),
        "state": "SUCCEEDED",
        "image": converted.image,
        "renditions": renditions,
        "cpu_seconds": round(fence.cpu_seconds, 3),
    }


def _files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(inner for inner in path.rglob("*") if inner.is_file())
        elif path.is_file():
            yield path
        else:
            raise FileNotFoundError(f"There is no file {path}.")


def _renditions(path: Path | None) -> dict[str, Rendition]:
    if path is None:
        return DEFAULT_RENDITIONS
    try:
        return {name: Rendition.from_json(fields) for name, fields in _json(path).items()}
    except (TypeError, AttributeError) as error:
        raise ValueError(f"{path} holds no renditions: {error}.") from error


def _order(pictures: Pictures, path: Path | None) -> Order:
    """An overlay's key is here the path of a file, from where the renditions' file lies."""
    folder = path.parent if path else Path()
    return pictures.order(Facts(""), lambda bucket, key: (folder / key).read_bytes())


def _json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} holds no JSON: {error}.") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path} holds no JSON object.")
    return values


def _sentence(result: dict[str, Any]) -> str:
    if result["state"] == "REJECTED":
        return f"{result['file']}: rejected, {result['code']}: {result['message']}"
    if result["state"] == "FAILED":
        return f"{result['file']}: {result['message']}"
    sizes = ", ".join(
        f"{made['name']} {made['width']}x{made['height']} {made['bytes'] / 1000:.0f} kB"
        for made in result["renditions"]
    )
    return f"{result['file']}: {sizes}"
