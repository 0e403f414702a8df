"""Draws lines into an SVG that follows the reader's light or dark theme. Knows no simulation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10
from pathlib import Path

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 720, 320, 64, 48, 24
_COLORS = ("#2f6fb0", "#b3482f", "#2a7f62")
_STYLE = """text{font:13px system-ui,sans-serif;fill:#57606a}line{stroke:#d0d7de}
@media(prefers-color-scheme:dark){text{fill:#9da7b1}line{stroke:#30363d}}"""


@dataclass(frozen=True)
class Line:
    name: str
    points: Sequence[tuple[float, float]]


def plot(file: Path, lines: Sequence[Line], across: str, up: str) -> None:
    """Across is linear; up is logarithmic, by powers of ten."""
    every = [point for line in lines for point in line.points]
    last = max(x for x, _ in every)
    lowest = floor(log10(min(y for _, y in every)))
    highest = ceil(log10(max(y for _, y in every)))

    def at(x: float, y: float) -> tuple[float, float]:
        height = _HEIGHT - _BOTTOM - _TOP
        share = (log10(y) - lowest) / max(1, highest - lowest)
        return _LEFT + (_WIDTH - _LEFT - 20) * x / last, _HEIGHT - _BOTTOM - height * share

    parts = [f"<title>{escape(up)} by {escape(across)}</title><style>{_STYLE}</style>"]
    for power in range(lowest, highest + 1):
        _, y = at(0, 10**power)
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - 20}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{10**power:g}</text>'
        )
    for x in sorted({x for x, _ in every}):
        left, _ = at(x, 10**lowest)
        parts.append(f'<text x="{left:.1f}" y="{_HEIGHT - 28}" text-anchor="middle">{x:g}</text>')
    for number, line in enumerate(lines):
        color = _COLORS[number % len(_COLORS)]
        way = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*point) for point in line.points))
        parts.append(f'<polyline points="{way}" fill="none" stroke="{color}" stroke-width="2"/>')
        parts.append(
            f'<text x="{_LEFT + 12}" y="{_TOP + 24 + 18 * number}" style="fill:{color}">'
            f"{escape(line.name)}</text>"
        )
    parts.append(f'<text x="{_LEFT}" y="14">{escape(up)}</text>')
    parts.append(
        f'<text x="{_WIDTH - 20}" y="{_HEIGHT - 8}" text-anchor="end">{escape(across)}</text>'
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}">'
    file.write_text("\n".join([head, *parts, "</svg>", ""]), "utf-8")
