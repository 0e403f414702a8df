"""What a million uploads cost, from counted facts and list prices. Knows arithmetic, no AWS."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from upload_workflow.ops.estimate import Machine, estimate
from upload_workflow.ops.rates import GB, MILLION, Facts

# Of the status URL by the client of one upload. Assumed for a job of one or two seconds on AWS,
# with the pauses that docs/client.md advises.
POLLS = 3

# The first design that comes to mind has a status function before and after a Map of four
# renditions: sixteen transitions, each rendition decoded on its own.
NAIVE_DOLLARS = 468


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
            "\nFor a million uploads that a remake goes over:\n",
            remake_table(facts, prices),
            f"\nThe naive design: {NAIVE_DOLLARS}.",
            f"Each throttle retry of every upload adds {burst(1, prices):.2f} on STANDARD.",
        ]
    )


def remake_table(facts: Facts, prices: Mapping[str, Any]) -> str:
    """By what was made of them: all anew, or none, because all have the recipe of today."""
    machine = Machine(
        batch=100,
        objects_at_once=4,
        at_once=20,
        renditions=facts.RENDITIONS,
        memory_mb=facts.convert_image_mb,
        architecture="x86_64",
    )
    anew, passed = (
        estimate(*objects, machine, facts, prices).dollars
        for objects in ((MILLION, 0), (0, MILLION))
    )
    return "\n".join(
        [
            f"{'':20}{'made anew':>17}{'passed over':>17}",
            *(f"{item:20}{anew[item]:17.2f}{passed[item]:17.2f}" for item in anew),
            f"{'together':20}{sum(anew.values()):17.2f}{sum(passed.values()):17.2f}",
        ]
    )
