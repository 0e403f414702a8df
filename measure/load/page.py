"""The latency plot: one dot for each upload, where it ended and how long it took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from measure.load.audit import latency
from measure.load.traffic import Delivery

_WIDTH, _HEIGHT, _MARGIN = 900, 320, 46
_COLORS = {"SUCCEEDED": "#2a7f62", "REJECTED": "#c77d16", "FAILED": "#b3261e"}


def page(runs: Mapping[str, Sequence[Delivery]], table: str) -> str:
    """The plot and its table as one HTML file without references."""
    plots = "".join(
        f"<h2>{escape(name)}</h2>{_plot(deliveries)}" for name, deliveries in runs.items()
    )
    legend = " ".join(f'<b style="color:{c}">&#9679;</b> {s}' for s, c in _COLORS.items())
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Load audit</title>
<style>body{{font:15px system-ui,sans-serif;margin:2rem auto;max-width:{_WIDTH}px;color:#222}}
pre{{background:#f5f5f2;padding:1rem;overflow:auto}}text{{font-size:12px;fill:#555}}</style>
<h1>Load audit</h1><pre>{escape(table)}</pre><p>{legend}. Across: seconds since the first upload, at
which an upload began. Up: seconds until its end was written.</p>{plots}</html>
"""


def _plot(deliveries: Sequence[Delivery]) -> str:
    ended = [d for d in deliveries if d.state in _COLORS]
    if not ended:
        return "<p>Nothing ended.</p>"
    start = min(d.began for d in ended)
    longest = max(latency(d) for d in ended) or 1
    span = max(d.began for d in ended) - start or 1

    def x(seconds: float) -> float:
        return _MARGIN + (_WIDTH - 2 * _MARGIN) * seconds / span

    def y(seconds: float) -> float:
        return _HEIGHT - _MARGIN - (_HEIGHT - 2 * _MARGIN) * seconds / longest

    dots = "".join(
        f'<circle cx="{x(d.began - start):.1f}" cy="{y(latency(d)):.1f}" r="2.2" '
        f'fill="{_COLORS[d.state]}" fill-opacity=".65"/>'
        for d in ended
    )
    lines = "".join(
        f'<line x1="{_MARGIN}" x2="{_WIDTH - _MARGIN}" y1="{y(v):.1f}" y2="{y(v):.1f}" '
        f'stroke="#ddd"/><text x="4" y="{y(v) + 4:.1f}">{v:.2f} s</text>'
        for v in (0, longest / 2, longest)
    )
    ends = f'<text x="{_MARGIN}" y="{_HEIGHT - 20}">0 s</text>' + (
        f'<text x="{_WIDTH - _MARGIN - 30}" y="{_HEIGHT - 20}">{span:.0f} s</text>'
    )
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">{lines}{dots}{ends}</svg>'
