"""All findings about one machine, in the order of reading."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tools.asl import graph, integrations, jsonata, machine, retries, shape
from tools.asl.machine import Finding, NotJson


def findings(text: str) -> list[Finding]:
    """What is wrong with a rendered machine; nothing for one that AWS would accept and run."""
    try:
        return list(_findings(machine.parse(text)))
    except NotJson as error:
        return [Finding("machine", str(error))]


def _findings(document: Mapping[str, Any]) -> Iterator[Finding]:
    every = list(machine.graphs(document))
    yield from graph.check(every)
    for one in every:
        yield from shape.check(one)
        for state in one.states.values():
            yield from retries.check(state)
            yield from integrations.check(state)
            yield from jsonata.check(state)
