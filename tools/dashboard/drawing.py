"""Draws the body of a dashboard as one HTML page, each widget where CloudWatch would put it.

Knows widgets, figures and SVG. Does not know where the figures come from.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any

from tools.dashboard.figures import Figures, Point

_ROW_PX = 50
_COLUMN_PX = 55
# What the console takes when a line has no color of its own.
_COLORS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#17becf")
_STATES = {"OK": "#2ca02c", "ALARM": "#d62728", "INSUFFICIENT_DATA": "#7f7f7f"}

# Characters of a cell: a cause begins with what was thrown and goes on with the traceback.
_CELL = 160

_STYLE = """
body { font: 13px/1.4 system-ui, sans-serif; background: #f2f3f3; color: #16191f; margin: 16px; }
.page { position: relative; }
.widget { position: absolute; box-sizing: border-box; background: #fff; border: 1px solid #d5dbdb;
  border-radius: 4px; padding: 8px 10px; overflow: hidden; }
.widget h2 { font-size: 13px; margin: 0 0 4px; }
.alarms { display: grid; grid-template-columns: repeat(4, 1fr); gap: 4px; }
.alarms span { border-left: 4px solid; padding: 1px 6px; background: #fafafa; overflow: hidden; }
table { border-collapse: collapse; font-size: 11px; }
th, td { text-align: left; vertical-align: top; overflow-wrap: anywhere; padding: 1px 10px 1px 0;
  border-bottom: 1px solid #eaeded; }
text { font: 10px system-ui, sans-serif; fill: #545b64; }
.empty { color: #879596; }
"""


@dataclass(frozen=True)
class _Line:
    label: str
    color: str
    right: bool
    points: Sequence[Point]


def draw(body: Mapping[str, Any], figures: Figures, title: str) -> str:
    """The dashboard as one HTML file without references."""
    start, end = figures.span()
    seconds = max(end - start, 1)
    # About sixty points a line, as the console chooses its periods.
    period = max(1, math.ceil(seconds / 60))
    widgets = "\n".join(
        _widget(widget, figures, (start, end), period) for widget in body["widgets"]
    )
    height = max(widget["y"] + widget["height"] for widget in body["widgets"]) * _ROW_PX
    since = datetime.fromtimestamp(start, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return (
        f"<!doctype html><meta charset=utf-8><title>{escape(title)}</title><style>{_STYLE}</style>"
        f"<p>{escape(title)}: {seconds:.0f} seconds from {since} UTC, a point for each {period} s."
        f' CloudWatch shows the same over hours.<div class=page style="height:{height}px">'
        f"{widgets}</div>"
    )


def _widget(
    widget: Mapping[str, Any], figures: Figures, span: tuple[float, float], period: int
) -> str:
    properties = widget["properties"]
    width, height = widget["width"] * _COLUMN_PX, widget["height"] * _ROW_PX
    match widget["type"]:
        case "text":
            inside = f"<p>{escape(properties['markdown'])}"
        case "alarm":
            inside = _alarms(properties["alarms"], figures)
        case "log":
            inside = _table(figures.tables.get(properties["query"], ()))
        case _:
            lines = [
                _line(metric, index, figures, period)
                for index, metric in enumerate(properties["metrics"])
            ]
            inside = _graph(lines, span, width - 22, height - 40)
    heading = f"<h2>{escape(properties['title'])}</h2>" if "title" in properties else ""
    place = (
        f"left:{widget['x'] * _COLUMN_PX}px;top:{widget['y'] * _ROW_PX}px;"
        f"width:{width - 6}px;height:{height - 6}px"
    )
    return f'<div class=widget style="{place}">{heading}{inside}</div>'


def _line(metric: Sequence[Any], index: int, figures: Figures, period: int) -> _Line:
    options = metric[-1] if isinstance(metric[-1], dict) else {}
    key = tuple(part for part in metric if isinstance(part, str))
    return _Line(
        label=options.get("label", key[1]),
        color=options.get("color", _COLORS[index % len(_COLORS)]),
        right=options.get("yAxis") == "right",
        points=figures.series(key, options.get("stat", "Average"), period),
    )


def _alarms(arns: Sequence[str], figures: Figures) -> str:
    cells = []
    for arn in arns:
        state = figures.alarms.get(arn, "INSUFFICIENT_DATA")
        name = escape(arn.rpartition(":")[2])
        cells.append(f'<span style="border-color:{_STATES[state]}">{name}</span>')
    return f"<div class=alarms>{''.join(cells)}</div>"


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return "<p class=empty>no rows"
    names = list(rows[0])
    head = "".join(f"<th>{escape(name)}" for name in names)
    lines = "".join(
        "<tr>" + "".join(f"<td>{escape(str(row.get(name) or '')[:_CELL])}" for name in names)
        for row in rows
    )
    return f"<table><tr>{head}{lines}</table>"


def _graph(lines: Sequence[_Line], span: tuple[float, float], width: int, height: int) -> str:
    plot = _Plot(span, width, height - 18 * math.ceil(len(lines) / 3))
    left = max((v for line in lines if not line.right for _, v in line.points), default=0)
    right = max((v for line in lines if line.right for _, v in line.points), default=0)
    parts = [plot.axis(_round_up(left), at_right=False), plot.times()]
    if any(line.right for line in lines):
        parts.append(plot.axis(_round_up(right), at_right=True))
    for number, line in enumerate(lines):
        top = _round_up(right if line.right else left)
        parts.append(plot.curve(line.points, top, line.color))
        parts.append(_legend(line, number, width, plot.height))
    return f'<svg width="{width}" height="{height}">{"".join(parts)}</svg>'


def _legend(line: _Line, number: int, width: int, below: int) -> str:
    x, y = number % 3 * width / 3, below + 14 + 16 * (number // 3)
    last = f"{_short(line.points[-1][1])}" if line.points else "no data"
    return (
        f'<rect x="{x:.0f}" y="{y - 8:.0f}" width="9" height="9" fill="{line.color}"/>'
        f'<text x="{x + 13:.0f}" y="{y:.0f}">{escape(line.label)} ({last})</text>'
    )


@dataclass(frozen=True)
class _Plot:
    span: tuple[float, float]
    width: int
    height: int

    _MARGIN = 40

    def _x(self, time: float) -> float:
        start, end = self.span
        share = (time - start) / (end - start) if end > start else 0
        return self._MARGIN + share * (self.width - 2 * self._MARGIN)

    def _y(self, value: float, top: float) -> float:
        return 6 + (1 - value / top) * (self.height - 16)

    def axis(self, top: float, *, at_right: bool) -> str:
        parts = []
        for share in (0, 0.5, 1):
            y = self._y(top * share, top)
            x, anchor = (self.width - 34, "start") if at_right else (34, "end")
            parts.append(
                f'<text x="{x}" y="{y + 3:.0f}" text-anchor="{anchor}">{_short(top * share)}</text>'
            )
            ends = f'x1="{self._MARGIN}" x2="{self.width - self._MARGIN}"'
            parts.append(f'<line {ends} y1="{y:.0f}" y2="{y:.0f}" stroke="#eaeded"/>')
        return "".join(parts)

    def times(self) -> str:
        """When it began and ended, below the axis."""
        start, end = (datetime.fromtimestamp(time, UTC).strftime("%H:%M:%S") for time in self.span)
        right, y = self.width - self._MARGIN, self.height + 1
        return (
            f'<text x="{self._MARGIN}" y="{y}">{start}</text>'
            f'<text x="{right}" y="{y}" text-anchor="end">{end}</text>'
        )

    def curve(self, points: Sequence[Point], top: float, color: str) -> str:
        path = " ".join(f"{self._x(time):.1f},{self._y(value, top):.1f}" for time, value in points)
        dots = "".join(
            f'<circle cx="{self._x(time):.1f}" cy="{self._y(value, top):.1f}" r="2"/>'
            for time, value in points
        )
        curve = f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.5"/>'
        return f'{curve}<g fill="{color}">{dots}</g>'


def _round_up(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50, ... so that an axis ends at a number one can read."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value)


def _short(value: float) -> str:
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:.3g}{letter}"
    return f"{value:.3g}"
