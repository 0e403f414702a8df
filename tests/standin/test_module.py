"""The module itself, in variants that nobody starts on a laptop: one apply, and nothing to do."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.standin.conftest import REPOSITORY, Workspace, terraform_environment
from tests.standin.test_resources import changes, describe

VARIANTS: dict[str, dict[str, Any]] = {
    "in a network, with a boundary, tokens and mail": {
        "allowed_origins": ["https://photos.example"],
        "conversion": {"max_concurrency": 3},
        "surroundings": {
            "role_path": "/photos/",
            "permissions_boundary_arn": "arn:aws:iam::aws:policy/AdministratorAccess",
            # No key: the local AWS has no AssociateKmsKey, so that no log group can have one.
            "network": {"subnet_ids": ["subnet-1a2b3c4d"], "security_group_ids": ["sg-1a2b3c4d"]},
        },
        "monitoring": {"email_addresses": ["on-call@photos.example"]},
        "tags": {"team": "photos"},
        "upload_api": {
            "authorization": "JWT",
            "jwt": {"issuer": "https://login.photos.example", "audiences": ["photos"]},
            "page": True,
        },
    },
    "express, paused and for signed requests": {
        "monitoring": None,
        "upload_api": {"authorization": "IAM"},
        "workflow": {"type": "EXPRESS", "paused": True},
    },
}


@pytest.fixture(scope="module")
def module(
    tmp_path_factory: pytest.TempPathFactory, reattach: str, packages: dict[str, str]
) -> Iterator[Workspace]:
    """A copy, so that neither state nor lock file lands in the tree."""
    folder = tmp_path_factory.mktemp("module")
    for file in REPOSITORY.glob("*.tf"):
        shutil.copy(file, folder)
    for name in ("modules", "statemachine", "lambda_src"):
        shutil.copytree(REPOSITORY / name, folder / name)
    workspace = Workspace(folder, terraform_environment(reattach)).init()
    yield workspace
    workspace.destroy().must()


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_of_the_module_is_applied_at_once(
    variant: str, module: Workspace, packages: dict[str, str]
) -> None:
    settings = {"package_file": packages["a"], "force_destroy": True, **VARIANTS[variant]}
    module.write(json.dumps(settings), "terraform.tfvars.json")
    module.apply().must()
    plan = module.planned()
    differing = [r for r in plan["resource_changes"] if r["change"]["actions"] != ["no-op"]]
    assert not changes(plan, "update"), describe(plan)
    assert not differing, [r["address"] for r in differing]
