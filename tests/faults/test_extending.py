"""The lines of docs/extending.md do what stands beside them."""

from __future__ import annotations

import ast
import importlib
import io
import json
import re
import struct
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from PIL import Image

from tests.faults.conftest import ENVIRONMENT, Functions, started
from tests.faults.test_functions import document, put
from tests.support.upload_world import RESULTS, World, picture
from upload_workflow.image.header import PLUGS
from upload_workflow.image.recipe import recipe
from upload_workflow.reader import StillReader, plug

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
    (listed,) = document(functions, "uploads/text")["renditions"]
    assert not {"width", "height"} & (listed.keys() | ended["renditions"][0].keys())
    refused = functions.convert(put(functions, "uploads/no-text", b"\xff"))
    assert refused["error"]["message"] == "This is no text. Save it as UTF-8."


@pytest.fixture
def unplugged() -> Iterator[None]:
    yield
    PLUGS.clear()


def farbfeld(width: int, height: int, *pixels: tuple[int, int, int, int]) -> bytes:
    values = [value * 257 for pixel in pixels for value in pixel]
    return struct.pack(f">8sII{len(values)}H", b"farbfeld", width, height, *values)


@pytest.mark.usefixtures("unplugged")
def test_a_format_of_ones_own_is_read_beside_ours_and_refused_as_ours_are(
    functions: Functions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "upload_workflow.handlers.convert_image")
    functions.convert_image = imported("farbfeld", tmp_path, monkeypatch).handler
    red = farbfeld(2, 2, *[(255, 0, 0, 255)] * 4)
    ended = functions.convert(put(functions, "uploads/red", red))
    assert ended["state"] == "SUCCEEDED"
    facts = document(functions, "uploads/red")["image"]
    assert (facts["format"], facts["width"], facts["dominant_color"]) == ("FARBFELD", 2, "#ff0000")
    stored = functions.s3.current("results", ended["renditions"][0]["key"])
    assert stored and stored.body
    shown = Image.open(io.BytesIO(stored.body)).convert("RGB").getpixel((0, 0))
    assert isinstance(shown, tuple) and shown[0] > 250 and max(shown[1:]) < 5
    assert functions.convert(put(functions, "uploads/jpeg", picture()))["state"] == "SUCCEEDED"
    recipes = {recipe({})}
    PLUGS["FARBFELD"] = replace(PLUGS["FARBFELD"], version=2)
    recipes.add(recipe({}))
    PLUGS["FARBFELD"] = replace(PLUGS["FARBFELD"], version=1)
    assert len(recipes) == 2, "another version has other keys"
    huge = functions.convert(put(functions, "uploads/huge", farbfeld(60_000, 60_000)))
    assert huge["error"]["code"] == "TooManyPixels"
    for name, broken in {"short": red[:-2], "header": red[:9], "nothing": farbfeld(0, 2)}.items():
        refused = functions.convert(put(functions, f"uploads/{name}", broken))
        assert refused["error"]["code"] == "Corrupt", name
        assert refused["error"]["message"].endswith(".")


@pytest.mark.usefixtures("unplugged")
def test_a_plug_replaces_no_format_of_ours_and_what_its_header_raises_is_the_files_fault(
    functions: Functions,
) -> None:
    with pytest.raises(ValueError, match="JPEG is read already"):
        plug("JPEG", b"x", lambda data: None, lambda upload, header: StillReader())
    plug("ODD", b"odd", lambda data: {}["nothing"], lambda upload, header: StillReader())
    refused = functions.convert(put(functions, "uploads/odd", b"odd"))
    assert (refused["state"], refused["error"]["code"]) == ("REJECTED", "Corrupt")


@pytest.mark.usefixtures("unplugged")
@pytest.mark.parametrize(
    "magic", [b"", b"x" * 65, "text", b"BM7", b"II*\0\x10\0\0\0CR", b"%PDF-odd", b"other"]
)
def test_a_plug_that_no_file_would_reach_is_refused(magic: Any) -> None:
    plug("OTHER", b"other", lambda data: None, lambda upload, header: StillReader())
    with pytest.raises(ValueError, match=r"^Files .*begin with"):
        plug("ODD", magic, lambda data: None, lambda upload, header: StillReader())


def test_the_consumer_understands_every_end_that_is_announced(
    functions: Functions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hear = imported("told", tmp_path, monkeypatch).handler
    good = functions.convert(put(functions, "uploads/good", picture()))
    keys = {made["name"]: made["key"] for made in good["renditions"]}
    assert hear({"detail": good}, None) == {"show": "uploads/good", "from": RESULTS, "keys": keys}
    bad = functions.convert(put(functions, "uploads/bad", b"no picture"))
    told = hear({"detail": bad}, None)
    assert (told["mark"], told["as"]) == ("uploads/bad", "REJECTED")
    assert told["because"].startswith("This is not an image.")


@pytest.mark.parametrize(("key", "state"), [("anna/1", "SUCCEEDED"), ("blocked/1", "REJECTED")])
def test_the_step_answers_what_the_workflow_understands(
    key: str, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    event = world.put(f"uploads/{key}")
    answer = imported("vouched", tmp_path, monkeypatch).handler({"event": event}, None)
    ended = world.convert(event, own_step=answer)
    assert ended["state"] == state
    if state == "SUCCEEDED":
        assert ended["upload"]["metadata"] == {"vouched_by": "anna"}
    else:
        assert ended["error"]["message"] == "Your account is blocked. Write to us."


def test_every_way_has_its_lines() -> None:
    assert list(LINES) == ["told", "vouched", "counted", "farbfeld"]
