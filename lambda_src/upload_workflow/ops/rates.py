"""What an upload and an object of a remake take, as runs counted it, and what AWS asks for it.

The one copy of these figures: `make cost` counts them and bills uploads by them, `ops remake plan`
estimates by them. Knows figures, and what AWS adds to each. Does not know AWS.
"""

from __future__ import annotations

import json
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

# S3's answer to a small request from the same region. Assumed; the measured runs wait for it.
REQUEST_MS = 20

# Between two states of an Express execution. Assumed; docs/scale.md assumes it, too.
STEPS_MS = 50

# Below one prefix ("Best practices design patterns: optimizing Amazon S3 performance").
S3_WRITES_PER_SECOND = 3_500

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


@dataclass(frozen=True)
class Pass:
    """Of one object that a remake goes over: requests to S3, events and log bytes (without
    Lambda's own records), and the function's median run with REQUEST_MS for each answer of S3."""

    reads: float
    writes: float
    events: float
    line_bytes: float
    ms: float


@dataclass(frozen=True)
class Facts:
    """Of one upload that becomes four renditions at the first try, as a run counted them.

    writes, reads: S3's two tiers, without the client's polls. events: those that are billed, S3's
    (a bucket opts into them) and ours. line_bytes: of log events, without Lambda's own records.
    access_bytes: of the API's access log. Milliseconds are medians of runs of the functions, with
    REQUEST_MS for each answer of S3. stock_ms: what the stock resampler takes longer.
    remade, unchanged: of the same upload when a remake comes by, with another recipe or the same.
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
    remade: Pass
    unchanged: Pass

    # Of the run's photograph.
    RENDITIONS = 4

    @classmethod
    def committed(cls) -> Self:
        facts = json.loads(FACTS.read_text())
        remade, unchanged = (Pass(**facts.pop(name)) for name in ("remade", "unchanged"))
        return cls(**facts, remade=remade, unchanged=unchanged)

    def slower_ms(self, architecture: str) -> float:
        """What a conversion takes longer on arm64, which has no SIMD resampler. Its virtual CPU is
        taken as fast as the one of the run."""
        return self.stock_ms if architecture == "arm64" else 0

    def convert_ms(self, architecture: str) -> float:
        return self.convert_image_ms + self.slower_ms(architecture)

    @property
    def issue_ms(self) -> float:
        """With the share of a virtual CPU that its memory gets; it waits for S3 once."""
        share = min(1, self.issue_upload_mb / WHOLE_CPU_MB)
        return REQUEST_MS + max(0, self.issue_upload_ms - REQUEST_MS) / share

    @property
    def log_bytes(self) -> float:
        return self.line_bytes + self.access_bytes + self.function_runs * RECORD_BYTES
