"""Every promise that `make mutate` breaks is still written where it says."""

from __future__ import annotations

import pytest

from tests.faults import mutate


@pytest.mark.parametrize("mutation", mutate.MUTATIONS, ids=lambda mutation: mutation.promise)
def test_the_text_to_break_occurs_once(mutation: mutate.Mutation) -> None:
    text = (mutate.ROOT / mutate.PACKAGE / mutation.file).read_text("utf-8")
    assert text.count(mutation.old) == 1
    assert mutation.old != mutation.new
