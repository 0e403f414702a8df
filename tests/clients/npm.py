"""Node, and the packages that tests take from npm; both are skipped over where they are missing."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from local import environments, paths

_LOCK = Path(__file__).parent.parent / "npm" / "package-lock.json"


def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("This needs Node.js 18 or newer: apt-get install nodejs npm.")
    return found


def packages() -> Path:
    """node_modules with what tests/npm/package-lock.json names."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("This needs npm: apt-get install nodejs npm.")
    folder = paths.ENVIRONMENTS / "npm"
    stamp = folder.with_suffix(".ready")
    with environments.once(stamp, _LOCK, "Setting up what tests take from npm") as stale:
        if stale:
            folder.mkdir(exist_ok=True)
            for name in ("package.json", "package-lock.json"):
                shutil.copy(_LOCK.with_name(name), folder)
            command = [npm, "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
            subprocess.run(command, cwd=folder, check=True)
    return folder / "node_modules"
