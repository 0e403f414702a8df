"""A real browser: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from local import environments, paths

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def installed() -> str | None:
    """Where this machine's Chromium is; None without one."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


@contextmanager
def chromium() -> Iterator[Any]:
    """Playwright's browser object; skips the test where there is no Chromium."""
    found = installed()
    if found is None:
        pytest.skip("This needs Chromium: apt-get install chromium, or Chrome.")
    _install_playwright()
    playwright = importlib.import_module("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        # Containers lack the privileges of the sandbox and much shared memory; every page is ours.
        browser = driver.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        try:
            yield browser
        finally:
            browser.close()


def _install_playwright() -> None:
    """Only where there is a browser to drive: it is large, and brings none itself."""
    requirements = paths.REQUIREMENTS / "browser.txt"
    stamp = paths.ENVIRONMENTS / "browser.ready"
    with environments.once(stamp, requirements, "Setting up the browser tests") as stale:
        if stale:
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes"]
            command += ["--disable-pip-version-check", "--only-binary", ":all:"]
            subprocess.run([*command, "-r", str(requirements)], check=True)
