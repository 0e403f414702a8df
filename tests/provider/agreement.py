"""Two plans of one configuration, by two providers: attribute by attribute, what they disagree in.

Of an attribute a plan says a value, null, or that it is not known yet. Attributes that only one of
the two providers has are not compared: their versions differ.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

UNKNOWN = "(known after apply)"

# Accounts of the two worlds that the plans are made in; everything else is the same there.
_ACCOUNTS = ("000000000000", "123456789012")


@dataclass(frozen=True)
class Disagreement:
    """One attribute, and what each of the two says of it."""

    address: str
    attribute: str  # such as "aws_lambda_function.logging_config.log_format"
    mine: Any
    theirs: Any


def told(shown: Mapping[str, Any]) -> dict[str, Any]:
    """What a plan, as `terraform show -json` prints it, says of each resource by its address."""
    return {
        each["address"]: {
            "type": each["type"],
            "actions": each["change"]["actions"],
            "values": _told(each["change"]["after"], each["change"]["after_unknown"]),
        }
        for each in shown["resource_changes"]
        if each["mode"] == "managed"
    }


def disagreements(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[Disagreement]:
    """Where two plans differ: resources, actions, and every attribute that both providers have."""
    for address in sorted(mine.keys() | theirs.keys()):
        one, other = mine.get(address), theirs.get(address)
        if one is None or other is None:
            kind = (one or other or {})["type"]
            yield Disagreement(address, kind, one is not None, other is not None)
        elif one["actions"] != other["actions"]:
            yield Disagreement(address, one["type"], one["actions"], other["actions"])
        else:
            yield from _differing(address, one["type"], one["values"], other["values"])


def _told(value: Any, unknown: Any) -> Any:
    if unknown is True:
        return UNKNOWN
    if isinstance(value, dict):
        marks = unknown if isinstance(unknown, dict) else {}
        return {name: _told(value.get(name), marks.get(name)) for name in {*value, *marks}}
    if isinstance(value, list):
        marks = unknown if isinstance(unknown, list) else [False] * len(value)
        # Many lists are sets, and nobody says which.
        told = (_told(child, mark) for child, mark in zip(value, marks, strict=True))
        return sorted(told, key=lambda child: json.dumps(child, sort_keys=True))
    if isinstance(unknown, dict | list) and unknown:
        return _told({} if isinstance(unknown, dict) else [None] * len(unknown), unknown)
    return value.replace(*_ACCOUNTS) if isinstance(value, str) else value


def _differing(address: str, path: str, mine: Any, theirs: Any) -> Iterator[Disagreement]:
    if isinstance(mine, dict) and isinstance(theirs, dict):
        for name in sorted(mine.keys() & theirs.keys()):
            yield from _differing(address, f"{path}.{name}", mine[name], theirs[name])
    elif isinstance(mine, list) and isinstance(theirs, list) and len(mine) == len(theirs):
        for one, other in zip(mine, theirs, strict=True):
            yield from _differing(address, path, one, other)
    elif mine != theirs:
        yield Disagreement(address, path, mine, theirs)
