"""Shows what the workflow would make of your files: converts them here, without AWS.

Reads and writes local files. Does not know how a conversion works.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import Rejected
from ..image.limits import Limits
from ..image.rendition import Fit, OutputFormat, Rendition
from ..run.fence import Fence

# The module's own defaults: sizes that pages and phones ask for.
DEFAULT_RENDITIONS = {
    "large": Rendition(2048, 2048),
    "medium": Rendition(1024, 1024),
    "small": Rendition(480, 480),
    "thumbnail": Rendition(160, 160, fit=Fit.COVER, format=OutputFormat.WEBP),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="files or folders")
    parser.add_argument(
        "--renditions", type=Path, metavar="JSON", help='{"large": {"width_px": 2048}, ...}'
    )
    parser.add_argument("--limits", type=Path, metavar="JSON", help='{"max_pixels": 50000000, ...}')
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--json", action="store_true", help="print one JSON object a file")


def run(arguments: argparse.Namespace) -> int:
    """0 when every file reached a result, rejections included; 2 when the call is wrong."""
    try:
        renditions = _renditions(arguments.renditions)
        limits = Limits.from_json(_json(arguments.limits)) if arguments.limits else Limits()
        files = list(_files(arguments.files))
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    fence = Fence(renditions, limits)
    show_progress = len(files) > 1 and sys.stderr.isatty()
    for done, file in enumerate(files):
        if show_progress:
            _progress(done, len(files), file.name)
        result = _convert_file(file, arguments.out / _folder(file, files), fence)
        if show_progress:
            print("\r\x1b[K", end="", file=sys.stderr)
        print(json.dumps(result) if arguments.json else _sentence(result), flush=True)
    return 0


def _convert_file(file: Path, folder: Path, fence: Fence) -> dict[str, Any]:
    try:
        converted = fence.convert([file.read_bytes()])
    except Rejected as rejected:
        return {
            "file": str(file),
            "state": "REJECTED",
            "code": rejected.code,
            "message": rejected.message,
            "renditions": [],
        }
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for name, encoded in converted.items():
        path = folder / f"{name}.{encoded.extension}"
        path.write_bytes(encoded.data)
        made.append(
            {
                "name": name,
                "file": str(path),
                "content_type": encoded.content_type,
                "width": encoded.width,
                "height": encoded.height,
                "bytes": len(encoded.data),
                "sha256": hashlib.sha256(encoded.data).hexdigest(),
            }
        )
    return {
        "file": str(file),
        "state": "SUCCEEDED",
        "image": converted.image.to_json(),
        "renditions": made,
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


def _folder(file: Path, files: list[Path]) -> str:
    """The file's name, with a number when files of several folders share it."""
    twins = [other for other in files if other.name == file.name]
    return file.name if len(twins) == 1 else f"{file.name}-{twins.index(file) + 1}"


def _renditions(path: Path | None) -> dict[str, Rendition]:
    if path is None:
        return DEFAULT_RENDITIONS
    return {name: Rendition.from_json(fields) for name, fields in _json(path).items()}


def _json(path: Path) -> dict[str, Any]:
    values = json.loads(path.read_text())
    if not isinstance(values, dict):
        raise ValueError(f"{path} holds a JSON object.")
    return values


def _progress(done: int, total: int, name: str) -> None:
    filled = 30 * done // total
    bar = "#" * filled + "-" * (30 - filled)
    print(f"\r\x1b[K[{bar}] {done}/{total} {name[:40]}", end="", file=sys.stderr, flush=True)


def _sentence(result: dict[str, Any]) -> str:
    if result["state"] == "REJECTED":
        return f"{result['file']}: rejected, {result['code']}: {result['message']}"
    sizes = ", ".join(
        f"{made['name']} {made['width']}x{made['height']} {made['bytes'] / 1000:.0f} kB"
        for made in result["renditions"]
    )
    return f"{result['file']}: {sizes}"
