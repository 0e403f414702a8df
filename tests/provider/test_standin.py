"""What the stand-in plans and makes of a change, the real provider plans and makes of it too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.aws.server import LocalAws
from local.terraform import core, real
from tests.provider import agreement, explained, record, verdicts
from tests.terraform.cases import CASES
from tests.terraform.imaginary_aws import partition_of
from tests.terraform.roots import Cloud, imaginary_aws


@pytest.fixture(scope="module")
def mine(scratch: Path) -> Iterator[Cloud]:
    """The stand-in, with nothing behind it."""
    with imaginary_aws(scratch) as reattach:
        yield Cloud(core.find(), reattach)


@pytest.fixture(scope="module")
def theirs(reattach: str) -> Cloud:
    return Cloud(core.find(), reattach)


@pytest.fixture(scope="module")
def modules(provider: real.RealProvider, scratch: Path) -> tuple[Path, Path]:
    """The module for each of the two."""
    folders = (scratch / "mine", scratch / "theirs")
    for folder in folders:
        folder.mkdir()
    return record.copied(folders[0], None), record.copied(folders[1], provider)


# MiniStack is in the partition "aws" everywhere; the real provider takes the account's word for it.
WHERE = [
    *(name for name, case in CASES.items() if partition_of(case.region) == "aws"),
    *record.EXAMPLES,
]

SEEN: set[str] = set()


@pytest.mark.parametrize("name", WHERE)
def test_a_first_plan_says_the_same_of_every_attribute(
    mine: Cloud, theirs: Cloud, modules: tuple[Path, Path], name: str
) -> None:
    one, other = (
        record.planned(cloud, module, name)
        for cloud, module in zip((mine, theirs), modules, strict=True)
    )
    assert len(one) > 20
    differing = agreement.disagreements(one, other)
    found = [each for each in differing if explained.is_made(each.attribute)]
    SEEN.update(each.attribute for each in found)
    assert [each for each in found if each.attribute not in explained.PLANS] == []


@pytest.mark.usefixtures("provider")  # without one there are no cases to need them
def test_every_explanation_is_needed() -> None:
    # Runs after the cases above, which have told what is needed.
    assert explained.PLANS.keys() - SEEN == set()


def test_every_change_has_the_same_verdict_and_is_recorded(
    mine: Cloud, theirs: Cloud, provider: real.RealProvider, aws: LocalAws, scratch: Path
) -> None:
    questions = verdicts.questions(verdicts.imagined(mine, scratch / "states"))
    found = []
    for cloud, folder in ((mine, scratch / "q"), (theirs, scratch / "r")):
        folder.mkdir()
        schemas = verdicts.versions(cloud.terraform, cloud.reattach, folder)
        found.append(verdicts.judge(questions, cloud.terraform, cloud.reattach, folder, schemas))
    ours, real_ones = found
    assert len(real_ones) > 200
    differing = {name for name in ours if ours[name] != real_ones[name]}
    assert differing == explained.VERDICTS.keys(), {
        name: (ours[name], real_ones[name]) for name in differing ^ explained.VERDICTS.keys()
    }
    recorded = json.loads(record.FILE.read_text(encoding="utf-8"))
    assert recorded["verdicts"] == real_ones, "run python -m tests.provider.record"
