"""What a cold start pays: importing the handler and making an S3 client; refusing a bomb."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import zlib
from statistics import median

HANDLER = "import upload_workflow.handlers.convert_image"
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
    "WORKFLOW_NAME": "bench",
}

_TIMED = """
import time, resource
before = time.process_time()
{statement}
print((time.process_time() - before) * 1000)
"""

_BOMB = """
import json, time, tracemalloc
from upload_workflow.errors import Rejected
from upload_workflow.limits import Limits, refuse_early
head = bytes.fromhex({head!r}).ljust(65536, b'x')
def refuse():
    try:
        refuse_early(head, 2_600_000, Limits())
    except Rejected:
        return
    raise SystemExit('not refused')
started = time.perf_counter(); refuse(); first = time.perf_counter() - started
tracemalloc.start(); refuse(); peak = tracemalloc.get_traced_memory()[1]
print(json.dumps({{"first_ms": first * 1000, "peak_kb": peak / 1000, "bytes_read": len(head)}}))
"""


def import_cpu_ms(rounds: int) -> dict[str, float]:
    """Medians over fresh processes, taken in turns; bytecode is cached as in the package."""
    found: dict[str, list[float]] = {HANDLER: [], USUAL: []}
    for _ in range(rounds + 1):  # the first writes the bytecode
        for statement, samples in found.items():
            samples.append(float(_python(_TIMED.format(statement=statement))))
    return {statement: median(samples[1:]) for statement, samples in found.items()}


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
