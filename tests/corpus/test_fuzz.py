"""A bounded run of the fuzzer; `make fuzz` runs it long."""

from __future__ import annotations

from collections import Counter
from itertools import islice

from tests.corpus.fuzz import mutations, try_one


def test_nothing_but_renditions_and_rejections_leaves_the_converter() -> None:
    found = Counter(try_one(upload) for upload in islice(mutations(seed=3), 400))
    assert found["renditions"] > 40  # mutants that still decode reach the later stages
    assert found["Corrupt"] > 40
