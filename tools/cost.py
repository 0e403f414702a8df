"""`python -m tools.cost`: what a million uploads cost, from counted facts and dated list prices.

The counts are the workflow's own and held by tests/unit/test_cost.py; the times are measured or
assumed where they say so; the prices are in tools/prices.json. Knows arithmetic, nothing of AWS.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PRICES = Path(__file__).with_name("prices.json")
MILLION = 1_000_000
LINE_BYTES = 1200  # of one job's line, at most
GB = 1e9


@dataclass(frozen=True)
class Facts:
    """Of one upload that becomes four renditions, first try. Times in milliseconds.

    compute_ms: CPU of decoding a 12-megapixel photograph and encoding four JPEGs of 2048, 1024,
    480 and 160 pixels in a warm process (docs/performance.md), on a whole virtual CPU.
    request_ms: assumed for one small S3 request within the region; the writes follow each other.
    """

    transitions: int = 2
    writes: int = 8  # form, seed, claim, four renditions, the end
    reads: int = 2  # the document, the upload
    polls: int = 3  # of the status URL by its client: the idle way takes about a second
    events: int = 2  # S3's, which is billed since it is opted into, and ours
    api_requests: int = 1
    functions: int = 2  # issue_upload, convert_image
    compute_ms: Mapping[str, float] | None = None
    request_ms: float = 20
    issue_ms: float = 30
    memory_mb: int = 1769
    issue_memory_mb: int = 512
    # The job's line and three records of Lambda itself for each of two runs, each with the 26
    # bytes that CloudWatch adds to an event.
    log_bytes: int = LINE_BYTES + 26 + 2 * (600 + 3 * 26)

    def convert_ms(self, architecture: str) -> float:
        compute = self.compute_ms or COMPUTE_MS
        requests = self.reads + self.writes - 2  # form and seed are written by others
        return compute[architecture] + requests * self.request_ms


# arm64 has no wheel of the SIMD resampler: stock Pillow, and its CPU is taken as fast as x86_64's.
COMPUTE_MS = {"x86_64": 100.0, "arm64": 260.0}

FACTS = Facts()

# The first design that comes to mind has a status function before and after a Map of four
# renditions: sixteen transitions, each rendition decoded on its own.
NAIVE_DOLLARS = 468


def bill(
    facts: Facts, prices: Mapping[str, Any], *, express: bool, architecture: str
) -> dict[str, float]:
    """Dollars for a million uploads, by item."""
    convert_ms = facts.convert_ms(architecture)
    seconds_gb = convert_ms / 1000 * facts.memory_mb / 1024
    issue_gb = facts.issue_ms / 1000 * facts.issue_memory_mb / 1024
    each = {
        "executions": _executions(facts, prices, convert_ms)
        if express
        else _transitions(facts, prices),
        "S3 writes": facts.writes * prices["s3_write_request"],
        "S3 reads": (facts.reads + facts.polls) * prices["s3_read_request"],
        "conversion": seconds_gb * prices["lambda_gb_second"][architecture],
        "issuing": issue_gb * prices["lambda_gb_second"][architecture]
        + facts.api_requests * prices["http_api_request"],
        "function requests": facts.functions * prices["lambda_request"],
        "events": facts.events * prices["eventbridge_event"],
        "logs": facts.log_bytes / GB * prices["log_gb"],
    }
    return {item: dollars * MILLION for item, dollars in each.items()}


def _transitions(facts: Facts, prices: Mapping[str, Any]) -> float:
    return float(facts.transitions * prices["states_standard_transition"])


def _executions(facts: Facts, prices: Mapping[str, Any], convert_ms: float) -> float:
    """Express bills in steps of 100 ms and 64 MB; one step more is for the event."""
    seconds = (math.ceil(convert_ms / 100) + 1) / 10
    duration = seconds * 64 / 1024 * prices["states_express_gb_second"]
    return float(prices["states_express_request"] + duration)


def burst(retries: float, prices: Mapping[str, Any]) -> float:
    """What throttle retries add to a million uploads on Standard: each is a transition."""
    return float(retries * prices["states_standard_transition"] * MILLION)


def main() -> int:
    prices = json.loads(PRICES.read_text())
    kinds = [(express, arch) for express in (False, True) for arch in ("x86_64", "arm64")]
    bills = [bill(FACTS, prices, express=express, architecture=arch) for express, arch in kinds]
    names = [f"{'EXPRESS' if express else 'STANDARD'} {arch}" for express, arch in kinds]
    print(f"Dollars for a million uploads with four renditions, list prices of {prices['read_on']}")
    print(f"({prices['region']}):\n")
    print(f"{'':20}" + "".join(f"{name:>17}" for name in names))
    for item in bills[0]:
        print(f"{item:20}" + "".join(f"{one[item]:17.2f}" for one in bills))
    print(f"{'together':20}" + "".join(f"{sum(one.values()):17.2f}" for one in bills))
    print(f"\nThe naive design: {NAIVE_DOLLARS}.")
    print(f"A burst with 3.5 throttle retries an upload adds {burst(3.5, prices):.2f} on STANDARD.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
