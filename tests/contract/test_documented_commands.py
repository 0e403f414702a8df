"""Every command that the documentation names exists and takes the options that are shown.

tests/clients/test_documented_commands.py runs those that a machine without an account can run.
"""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from upload_workflow.__main__ import COMMANDS
from upload_workflow.commands import convert, upload
from upload_workflow.ops import __main__ as ops

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    file
    for pattern in ("*.md", "docs/*.md", "local/**/*.md", "examples/**/*.md")
    for file in ROOT.glob(pattern)
)
FENCED = re.compile(r"^```(?:sh|bash|console)?\n(.*?)^```", re.M | re.S)
BEGINS = re.compile(
    r"^(?:\$ )?(?:[~.\w/-]*/bin/)?(make|upload-workflow|ops|python -m) +(.*?)(?: +#.*)?$"
)

# What stands for something that the reader puts in.
FILLED_IN = {
    "S": "FAILED",
    "N": "5",
    "P": "uploads/",
    "KEY": "uploads/a",
    "NAME": "photos",
    "FILE": "keys",
    "FILE...": "a.jpg",
    "URL": "https://example.com/",
    "FOLDER": "out",
    "COMMAND": "jobs",
}


def commands() -> Iterator[tuple[str, str, str]]:
    """(place, program, what follows it) for every command in a span or a block of a document."""
    for file in DOCUMENTS:
        text = file.read_text("utf-8")
        lines = [line for block in FENCED.findall(text) for line in block.splitlines()]
        lines += re.findall(r"`([^`\n]+)`", FENCED.sub("", text))
        for line in lines:
            if found := BEGINS.match(line.strip()):
                yield f"{file.relative_to(ROOT)}: {line.strip()}", found[1], found[2]


FOUND = {place: (program, rest) for place, program, rest in commands()}


def words(rest: str) -> list[str]:
    shown = re.sub(r"[\[\]]", "", rest).replace("\\", "")
    return [FILLED_IN.get(word, word) for word in shlex.split(shown)]


def parse(program: str, arguments: list[str]) -> None:
    """Ends in SystemExit where the program would refuse the call."""
    match program, arguments:
        case "upload-workflow", ["ops", *rest] if rest:
            ops._parser().parse_args(rest)
        case "upload-workflow", ["upload", *rest] if rest:
            upload._parser().parse_args(rest)
        case "upload-workflow", ["convert", *rest] if rest:
            convert._parser().parse_args(rest)
        case "upload-workflow", [names]:
            assert set(names.split("|")) <= COMMANDS.keys()
        case "ops", [command] if command in ("why", "show"):
            ops._parser().parse_args([command, "KEY"])
        case "ops", _:
            ops._parser().parse_args(arguments)


@pytest.mark.parametrize("place", FOUND)
def test_a_command_in_the_documentation_exists_and_takes_its_options(place: str) -> None:
    program, rest = FOUND[place]
    if program == "make":
        targets = set(re.findall(r"^([\w./-]+):", (ROOT / "Makefile").read_text(), re.M))
        named = [word for word in words(rest) if "=" not in word]
        assert (
            named and set(re.split(r"[/;,]", " ".join(named[:1]))) & targets | {named[0]} & targets
        )
    elif program == "python -m":
        assert importlib.util.find_spec(words(rest)[0])
    else:
        try:
            parse(program, words(rest))
        except SystemExit as refused:
            assert refused.code == 0, place


def test_commands_are_found_where_people_look_for_them() -> None:
    for file in ("README.md", "docs/operations.md", "docs/client.md", "docs/conversion.md"):
        assert any(place.startswith(f"{file}:") for place in FOUND)
