"""Reads as much of a .tf file as it takes to compare its words with another file's."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.support.workflow_file import ROOT

_OPENING, _CLOSING = "([{", ")]}"
# Strings and comments, whose braces do not count.
_SKIPPED = re.compile(r'"(?:\\.|[^"\\])*"|#[^\n]*')


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def inside(text: str, opening: str) -> str:
    """What stands between the bracket that ends the pattern `opening` and its partner."""
    found = re.search(opening, text)
    if not found:
        raise AssertionError(f"no {opening} in the file")
    depth, at = 1, found.end()
    while depth:
        if skipped := _SKIPPED.match(text, at):
            at = skipped.end()
            continue
        depth += (text[at] in _OPENING) - (text[at] in _CLOSING)
        at += 1
    return text[found.end() : at - 1]


def keys(body: str) -> set[str]:
    """The names that an object or block sets at its own level."""
    names, depth = set(), 0
    for line in body.splitlines():
        bare = _SKIPPED.sub("", line)
        if depth == 0 and (found := re.match(r"\s*(\w+)\s+=", bare)):
            names.add(found[1])
        depth += sum(bare.count(mark) for mark in _OPENING)
        depth -= sum(bare.count(mark) for mark in _CLOSING)
    return names


@dataclass(frozen=True)
class Field:
    """One field of an object type: its default as it is written; None where there is none."""

    type: str
    optional: bool
    default: str | None


_FIELD = re.compile(r'\s*(\w+)\s+= (optional\((\w+)(?:, (".*?"|[^()]*))?[(){]+|\w+)')


def fields(body: str) -> dict[str, Field]:
    """The fields of an object type at its own level, one a line."""
    found, depth = {}, 0
    for line in body.splitlines():
        bare = _SKIPPED.sub("", line)
        if depth == 0 and (match := _FIELD.match(line)):
            name, whole, kind, default = match.groups()
            found[name] = Field(kind or whole, whole.startswith("optional"), default)
        depth += sum(bare.count(mark) for mark in _OPENING)
        depth -= sum(bare.count(mark) for mark in _CLOSING)
    return found


def choices(body: str, of: str) -> list[str]:
    """The values that a validation lets through: contains([...], OF)."""
    found = re.search(rf"contains\(\s*\[([^\]]*)\],\s+{re.escape(of)}\s*\)", body)
    if not found:
        raise AssertionError(f"nothing says what {of} may be")
    return re.findall(r'"([^"]*)"', found[1])
