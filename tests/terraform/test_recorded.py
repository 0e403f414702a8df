"""The stand-in says what the real provider was recorded to say, on machines that have only one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.provider import explained, record, verdicts
from tests.terraform.roots import Applied, Cloud


@pytest.fixture(scope="module")
def recorded() -> dict[str, Any]:
    kept = json.loads(record.FILE.read_text(encoding="utf-8"))
    assert isinstance(kept, dict)
    return kept


def test_what_the_module_leaves_open_is_planned_as_recorded(
    cloud: Cloud, tmp_path: Path, recorded: dict[str, Any]
) -> None:
    module = record.copied(tmp_path, None)
    said = record.undecided([record.planned(cloud, module, name) for name in record.KEPT])
    # Attributes that only one of two versions has are not compared.
    both = said.keys() & recorded["undecided"].keys() - explained.PLANS.keys()
    both = {path for path in both if explained.is_made(path)}
    assert len(both) > 250
    assert {path: said[path] for path in both} == {
        path: recorded["undecided"][path] for path in both
    }


def test_every_change_has_the_verdict_that_was_recorded(
    cloud: Cloud, applied: Callable[[str], Applied], tmp_path: Path, recorded: dict[str, Any]
) -> None:
    questions = verdicts.questions([applied(name) for name in verdicts.FULL])
    folder = tmp_path / "asked"
    folder.mkdir()
    schemas = verdicts.versions(cloud.terraform, cloud.reattach, folder)
    said = verdicts.judge(questions, cloud.terraform, cloud.reattach, folder, schemas)
    # An attribute that the module sets for the first time is judged where the provider is at hand,
    # and recorded there: python -m tests.provider.record
    both = said.keys() & recorded["verdicts"].keys() - explained.VERDICTS.keys()
    assert len(both) > 0.8 * len(said)
    assert {name: said[name] for name in both} == {
        name: recorded["verdicts"][name] for name in both
    }
