"""What the stand-in can do with a resource type; one class per type in `kinds` fills it in."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from typing import Any

from local.standin import schema
from local.standin.cloud import Aws
from local.standin.values import State, known
from local.standin.wire import Wire, pascal

CRUD: dict[str, Crud] = {}
_counter = itertools.count(int(time.time()) & 0xFFFF)


class Crud:
    """Create, read, update, delete, tag and import one resource type.

    States are whole: every name of the schema is there. `read` answers with everything that AWS
    says, None when the thing is gone; tags under `tags_all`.
    """

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def create(self, aws: Aws, state: State) -> None:
        """Creates and sets `id` in the state as soon as there is something to delete."""
        raise NotImplementedError

    def read(self, aws: Aws, state: State) -> State | None:
        raise NotImplementedError

    def update(self, aws: Aws, prior: State, state: State) -> None:
        """Changes in place; nothing to do for a type that is only ever replaced."""

    def delete(self, aws: Aws, state: State) -> None:
        raise NotImplementedError

    def tag(self, aws: Aws, state: State, tags: Mapping[str, str], removed: list[str]) -> None:
        raise NotImplementedError

    def locate(self, aws: Aws, import_id: str) -> State:
        """What the id given to `terraform import` says beside `id`."""
        return {}

    def check_plan(self, prior: State | None, state: State, config: State) -> None:
        """Decides what takes more than one attribute; ValueError refuses the plan."""


def terraform(
    name: str,
    *,
    names: Mapping[str, str | None] | None = None,
    spell: Callable[[str], str] = pascal,
    structures: frozenset[str] = frozenset(),
) -> Callable[[type[Crud]], type[Crud]]:
    """Registers the CRUD of a resource type, and how its arguments are spelled in the API."""

    def register(crud: type[Crud]) -> type[Crud]:
        CRUD[name] = crud(Wire(schema.load().resources[name], names or {}, spell, structures))
        return crud

    return register


def unique(prefix: str) -> str:
    """The prefix and 26 digits, as the real provider makes names: UTC time, then a counter."""
    now = time.time()
    stamp = time.strftime("%Y%m%d%H%M%S", time.gmtime(now)) + f"{int(now * 10000) % 10000:04}"
    return f"{prefix}{stamp}{next(_counter):08x}"


def choose_name(state: State, key: str = "name", made_of: str = "terraform-") -> str:
    """The configured name, or one made from its prefix; set in the state and returned."""
    prefix_key = "bucket_prefix" if key == "bucket" else f"{key}_prefix"
    prefix = known(state.get(prefix_key))
    state[key] = known(state[key]) or unique(prefix or made_of)
    return str(state[key])


def name_prefix(name: str) -> str:
    """The prefix of a name that `choose_name` made; "" of any other."""
    suffix = name[-26:]
    made = len(name) > 26 and suffix[:18].isdigit()
    return name[:-26] if made else ""


def pairs(tags: Mapping[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Tags as most services want them."""
    return [{key: k, value: v} for k, v in tags.items()]


def unpairs(tags: Any, key: str = "Key", value: str = "Value") -> dict[str, str]:
    """Tags without those that AWS itself put there."""
    return {t[key]: t[value] for t in tags or [] if not t[key].startswith("aws:")}


def texts(document: Mapping[str, Any]) -> dict[str, str]:
    """The attributes of a queue or topic, which both services take as text only."""
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in document.items()
    }
