"""Cuts botocore's data down to what the functions call: a client is made in a fraction of the time.

Knows the layout of botocore/data. Operations that are left out fail as unknown ones do, and a test
compares what is kept with what the functions call.
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

OPERATIONS = {
    # CreateBucket is never called: botocore asks its model for the address of an upload form.
    "s3": ("GetObject", "HeadObject", "PutObject", "DeleteObject", "CreateBucket"),
    "events": ("PutEvents",),
}
# Besides the model: where the service is. Paginators, waiters and examples are not used.
KEPT_FILES = ("service-2.json", "endpoint-rule-set-1.json")


def slim(data: Path) -> None:
    """Rewrite botocore/data in place. Files become plain JSON: the zip around them compresses."""
    for service, operations in OPERATIONS.items():
        *earlier, current = sorted(path for path in (data / service).iterdir() if path.is_dir())
        for version in earlier:
            shutil.rmtree(version)
        for file in sorted(current.glob("*.json*")):
            name = file.name.removesuffix(".gz")
            content = _read(file)
            file.unlink()
            if name == "service-2.json":
                _write(file.with_name(name), slim_model(content, operations))
            elif name in KEPT_FILES:
                _write(file.with_name(name), content)
    endpoints = data / "endpoints.json"
    _write(endpoints, slim_endpoints(_read(endpoints)))


def slim_model(model: dict[str, Any], operations: tuple[str, ...]) -> dict[str, Any]:
    """The model with these operations and the shapes they reach."""
    kept = {name: _undocumented(model["operations"][name]) for name in operations}
    shapes: dict[str, Any] = {}
    waiting = list(_references(list(kept.values())))
    while waiting:
        name = waiting.pop()
        if name not in shapes:
            shapes[name] = _undocumented(model["shapes"][name])
            waiting.extend(_references(shapes[name]))
    # botocore reads the documentation of these, and of nothing else.
    asked = {name: model[name] for name in ("clientContextParams",) if name in model}
    return {**_undocumented(model), **asked, "operations": kept, "shapes": shapes}


def slim_endpoints(endpoints: dict[str, Any]) -> dict[str, Any]:
    """Every partition and region, and of the services those that are called."""
    partitions = [
        {
            **partition,
            "services": {
                name: service
                for name, service in partition["services"].items()
                if name in OPERATIONS
            },
        }
        for partition in endpoints["partitions"]
    ]
    return {**endpoints, "partitions": partitions}


def _references(node: Any) -> Iterator[str]:
    """The names of the shapes that a part of a model mentions."""
    if isinstance(node, dict):
        if isinstance(node.get("shape"), str):
            yield node["shape"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _undocumented(node: dict[str, Any]) -> dict[str, Any]:
    """A copy without documentation, also inside the members of a structure."""

    def cut(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {
            name: cut(inner)
            for name, inner in value.items()
            # A member may be called "documentation"; its description is a text.
            if not (name.startswith("documentation") and isinstance(inner, str))
        }

    return {name: cut(value) for name, value in node.items() if name != "documentation"}


def _read(file: Path) -> dict[str, Any]:
    raw = file.read_bytes()
    content: dict[str, Any] = json.loads(gzip.decompress(raw) if file.suffix == ".gz" else raw)
    return content


def _write(file: Path, content: dict[str, Any]) -> None:
    file.write_text(json.dumps(content, separators=(",", ":")), "utf-8")
