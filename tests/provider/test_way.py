"""One stack under the real provider, from change to change until it is destroyed; in this order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.aws.server import LocalAws
from tests.provider.estate import NAME, Estate

JWT = {
    "authorization": "JWT",
    "jwt": {"issuer": "https://login.photos.example", "audiences": ["photos"]},
    "page": True,
}
KEPT = "uploads/kept"


def roles(aws: LocalAws) -> dict[str, list[str]]:
    """The policies of each role of the stack, by its path and name."""
    iam = aws.client("iam")
    return {
        f"{role['Path']}{role['RoleName']}": iam.list_role_policies(RoleName=role["RoleName"])[
            "PolicyNames"
        ]
        for role in iam.list_roles()["Roles"]
        if role["RoleName"].startswith(NAME)
    }


@pytest.fixture(scope="module")
def bucket(aws: LocalAws, estate: Estate) -> str:
    """The uploads bucket, with an object that nobody wants to lose."""
    name = estate.outputs()["uploads"]["bucket"]
    aws.client("s3").put_object(Bucket=name, Key=KEPT, Body=b"not to be lost")
    return str(name)


def settings(aws: LocalAws, bucket: str) -> dict[str, Any]:
    """What a bucket that was stripped would not have."""
    s3 = aws.client("s3")
    return {
        "object": s3.get_object(Bucket=bucket, Key=KEPT)["Body"].read(),
        "policy": json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"]),
        "access": s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"],
        "versions": s3.get_bucket_versioning(Bucket=bucket)["Status"],
        "rules": s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"],
        "events": s3.get_bucket_notification_configuration(Bucket=bucket).get(
            "EventBridgeConfiguration"
        ),
    }


@pytest.fixture(scope="module")
def moved(aws: LocalAws, estate: Estate, bucket: str) -> Iterator[Estate]:
    """The stack with another path for its roles and tokens for its API, applied once."""
    assert roles(aws)
    estate.calls(upload_api=JWT, surroundings={"role_path": "/media/"}).apply()
    yield estate


def test_roles_that_moved_have_their_policies_after_one_apply(aws: LocalAws, moved: Estate) -> None:
    found = roles(aws)
    assert len(found) == 5
    assert all(name.startswith("/media/") and policies for name, policies in found.items()), found


def test_a_plan_after_that_apply_is_empty(moved: Estate) -> None:
    assert moved.plan().changes == ()


def test_routes_leave_tokens_before_the_authorizer_goes(moved: Estate) -> None:
    # API Gateway answers 409 while a route refers to it, and the provider retries for half an hour.
    moved.calls(upload_api={"authorization": "IAM"}, surroundings={"role_path": "/media/"})
    told = moved.apply().splitlines()
    (left,) = (
        at for at, line in enumerate(told) if 'served["issue"]: Modifications complete' in line
    )
    (gone,) = (
        at
        for at, line in enumerate(told)
        if "aws_apigatewayv2_authorizer" in line and "Destroying" in line
    )
    assert left < gone


def test_the_api_is_opened_while_the_module_waits_for_another_change(
    aws: LocalAws, moved: Estate, bucket: str
) -> None:
    before = settings(aws, bucket)
    waits = {
        "resource": {"terraform_data": {"network": {"input": "changed"}}},
        "module": {
            "called": {
                "upload_api": {"authorization": "NONE"},
                "surroundings": {"role_path": "/media/"},
                "depends_on": ["terraform_data.network"],
            }
        },
    }
    moved.contains(waits).apply()
    assert settings(aws, bucket) == before
    assert moved.plan().changes == ()


def test_replacing_a_bucket_is_refused_before_anything_of_it_is_lost(
    aws: LocalAws, moved: Estate, bucket: str
) -> None:
    before = settings(aws, bucket)
    address = 'module.called.module.storage.aws_s3_bucket.made["uploads"]'
    refused = moved.attempt("apply", "-auto-approve", "-input=false", f"-replace={address}")
    assert refused.returncode != 0
    assert "BucketAlreadyOwnedByYou" in refused.stderr
    assert settings(aws, bucket) == before
    assert moved.plan().changes == ()


def test_a_destroy_is_refused_while_there_are_objects(
    aws: LocalAws, moved: Estate, bucket: str
) -> None:
    refused = moved.attempt("destroy", "-auto-approve", "-input=false")
    assert refused.returncode != 0
    assert "BucketNotEmpty" in refused.stderr
    assert aws.client("s3").get_object(Bucket=bucket, Key=KEPT)["Body"].read() == b"not to be lost"


def test_a_destroy_leaves_nothing(aws: LocalAws, moved: Estate, bucket: str) -> None:
    s3 = aws.client("s3")
    for version in s3.list_object_versions(Bucket=bucket)["Versions"]:
        s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
    moved.run("destroy", "-auto-approve", "-input=false")
    assert json.loads((moved.folder / "terraform.tfstate").read_text())["resources"] == []
    assert roles(aws) == {}
    with pytest.raises(ClientError, match="404"):
        s3.head_bucket(Bucket=bucket)
