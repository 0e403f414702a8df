"""The module says nowhere where it is: no partition, account or region of somebody's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.contract.workflow_file import ROOT

# A partition's name in a table of partitions is a key, not a place that something is in.
TABLE_OF_PARTITIONS = re.compile(r'^\s*"?aws[\w-]*"?\s+= "console\.', re.MULTILINE)
FILES = sorted([*ROOT.glob("*.tf"), *ROOT.glob("modules/*/*.tf")])


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_nothing_names_a_partition_an_account_or_a_region(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    # Examples in sentences and comments show what an ARN looks like.
    code = re.sub(r"error_message = .*|#.*|description = .*", "", text)
    code = TABLE_OF_PARTITIONS.sub("", code)
    assert not re.search(
        r"arn:aws|\b\d{12}\b|\b[a-z]{2}(-gov)?-(north|south|east|west|central)", code
    )
