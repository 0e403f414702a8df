"""What a cold start pays: importing the handler and making an S3 client; refusing a bomb."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path
from statistics import median

# As in Lambda: the package and the standard library, nothing else installed.
ALONE = """
sys.path[:] = [{package!r}, *(path for path in sys.path if "site-packages" not in path)]
"""
HANDLER = (
    ALONE
    + """
import upload_workflow.handlers.convert_image as handler
assert handler._FENCE.bounded
"""
)
# The same work in one process: what a start would cost without the fence.
UNFENCED = (
    ALONE
    + """
import upload_workflow.run.fence as fence
fence.Fence = lambda kind: None
import upload_workflow.image.convert
import upload_workflow.handlers.convert_image
"""
)
USUAL = "import PIL.Image, boto3; boto3.client('s3')"

ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "nothing is sent",
    "RESULTS_BUCKET": "results",
    "RESULTS_PREFIX": "results/",
    "RENDITIONS": '{"large": {"width_px": 2048}}',
    "LIMITS": "{}",
    "URL_LIFE_SECONDS": "3600",
    "LEASE_SECONDS": "60",
    "SCANNED_ONLY": "false",
    "DELETE_ON_SUCCESS": "false",
    "SERVED_FROM": "",
    "WORKFLOW_NAME": "bench",
}

_TIMED = """
import os, sys, time
begun, before = time.perf_counter(), time.process_time()
{statement}
wall, spent = time.perf_counter() - begun, time.process_time() - before

def elsewhere(pid):
    seconds = 0.0
    for child in open(f"/proc/{{pid}}/task/{{pid}}/children").read().split():
        clock = (~int(child) << 3) | 2  # of the CPU of a process: clock_getcpuclockid(3)
        seconds += time.clock_gettime(clock) + elsewhere(child)
    return seconds

print((spent + elsewhere(os.getpid())) * 1000, wall * 1000)
"""

_BOMB = """
import json, time, tracemalloc
from upload_workflow.errors import Rejected
from upload_workflow.image.limits import Limits, refuse_by_head
head = bytes.fromhex({head!r}).ljust(65536, b'x')
def refuse():
    try:
        refuse_by_head(head, 2_600_000, Limits())
    except Rejected:
        return
    raise SystemExit('not refused')
started = time.perf_counter(); refuse(); first = time.perf_counter() - started
tracemalloc.start(); refuse(); peak = tracemalloc.get_traced_memory()[1]
print(json.dumps({{"first_ms": first * 1000, "peak_kb": peak / 1000, "bytes_read": len(head)}}))
"""


def import_cpu_ms(rounds: int, build: Path) -> dict[str, float]:
    """Medians over fresh processes, taken in turns; all have their bytecode. Children count."""
    package = str(_unpacked_package(build))
    statements = {
        "handler": HANDLER.format(package=package).strip(),
        "unfenced": UNFENCED.format(package=package).strip(),
        "usual": USUAL,
    }
    found: dict[str, list[list[float]]] = {name: [] for name in statements}
    for _ in range(rounds + 1):  # the first brings the files into memory
        for name, statement in statements.items():
            told = _python(_TIMED.format(statement=statement))
            found[name].append(list(map(float, told.split())))
    medians = {name: median(cpu for cpu, _ in samples[1:]) for name, samples in found.items()}
    for at, ratio in enumerate(("fence_ratio", "fence_wall_ratio")):
        pairs = zip(found["handler"][1:], found["unfenced"][1:], strict=True)
        medians[ratio] = median(fenced[at] / not_[at] for fenced, not_ in pairs)
    return medians


def _unpacked_package(build: Path) -> Path:
    """The zip as it is shipped, for the Python that runs here."""
    package = [sys.executable, "-m", "tools.package", "--for-this-machine"]
    subprocess.run(package, cwd=build.parent, check=True, capture_output=True)
    folder = build / "bench" / "package"
    shutil.rmtree(folder, ignore_errors=True)
    with zipfile.ZipFile(build / "upload_workflow-local.zip") as packed:
        packed.extractall(folder)
    return folder


def bomb_refusal() -> dict[str, float]:
    """A PNG that claims 900 megapixels, seen through its first 64 KiB."""
    claim = b"IHDR" + struct.pack(">IIBBBBB", 30_000, 30_000, 8, 6, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n\0\0\0\x0d" + claim + struct.pack(">I", zlib.crc32(claim))
    found: dict[str, float] = json.loads(_python(_BOMB.format(head=png.hex())))
    return found


def _python(program: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout
