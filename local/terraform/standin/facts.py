"""What the real provider knows about a type and its schema cannot carry, read from facts.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

FACTS_FILE = Path(__file__).with_name("facts.toml")


@dataclass(frozen=True)
class Facts:
    """Paths are dotted: "rule.status" is `status` in each `rule` block."""

    force_new: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    computed_blocks: tuple[str, ...] = ()  # absent from the configuration: whatever is there stays
    settled: tuple[str, ...] = ()  # not configured: null in the first plan, then as it was read
    newer: bool = False  # written with the plugin framework, which notes null as null
    kept: tuple[str, ...] = ()  # no API returns it: the state is its only record
    refused: tuple[str, ...] = ()  # the stand-in does not do it, and says so
    one_of: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    multiple: Mapping[str, tuple[int, ...]] = field(
        default_factory=dict
    )  # of the first, or another
    range: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    length: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    pattern: Mapping[str, str] = field(default_factory=dict)
    arn: tuple[str, ...] = ()
    json: tuple[str, ...] = ()
    policy: tuple[str, ...] = ()
    version_first: tuple[str, ...] = ()  # policies that are noted with their version in front
    exactly_one: tuple[tuple[str, ...], ...] = ()
    at_least_one: tuple[tuple[str, ...], ...] = ()
    conflicts: tuple[tuple[str, ...], ...] = ()
    requires: Mapping[str, str] = field(default_factory=dict)  # the first only with the second


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _frozen(child) for key, child in value.items()}
    return tuple(_frozen(child) for child in value) if isinstance(value, list) else value


@cache
def load() -> Mapping[str, Facts]:
    """The facts of every resource type; a misspelt key is a TypeError."""
    tables = tomllib.loads(FACTS_FILE.read_text(encoding="utf-8"))
    return {name: Facts(**_frozen(table)) for name, table in tables.items()}


def of(type_name: str) -> Facts:
    """The facts of one type; a type without CRUD has none."""
    return load().get(type_name, Facts())


@dataclass(frozen=True)
class Gap:
    """An attribute that MiniStack does not give back, so that its drift stays unseen."""

    type_name: str
    attribute: str
    reason: str


# Checked against MiniStack 1.5.33. README.md prints this table; a test compares them.
GAPS: tuple[Gap, ...] = (
    Gap("aws_apigatewayv2_api", "ip_address_type", "CreateApi drops it"),
    Gap("aws_apigatewayv2_integration", "credentials_arn", "GetIntegration leaves it out"),
    Gap(
        "aws_cloudwatch_metric_alarm",
        "evaluate_low_sample_count_percentiles",
        "PutMetricAlarm drops it",
    ),
    Gap("aws_cloudwatch_metric_alarm", "metric_query", "PutMetricAlarm drops metric math"),
    Gap("aws_cloudwatch_metric_alarm", "threshold_metric_id", "PutMetricAlarm drops it"),
    Gap(
        "aws_s3_bucket_lifecycle_configuration",
        "transition_default_minimum_object_size",
        "always all_storage_classes_128K",
    ),
    Gap("aws_sfn_state_machine", "tracing_configuration", "DescribeStateMachine leaves it out"),
)


def gaps(type_name: str) -> set[str]:
    """The attributes of a type whose planned values are kept unread."""
    return {gap.attribute for gap in GAPS if gap.type_name == type_name}
