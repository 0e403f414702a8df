"""The lines of docs/extending.md do what stands beside them."""

from __future__ import annotations

import ast
import importlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.faults.conftest import ENVIRONMENT, Functions, started
from tests.faults.test_functions import put

PAGE = (Path(__file__).parents[2] / "docs/extending.md").read_text("utf-8")
LINES = {
    name: code
    for code, name in re.findall(
        r'^```python\n("""(\w+)\.py: .*?)^```', PAGE, re.DOTALL | re.MULTILINE
    )
}


@pytest.fixture
def functions() -> Iterator[Functions]:
    with started(ENVIRONMENT) as functions:
        yield functions


def imported(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The lines of that name, as a worker imports them."""
    (folder / f"{name}.py").write_text(LINES[name], "utf-8")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module(name)


@pytest.mark.parametrize("name", LINES)
def test_the_lines_are_few(name: str) -> None:
    _, *statements = ast.parse(LINES[name]).body
    begun = min(statement.lineno for statement in statements) - 1
    lines = LINES[name].splitlines()[begun:]
    assert len([line for line in lines if line.strip()]) <= 15


def test_a_text_is_counted(
    functions: Functions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    functions.convert_image = imported("counted", tmp_path, monkeypatch).handler
    ended = functions.convert(put(functions, "uploads/text", b"one two\nthree\n"))
    stored = functions.s3.current("results", ended["renditions"][0]["key"])
    assert stored and json.loads(stored.body or b"") == {"name": None, "lines": 2, "words": 3}
    refused = functions.convert(put(functions, "uploads/no-text", b"\xff"))
    assert refused["error"]["message"] == "This is no text. Save it as UTF-8."
