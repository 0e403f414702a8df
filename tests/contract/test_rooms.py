"""What each room of the package may import, also for types: no circle, and no arrow upwards."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from upload_workflow import issue

PACKAGE = Path(__file__).resolve().parents[2] / "lambda_src/upload_workflow"

# From the ground up: a room imports only what its line names, and that stands in a line before.
MAY_IMPORT = {
    "errors": "",
    "work": "",
    "image": "errors work",
    "job": "errors",
    "settings": "image",
    "aws": "errors job",
    "run": "errors work job aws",
    "issue": "job aws settings",
    # Import paths that were published before there were rooms.
    "clients": "aws",
    "store": "aws",
    "signing": "aws issue",
    "upload_request": "issue",
    "handlers": "errors work job aws image run issue settings",
    "kind": "errors work image run settings handlers",
    "reader": "errors image",
    "terminal": "",
    "commands": "errors work image run terminal",
    "ops": "errors job aws terminal",
    "__main__": "commands ops terminal",
}


TREES = {file: ast.parse(file.read_text("utf-8")) for file in PACKAGE.rglob("*.py")}


def imports() -> Iterator[tuple[str, str]]:
    """(room, room that it imports), for every import of ours in the package."""
    for file, tree in TREES.items():
        inside = file.relative_to(PACKAGE).with_suffix("").parts
        for node in ast.walk(tree):
            if not isinstance(node, ast.ImportFrom) or not node.level:
                continue
            above = inside[: len(inside) - node.level]
            for name in [node.module] if node.module else [alias.name for alias in node.names]:
                yield inside[0], (*above, *name.split("."))[0]


def test_a_room_imports_only_what_stands_below_it() -> None:
    floors = list(MAY_IMPORT)
    for room, allowed in MAY_IMPORT.items():
        assert all(floors.index(below) < floors.index(room) for below in allowed.split()), room
    # __version__ stands in the package itself and imports nothing.
    broken = {
        (room, other)
        for room, other in imports()
        if other not in (room, "__version__") and other not in MAY_IMPORT[room].split()
    }
    assert broken == set()


# What a module imports if it knows the thing after all.
SIGNS = {
    "AWS": {"boto3", "botocore", "aws"},
    "HTTP": {"http", "urllib.request"},
    "Pillow": {"PIL"},
    "S3": {"boto3", "botocore"},
}
NOT_KNOWN = re.compile(r"(?:(?:Does|does) not know|Knows neither|Knows nothing of)([^.:]*)")


@pytest.mark.parametrize("thing", SIGNS)
def test_a_module_keeps_the_promise_of_its_head_not_to_know(thing: str) -> None:
    promising = 0
    for file, tree in TREES.items():
        head = " ".join((ast.get_docstring(tree) or "").split())
        if not any(re.search(rf"\b{thing}\b", said) for said in NOT_KNOWN.findall(head)):
            continue
        promising += 1
        named = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        named |= {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
        roots = named | {name.partition(".")[0] for name in named}
        assert not roots & SIGNS[thing], f"{file.relative_to(PACKAGE)} knows {thing}"
    assert promising


def test_import_paths_that_were_published_lead_to_the_same_things() -> None:
    for old in ("clients", "signing", "store", "upload_request"):
        module = importlib.import_module(f"upload_workflow.{old}")
        assert module.__all__
        for name in module.__all__:
            assert getattr(module, name) is getattr(issue, name), name
