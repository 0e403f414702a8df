"""The checker of state machines finds every planted mistake and is silent on sound machines."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import workflow_file
from tests.tools.asl_mutants.mistakes import FRESH, KNOWN, Machine, Mistake, put
from tools.asl.check import findings

SAMPLES = Path(__file__).with_name("asl_mutants")
SOUND: dict[str, Machine] = {
    "order": json.loads((SAMPLES / "order.asl.json").read_text(encoding="utf-8")),
    "ours": workflow_file.machine(),
}


def found(machine: Machine) -> list[str]:
    return [str(finding) for finding in findings(json.dumps(machine))]


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_machine_has_no_findings(name: str) -> None:
    assert found(SOUND[name]) == []


@pytest.mark.parametrize("mistake", [*KNOWN, *FRESH], ids=lambda mistake: mistake.sentence)
def test_a_planted_mistake_is_named(mistake: Mistake) -> None:
    findings_about_it = found(mistake.planted(SOUND[mistake.into]))
    assert any(mistake.finding in finding for finding in findings_about_it), findings_about_it


def test_a_loop_that_a_catch_ends_is_legal() -> None:
    machine = copy.deepcopy(SOUND["order"])
    put("Breathe.Next", "Price order")(machine)
    del machine["States"]["Order done"]
    assert found(machine) == []


def test_a_state_that_is_written_twice_is_named() -> None:
    text = workflow_file.rendered()
    twice = text.replace('"Job failed": {', '"Record failure": {', 1)
    assert twice != text
    assert 'the key "Record failure" occurs twice' in str(findings(twice)[0])


def test_text_that_is_no_json_is_named() -> None:
    assert "Expecting" in str(findings('{"StartAt": }')[0])


@pytest.mark.parametrize("name", SOUND)
def test_a_value_of_a_wrong_type_is_found_and_breaks_nothing(name: str) -> None:
    machine = copy.deepcopy(SOUND[name])
    for place in list(places(machine)):
        at: Any = machine
        for step in place[:-1]:
            at = at[step]
        right = at[place[-1]]
        wrong: list[Any] = [None, [7]] if isinstance(right, dict) else [{"x": [None]}]
        for value in wrong:
            at[place[-1]] = value
            # Deeper down lie parameters, which may be of any type.
            may_be_silent = len(place) > 3 or place[-1] == "Output"
            assert found(machine) or may_be_silent, f"{place} = {value}"
        at[place[-1]] = right


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value within a document."""
    steps = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for step, inner in steps:
        yield (*path, step)
        yield from places(inner, (*path, step))
