"""What a million uploads cost, from counted facts and list prices. Knows arithmetic, no AWS."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

PRICES: Mapping[str, Any] = json.loads(Path(__file__).with_name("prices.json").read_text())
FACTS = Path(__file__).with_name("facts.json")

MILLION = 1_000_000
GB = 1e9

# Lambda gives a function one virtual CPU at this much memory, and less below (its guide, "Configure
# Lambda function memory").
WHOLE_CPU_MB = 1769

# S3's answer to a small request from the same region. Assumed; the measured run waits for it.
REQUEST_MS = 20

# Of the status URL by the client of one upload. Assumed for a job of one or two seconds on AWS,
# with the pauses that docs/client.md advises.
POLLS = 3

# CloudWatch Logs adds this to each event (its pricing page).
EVENT_BYTES = 26

# What Lambda logs of each run at its level INFO (its guide, "Log-level filtering": start and
# report), in the form of its guide's examples.
LAMBDA_RECORDS = (
    '{"time":"2026-11-23T13:00:00.123Z","type":"platform.start","record":{"requestId":'
    '"be9d84eb-7882-4cc7-9901-7e37445187fd","functionArn":"arn:aws:lambda:eu-central-1:'
    '123456789012:function:upload-workflow-convert-image","version":"$LATEST"}}',
    '{"time":"2026-11-23T13:00:00.323Z","type":"platform.report","record":{"requestId":'
    '"be9d84eb-7882-4cc7-9901-7e37445187fd","metrics":{"durationMs":200.123,"billedDurationMs":201,'
    '"memorySizeMB":1769,"maxMemoryUsedMB":170},"status":"success"}}',
)
RECORD_BYTES = sum(len(record) + EVENT_BYTES for record in LAMBDA_RECORDS)

# The first design that comes to mind has a status function before and after a Map of four
# renditions: sixteen transitions, each rendition decoded on its own.
NAIVE_DOLLARS = 468


@dataclass(frozen=True)
class Facts:
    """Of one upload that becomes four renditions at the first try, as a run counted them.

    writes, reads: S3's two tiers, without the client's polls. events: those that are billed, S3's
    (a bucket opts into them) and ours. line_bytes: of log events, without Lambda's own records.
    access_bytes: of the API's access log. Milliseconds are medians of runs of the functions, with
    REQUEST_MS for each answer of S3. stock_ms: what the stock resampler takes longer.
    """

    measured_on: str
    uploads: int
    photo: str
    transitions: float
    writes: float
    reads: float
    polls: float
    events: float
    api_requests: float
    function_runs: float
    line_bytes: float
    access_bytes: float
    convert_image_ms: float
    issue_upload_ms: float
    stock_ms: float
    convert_image_mb: int
    issue_upload_mb: int

    @classmethod
    def committed(cls) -> Self:
        return cls(**json.loads(FACTS.read_text()))

    def convert_ms(self, architecture: str) -> float:
        """On a virtual CPU taken as fast as the one of the run. arm64 has no SIMD resampler."""
        return self.convert_image_ms + (self.stock_ms if architecture == "arm64" else 0)

    @property
    def issue_ms(self) -> float:
        """With the share of a virtual CPU that its memory gets; it waits for S3 once."""
        share = min(1, self.issue_upload_mb / WHOLE_CPU_MB)
        return REQUEST_MS + max(0, self.issue_upload_ms - REQUEST_MS) / share

    @property
    def log_bytes(self) -> float:
        return self.line_bytes + self.access_bytes + self.function_runs * RECORD_BYTES


def bill(
    facts: Facts, prices: Mapping[str, Any], *, express: bool, architecture: str
) -> dict[str, float]:
    """Dollars for a million uploads, by item."""
    convert_ms = facts.convert_ms(architecture)
    convert_gb = convert_ms / 1000 * facts.convert_image_mb / 1024
    issue_gb = facts.issue_ms / 1000 * facts.issue_upload_mb / 1024
    second = prices["lambda_gb_second"][architecture]
    each = {
        "executions": _executions(prices, convert_ms)
        if express
        else facts.transitions * prices["states_standard_transition"],
        "S3 writes": facts.writes * prices["s3_write_request"],
        "S3 reads": (facts.reads + max(POLLS, facts.polls)) * prices["s3_read_request"],
        "conversion": convert_gb * second,
        "issuing": issue_gb * second + facts.api_requests * prices["http_api_request"],
        "function requests": facts.function_runs * prices["lambda_request"],
        "events": facts.events * prices["eventbridge_event"],
        "logs": facts.log_bytes / GB * prices["log_gb"],
    }
    return {item: dollars * MILLION for item, dollars in each.items()}


def _executions(prices: Mapping[str, Any], convert_ms: float) -> float:
    """Express bills in steps of 100 ms and 64 MB; one step more is for the event."""
    seconds = (math.ceil(convert_ms / 100) + 1) / 10
    duration = seconds * 64 / 1024 * prices["states_express_gb_second"]
    return float(prices["states_express_request"] + duration)


def burst(retries: float, prices: Mapping[str, Any]) -> float:
    """What throttle retries add to a million uploads on Standard: each is a transition."""
    return float(retries * prices["states_standard_transition"] * MILLION)


def table(facts: Facts, prices: Mapping[str, Any]) -> str:
    kinds = [(express, arch) for express in (False, True) for arch in ("x86_64", "arm64")]
    bills = [bill(facts, prices, express=express, architecture=arch) for express, arch in kinds]
    names = [f"{'EXPRESS' if express else 'STANDARD'} {arch}" for express, arch in kinds]
    return "\n".join(
        [
            f"Dollars for a million uploads with four renditions, counted on {facts.measured_on},",
            f"list prices of {prices['read_on']} ({prices['region']}):\n",
            f"{'':20}" + "".join(f"{name:>17}" for name in names),
            *(f"{item:20}" + "".join(f"{one[item]:17.2f}" for one in bills) for item in bills[0]),
            f"{'together':20}" + "".join(f"{sum(one.values()):17.2f}" for one in bills),
            f"\nThe naive design: {NAIVE_DOLLARS}.",
            f"Each throttle retry of every upload adds {burst(1, prices):.2f} on STANDARD.",
        ]
    )
