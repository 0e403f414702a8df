"""Sets facts in columns for people. Knows text, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from ..terminal import printable


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns as wide as their widest cell; None is a dash; control characters are escaped."""
    cells = [list(head), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = []
    for row in cells:
        padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def _cell(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, datetime):
        return moment(value)
    return printable(str(value))


def moment(time: datetime) -> str:
    """Seconds in UTC, such as 2026-03-01 12:00:00Z."""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def row(cells: Sequence[object], widths: Sequence[int]) -> str:
    """One line of a table of which nobody knows the rest yet; the last cell is as wide as it is."""
    *first, last = map(_cell, cells)
    padded = [cell.ljust(width) for cell, width in zip(first, widths, strict=True)]
    return "  ".join([*padded, last]).rstrip()


def counted(number: int, thing: str) -> str:
    """Such as "1 job", "2 jobs"."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
