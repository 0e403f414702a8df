"""The reference for users is generated from the module, and current."""

from __future__ import annotations

from tests.support import hcl
from tools import reference


def test_the_reference_is_current() -> None:
    assert hcl.read("docs/reference.md") == reference.reference(), "run python -m tools.reference"
