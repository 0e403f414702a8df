"""How a type's arguments are spelled in an AWS API, in both directions, driven by its schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.standin.schema import Block, NestedBlock
from local.standin.values import UNKNOWN, State, cast

Document = dict[str, Any]


def pascal(name: str) -> str:
    """memory_size -> MemorySize"""
    return "".join(word.title() for word in name.split("_"))


def camel(name: str) -> str:
    """role_arn -> roleArn"""
    spelled = pascal(name)
    return spelled[0].lower() + spelled[1:]


@dataclass(frozen=True)
class Wire:
    """`names` holds what `spell` does not get right, by dotted path; None is not on the wire."""

    block: Block
    names: Mapping[str, str | None] = field(default_factory=dict)
    spell: Callable[[str], str] = pascal
    structures: frozenset[str] = frozenset()  # one structure, though the schema allows several

    def out(self, state: State, *only: str) -> Document:
        """The arguments of a call; what is null, unknown or an absent block is left out."""
        return self._out(self.block, state, "", only)

    def back(self, document: Mapping[str, Any], *only: str) -> State:
        """The attributes in a response; what the response lacks is null or an absent block."""
        return self._back(self.block, document, "", only)

    def _name(self, path: str) -> str | None:
        return self.names[path] if path in self.names else self.spell(path.rpartition(".")[2])

    def _structure(self, path: str, nested: NestedBlock) -> bool:
        return nested.max_items == 1 or path in self.structures

    def _out(self, block: Block, state: State, prefix: str, only: tuple[str, ...]) -> Document:
        document: Document = {}
        for name in only or block.names:
            value, spelled = state.get(name), self._name(prefix + name)
            attribute = block.attributes.get(name)
            read_only = attribute and attribute.computed and not attribute.optional
            if value in (None, []) or value is UNKNOWN or spelled is None or read_only:
                continue
            nested = block.blocks.get(name)
            if nested and nested.nesting != "single":
                path = prefix + name
                elements = [self._out(nested.block, e or {}, path + ".", ()) for e in value]
                value = elements[0] if self._structure(path, nested) else elements
            document[spelled] = value
        return document

    def _back(
        self, block: Block, document: Mapping[str, Any], prefix: str, only: tuple[str, ...]
    ) -> State:
        state: State = {}
        for name in only or block.names:
            spelled = self._name(prefix + name)
            if spelled is None:
                continue
            value, nested = document.get(spelled), block.blocks.get(name)
            if nested:
                path = prefix + name
                if self._structure(path, nested):
                    value = [] if value is None else [value]
                state[name] = [self._back(nested.block, e, path + ".", ()) for e in value or []]
            else:
                state[name] = cast(block.attributes[name], value)
        return state
