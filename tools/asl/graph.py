"""Does every way through the states lead somewhere, and does each end?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from tools.asl.machine import Finding, Graph

# Step Functions refuses longer ones.
LONGEST_NAME = 80


def check(graphs: Iterable[Graph]) -> Iterator[Finding]:
    everywhere: Counter[str] = Counter()
    for graph in graphs:
        everywhere.update(graph.states.keys())
        yield from _check_one(graph)
    for name, times in everywhere.items():
        if times > 1:
            yield Finding(name, f"{times} states of the machine have this name")


def _check_one(graph: Graph) -> Iterator[Finding]:
    names = graph.states.keys()
    if graph.start and graph.start not in names:
        yield Finding(graph.where, f'StartAt names "{graph.start}", which is no state here')
    for edge in graph.edges:
        if edge.target not in names:
            where = graph.states[edge.source].where
            yield Finding(where, f'leads to "{edge.target}", which is no state here')
    for name in names:
        if len(name) > LONGEST_NAME:
            yield Finding(graph.states[name].where, f"a name has at most {LONGEST_NAME} characters")

    reached = _closure({graph.start}, {(edge.source, edge.target) for edge in graph.edges})
    for name in sorted(names - reached):
        yield Finding(graph.states[name].where, "no way leads here from StartAt")

    ends = {
        name
        for name, state in graph.states.items()
        if state.body.get("End") is True or state.type in ("Succeed", "Fail")
    }
    finishing = _closure(ends, {(edge.target, edge.source) for edge in graph.edges})
    for name in sorted(names - finishing):
        yield Finding(graph.states[name].where, "no way from here ends")


def _closure(start: set[str], steps: set[tuple[str, str]]) -> set[str]:
    found, last = set(start), set(start)
    while last:
        last = {target for source, target in steps if source in last} - found
        found |= last
    return found
