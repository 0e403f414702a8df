"""Paths, templates and intrinsic functions of JSONPath states, compiled."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from jsonpath_ng.exceptions import JSONPathError
from jsonpath_ng.ext.parser import parse

from tools.asl.machine import Finding, State, objects

# Developer guide, "Intrinsic functions": least and most arguments; None is no limit.
INTRINSICS: Mapping[str, tuple[int, int | None]] = {
    "Array": (0, None),
    "ArrayContains": (2, 2),
    "ArrayGetItem": (2, 2),
    "ArrayLength": (1, 1),
    "ArrayPartition": (2, 2),
    "ArrayRange": (3, 3),
    "ArrayUnique": (1, 1),
    "Base64Decode": (1, 1),
    "Base64Encode": (1, 1),
    "Format": (1, None),
    "Hash": (2, 2),
    "JsonMerge": (3, 3),
    "JsonToString": (1, 1),
    "MathAdd": (2, 2),
    "MathRandom": (2, 3),
    "StringSplit": (2, 2),
    "StringToJson": (1, 1),
    "UUID": (0, 0),
}

_PATHS = ("InputPath", "OutputPath", "ItemsPath", "Variable")
_TEMPLATES = ("Parameters", "ResultSelector", "ItemSelector", "Assign", "ItemBatcher")

_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:\\.|[^'\\])*')|(?P<name>States\.\w+)|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<word>true|false|null)\b|(?P<path>\$[^,()]*(?:\([^()]*\)[^,()]*)*)|(?P<mark>[(),]))"
)


class _Broken(ValueError):
    """Why a path or an intrinsic function does not compile."""


def check(state: State) -> Iterator[Finding]:
    for where, field, value in _expressions(state.where, state.body):
        try:
            if field == "ResultPath":
                _reference_path(value)
            else:
                _expression(value, state.variables, intrinsics=field not in _PATHS)
        except _Broken as broken:
            yield Finding(where, f"{field} {value!r}: {broken}")
    for text in _texts(state.body):
        if text.startswith("{%"):
            yield Finding(state.where, f"{text} is not evaluated in a state of JSONPath")


def _expressions(where: str, body: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for field, value in body.items():
        if isinstance(value, str) and (
            field in (*_PATHS, "ResultPath") or (field.endswith("Path") and field != "ResultPath")
        ):
            yield where, field, value
        elif field in _TEMPLATES:
            yield from _template(f"{where} / {field}", value)
    for field in ("Choices", "Catch", "And", "Or"):
        for index, inner in enumerate(objects(body, field)):
            yield from _expressions(f"{where} / {field} {index}", inner)
    if isinstance(body.get("Not"), Mapping):
        yield from _expressions(f"{where} / Not", body["Not"])


def _template(where: str, value: Any) -> Iterator[tuple[str, str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key.endswith(".$"):
                yield where, key, inner if isinstance(inner, str) else repr(inner)
            else:
                yield from _template(where, inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _template(where, inner)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            # Inner graphs are checked as graphs.
            if key not in ("States", "Comment"):
                yield from _texts(inner)


def _expression(text: str, variables: frozenset[str], *, intrinsics: bool) -> None:
    if text.startswith("States.") and intrinsics:
        rest = _call(text, variables)
        if rest.strip():
            raise _Broken(f"nothing follows an intrinsic function, but {rest!r} does")
    else:
        _path(text, variables)


def _path(text: str, variables: frozenset[str]) -> None:
    if not text.startswith("$"):
        raise _Broken("a path starts with $")
    if variable := re.match(r"\$([A-Za-z_]\w*)", text):
        if variable[1] not in variables:
            raise _Broken(f"${variable[1]} is not assigned on every way here")
        text = "$" + text[variable.end() :]
    elif text.startswith("$$"):
        text = text[1:]
    try:
        parse(text)
    except (JSONPathError, ValueError) as error:
        raise _Broken(f"no JSONPath ({error})") from error


def _reference_path(text: str) -> None:
    _path(text, frozenset())
    if text.startswith("$$") or re.search(r"\.\.|[@?*:]|,", re.sub(r"'[^']*'", "", text)):
        raise _Broken("a result goes to one place: no wildcards, filters or context")


def _call(text: str, variables: frozenset[str]) -> str:
    """Reads one intrinsic function; returns what follows it."""
    kind, name, rest = _token(text)
    if kind != "name" or name.removeprefix("States.") not in INTRINSICS:
        raise _Broken(f"{name} is no intrinsic function")
    _, opening, rest = _token(rest)
    if opening != "(":
        raise _Broken(f"{name} is followed by its arguments")
    arguments: list[str] = []
    following = ","
    while following == ",":
        kind, argument, after = _token(rest)
        if argument == ")" and not arguments:
            following, rest = argument, after
            break
        if kind == "mark":
            raise _Broken(f"{argument!r} is no argument of {name}")
        if kind == "name":
            after = _call(rest, variables)
        elif kind == "path":
            _path(argument.strip(), variables)
        arguments.append(argument)
        _, following, rest = _token(after)
    if following != ")":
        raise _Broken(f"the arguments of {name} are separated by commas")
    _arity(name, arguments)
    return rest


def _arity(name: str, arguments: list[str]) -> None:
    least, most = INTRINSICS[name.removeprefix("States.")]
    if len(arguments) < least or (most is not None and len(arguments) > most):
        raise _Broken(f"{name} does not take {len(arguments)} arguments")
    if name == "States.Format" and arguments[0].startswith("'"):
        holes = len(re.findall(r"(?<!\\)\{\}", arguments[0]))
        if holes != len(arguments) - 1:
            raise _Broken(f"{holes} places for {len(arguments) - 1} values")


def _token(text: str) -> tuple[str, str, str]:
    matched = _TOKEN.match(text)
    if not matched or not matched.lastgroup:
        raise _Broken(f"not understood: {text!r}" if text.strip() else "ends too early")
    return matched.lastgroup, matched[matched.lastgroup], text[matched.end() :]
