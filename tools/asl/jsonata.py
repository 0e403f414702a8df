"""Expressions of JSONata states, compiled and looked through for names that do not exist there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from jsonata.jexception import JException  # type: ignore[import-untyped]
from jsonata.jsonata import Jsonata  # type: ignore[import-untyped]
from jsonata.parser import Parser  # type: ignore[import-untyped]

from tools.asl.machine import NESTED, Finding, State, objects

# Developer guide, "Transforming data with JSONata": what Step Functions adds, and leaves out.
_ADDED = {"hash", "parse", "partition", "random", "range", "uuid"}
_LEFT_OUT = {"eval"}
FUNCTIONS = (frozenset(Jsonata.static_frame.bindings) | _ADDED) - _LEFT_OUT

# Developer guide, "Accessing the Context object".
_EXECUTION: Mapping[str, Any] = {
    "Id": {},
    "Input": None,
    "Name": {},
    "RoleArn": {},
    "StartTime": {},
    "RedriveCount": {},
    "RedriveTime": {},
}
CONTEXT: Mapping[str, Any] = {
    "Execution": _EXECUTION,
    "State": {"EnteredTime": {}, "Name": {}, "RetryCount": {}},
    "StateMachine": {"Id": {}, "Name": {}},
    "Task": {"Token": {}},
    "Map": {"Item": {"Index": {}, "Value": None, "Key": {}, "Source": {}}},
}

# Fields that Step Functions evaluates, in any state that has them.
_EVALUATED = (
    "Arguments",
    "Assign",
    "Cause",
    "Error",
    "HeartbeatSeconds",
    "ItemBatcher",
    "ItemReader",
    "ItemSelector",
    "Items",
    "MaxConcurrency",
    "Output",
    "ResultWriter",
    "Seconds",
    "TimeoutSeconds",
    "Timestamp",
    "ToleratedFailureCount",
    "ToleratedFailurePercentage",
    "Credentials",
)
# Which of them see the result.
_AFTERWARDS = ("Assign", "Output")
_HAVE_RESULT = ("Task", "Map", "Parallel", "Pass")


def check(state: State) -> Iterator[Finding]:
    result = {"result"} if state.type in _HAVE_RESULT else set()
    for field, value in state.body.items():
        where = f"{state.where} / {field}"
        if field in _EVALUATED:
            known = {"input", "context"} | (result if field in _AFTERWARDS else set())
            yield from _values(where, value, state.variables, known)
        elif field in ("Retry", "Catch", "Choices"):
            for index, rule in enumerate(objects(state.body, field)):
                yield from _rule(f"{where} {index}", field, rule, state.variables)
        elif field not in NESTED:
            yield from _not_evaluated(where, value)


def _rule(
    where: str, field: str, rule: Mapping[str, Any], variables: frozenset[str]
) -> Iterator[Finding]:
    known = {"input", "context"} | ({"errorOutput"} if field == "Catch" else set())
    for name, value in rule.items():
        if field != "Retry" and name in ("Assign", "Output", "Condition"):
            yield from _values(f"{where} / {name}", value, variables, known)
            if name == "Condition" and isinstance(value, str) and not value.startswith("{%"):
                yield Finding(where, "a Condition in a string is an expression: {% ... %}")
        else:
            yield from _not_evaluated(f"{where} / {name}", value)


def _not_evaluated(where: str, value: Any) -> Iterator[Finding]:
    for text, _ in _strings(value, ""):
        if "{%" in text and not where.endswith("Comment"):
            yield Finding(where, "is not evaluated")


def _strings(value: Any, key: str) -> Iterator[tuple[str, str]]:
    """Every string in a value with the key that it stands under."""
    if isinstance(value, str):
        yield value, key
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner, key)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _strings(inner, name)


def _values(
    where: str, value: Any, variables: frozenset[str], known: set[str]
) -> Iterator[Finding]:
    for text, key in _strings(value, ""):
        if key.endswith(".$"):
            yield Finding(where, f"{key} is a template of JSONPath")
        whole = re.fullmatch(r"\{%(.*)%\}", text, re.DOTALL)
        if whole:
            for message in _expression(whole[1], variables, known):
                yield Finding(where, f"{text}: {message}")
        elif "{%" in text or "%}" in text:
            yield Finding(where, f"{text}: an expression is the whole string, {{% ... %}}")


def _expression(text: str, variables: frozenset[str], known: set[str]) -> Iterator[str]:
    try:
        tree = Jsonata(text).ast
    except JException as error:
        yield f"no JSONata ({error})"
        return
    yield from _unknown(tree, _Scope(variables, frozenset(known)))


@dataclass(frozen=True)
class _Scope:
    """What a part of an expression can name."""

    variables: frozenset[str]
    states: frozenset[str]
    # Bound by the expression itself.
    local: frozenset[str] = frozenset()
    # Within a filter or a function there is a context: bare names and $ are its.
    has_context: bool = False

    def with_local(self, *names: str) -> _Scope:
        return replace(self, local=self.local.union(names))

    def inside(self) -> _Scope:
        return replace(self, has_context=True)


def _unknown(node: Parser.Symbol, scope: _Scope) -> Iterator[str]:
    """What a part of an expression names that does not exist."""
    reader = {
        "path": _path,
        "name": _name,
        "variable": _variable,
        "function": _function,
        "partial": _function,
        "lambda": _lambda,
        "block": _block,
        "bind": _bind,
    }.get(node.type, _parts)
    yield from reader(node, scope)


def _path(node: Parser.Symbol, scope: _Scope) -> Iterator[str]:
    head, *rest = node.steps
    if head.type == "variable" and head.value == "states":
        names = [step.value for step in rest if step.type == "name"]
        yield from _states(names, scope.states)
    else:
        yield from _unknown(head, scope)
    for step in rest:
        yield from _unknown(step, scope.inside())
    for step in node.steps:
        # A filter sees the items of its step.
        for inner in (*(step.predicate or []), *(step.stages or [])):
            yield from _unknown(inner, scope.inside())


def _name(node: Parser.Symbol, scope: _Scope) -> Iterator[str]:
    if not scope.has_context:
        yield f"{node.value} stands in no context: begin with $states or a variable"


def _variable(node: Parser.Symbol, scope: _Scope) -> Iterator[str]:
    if node.value == "states":
        yield "$states is read by its fields"
    elif node.value in ("", "$"):
        if not scope.has_context:
            yield "there is no $ outside of a filter or a function"
    elif node.value not in scope.variables | scope.local:
        yield f"${node.value} is not assigned on every way here"


def _function(node: Parser.Symbol, scope: _Scope) -> Iterator[str]:
    called = node.procedure
    if called.type != "variable":
        yield from _unknown(called, scope)
    elif called.value not in FUNCTIONS | scope.variables | scope.local:
        yield f"there is no function ${called.value}"
    for argument in node.arguments:
        # A function may be handed to another one: $map(list, $uppercase).
        if not (argument.type == "variable" and argument.value in FUNCTIONS):
            yield from _unknown(argument, scope)


def _lambda(node: Parser.Symbol, scope: _Scope) -> Iterator[str]:
    arguments = (argument.value for argument in node.arguments)
    yield from _unknown(node.body, scope.inside().with_local(*arguments))


def _block(node: Parser.Symbol, scope: _Scope) -> Iterator[str]:
    for expression in node.expressions:
        yield from _unknown(expression, scope)
        if expression.type == "bind":
            scope = scope.with_local(expression.lhs.value)


def _bind(node: Parser.Symbol, scope: _Scope) -> Iterator[str]:
    # A function may call itself by the name that it gets.
    yield from _unknown(node.rhs, scope.with_local(node.lhs.value))


def _parts(node: Parser.Symbol, scope: _Scope) -> Iterator[str]:
    for name, value in vars(node).items():
        if not name.startswith("_") and name != "outer_instance":
            for part in _symbols(value):
                yield from _unknown(part, scope)


def _symbols(value: Any) -> Iterator[Parser.Symbol]:
    if isinstance(value, Parser.Symbol):
        yield value
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _symbols(inner)


def _states(path: list[str], known: frozenset[str]) -> Iterator[str]:
    if not path:
        yield "$states is read by its fields"
        return
    if path[0] not in known:
        yield f"$states.{path[0]} does not exist here, only {', '.join(sorted(known))}"
    if path[0] != "context":
        return
    fields: Mapping[str, Any] | None = CONTEXT
    for index, name in enumerate(path[1:], 1):
        if fields is None:
            return
        if name not in fields:
            yield f"$states.{'.'.join(path[: index + 1])} does not exist"
            return
        fields = fields[name]
