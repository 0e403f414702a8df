"""CloudWatch's metric math and alarm states, as far as our alarms use them.

Written from "Using metric math" and "Configuring how alarms treat missing data" in CloudWatch's
user guide. Values are kept by period, oldest first; None is a missing data point. Knows no AWS:
the data come from `alarm_watch`.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Series = Sequence[float | None]

_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?)|([A-Za-z_]\w*)|(>=|<=|==|!=|[-+*/()<>,]))")

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}


def evaluate(expression: str, metrics: Mapping[str, Series]) -> list[float | None]:
    """The expression for every period. Raises ValueError on what is not understood."""
    lengths = {len(series) for series in metrics.values()}
    if len(lengths) != 1:
        raise ValueError("All metrics cover the same periods.")
    return [
        _Reader(expression, {name: series[period] for name, series in metrics.items()}).value()
        for period in range(lengths.pop())
    ]


class _Reader:
    """Recursive descent over one expression for one period."""

    def __init__(self, expression: str, values: Mapping[str, float | None]) -> None:
        self._tokens = _tokens(expression)
        self._values = values

    def value(self) -> float | None:
        result = self._either()
        if self._tokens:
            raise ValueError(f"unexpected {self._tokens[0]}")
        return result

    def _take(self, *wanted: str) -> str | None:
        if self._tokens and (not wanted or self._tokens[0] in wanted):
            return self._tokens.pop(0)
        return None

    def _expect(self, word: str) -> None:
        if self._take(word) is None:
            raise ValueError(f"expected {word} before {self._tokens[:1]}")

    def _either(self) -> float | None:
        left = self._both()
        while self._take("OR"):
            left = _combined(lambda a, b: float(bool(a) or bool(b)), left, self._both())
        return left

    def _both(self) -> float | None:
        left = self._comparison()
        while self._take("AND"):
            left = _combined(lambda a, b: float(bool(a) and bool(b)), left, self._comparison())
        return left

    def _comparison(self) -> float | None:
        left = self._sum()
        while sign := self._take(*_COMPARISONS):
            compare = _COMPARISONS[sign]
            left = _combined(lambda a, b: float(compare(a, b)), left, self._sum())  # noqa: B023
        return left

    def _sum(self) -> float | None:
        left = self._product()
        while sign := self._take("+", "-"):
            left = _combined(operator.add if sign == "+" else operator.sub, left, self._product())
        return left

    def _product(self) -> float | None:
        left = self._atom()
        while sign := self._take("*", "/"):
            left = _combined(operator.mul if sign == "*" else _divided, left, self._atom())
        return left

    def _atom(self) -> float | None:
        word = self._take()
        if word is None:
            raise ValueError("the expression ends too early")
        if word == "(":
            inside = self._either()
            self._expect(")")
            return inside
        if word in ("IF", "FILL"):
            arguments = self._arguments()
            return _chosen(*arguments) if word == "IF" else _filled(*arguments)
        if word in self._values:
            return self._values[word]
        return float(word)

    def _arguments(self) -> list[float | None]:
        self._expect("(")
        arguments = [self._either()]
        while self._take(","):
            arguments.append(self._either())
        self._expect(")")
        return arguments


def _tokens(expression: str) -> list[str]:
    tokens, position = [], 0
    while expression[position:].strip():
        match = _TOKEN.match(expression, position)
        if match is None:
            raise ValueError(f"not understood: {expression[position:]}")
        tokens.append(match[0].strip())
        position = match.end()
    return tokens


def _combined(
    combine: Callable[[float, float], float | None], left: float | None, right: float | None
) -> float | None:
    """Missing parts count as 0; where all are missing, there is no data point."""
    if left is None and right is None:
        return None
    return combine(left or 0.0, right or 0.0)


def _divided(left: float, right: float) -> float | None:
    return left / right if right else None


def _chosen(condition: float | None, then: float | None, otherwise: float | None) -> float | None:
    return None if condition is None else then if condition else otherwise


def _filled(value: float | None, filler: float | None) -> float | None:
    return filler if value is None else value


# CloudWatch looks further back than an alarm's periods when data points are missing. How far it
# does not promise; the guide's examples retrieve five data points for an alarm on three.
EXTRA_PERIODS = 2


def alarm_state(alarm: Mapping[str, Any], series: Series, before: str) -> str:
    """The state after the last period of a series; alarm: as DescribeAlarms gives it.

    All our alarms demand every one of their periods to breach (M = N) and compare by >=.
    """
    periods, threshold = alarm["EvaluationPeriods"], alarm["Threshold"]
    assert alarm.get("DatapointsToAlarm", periods) == periods
    assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    seen = series[-(periods + EXTRA_PERIODS) :]
    breaching = [value >= threshold for value in seen if value is not None][-periods:]
    if len(breaching) == periods:
        return "ALARM" if all(breaching) else "OK"
    # Too few, so that what is missing decides, unless one is well already.
    if alarm["TreatMissingData"] == "ignore" and all(breaching):
        return before
    assert alarm["TreatMissingData"] in ("ignore", "notBreaching")
    return "OK"
