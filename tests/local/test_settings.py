"""What a file of settings may name, as Terraform itself judges it."""

from __future__ import annotations

from pathlib import Path

from local.stack import ignored
from local.terraform import core

ROOT = 'variable "renditions" { default = "none" }\noutput "made" { value = var.renditions }\n'


def warned_of(folder: Path, settings: str) -> list[str]:
    (folder / "main.tf").write_text(ROOT)
    (folder / "my.tfvars").write_text(settings)
    environment = {**core.of_the_host(), "TF_DATA_DIR": str(folder / "data")}
    root = core.Root(core.find(), core.STANDIN, folder, environment)
    return ignored(root.run("plan", f"-var-file={folder / 'my.tfvars'}").stdout)


def test_a_misspelt_setting_is_not_passed_over(tmp_path: Path) -> None:
    """Seen: `make up` with `rendition = ...` made the sample's renditions, and said nothing."""
    assert warned_of(tmp_path, 'rendition = "small"\n') == ["rendition"]


def test_settings_that_there_are_pass(tmp_path: Path) -> None:
    assert warned_of(tmp_path, 'renditions = "small"\n') == []
