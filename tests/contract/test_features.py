"""Each feature in docs/features.md names a test that exists, or the decision that leaves it out."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/features.md"
FEATURES = 123
ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| (\w+) \| ([^|]+) \|$", re.MULTILINE)


@dataclass(frozen=True)
class Feature:
    number: int
    verdict: str
    shown_by: str


ROWS = [
    Feature(int(number), verdict, shown_by)
    for number, _, verdict, shown_by in ROW.findall(PAGE.read_text("utf-8"))
]


def exists(test: str) -> bool:
    """Whether a file holds this test, or this run of `terraform test`."""
    name, _, what = test.partition("::")
    file = ROOT / name
    if not file.is_file() or not what:
        return False
    begin = rf'run "{re.escape(what)}" ' if name.endswith(".hcl") else rf"def {re.escape(what)}\("
    return re.search(f"^{begin}", file.read_text("utf-8"), re.MULTILINE) is not None


def test_every_feature_has_a_row() -> None:
    assert [row.number for row in ROWS] == list(range(1, FEATURES + 1))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.number))
def test_what_is_there_names_a_test_and_what_is_not_a_decision(row: Feature) -> None:
    if row.verdict == "yes":
        tests = re.findall(r"`([^`]+)`", row.shown_by)
        assert tests
        assert [test for test in tests if not exists(test)] == []
        return
    assert row.verdict in ("partly", "out")
    decisions = re.findall(r"\(decisions/([^)]+)\)", row.shown_by)
    assert decisions and all((ROOT / "docs/decisions" / one).is_file() for one in decisions)


def test_a_test_that_is_not_there_would_be_noticed() -> None:
    here = "tests/contract/test_features.py"
    assert exists(f"{here}::test_every_feature_has_a_row")
    assert not exists(f"{here}::test_every_feature")
    assert not exists(here)
    assert not exists("tests/storage.tftest.hcl::nothing")
    assert exists("tests/storage.tftest.hcl::nothing_in_a_bucket_is_ever_public")


def test_the_page_counts_right() -> None:
    verdicts = Counter(row.verdict for row in ROWS)
    told = re.search(
        r"(\d+) of (\d+) are there, (\d+) is there in\s+part, (\d+) were left out",
        PAGE.read_text("utf-8"),
    )
    assert told is not None
    counts = (verdicts["yes"], FEATURES, verdicts["partly"], verdicts["out"])
    assert tuple(map(int, told.groups())) == counts
