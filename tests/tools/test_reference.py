"""The pages that are made from others are current."""

from __future__ import annotations

import re

from tests.support import hcl
from tools import reference


def test_the_reference_is_current() -> None:
    assert hcl.read("docs/reference.md") == reference.reference(), "run make reference"


def test_the_index_lists_every_decision_with_its_status() -> None:
    assert hcl.read("docs/decisions/README.md") == reference.decisions(), "run make reference"


def test_a_decision_that_supersedes_another_is_named_there() -> None:
    every = {file.name[:4]: file.read_text("utf-8") for file in reference.DECISIONS.glob("0*.md")}
    named = {
        number
        for text in every.values()
        for number in re.findall(r"superseded by (\d{4})", text.split("\n\n")[1])
    }
    assert named and named <= every.keys()
