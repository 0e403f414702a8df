"""The committed schemas of hashicorp/aws as typed blocks; knows no meaning."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

PROVIDER = "registry.terraform.io/hashicorp/aws"
SCHEMA_FILE = Path(__file__).with_name("schema.json")


@dataclass(frozen=True)
class Attribute:
    """`type` is cty's JSON notation: "string", ["set", "string"], ["map", "number"], ..."""

    type: Any
    required: bool = False
    optional: bool = False
    computed: bool = False

    @property
    def collection(self) -> str | None:
        """list, set or map; None for a primitive."""
        return None if isinstance(self.type, str) else self.type[0]


@dataclass(frozen=True)
class NestedBlock:
    """A block type inside a block; at most one when `max_items` is 1, 0 means no bound."""

    block: Block
    nesting: Literal["list", "set", "single"]
    min_items: int = 0
    max_items: int = 0


@dataclass(frozen=True)
class Block:
    """Attributes and nested blocks, both by name."""

    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    blocks: Mapping[str, NestedBlock] = field(default_factory=dict)

    @property
    def names(self) -> set[str]:
        return {*self.attributes, *self.blocks}


@dataclass(frozen=True)
class Schemas:
    """Everything the provider tells Terraform about itself."""

    provider: Block
    resources: Mapping[str, Block]
    data_sources: Mapping[str, Block]


def _block(document: Mapping[str, Any]) -> Block:
    flags = ("required", "optional", "computed")
    return Block(
        attributes={
            name: Attribute(a["type"], *(bool(a.get(flag)) for flag in flags))
            for name, a in document.get("attributes", {}).items()
        },
        blocks={
            name: NestedBlock(
                _block(b["block"]), b["nesting_mode"], b.get("min_items", 0), b.get("max_items", 0)
            )
            for name, b in document.get("block_types", {}).items()
        },
    )


@cache
def load() -> Schemas:
    """Reads schema.json, which has the layout of `terraform providers schema -json`."""
    document = json.loads(SCHEMA_FILE.read_bytes())["provider_schemas"][PROVIDER]
    resources, data = document["resource_schemas"], document["data_source_schemas"]
    return Schemas(
        provider=_block(document["provider"]["block"]),
        resources={name: _block(schema["block"]) for name, schema in resources.items()},
        data_sources={name: _block(schema["block"]) for name, schema in data.items()},
    )
