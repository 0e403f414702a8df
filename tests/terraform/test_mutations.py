"""The mutations that `python -m tests.terraform.mutate` makes still fit the module."""

from __future__ import annotations

import pytest

from local import paths
from tests.terraform.mutations import MUTATIONS, VARIABLES, Mutation, without_validations


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.sentence)
def test_a_mutation_changes_the_module(mutation: Mutation) -> None:
    sound = (paths.REPOSITORY / mutation.file).read_text(encoding="utf-8")
    assert mutation.applied(sound) != sound


def test_every_validation_can_be_taken_out() -> None:
    text = (paths.REPOSITORY / VARIABLES).read_text(encoding="utf-8")
    mutations = without_validations(text)
    assert len(mutations) == text.count("\n  validation {")
    assert all(mutation.applied(text).count("|| true") == 1 for mutation in mutations)
