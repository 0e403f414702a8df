"""Which fields a machine and its states have, and what their values look like.

Sources: states-language.net/spec.html and the Step Functions developer guide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tools.asl.machine import JSONATA, JSONPATH, Finding, Graph, State, objects

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
_path = _is((str, type(None)), "is a path or null")
_seconds = _whole(1, LONGEST_SECONDS)
_count = _whole(0, LONGEST_SECONDS)
_percent = _is((int, float), "is a number")
_objects = _list_of(_object, "is a list of objects, at least one")
_rules = _is(list, "is a list")

_MACHINE: Mapping[str, Judge] = {
    "Comment": _text,
    "QueryLanguage": _one_of(JSONATA, JSONPATH),
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
    "QueryLanguage": _one_of(JSONATA, JSONPATH),
}
_GOES_ON: Mapping[str, Judge] = {"Next": _text, "End": _one_of(True), "Assign": _object}
_MAY_FAIL: Mapping[str, Judge] = {"Retry": _rules, "Catch": _rules}

# By type: fields in both languages, only in JSONPath, only in JSONata.
_NARROW = {"InputPath": _path, "OutputPath": _path}
_RESULT = {"ResultPath": _path, "ResultSelector": _object}
_FIELDS: Mapping[str, tuple[Mapping[str, Judge], Mapping[str, Judge], Mapping[str, Judge]]] = {
    "Task": (
        {**_GOES_ON, **_MAY_FAIL, "Resource": _text, "Credentials": _object},
        {
            **_NARROW,
            **_RESULT,
            "Parameters": _object,
            "TimeoutSeconds": _seconds,
            "TimeoutSecondsPath": _text,
            "HeartbeatSeconds": _seconds,
            "HeartbeatSecondsPath": _text,
        },
        {
            "Arguments": _is((Mapping, str), "is an object or an expression"),
            "Output": _anything,
            "TimeoutSeconds": _or_expression(_seconds),
            "HeartbeatSeconds": _or_expression(_seconds),
        },
    ),
    "Pass": (
        _GOES_ON,
        {**_NARROW, "ResultPath": _path, "Parameters": _object, "Result": _anything},
        {"Output": _anything},
    ),
    "Choice": (
        {"Choices": _objects, "Default": _text, "Assign": _object},
        _NARROW,
        {"Output": _anything},
    ),
    "Wait": (
        _GOES_ON,
        {
            **_NARROW,
            "Seconds": _count,
            "SecondsPath": _text,
            "Timestamp": _text,
            "TimestampPath": _text,
        },
        {"Seconds": _or_expression(_count), "Timestamp": _text, "Output": _anything},
    ),
    "Succeed": ({}, _NARROW, {"Output": _anything}),
    "Fail": (
        {"Error": _text, "Cause": _text},
        {"ErrorPath": _text, "CausePath": _text},
        {},
    ),
    "Parallel": (
        {**_GOES_ON, **_MAY_FAIL, "Branches": _objects},
        {**_NARROW, **_RESULT, "Parameters": _object},
        {"Arguments": _anything, "Output": _anything},
    ),
    "Map": (
        {
            **_GOES_ON,
            **_MAY_FAIL,
            "ItemProcessor": _object,
            "Iterator": _object,
            "ItemSelector": _is((Mapping, str), "is an object or an expression"),
            "ItemReader": _object,
            "ItemBatcher": _object,
            "ResultWriter": _object,
            "Label": _text,
        },
        {
            **_NARROW,
            **_RESULT,
            "Parameters": _object,
            "ItemsPath": _text,
            "MaxConcurrency": _count,
            "MaxConcurrencyPath": _text,
            "ToleratedFailureCount": _count,
            "ToleratedFailureCountPath": _text,
            "ToleratedFailurePercentage": _percent,
            "ToleratedFailurePercentagePath": _text,
        },
        {
            "Items": _is((list, str), "is a list or an expression"),
            "MaxConcurrency": _or_expression(_count),
            "ToleratedFailureCount": _or_expression(_count),
            "ToleratedFailurePercentage": _or_expression(_percent),
            "Output": _anything,
        },
    ),
}

# Of each group a state has exactly one; of the second table at most one.
_EXACTLY_ONE: Mapping[str, Sequence[tuple[str, ...]]] = {
    **{kind: [("Next", "End")] for kind in ("Task", "Pass", "Wait", "Parallel", "Map")},
    "Task": [("Next", "End"), ("Resource",)],
    "Choice": [("Choices",)],
    "Wait": [("Next", "End"), ("Seconds", "SecondsPath", "Timestamp", "TimestampPath")],
    "Parallel": [("Next", "End"), ("Branches",)],
    "Map": [("Next", "End"), ("ItemProcessor", "Iterator")],
}
_AT_MOST_ONE = [
    ("TimeoutSeconds", "TimeoutSecondsPath"),
    ("HeartbeatSeconds", "HeartbeatSecondsPath"),
    ("Error", "ErrorPath"),
    ("Cause", "CausePath"),
    ("MaxConcurrency", "MaxConcurrencyPath"),
    ("ItemSelector", "Parameters"),
]

_COMPARISONS = {
    f"{kind}{relation}{suffix}"
    for kind in ("String", "Numeric", "Timestamp")
    for relation in ("Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals")
    for suffix in ("", "Path")
} | {
    "BooleanEquals",
    "BooleanEqualsPath",
    "StringMatches",
    "IsNull",
    "IsPresent",
    "IsNumeric",
    "IsString",
    "IsBoolean",
    "IsTimestamp",
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
}


def check(graph: Graph) -> Iterator[Finding]:
    top = graph.where == "machine"
    yield from _fields(graph.where, graph.body, _MACHINE if top else _INNER, ("StartAt", "States"))
    if graph.body.get("States") == {}:
        yield Finding(graph.where, "there is no state")
    for state in graph.states.values():
        yield from _state(state, str(graph.body.get("QueryLanguage", "")))


def _state(state: State, machine_language: str) -> Iterator[Finding]:
    body = state.body
    if state.type not in _FIELDS:
        sentence = _ALWAYS["Type"](state.type)
        yield Finding(state.where, f"Type {sentence}, not {body.get('Type')!r}")
        return
    if machine_language == JSONATA and not state.is_jsonata:
        yield Finding(state.where, "a JSONata machine has no JSONPath states")
    both, only_jsonpath, only_jsonata = _FIELDS[state.type]
    own, other = (
        (only_jsonata, only_jsonpath) if state.is_jsonata else (only_jsonpath, only_jsonata)
    )
    allowed = {**_ALWAYS, **both, **own}
    foreign = {field for field in body if field in other and field not in allowed}
    for field in sorted(foreign):
        yield Finding(state.where, f"{field} does not exist in a state of {state.language}")
    rest = {field: value for field, value in body.items() if field not in foreign}
    yield from _fields(state.where, rest, allowed, ())
    for group in _EXACTLY_ONE.get(state.type, []):
        if sum(field in body for field in group) != 1:
            yield Finding(state.where, f"has exactly one of {', '.join(group)}")
    for group in _AT_MOST_ONE:
        if sum(field in body for field in group) > 1:
            yield Finding(state.where, f"has one of {', '.join(group)} at most")
    if state.type == "Task":
        yield from _heartbeat(state)
    catcher = {**_CATCHER, **({"Output": _anything} if state.is_jsonata else {"ResultPath": _path})}
    for index, retrier in enumerate(objects(body, "Retry")):
        where = f"{state.where} / Retry {index}"
        yield from _fields(where, retrier, _RETRIER, ("ErrorEquals",))
        yield from _delay(where, retrier)
    for index, caught in enumerate(objects(body, "Catch")):
        where = f"{state.where} / Catch {index}"
        yield from _fields(where, caught, catcher, ("ErrorEquals", "Next"))
    for index, rule in enumerate(objects(body, "Choices")):
        yield from _rule(f"{state.where} / Choices {index}", rule, state.is_jsonata, top=True)


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


def _rule(where: str, rule: Mapping[str, Any], jsonata: bool, *, top: bool) -> Iterator[Finding]:
    target = {"Next", "Assign", "Comment"} | ({"Output"} if jsonata else set())
    if top and not isinstance(rule.get("Next"), str):
        yield Finding(where, "Next is missing")
    conditions = {field for field in rule if not (top and field in target)}
    if jsonata:
        if conditions != {"Condition"}:
            yield Finding(where, "has a Condition, and no other test")
        elif not isinstance(rule["Condition"], str | bool):
            yield Finding(where, "Condition is an expression or a boolean")
        return
    if conditions in ({"And"}, {"Or"}):
        for inner in objects(rule, *conditions):
            yield from _rule(where, inner, jsonata, top=False)
    elif conditions == {"Not"} and isinstance(rule["Not"], Mapping):
        yield from _rule(where, rule["Not"], jsonata, top=False)
    elif "Variable" not in conditions or len(conditions & _COMPARISONS) != 1 or len(conditions) > 2:
        yield Finding(where, f"has a Variable and one comparison, not {sorted(conditions)}")
