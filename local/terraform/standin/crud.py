"""What the stand-in can do with a resource type; one class per type in `kinds` fills it in."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from local.terraform.standin import facts, schema
from local.terraform.standin.cloud import Aws
from local.terraform.standin.values import State, known, whole
from local.terraform.standin.wire import Wire, pairs, pascal, unpairs

CRUD: dict[str, Crud] = {}
_counter = itertools.count(int(time.time()) & 0xFFFF)


@dataclass(frozen=True)
class Tags:
    """How a service tags: tag_<noun>, untag_<noun>, and a call that lists."""

    service: str
    identity: str  # the parameter that names the thing; its case is that of the others
    of: str = "arn"  # and the attribute that holds the name
    noun: str = "resource"
    listed_by: str = "list_tags_for_resource"
    pair: tuple[str, str] | None = None  # None: tags are a map

    def _spell(self, name: str) -> str:
        return name if self.identity[0].isupper() else name[0].lower() + name[1:]

    def read(self, aws: Aws, state: State) -> dict[str, str]:
        call = getattr(aws.client(self.service), self.listed_by)
        found = call(**{self.identity: state[self.of]}).get(self._spell("Tags")) or {}
        return unpairs(found, *self.pair) if self.pair else dict(found)

    def write(self, aws: Aws, state: State, tags: Mapping[str, str], removed: list[str]) -> None:
        client, named = aws.client(self.service), {self.identity: state[self.of]}
        if removed:
            getattr(client, f"untag_{self.noun}")(**named, **{self._spell("TagKeys"): removed})
        if tags:
            value = pairs(tags, *self.pair) if self.pair else dict(tags)
            getattr(client, f"tag_{self.noun}")(**named, **{self._spell("Tags"): value})


class Crud:
    """Create, read, update, delete and import one resource type.

    States are whole: every name of the schema is there. What no method says otherwise, a type is
    written by one call, `put`, and goes by the name that `identity` makes of its attributes.
    """

    tags: ClassVar[Tags | None] = None
    identity: ClassVar[str] = "{name}"

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def put(self, aws: Aws, state: State) -> None:
        raise NotImplementedError

    def create(self, aws: Aws, state: State) -> None:
        """Creates, and sets `id` in the state as soon as there is something to delete."""
        if "name_prefix" in state:
            choose_name(state)
        self.put(aws, state)
        state["id"] = self.identity.format(**state)

    def read(self, aws: Aws, state: State) -> State | None:
        """Everything that AWS says, None when the thing is gone. What the caller knows may be
        left out: id, region, tags, prefixes of names."""
        raise NotImplementedError

    def update(self, aws: Aws, prior: State, state: State) -> None:
        self.put(aws, state)

    def delete(self, aws: Aws, state: State) -> None:
        raise NotImplementedError

    def locate(self, aws: Aws, import_id: str) -> State:
        """What the id given to `terraform import` says beside `id`."""
        return {}

    def check_plan(self, prior: State | None, state: State, config: State) -> None:
        """Decides what takes more than one attribute; ValueError refuses the plan."""

    def write(self, aws: Aws, prior: State | None, state: State) -> None:
        """Creates or updates, and tags."""
        if prior is None:
            self.create(aws, state)
        else:
            self.update(aws, prior, state)
        before, after = (prior or {}).get("tags_all") or {}, state.get("tags_all") or {}
        if self.tags and before != after:
            named = {**state, **(self.read(aws, whole(self.wire.block, state)) or {})}
            self.tags.write(aws, named, after, [key for key in before if key not in after])

    def observe(self, aws: Aws, state: State) -> State | None:
        """`read`, and what can be said of every type."""
        seen = self.read(aws, state)
        if seen is None:
            return None
        seen = {"id": state["id"], "region": aws.region, "timeouts": state.get("timeouts"), **seen}
        for name in self.wire.prefixes:
            seen[name] = prefix_of(seen[name.removesuffix("_prefix")])
        return {**seen, "tags_all": self.tags.read(aws, {**state, **seen})} if self.tags else seen


def terraform(
    name: str,
    *,
    names: Mapping[str, str | None] | None = None,
    spell: Callable[[str], str] = pascal,
) -> Callable[[type[Crud]], type[Crud]]:
    """Registers the CRUD of a resource type, and how its arguments are spelled in the API."""

    def register(crud: type[Crud]) -> type[Crud]:
        table = facts.of(name)
        unsent = {*table.kept, *table.refused}
        wire = Wire(schema.load().resources[name], names or {}, spell, unsent)
        CRUD[name] = crud(wire)
        return crud

    return register


def words(text: str) -> tuple[str, ...]:
    """Names of attributes, which are too many to stand in quotes."""
    return tuple(text.split())


def unique(prefix: str) -> str:
    """The prefix and 26 digits, as the real provider makes names: UTC time, then a counter."""
    now = time.time()
    stamp = time.strftime("%Y%m%d%H%M%S", time.gmtime(now)) + f"{int(now * 10000) % 10000:04}"
    return f"{prefix}{stamp}{next(_counter):08x}"


def choose_name(state: State, key: str = "name", made_of: str = "terraform-") -> str:
    """The configured name, or one made from its prefix; set in the state and returned."""
    prefix = known(state.get(f"{key}_prefix"))
    state[key] = known(state[key]) or unique(prefix or made_of)
    return str(state[key])


def prefix_of(name: str) -> str:
    """The prefix of a name that `choose_name` made; "" of any other."""
    suffix = name[-26:]
    return name[:-26] if len(name) > 26 and suffix[:18].isdigit() else ""


def texts(document: Mapping[str, Any]) -> dict[str, str]:
    """The attributes of a queue or topic, which both services take as text only."""
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in document.items()
    }
