from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

import local.aws.server
from local.aws.server import LocalAws, local_aws
from local.stack import Stack, apply, configured, package
from tests.local.laboratory import Laboratory


@pytest.fixture(scope="session")
def aws() -> Iterator[LocalAws]:
    """The local AWS as we run it."""
    with local_aws() as running:
        yield running


@pytest.fixture(scope="session")
def variant() -> Callable[[str], AbstractContextManager[LocalAws]]:
    """Starts a local AWS whose launcher is changed as tests/local/launch_variant.py says."""

    @contextmanager
    def started(name: str) -> Iterator[LocalAws]:
        ordinary = local.aws.server._environment
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                local.aws.server, "_LAUNCHER", Path(__file__).with_name("launch_variant.py")
            )
            patch.setattr(
                local.aws.server, "_environment", lambda root: {**ordinary(root), "VARIANT": name}
            )
            with local_aws() as running:
                yield running

    return started


@pytest.fixture(scope="module")
def unadapted(variant: Callable[[str], AbstractContextManager[LocalAws]]) -> Iterator[LocalAws]:
    """MiniStack as it is, without what our launcher changes."""
    with variant("unadapted") as running:
        yield running


@pytest.fixture(scope="module")
def laboratory(aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    return Laboratory(aws, tmp_path_factory.mktemp("laboratory"))


@pytest.fixture(scope="module")
def plain_laboratory(unadapted: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    return Laboratory(unadapted, tmp_path_factory.mktemp("plain-laboratory"))


@pytest.fixture(scope="session")
def package_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The functions' zip, which stays as it is when somebody edits a function meanwhile."""
    return shutil.copy(package(), tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="session")
def stack(
    aws: LocalAws, package_file: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """The module, applied as the demo applies it."""
    variables = {"name": "tested", "package_file": package_file}
    with configured(aws, tmp_path_factory.mktemp("stack"), variables) as root:
        yield apply(aws, root)
