"""Runs the saved log queries on the lines of a local run: as much of Logs Insights as they use.

The local AWS takes such queries and does not look into the lines. Written from "CloudWatch Logs
Insights query syntax". An unknown command or field function is an error, not a guess.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

Row = Mapping[str, Any]

_FILTER = re.compile(r'([\w.@]+) (=|>|<|>=|<=) (?:"([^"]*)"|(\d+))')
_PRESENT = re.compile(r"ispresent\(([\w.@]+)\)")
_COUNTED = re.compile(r"(count\(\*\)|max\(([\w.@]+)\)) as (\w+)")


def row(message: str, milliseconds: int) -> dict[str, Any]:
    """A log event as Insights sees it: the fields of a JSON line, nested ones with dots."""
    time = datetime.fromtimestamp(milliseconds / 1000, UTC)
    found: dict[str, Any] = {"@timestamp": time.strftime("%H:%M:%S.%f")[:-3], "@message": message}
    if message.startswith("{"):
        found |= _flattened(json.loads(message))
    return found


def _flattened(facts: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in facts.items():
        if isinstance(value, Mapping):
            flat |= _flattened(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def answer(query: str, rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Raises ValueError on what is not understood."""
    found = [dict(one) for one in rows]
    shown: list[str] = []
    for part in [part.strip() for part in query.split(" | ")]:
        command, _, rest = part.partition(" ")
        match command:
            case "SOURCE":
                continue
            case "fields":
                shown = [name.strip() for name in rest.split(",")]
            case "filter":
                found = [one for one in found if _passes(rest, one)]
            case "stats":
                found, shown = _counted(rest, found), []
            case "sort":
                field, _, order = rest.partition(" ")
                found.sort(key=lambda one: one.get(field) or 0, reverse=order == "desc")
            case "limit":
                found = found[: int(rest)]
            case _:
                raise ValueError(f"unknown command: {part}")
    return [{name: one.get(name) for name in shown or one} for one in found]


def _passes(condition: str, one: Row) -> bool:
    if match := _PRESENT.fullmatch(condition):
        return match[1] in one
    match = _FILTER.fullmatch(condition)
    if match is None:
        raise ValueError(f"unknown condition: {condition}")
    value: Any = one.get(match[1])
    wanted: Any = match[3] if match[3] is not None else int(match[4])
    return value is not None and bool(_COMPARED[match[2]](value, wanted))


_COMPARED = {
    "=": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}


def _counted(rest: str, rows: Sequence[Row]) -> list[dict[str, Any]]:
    wanted, _, by = rest.partition(" by ")
    groups: dict[str, list[Row]] = {}
    for one in rows:
        group = str(one["@timestamp"])[:4] if by.startswith("bin(") else str(one.get(by))
        groups.setdefault(group, []).append(one)
    counted = []
    for group, members in groups.items():
        facts: dict[str, Any] = {by: group}
        for part in wanted.split(", "):
            match = _COUNTED.fullmatch(part)
            if match is None:
                raise ValueError(f"unknown statistic: {part}")
            values = [member[match[2]] for member in members if match[2] in member]
            facts[match[3]] = len(members) if match[2] is None else max(values, default=0)
        counted.append(facts)
    return counted
