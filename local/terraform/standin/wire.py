"""How a type's arguments are spelled in an AWS API, in both directions, driven by its schema."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from local.terraform.standin.schema import Block
from local.terraform.standin.values import UNKNOWN, State, cast

Document = dict[str, Any]

# Not arguments of any call: identity, and what Terraform or the tagging calls see to.
APART = {"id", "region", "tags", "tags_all", "timeouts"}


def pascal(name: str) -> str:
    """memory_size -> MemorySize"""
    return "".join(word.title() for word in name.split("_"))


def camel(name: str) -> str:
    """role_arn -> roleArn"""
    spelled = pascal(name)
    return spelled[0].lower() + spelled[1:]


def pairs(tags: Mapping[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """A map as a list of pairs, as most services want tags and dimensions."""
    return [{key: k, value: v} for k, v in tags.items()]


def unpairs(found: Any, key: str = "Key", value: str = "Value") -> dict[str, str]:
    """The way back, without the tags that AWS itself put there."""
    return {t[key]: t[value] for t in found or [] if not t[key].startswith("aws:")}


@dataclass(frozen=True)
class Wire:
    """Spells names with `spell`, unless `names` knows better, by dotted path:

    "A"        is called so
    "A.B"      lies one level down, in the structure A
    "A[]"      is the only element of a list
    "A{}"      is one structure, though the schema allows several blocks
    "A<Name>"  is a map, written as a list of {Name, Value}
    None       is not on the wire
    """

    block: Block
    names: Mapping[str, str | None] = field(default_factory=dict)
    spell: Callable[[str], str] = pascal
    unsent: Collection[str] = frozenset()

    @cached_property
    def prefixes(self) -> tuple[str, ...]:
        """The attributes that hold the beginning of a name made from them."""
        names = self.block.attributes
        return tuple(n for n in names if n.endswith("_prefix") and n[: -len("_prefix")] in names)

    @cached_property
    def arguments(self) -> tuple[str, ...]:
        """What can be configured: sent and read by default."""
        attributes = self.block.attributes.items()
        configurable = {name for name, a in attributes if a.required or a.optional}
        excepted = {*APART, *self.prefixes, *self.unsent}
        return tuple(sorted((configurable | self.block.blocks.keys()) - excepted))

    def out(self, state: State, *only: str) -> Document:
        """The arguments of a call; what is null, unknown or an absent block is left out."""
        return self._out(self.block, state, "", only or self.arguments)

    def back(self, document: Mapping[str, Any], *also: str) -> State:
        """The arguments, and `also` what is computed, in a response; what it lacks is null."""
        return self._back(self.block, document, "", (*self.arguments, *also))

    def _spelled(self, path: str) -> tuple[list[str], str, bool]:
        """Where a value lies, what its pairs are called, and whether several are one."""
        spelled = self.names.get(path, self.spell(path.rpartition(".")[2]))
        if spelled is None:
            return [], "", False
        spelled, _, key = spelled.removesuffix(">").partition("<")
        return spelled.removesuffix("{}").split("."), key, spelled.endswith("{}")

    def _out(self, block: Block, state: State, prefix: str, names: Collection[str]) -> Document:
        document: Document = {}
        for name in names:
            value: Any = state.get(name)
            place, key, merged = self._spelled(prefix + name)
            attribute, nested = block.attributes.get(name), block.blocks.get(name)
            read_only = attribute and attribute.computed and not attribute.optional
            # The old SDK notes "" for what a block in a set does not say.
            absent = value in (None, []) or value is UNKNOWN or (prefix and value == "")
            if absent or not place or read_only:
                continue
            if nested:
                below, inner = nested.block, f"{prefix}{name}."
                parts = [self._out(below, part or {}, inner, below.names) for part in value]
                value = parts[0] if merged or nested.max_items == 1 else parts
            _put(document, place, pairs(value, key) if key else value)
        return document

    def _back(
        self, block: Block, document: Mapping[str, Any], prefix: str, names: Collection[str]
    ) -> State:
        state: State = {}
        for name in names:
            place, key, merged = self._spelled(prefix + name)
            if not place:
                continue
            value, nested = _get(document, place), block.blocks.get(name)
            if nested:
                below, inner = nested.block, f"{prefix}{name}."
                if merged or nested.max_items == 1:
                    value = [] if value is None else [value]
                state[name] = [self._back(below, p, inner, below.names) for p in value or []]
            else:
                value = unpairs(value, key) if key and value is not None else value
                state[name] = cast(block.attributes[name], value)
        return state


def _put(document: Document, place: list[str], value: Any) -> None:
    *parents, last = place
    for parent in parents:
        if parent.endswith("[]"):
            document = document.setdefault(parent[:-2], [{}])[0]
        else:
            document = document.setdefault(parent, {})
    if last.endswith("[]"):
        document[last[:-2]] = [value]
    else:
        document[last] = value


def _get(document: Any, place: list[str]) -> Any:
    for part in place:
        document = (document or {}).get(part.removesuffix("[]"))
        if part.endswith("[]"):
            document = document[0] if document else None
    return document
