"""Terraform's values in Python: the unknown value, equality that ignores notation, dotted paths."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from local.terraform.standin.schema import Attribute, Block

State = dict[str, Any]
Path = tuple[str | int, ...]


class Unknown:
    """Known after apply. One instance, so that `is UNKNOWN` decides."""

    def __repr__(self) -> str:
        return "(known after apply)"


UNKNOWN: Final = Unknown()


def empty(value: Any) -> bool:
    """Null and the zero values are one thing to providers of the old SDK, which is most of aws."""
    return value is None or value in ("", [], {}) or (value == 0 and not isinstance(value, Unknown))


def known(value: Any) -> Any:
    """The value, or None while it is unknown."""
    return None if value is UNKNOWN else value


def one(blocks: Any) -> State:
    """The element of a block that may be there at most once; {} when it is not."""
    return dict(blocks[0]) if isinstance(blocks, list) and blocks and blocks[0] else {}


def find(value: Any, path: str) -> Iterator[tuple[Path, Any]]:
    """Every value at a dotted path; elements of nested blocks are numbered in the path."""
    head, _, rest = path.partition(".")
    if not isinstance(value, dict) or head not in value:
        return
    child = value[head]
    if not rest:
        yield (head,), child
    elif isinstance(child, dict):
        yield from (((head, *tail), found) for tail, found in find(child, rest))
    elif isinstance(child, list):
        for index, element in enumerate(child):
            yield from (((head, index, *tail), found) for tail, found in find(element, rest))


def same_json(left: Any, right: Any) -> bool:
    """Two JSON texts with one meaning."""
    return _same(left, right, lambda document: document)


def same_policy(left: Any, right: Any) -> bool:
    """Two IAM policies with one meaning: a single value may stand for a list, order is nothing."""
    return _same(left, right, _unordered)


def _same(left: Any, right: Any, normal: Any) -> bool:
    if left == right:
        return True
    if not (isinstance(left, str) and isinstance(right, str)):
        return False
    try:
        return bool(normal(json.loads(left)) == normal(json.loads(right)))
    except ValueError:
        return False


def _unordered(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _unordered(child) for key, child in node.items()}
    if isinstance(node, list):
        children = sorted((_unordered(child) for child in node), key=repr)
        return children[0] if len(children) == 1 else children
    return str(node).lower() if isinstance(node, bool) else str(node)


def cast(attribute: Attribute, value: Any) -> Any:
    """What an AWS API says, in the attribute's own type; some APIs speak only strings."""
    if value is None or isinstance(attribute.type, str):
        return None if value is None else _PRIMITIVE[attribute.type](value)
    collection, element = attribute.type
    if collection == "map":
        return {key: cast(Attribute(element), child) for key, child in value.items()}
    return [cast(Attribute(element), child) for child in value]


def _number(value: Any) -> int | float | None:
    if isinstance(value, str):
        return float(value) if "." in value else int(value) if value else None
    return int(value) if value == int(value) else float(value)


def _bool(value: Any) -> bool:
    return value.lower() == "true" if isinstance(value, str) else bool(value)


def _string(value: Any) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


_PRIMITIVE: Final = {"number": _number, "bool": _bool, "string": _string}


def whole(block: Block, state: State) -> State:
    """The state with every name of the schema; what is still unknown becomes null."""
    result: State = {name: known(state.get(name)) for name in block.attributes}
    for name, nested in block.blocks.items():
        value = known(state.get(name))
        if nested.nesting == "single":
            result[name] = None if value is None else whole(nested.block, value)
        else:
            result[name] = [whole(nested.block, element) for element in value or []]
    return result
