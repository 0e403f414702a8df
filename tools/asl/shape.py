"""Which fields a machine and its states have, and what their values look like.

Sources: states-language.net/spec.html and the Step Functions developer guide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tools.asl.machine import Finding, Graph, State, objects

# Step Functions' own limits.
LONGEST_SECONDS = 99_999_999
LONGEST_DELAY_SECONDS = 31_622_400

Judge = Callable[[Any], str | None]


def _is(kind: type | tuple[type, ...], sentence: str) -> Judge:
    def judge(value: Any) -> str | None:
        # JSON's true is no number, although Python's is.
        fits = isinstance(value, kind) and not (isinstance(value, bool) and kind is not bool)
        return None if fits else sentence

    return judge


def _whole(least: int, most: int) -> Judge:
    def judge(value: Any) -> str | None:
        fits = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
        return None if fits else f"is a whole number from {least} to {most}"

    return judge


def _one_of(*values: object) -> Judge:
    def judge(value: Any) -> str | None:
        return None if value in values else f"is {' or '.join(map(str, values))}"

    return judge


def _or_expression(judge: Judge) -> Judge:
    """A JSONata state may compute its numbers; whether the string is one is checked elsewhere."""
    return lambda value: None if isinstance(value, str) else judge(value)


def _list_of(judge: Judge, sentence: str) -> Judge:
    def judge_list(value: Any) -> str | None:
        fits = isinstance(value, list) and value and all(judge(item) is None for item in value)
        return None if fits else sentence

    return judge_list


def _anything(_: Any) -> str | None:
    return None


_text = _is(str, "is a string")
_object = _is(Mapping, "is an object")
_seconds = _whole(1, LONGEST_SECONDS)
_count = _whole(0, LONGEST_SECONDS)
_percent = _is((int, float), "is a number")
_objects = _list_of(_object, "is a list of objects, at least one")
_rules = _is(list, "is a list")

_MACHINE: Mapping[str, Judge] = {
    "Comment": _text,
    "QueryLanguage": _one_of("JSONata"),
    "StartAt": _text,
    "States": _object,
    "TimeoutSeconds": _seconds,
    "Version": _one_of("1.0"),
}
_INNER: Mapping[str, Judge] = {
    "Comment": _text,
    "StartAt": _text,
    "States": _object,
    "ProcessorConfig": _object,
}

_ALWAYS: Mapping[str, Judge] = {
    "Type": _one_of("Task", "Pass", "Choice", "Wait", "Succeed", "Fail", "Map", "Parallel"),
    "Comment": _text,
}
_GOES_ON: Mapping[str, Judge] = {"Next": _text, "End": _one_of(True), "Assign": _object}
_MAY_FAIL: Mapping[str, Judge] = {"Retry": _rules, "Catch": _rules}

_OUTPUT: Mapping[str, Judge] = {"Output": _anything}
_FIELDS: Mapping[str, Mapping[str, Judge]] = {
    "Task": {
        **_GOES_ON,
        **_MAY_FAIL,
        **_OUTPUT,
        "Resource": _text,
        "Credentials": _object,
        "Arguments": _is((Mapping, str), "is an object or an expression"),
        "TimeoutSeconds": _or_expression(_seconds),
        "HeartbeatSeconds": _or_expression(_seconds),
    },
    "Pass": {**_GOES_ON, **_OUTPUT},
    "Choice": {**_OUTPUT, "Choices": _objects, "Default": _text, "Assign": _object},
    "Wait": {**_GOES_ON, **_OUTPUT, "Seconds": _or_expression(_count), "Timestamp": _text},
    "Succeed": _OUTPUT,
    "Fail": {"Error": _text, "Cause": _text},
    "Parallel": {
        **_GOES_ON,
        **_MAY_FAIL,
        **_OUTPUT,
        "Branches": _objects,
        "Arguments": _anything,
    },
    "Map": {
        **_GOES_ON,
        **_MAY_FAIL,
        **_OUTPUT,
        "ItemProcessor": _object,
        "ItemSelector": _is((Mapping, str), "is an object or an expression"),
        "ItemReader": _object,
        "ItemBatcher": _object,
        "Items": _is((list, str), "is a list or an expression"),
        "ResultWriter": _object,
        "Label": _text,
        "MaxConcurrency": _or_expression(_count),
        "ToleratedFailureCount": _or_expression(_count),
        "ToleratedFailurePercentage": _or_expression(_percent),
    },
}

# Of each group a state has exactly one.
_EXACTLY_ONE: Mapping[str, Sequence[tuple[str, ...]]] = {
    **{kind: [("Next", "End")] for kind in ("Task", "Pass", "Wait", "Parallel", "Map")},
    "Task": [("Next", "End"), ("Resource",)],
    "Choice": [("Choices",)],
    "Wait": [("Next", "End"), ("Seconds", "Timestamp")],
    "Parallel": [("Next", "End"), ("Branches",)],
    "Map": [("Next", "End"), ("ItemProcessor",)],
}

_RETRIER: Mapping[str, Judge] = {
    "Comment": _text,
    "ErrorEquals": _list_of(_text, "is a list of error names, at least one"),
    "IntervalSeconds": _seconds,
    "MaxAttempts": _count,
    "MaxDelaySeconds": _whole(1, LONGEST_DELAY_SECONDS - 1),
    "BackoffRate": lambda value: (
        None
        if isinstance(value, int | float) and not isinstance(value, bool) and value >= 1
        else "is a number, at least 1"
    ),
    "JitterStrategy": _one_of("FULL", "NONE"),
}
_CATCHER: Mapping[str, Judge] = {
    "Comment": _text,
    "ErrorEquals": _RETRIER["ErrorEquals"],
    "Next": _text,
    "Assign": _object,
    "Output": _anything,
}


def check(graph: Graph) -> Iterator[Finding]:
    top = graph.where == "machine"
    yield from _fields(graph.where, graph.body, _MACHINE if top else _INNER, ("StartAt", "States"))
    if top and "QueryLanguage" not in graph.body:
        yield Finding(
            graph.where, "QueryLanguage is JSONata; without it a machine is read as JSONPath"
        )
    if graph.body.get("States") == {}:
        yield Finding(graph.where, "there is no state")
    for state in graph.states.values():
        yield from _state(state)


def _state(state: State) -> Iterator[Finding]:
    body = state.body
    if state.type not in _FIELDS:
        sentence = _ALWAYS["Type"](state.type)
        yield Finding(state.where, f"Type {sentence}, not {body.get('Type')!r}")
        return
    yield from _fields(state.where, body, {**_ALWAYS, **_FIELDS[state.type]}, ())
    for group in _EXACTLY_ONE.get(state.type, []):
        if sum(field in body for field in group) != 1:
            yield Finding(state.where, f"has exactly one of {', '.join(group)}")
    if state.type == "Task":
        yield from _heartbeat(state)
    for index, retrier in enumerate(objects(body, "Retry")):
        where = f"{state.where} / Retry {index}"
        yield from _fields(where, retrier, _RETRIER, ("ErrorEquals",))
        yield from _delay(where, retrier)
    for index, caught in enumerate(objects(body, "Catch")):
        where = f"{state.where} / Catch {index}"
        yield from _fields(where, caught, _CATCHER, ("ErrorEquals", "Next"))
    for index, rule in enumerate(objects(body, "Choices")):
        yield from _rule(f"{state.where} / Choices {index}", rule)


def _fields(
    where: str, body: Mapping[str, Any], allowed: Mapping[str, Judge], required: Sequence[str]
) -> Iterator[Finding]:
    for field, value in body.items():
        if field not in allowed:
            yield Finding(where, f"{field} is no field of this")
        elif (sentence := allowed[field](value)) is not None:
            yield Finding(where, f"{field} {sentence}, not {_shortened(repr(value))}")
    for field in required:
        if field not in body:
            yield Finding(where, f"{field} is missing")


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def _heartbeat(state: State) -> Iterator[Finding]:
    heartbeat, timeout = state.body.get("HeartbeatSeconds"), state.body.get("TimeoutSeconds")
    if isinstance(heartbeat, int) and isinstance(timeout, int) and heartbeat >= timeout:
        yield Finding(state.where, "HeartbeatSeconds is shorter than TimeoutSeconds")


def _delay(where: str, retrier: Mapping[str, Any]) -> Iterator[Finding]:
    # One second is Step Functions' default.
    interval, most = retrier.get("IntervalSeconds", 1), retrier.get("MaxDelaySeconds")
    if isinstance(interval, int) and isinstance(most, int) and most <= interval:
        yield Finding(where, "MaxDelaySeconds is longer than IntervalSeconds")


def _rule(where: str, rule: Mapping[str, Any]) -> Iterator[Finding]:
    if not isinstance(rule.get("Next"), str):
        yield Finding(where, "Next is missing")
    if rule.keys() - {"Next", "Assign", "Comment", "Output"} != {"Condition"}:
        yield Finding(where, "has a Condition, and no other test")
    elif not isinstance(rule["Condition"], str | bool):
        yield Finding(where, "Condition is an expression or a boolean")
