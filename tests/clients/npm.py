"""Node, and the packages that tests take from npm; both are skipped over where they are missing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tools import client


def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("This needs Node.js 18 or newer: apt-get install nodejs npm.")
    return found


def packages() -> Path:
    """node_modules with what tests/npm/package-lock.json names."""
    try:
        return client.node_modules()
    except LookupError as missing:
        pytest.skip(str(missing))
