"""The real provider, a local AWS, and the module applied to it once."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import paths
from local.aws.server import LocalAws, local_aws
from local.terraform import core, real
from tests.provider.estate import NAME, Estate
from tests.provider.record import serving


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    # pytest's own temporary folders are too deep for a socket.
    with tempfile.TemporaryDirectory(prefix="tf") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def provider(scratch: Path) -> real.RealProvider:
    folder = scratch / "installed"
    folder.mkdir()
    found = core.installed(folder)
    if found is None:
        pytest.skip(real.HOW_TO_GET_IT)
    return found


@pytest.fixture(scope="session")
def module(provider: real.RealProvider, scratch: Path) -> Path:
    """The module in the words of the provider that is at hand."""
    if provider.is_older:
        return real.in_words_of_version_5(paths.REPOSITORY, scratch / "module")
    return paths.REPOSITORY


@pytest.fixture(scope="session")
def aws(provider: real.RealProvider) -> Iterator[LocalAws]:
    with local_aws() as running:
        yield running


@pytest.fixture(scope="session")
def reattach(provider: real.RealProvider, aws: LocalAws, scratch: Path) -> Iterator[str]:
    """A provider that serves for as long as the tests run."""
    # "p" is short: a socket's path has at most 104 characters.
    with serving(provider, aws, scratch / "p") as cloud:
        yield cloud.reattach


@pytest.fixture(scope="session")
def package(scratch: Path) -> str:
    """A zip that Lambda takes; nothing runs in this ring."""
    file = scratch / "package.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("upload_workflow.py", "")
    return str(file)


@pytest.fixture(scope="session")
def fresh(reattach: str, module: Path, scratch: Path, package: str) -> Estate:
    """An estate in which nothing was applied."""
    folder = scratch / "fresh"
    folder.mkdir()
    return Estate(folder, module, core.find(), reattach, {"name": NAME, "package_file": package})


@pytest.fixture(scope="session")
def estate(fresh: Estate, scratch: Path) -> Estate:
    """The module with an open API, a page and monitoring, applied."""
    folder = scratch / "estate"
    folder.mkdir()
    estate = Estate(folder, fresh.module, fresh.terraform, fresh.reattach, fresh.variables)
    estate.calls(upload_api={"authorization": "NONE", "page": True}).apply()
    return estate.keep()
