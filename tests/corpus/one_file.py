"""Converts each file in a process of its own; a line of what that took: {state, code, ...}."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

from upload_workflow.errors import Rejected
from upload_workflow.image.convert import convert
from upload_workflow.image.limits import Limits
from upload_workflow.image.rendition import Fit, OutputFormat, Rendition

RENDITIONS = {
    "large": Rendition(2048, 2048),
    "square": Rendition(200, 200, fit=Fit.COVER, format=OutputFormat.PNG),
    "moving": Rendition(160, 160, format=OutputFormat.WEBP, animated=True),
    "padded": Rendition(90, 90, fit=Fit.CONTAIN, format=OutputFormat.AVIF),
}


def outcome(upload: bytes) -> tuple[str, str, dict[str, bytes]]:
    try:
        converted = convert(upload, RENDITIONS, Limits())
    except Rejected as rejected:
        return "REJECTED", str(rejected.code), {}
    return "SUCCEEDED", "", {name: encoded.data for name, encoded in converted.items()}


def peak_mb() -> float:
    """VmHWM: ru_maxrss would also tell of the parent before exec."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6


def told(file: str) -> dict[str, Any]:
    # A conversion that goes wild is ended by the kernel, not by the patience of the tests.
    resource.setrlimit(resource.RLIMIT_CPU, (30, 30))
    resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
    upload = Path(file).read_bytes()
    started = time.process_time()
    state, code, renditions = outcome(upload)
    seconds = time.process_time() - started
    text = any(b"<script" in data for data in renditions.values())
    return {"state": state, "code": code, "seconds": seconds, "peak_mb": peak_mb(), "markup": text}


if __name__ == "__main__":
    for file in sys.argv[1:]:
        # A child that has everything loaded and has seen no other file.
        child = os.fork()
        if not child:
            print(json.dumps(told(file)), flush=True)
            os._exit(0)
        if status := os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
            print(json.dumps({"crash": f"exit {status}"}), flush=True)
