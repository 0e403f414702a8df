"""Says what CloudWatch would refuse, or silently not show, in the body of a dashboard. Pure.

Written from "Dashboard body structure and syntax" in CloudWatch's API reference. Knows the
widgets and fields that we use; anything else is called unknown, so that a misspelt one is seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

COLUMNS = 24
MAX_WIDGETS = 500
MAX_ALARMS = 100

_TOP = {"widgets", "start", "end", "periodOverride"}
_WIDGET = {"type", "x", "y", "width", "height", "properties"}
_PROPERTIES = {
    "text": ({"markdown"}, {"background"}),
    "alarm": ({"alarms"}, {"title", "sortBy", "states"}),
    "metric": (
        {"metrics", "region"},
        {"title", "view", "stacked", "stat", "period", "yAxis", "annotations", "legend"},
    ),
    "log": ({"query", "region"}, {"title", "view", "stacked"}),
}
_VIEWS = {
    "metric": {"timeSeries", "singleValue", "gauge", "bar", "pie", "table"},
    "log": {"table", "timeSeries", "bar", "pie"},
}
_OPTIONS = {"stat", "period", "label", "color", "yAxis", "id", "visible", "region", "expression"}
_STAT = re.compile(r"Sum|Average|Minimum|Maximum|SampleCount|p(100|\d{1,2}(\.\d{1,10})?)")
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_ALARM = re.compile(r"arn:[a-z-]+:cloudwatch:[a-z0-9-]+:\d{12}:alarm:.+")
_TIME = re.compile(r"-P(T?\d+[SMHDW])+|\d{4}-\d\d-\d\dT.*")


def problems(body: Mapping[str, Any]) -> list[str]:
    """One sentence for each; none means that every widget would be shown as it was meant."""
    return list(_problems(body))


def _problems(body: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"unknown field {name}" for name in sorted(set(body) - _TOP))
    if "start" in body and not _TIME.fullmatch(str(body["start"])):
        yield f"start is {body['start']}"
    if body.get("periodOverride", "auto") not in ("auto", "inherit"):
        yield f"periodOverride is {body['periodOverride']}"
    widgets = body.get("widgets")
    if not isinstance(widgets, list) or not 0 < len(widgets) <= MAX_WIDGETS:
        yield f"there are 1 to {MAX_WIDGETS} widgets"
        return
    for number, widget in enumerate(widgets):
        name = f"widget {number} ({widget.get('properties', {}).get('title', widget.get('type'))})"
        yield from (f"{name}: {problem}" for problem in _of_widget(widget))
    for (one, a), (other, b) in combinations(enumerate(widgets), 2):
        if _overlap(a, b):
            yield f"widgets {one} and {other} overlap"


def _of_widget(widget: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"unknown field {name}" for name in sorted(set(widget) - _WIDGET))
    missing = sorted(_WIDGET - set(widget))
    if missing:
        yield f"without {', '.join(missing)}"
        return
    if widget["type"] not in _PROPERTIES:
        yield f"unknown type {widget['type']}"
        return
    if not (widget["x"] >= 0 and widget["width"] > 0 and widget["x"] + widget["width"] <= COLUMNS):
        yield f"does not fit into {COLUMNS} columns"
    if not (widget["y"] >= 0 and 0 < widget["height"] <= 1000):
        yield "its height is 1 to 1000"
    properties = widget["properties"]
    required, optional = _PROPERTIES[widget["type"]]
    yield from (f"without {name}" for name in sorted(required - set(properties)))
    yield from (
        f"unknown property {name}" for name in sorted(set(properties) - required - optional)
    )
    views = _VIEWS.get(widget["type"], set())
    if "view" in properties and properties["view"] not in views:
        yield f"unknown view {properties['view']}"
    if not _is_period(properties.get("period", 60)):
        yield f"period {properties['period']}"
    alarms = properties.get("alarms", [])
    yield from (f"no ARN of an alarm: {arn}" for arn in alarms if not _ALARM.fullmatch(arn))
    if widget["type"] == "alarm" and not 0 < len(alarms) <= MAX_ALARMS:
        yield f"there are 1 to {MAX_ALARMS} alarms"
    for metric in properties.get("metrics", []):
        yield from _of_metric(metric)


def _of_metric(metric: Any) -> Iterator[str]:
    """[namespace, name, dimension, value, ..., {options}]"""
    if not isinstance(metric, list) or not metric:
        yield f"a metric is a list: {metric}"
        return
    options = metric[-1] if isinstance(metric[-1], dict) else {}
    names = metric[: -1 if options else None]
    if "expression" not in options and (len(names) < 2 or len(names) % 2):
        yield f"a metric has a namespace, a name, and dimensions in pairs: {names}"
    if not all(isinstance(name, str) and name for name in names):
        yield f"a metric's names are texts: {names}"
    yield from (f"unknown option {name}" for name in sorted(set(options) - _OPTIONS))
    if "stat" in options and not _STAT.fullmatch(options["stat"]):
        yield f"unknown statistic {options['stat']}"
    if "color" in options and not _COLOR.fullmatch(options["color"]):
        yield f"no color: {options['color']}"
    if options.get("yAxis", "left") not in ("left", "right"):
        yield f"unknown axis {options['yAxis']}"
    if not _is_period(options.get("period", 60)):
        yield f"period {options['period']}"


def _is_period(seconds: object) -> bool:
    whole = isinstance(seconds, int) and seconds > 0
    return whole and (seconds in (1, 5, 10, 30) or seconds % 60 == 0)  # type: ignore[operator]


def _overlap(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    if not {"x", "y", "width", "height"} <= set(a) & set(b):
        return False
    beside = a["x"] + a["width"] <= b["x"] or b["x"] + b["width"] <= a["x"]
    below = a["y"] + a["height"] <= b["y"] or b["y"] + b["height"] <= a["y"]
    return not beside and not below
