"""The state that the last release left behind, so that the next one can be planned on it.

`python -m tests.terraform.last_release` writes it anew: with each release, from its own tree.
Everything that the module can make and that is not made by the caller is in it.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from local import paths
from local.terraform.core import find
from tests.terraform.cases import CASES
from tests.terraform.roots import Cloud, calling, imaginary_aws

STATE = Path(__file__).with_name("last_release.json")
CASE = CASES["surrounded"]


def root(folder: Path) -> Path:
    """The root that the state belongs to, with the module of this tree."""
    variables = {**CASE.variables, "package_file": "package.zip"}
    calling(paths.REPOSITORY, folder, variables, CASE.region)
    # Any file does for the functions' zip: nothing runs here.
    shutil.copy(paths.REPOSITORY / "versions.tf", folder / "package.zip")
    return folder


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="tf") as scratch:
        folder = root(Path(scratch) / "root")
        with imaginary_aws(Path(scratch)) as reattach:
            Cloud(find(), reattach).apply(folder)
        state = json.loads((folder / "terraform.tfstate").read_text("utf-8"))
    STATE.write_text(json.dumps(state, separators=(",", ":"), sort_keys=True), "utf-8")


if __name__ == "__main__":
    main()
