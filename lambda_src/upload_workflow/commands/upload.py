"""Uploads files to an upload API, waits, and saves the renditions.

Knows the terminal. What is said over the network is upload_client's.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ..terminal import ProgressLine, bar, printable
from . import upload_client
from .result_folders import result_folders
from .upload_client import Api, NotUploaded, StorageRefused, Unreachable

# More would share the same line and all be late.
_AT_ONCE = 4

# Exit codes: the worst outcome of any file decides.
SUCCEEDED, REJECTED, WRONG_CALL, FAILED = range(4)
STOPPED = 130  # as shells have it


def _parser() -> argparse.ArgumentParser:
    summary = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(prog="upload-workflow upload", description=summary)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument(
        "--api", required=True, type=_address, metavar="URL", help="the module's upload_api.url"
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="save the renditions in a folder for each file"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a file")
    parser.add_argument(
        "--wait", type=float, default=300, metavar="SECONDS", help="for each result; 300"
    )
    parser.epilog = (
        "UPLOAD_TOKEN in the environment is sent as bearer token. Exit code: 0 all succeeded, "
        "1 some were rejected, 2 the call is wrong, 3 some failed or are not ready in time, or "
        "nobody reads on, 130 stopped by Ctrl-C."
    )
    return parser


def _address(text: str) -> str:
    if not text.startswith(("https://", "http://")):
        raise argparse.ArgumentTypeError(f"an address starts with https://, not {text!r}")
    return text


def main(command_line: Sequence[str]) -> int:
    """The exit code, see the end of the help."""
    arguments = _parser().parse_args(command_line)
    files: list[Path] = arguments.files
    if missing := [str(file) for file in files if not file.is_file()]:
        print(printable(f"There is no file {', '.join(missing)}."), file=sys.stderr)
        return WRONG_CALL
    api = Api(arguments.api, os.environ.get("UPLOAD_TOKEN"))
    folders = result_folders(arguments.out, files) if arguments.out else [None] * len(files)
    progress = _Progress(sum(file.stat().st_size for file in files), len(files))
    try:
        return _upload_all(api, files, folders, arguments, progress)
    except KeyboardInterrupt:
        progress.clear()
        print("Stopped. The files named so far have their results.", file=sys.stderr, flush=True)
        os._exit(STOPPED)  # Python would wait for threads, and they for servers
    except BrokenPipeError:
        progress.clear()
        os._exit(FAILED)  # whoever reads has seen enough; what has not begun does not begin


def _upload_all(
    api: Api,
    files: Sequence[Path],
    folders: Sequence[Path | None],
    arguments: argparse.Namespace,
    progress: _Progress,
) -> int:
    worst = SUCCEEDED
    pool = ThreadPoolExecutor(_AT_ONCE)  # without `with`, which waits also on Ctrl-C
    results = [
        pool.submit(_upload, api, file, folder, arguments, progress)
        for file, folder in zip(files, folders, strict=True)
    ]
    for finished in results:
        result = finished.result()
        worst = max(worst, _exit_code(result))
        progress.print(json.dumps(result) if arguments.json else printable(_sentence(result)))
    progress.clear()
    return worst


def _upload(
    api: Api, file: Path, folder: Path | None, arguments: argparse.Namespace, progress: _Progress
) -> dict[str, Any]:
    result: dict[str, Any] = {"file": str(file), "renditions": []}
    try:
        issued = api.deliver(file, progress.sent)
        result["key"] = issued["job"]["key"]
        status = upload_client.follow(issued, arguments.wait)
        result["state"] = status["state"]
        if error := status.get("error"):
            result |= {"code": error["code"], "message": error["message"]}
        result["renditions"] = [_save(made, folder) for made in status["renditions"]]
    except NotUploaded as refusal:
        result |= {"state": "REJECTED", "message": str(refusal)}
    except (Unreachable, StorageRefused) as trouble:
        result |= {"state": "FAILED", "message": str(trouble)}
    except OSError as trouble:  # of this file or its folder; the others have results of their own
        words = f"{trouble.filename}: {trouble.strerror}." if trouble.filename else str(trouble)
        result |= {"state": "FAILED", "message": words}
    progress.finished()
    return result


def _save(made: dict[str, Any], folder: Path | None) -> dict[str, Any]:
    """The rendition without its URL, which opens it for whoever reads a log."""
    told = ("name", "content_type", "width", "height", "bytes")
    facts = {name: made[name] for name in told if name in made}
    if folder is None:
        return facts
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{made['name']}{Path(made['key']).suffix}"
    path.write_bytes(upload_client.fetch(made["url"]))
    return {**facts, "file": str(path)}


def _exit_code(result: dict[str, Any]) -> int:
    return {"SUCCEEDED": SUCCEEDED, "REJECTED": REJECTED}.get(result["state"], FAILED)


def _size(made: dict[str, Any]) -> str:
    pixels = f"{made['width']}x{made['height']} " if "width" in made else ""
    return f"{made['name']} {pixels}{made['bytes'] / 1000:.0f} kB"


def _sentence(result: dict[str, Any]) -> str:
    match result["state"]:
        case "SUCCEEDED":
            return f"{result['file']}: {', '.join(map(_size, result['renditions']))}"
        case "REJECTED" | "FAILED" as state:
            return f"{result['file']}: {state.lower()}. {result['message']}"
        case state:
            return f"{result['file']}: not ready in time, still {state}"


class _Progress:
    """How far all files are. For several threads."""

    def __init__(self, total_bytes: int, files: int) -> None:
        self._total_bytes, self._files = total_bytes, files
        self._sent_bytes = self._ended = 0
        self._lock = threading.Lock()
        self._line = ProgressLine()

    def sent(self, size_bytes: int) -> None:
        with self._lock:
            # A part that was sent twice counts once.
            self._sent_bytes = min(self._sent_bytes + size_bytes, self._total_bytes)
            self._show()

    def finished(self) -> None:
        with self._lock:
            self._ended += 1
            self._show()

    def print(self, line: str) -> None:
        with self._lock:
            self._line.clear()
            print(line, flush=True)
            self._show()

    def clear(self) -> None:
        with self._lock:
            self._line.clear()

    def _show(self) -> None:
        share = self._sent_bytes / max(self._total_bytes, 1)
        sent = bar(self._sent_bytes, self._total_bytes)
        self._line.show(f"{sent} {share:4.0%} sent, {self._ended} of {self._files} done")
