"""The module planned on what its last release made: nothing is lost or made a second time."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.terraform import last_release
from tests.terraform.roots import Cloud

Change = dict[str, Any]


@pytest.fixture(scope="module")
def changes(cloud: Cloud, scratch: Path) -> list[Change]:
    folder = last_release.root(scratch / "upgrade")
    shutil.copy(last_release.STATE, folder / "terraform.tfstate")
    cloud.run(folder, "init", "-input=false")
    cloud.run(folder, "plan", "-input=false", "-out=next")
    plan = json.loads(cloud.run(folder, "show", "-json", "next"))
    return [
        change
        for change in plan["resource_changes"]
        if change["mode"] == "managed" and change["change"]["actions"] != ["no-op"]
    ]


# What may be made anew, and why nobody misses it meanwhile.
ANEW = {
    "aws_cloudwatch_dashboard": "its name has the region since 0.2.0",
    "aws_lambda_permission": "names the function by its ARN since 0.2.0; callers try again",
}


def test_an_upgrade_destroys_nothing_that_somebody_would_miss(changes: list[Change]) -> None:
    lost = {change["type"] for change in changes if "delete" in change["change"]["actions"]}
    assert lost == ANEW.keys()


def test_what_was_made_keeps_its_place_or_is_moved(changes: list[Change]) -> None:
    made = {change["type"] for change in changes if change["change"]["actions"] == ["create"]}
    # Roles and buckets that exist cannot be created a second time.
    assert not made & {"aws_iam_role", "aws_s3_bucket", "aws_lambda_function", "aws_sqs_queue"}
