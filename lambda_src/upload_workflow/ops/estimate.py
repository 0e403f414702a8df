"""What a remake will cost in dollars and hours, from counted facts and list prices. Pure.

Knows how a remake is cut: batches of objects, each batch an Express execution that works on a few
of them at a time, and each object a run of convert_image. Does not know where objects lie.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from .rates import GB, RECORD_BYTES, S3_WRITES_PER_SECOND, STEPS_MS, Facts

# S3 names so many objects in one answer.
_LISTED_AT_ONCE = 1000

# An Express execution is billed in steps of 100 ms, which half a step makes up for, and of 64 MB.
_HALF_A_STEP_MS = 50
_EXPRESS_GB = 64 / 1024


@dataclass(frozen=True)
class Machine:
    """What bears on the cost of a remake, as it is set in the account.

    batch: objects of one child execution. objects_at_once: of one batch. at_once: objects in all.
    renditions: how many are made of each object. own_handler: of another kind of work, of which
    neither their number nor the time is known; None where pictures are converted.
    """

    batch: int
    objects_at_once: int
    at_once: int
    renditions: int
    memory_mb: int
    architecture: str
    own_handler: str | None = None


@dataclass(frozen=True)
class Estimate:
    """dollars: by item. seconds: of the whole remake. narrow: what keeps it from being faster."""

    dollars: Mapping[str, float]
    seconds: float
    narrow: str

    @property
    def together(self) -> float:
        return sum(self.dollars.values())


def estimate(
    made: int, unchanged: int, machine: Machine, facts: Facts, prices: Mapping[str, Any]
) -> Estimate:
    """made: objects that are converted. unchanged: those that cost a look at their document.

    Each is taken for the photograph of the facts; of its renditions only the number is known.
    """
    objects = made + unchanged
    writes = facts.remade.writes
    if machine.own_handler is None:
        writes += machine.renditions - facts.RENDITIONS
    made_ms = facts.remade.ms + facts.slower_ms(machine.architecture)
    busy_ms = made * made_ms + unchanged * facts.unchanged.ms
    batches = ceil(objects / machine.batch)
    in_batches_ms = (busy_ms + objects * STEPS_MS) / machine.objects_at_once
    billed_seconds = (in_batches_ms + batches * _HALF_A_STEP_MS) / 1000
    gb_second = prices["lambda_gb_second"][machine.architecture]
    line_bytes = made * facts.remade.line_bytes + unchanged * facts.unchanged.line_bytes
    dollars = {
        # The start of a batch is taken for a transition of the execution that starts it.
        "executions": batches
        * (prices["states_express_request"] + prices["states_standard_transition"])
        + billed_seconds * _EXPRESS_GB * prices["states_express_gb_second"],
        "S3 writes": made * writes * prices["s3_write_request"],
        "S3 reads": (made * facts.remade.reads + unchanged * facts.unchanged.reads)
        * prices["s3_read_request"],
        "listing": ceil(objects / _LISTED_AT_ONCE) * prices["s3_write_request"],
        "function": busy_ms / 1000 * machine.memory_mb / 1024 * gb_second
        + objects * prices["lambda_request"],
        "events": made * facts.remade.events * prices["eventbridge_event"],
        "logs": (line_bytes + objects * RECORD_BYTES) / GB * prices["log_gb"],
    }
    by_workers = (busy_ms + objects * STEPS_MS) / 1000 / machine.at_once
    by_writes = made * writes / S3_WRITES_PER_SECOND
    if by_writes > by_workers:
        return Estimate(dollars, by_writes, "S3's writes below one prefix")
    return Estimate(dollars, by_workers, "workflow.remake.max_concurrency")
