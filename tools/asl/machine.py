"""Reads a machine into graphs of states, each with the variables it sees.

Knows how states nest and follow each other. Does not judge them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# What a state holds graphs of its own in: one of them, or a list.
NESTED = ("ItemProcessor", "Iterator", "Branches")


@dataclass(frozen=True)
class Finding:
    """What is wrong, and the way to it from the top of the machine."""

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


@dataclass(frozen=True)
class Edge:
    """One way from a state to the next, and what is assigned on it."""

    source: str
    target: str
    assigned: frozenset[str]


@dataclass(frozen=True)
class State:
    """One state and what surrounds it; `variables` are those assigned on every way to it."""

    name: str
    where: str
    body: Mapping[str, Any]
    variables: frozenset[str]

    @property
    def type(self) -> str:
        return str(self.body.get("Type", ""))


@dataclass(frozen=True)
class Graph:
    """The states of one machine, branch or item processor."""

    where: str
    body: Mapping[str, Any]
    states: Mapping[str, State]
    edges: tuple[Edge, ...]

    @property
    def start(self) -> str:
        return str(self.body.get("StartAt", ""))


class NotJson(ValueError):
    """The text is no JSON object, or says the same key twice; the message says where."""


def parse(text: str) -> dict[str, Any]:
    """The document, refusing what json.loads forgives: a key said twice hides a state."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        for key in keys:
            if keys.count(key) > 1:
                raise NotJson(f'the key "{key}" occurs twice in one object')
        return dict(pairs)

    try:
        document = json.loads(text, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise NotJson(str(error)) from error
    if not isinstance(document, dict):
        raise NotJson("a state machine is a JSON object")
    return document


def graphs(document: Mapping[str, Any]) -> Iterator[Graph]:
    """The machine itself, then every graph inside one of its states."""
    yield from _graphs(document, "machine", frozenset())


def _graphs(body: Mapping[str, Any], where: str, around: frozenset[str]) -> Iterator[Graph]:
    bodies = {
        name: state for name, state in mapping(body, "States").items() if isinstance(state, Mapping)
    }
    edges = tuple(edge for name, state in bodies.items() for edge in _edges(name, state))
    variables = _variables(str(body.get("StartAt", "")), bodies, edges, around)
    states = {
        name: State(
            name,
            f"{where} / {name}" if where != "machine" else name,
            state,
            variables[name],
        )
        for name, state in bodies.items()
    }
    yield Graph(where, body, states, edges)
    for state in states.values():
        for field in NESTED:
            inner = state.body.get(field, [])
            for index, graph in enumerate(inner if isinstance(inner, list) else [inner]):
                if isinstance(graph, Mapping):
                    branch = f" {index}" if isinstance(inner, list) else ""
                    yield from _graphs(graph, f"{state.where} / {field}{branch}", state.variables)


def mapping(body: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    """The object in a field; empty if something else is there, which the shape check says."""
    value = body.get(field)
    return value if isinstance(value, Mapping) else {}


def objects(body: Mapping[str, Any], field: str) -> list[Mapping[str, Any]]:
    """The objects in a list field, as `mapping` does."""
    value = body.get(field)
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def texts(body: Mapping[str, Any], field: str) -> list[str]:
    """The strings in a list field, as `mapping` does."""
    value = body.get(field)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _edges(name: str, state: Mapping[str, Any]) -> Iterator[Edge]:
    def assigned(body: Mapping[str, Any]) -> frozenset[str]:
        return frozenset(mapping(body, "Assign"))

    # A rule or catcher that is taken assigns its own variables, not the state's.
    for field in ("Next", "Default"):
        if isinstance(state.get(field), str):
            yield Edge(name, state[field], assigned(state))
    for field in ("Choices", "Catch"):
        for way in objects(state, field):
            if isinstance(way.get("Next"), str):
                yield Edge(name, way["Next"], assigned(way))


def _variables(
    start: str,
    states: Mapping[str, Mapping[str, Any]],
    edges: tuple[Edge, ...],
    around: frozenset[str],
) -> dict[str, frozenset[str]]:
    """By state: what every way from the start has assigned before the state is entered."""
    everything = around.union(*(edge.assigned for edge in edges)) if edges else around
    known = {name: around if name == start else everything for name in states}
    changed = True
    while changed:
        changed = False
        for edge in edges:
            if edge.target not in known or edge.source not in known:
                continue
            narrowed = known[edge.target] & (known[edge.source] | edge.assigned | around)
            if narrowed != known[edge.target]:
                known[edge.target] = narrowed
                changed = True
    return known
