"""Every promise that `make mutate` breaks is still written where it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import mutate


@pytest.mark.parametrize("mutation", mutate.MUTATIONS, ids=lambda mutation: mutation.promise)
def test_the_text_to_break_occurs_once(mutation: mutate.Mutation) -> None:
    text = (mutate.ROOT / mutate.PACKAGE / mutation.file).read_text("utf-8")
    assert text.count(mutation.old) == 1
    assert mutation.old != mutation.new


def test_tests_that_cannot_be_run_are_no_verdict(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="could not be run"):
        mutate.failing_test(tmp_path)


def test_the_copy_holds_all_that_its_tests_import(tmp_path: Path) -> None:
    assert mutate.failing_test(mutate.copied(tmp_path), "--collect-only") is None
