"""The module's variables and the converter mean the same by the same words."""

from __future__ import annotations

import dataclasses
import json
import re
from enum import StrEnum
from typing import Any

import pytest

from tests.support import hcl
from tools import package
from upload_workflow.image import rendition
from upload_workflow.image.header import Format
from upload_workflow.image.limits import Limits
from upload_workflow.image.rendition import Fit, OutputFormat, Overlay, Rendition
from upload_workflow.ops import doctor

ALARMS = "modules/monitoring/alarms.tf"
VARIABLES = hcl.read("variables.tf")
RENDITIONS = hcl.inside(VARIABLES, r'variable "renditions" \{')
LIMITS = hcl.inside(VARIABLES, r'variable "limits" \{')
CONVERSION = hcl.inside(VARIABLES, r'variable "conversion" \{')

RENDITION_FIELDS = hcl.fields(hcl.inside(RENDITIONS, r"type = map\(object\(\{"))
LIMIT_FIELDS = hcl.fields(hcl.inside(LIMITS, r"type = object\(\{"))


def test_the_doctor_looks_at_every_alarm_that_the_module_makes() -> None:
    made = set(re.findall(r'"([a-z]+(?:-[a-z]+)+)" (?:=|=>) (?:merge\(|\{)', hcl.read(ALARMS)))
    assert made == set(doctor.ALARMS)
    assert len(doctor.ALARMS) <= 100  # that one call takes


def defaults(of: Any) -> dict[str, Any]:
    return {field.name: field.default for field in dataclasses.fields(of)}


def written(default: str | None) -> Any:
    return None if default is None else json.loads(default)


def test_a_rendition_has_the_same_fields_and_defaults_in_both() -> None:
    # The format has no default in the module: a misspelt "format" is noticed that way.
    in_module = {name: written(field.default) for name, field in RENDITION_FIELDS.items()}
    in_python = defaults(Rendition)
    assert in_module.pop("format") is None and not RENDITION_FIELDS["format"].optional
    in_python.pop("format")
    assert in_module == in_python


def test_an_overlay_has_the_same_fields_defaults_and_places_in_both() -> None:
    fields = hcl.fields(hcl.inside(RENDITIONS, r"overlay = optional\(object\(\{"))
    in_python = {
        name: None if default is dataclasses.MISSING else default
        for name, default in defaults(Overlay).items()
    }
    assert {name: written(field.default) for name, field in fields.items()} == in_python
    assert hcl.choices(RENDITIONS, 'try(r.overlay.position, "center")') == list(rendition.POSITIONS)


def test_a_limit_has_the_same_name_and_default_in_both() -> None:
    assert {name: written(field.default) for name, field in LIMIT_FIELDS.items()} == defaults(
        Limits
    )


@pytest.mark.parametrize(("word", "meaning"), [("r.format", OutputFormat), ("r.fit", Fit)])
def test_a_choice_has_the_same_values_in_both(word: str, meaning: type[StrEnum]) -> None:
    assert hcl.choices(RENDITIONS, word) == [member.value for member in meaning]


def test_a_format_that_can_be_switched_off_has_the_same_name_in_both() -> None:
    assert hcl.choices(LIMITS, "format") == [format.lower() for format in Format]


def test_a_position_has_the_same_values_in_both() -> None:
    assert hcl.choices(RENDITIONS, "r.position") == [*rendition.POSITIONS, rendition.SALIENT]


def test_the_longest_edge_is_the_same_in_both() -> None:
    assert f"px <= {rendition.MAX_EDGE_PX} " in RENDITIONS


def test_the_extras_are_those_that_a_zip_can_be_made_with() -> None:
    assert tuple(hcl.choices(CONVERSION, "extra")) == package.EXTRAS
    surroundings = hcl.read("surroundings.tf")
    by_extra = dict(re.findall(r'(\w+) = "(\w+)"', hcl.inside(surroundings, r"_by_extra\s+= \{")))
    assert tuple(by_extra) == package.EXTRAS
    (always,) = re.findall(r"_always_read = (\[.*\])", surroundings)
    assert [*json.loads(always), *by_extra.values()] == [format.lower() for format in Format]
    for extra in package.EXTRAS:
        assert (package.LOCKS / f"package-{extra}.txt").exists()


def test_the_architectures_are_those_that_a_zip_can_be_made_for() -> None:
    assert set(hcl.choices(CONVERSION, "var.conversion.architecture")) == set(package.MACHINES)


def test_the_inner_module_takes_the_same_fields() -> None:
    inner = hcl.read("modules/conversion/variables.tf")
    for name, outer in (("renditions", RENDITION_FIELDS), ("limits", LIMIT_FIELDS)):
        body = hcl.inside(inner, rf'variable "{name}" \{{')
        taken = hcl.fields(hcl.inside(body, r"object\(\{"))
        assert taken.keys() == outer.keys()
        assert all(taken[field].type == outer[field].type for field in outer)
