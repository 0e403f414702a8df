"""Terraform with an imaginary AWS, started once; each case is applied once."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local import paths
from local.terraform.core import Terraform, find
from tests.terraform.cases import CASES
from tests.terraform.roots import Applied, Cloud, calling, imaginary_aws

# Any file does for the functions' zip: nothing runs here.
PACKAGE = paths.REPOSITORY / "versions.tf"


@pytest.fixture(scope="session")
def terraform() -> Terraform:
    return find()


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    # pytest's own temporary folders are too deep for a socket.
    with tempfile.TemporaryDirectory(prefix="tf") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def cloud(terraform: Terraform, scratch: Path) -> Iterator[Cloud]:
    with imaginary_aws(scratch) as reattach:
        yield Cloud(terraform, reattach)


@pytest.fixture(scope="session")
def applied(cloud: Cloud, scratch: Path) -> Callable[[str], Applied]:
    """The module as a case of tests/terraform/cases.py embeds it, after `terraform apply`."""

    @functools.cache
    def apply(name: str) -> Applied:
        case = CASES[name]
        variables = {"package_file": str(PACKAGE), **case.variables}
        folder = scratch / name
        return cloud.apply(calling(paths.REPOSITORY, folder, variables, case.region))

    return apply
