"""Where the real provider is looked for, and what is said when a machine has none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from local import paths
from local.problems import TerraformFailed
from local.terraform import core, real


def mirror(folder: Path, *versions: str, machine: str | None = None) -> Path:
    for version in versions:
        of_versions = folder / "registry.terraform.io/hashicorp/aws"
        place = of_versions / version / (machine or real.this_machine())
        place.mkdir(parents=True)
        binary = place / f"terraform-provider-aws_v{version}_x5"
        binary.touch(mode=0o755)
        (place / "LICENSE.txt").touch()
    return folder


def test_the_newest_provider_of_a_mirror_is_taken(tmp_path: Path) -> None:
    found = real.in_mirror(mirror(tmp_path, "5.100.0", "6.9.0", "6.41.1", "4.0.0"))
    assert found is not None
    assert (found.version, found.mirror, found.is_older) == ((6, 41), tmp_path, False)


def test_a_provider_older_than_the_module_was_tried_with_is_none(tmp_path: Path) -> None:
    assert real.in_mirror(mirror(tmp_path, "5.99.0", "3.39.0")) is None


def test_a_provider_for_another_kind_of_machine_is_none(tmp_path: Path) -> None:
    mirror(tmp_path, "6.41.1", machine="plan9_mips")
    assert real.in_mirror(tmp_path) is None
    found = real.in_mirror(mirror(tmp_path, "5.100.0"))
    assert found is not None and found.version == (5, 100)


def test_a_mirror_without_the_provider_is_said_to_be_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(real.MIRROR_VARIABLE, str(tmp_path))
    with pytest.raises(TerraformFailed, match="terraform providers mirror"):
        real.mirrored()
    monkeypatch.setenv(real.MIRROR_VARIABLE, str(mirror(tmp_path, "5.100.0")))
    found = real.mirrored()
    assert found is not None and found.is_older


def test_a_provider_that_nobody_knows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_PROVIDER", "reel")
    with pytest.raises(TerraformFailed, match='"real" or "stand-in", not "reel"'):
        core._asked()


def test_version_5_is_given_no_word_that_it_does_not_know(tmp_path: Path) -> None:
    copy = real.in_words_of_version_5(paths.REPOSITORY, tmp_path / "copy")
    texts = {file: file.read_text(encoding="utf-8") for file in copy.rglob("*.tf")}
    assert copy / "main.tf" in texts and copy / "local/stack/main.tf" in texts
    for file, text in texts.items():
        resources = re.findall(r'(?m)^(?:resource|data) "aws_.*?^}', text, re.DOTALL)
        assert not [each for each in resources if re.search(r"(?m)^  region\b", each)], file
        assert not re.search(r'version += ">= 6', text), file


def test_nothing_but_regions_and_versions_differs_in_that_copy(tmp_path: Path) -> None:
    copy = real.in_words_of_version_5(paths.REPOSITORY, tmp_path / "copy")
    for file in copy.rglob("*.tf"):
        original = (paths.REPOSITORY / file.relative_to(copy)).read_text(encoding="utf-8")
        kept = set(file.read_text(encoding="utf-8").splitlines())
        gone = [line for line in original.splitlines() if line not in kept]
        assert all("region" in line or "version = " in line for line in gone), (file, gone)
