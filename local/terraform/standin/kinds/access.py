"""IAM: roles, policies and what joins them."""

from __future__ import annotations

from typing import Any

from local.terraform.standin.cloud import Aws
from local.terraform.standin.crud import Crud, Tags, terraform
from local.terraform.standin.values import State

VERSIONS_KEPT = 5  # a managed policy has no room for more


@terraform(
    "aws_iam_role",
    names={
        "assume_role_policy": "AssumeRolePolicyDocument",
        "managed_policy_arns": None,
        "name": "RoleName",
        "unique_id": "RoleId",
    },
)
class Role(Crud):
    tags = Tags("iam", "RoleName", "id", "role", "list_role_tags", ("Key", "Value"))

    def put(self, aws: Aws, state: State) -> None:
        aws.client("iam").create_role(**self.wire.out(state))

    def read(self, aws: Aws, state: State) -> State | None:
        iam, name = aws.client("iam"), state["id"]
        role = iam.get_role(RoleName=name)["Role"]
        boundary = role.pop("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        return {
            **self.wire.back(role, "arn", "create_date", "unique_id"),
            "permissions_boundary": boundary,
            "managed_policy_arns": _attached(iam, name),
        }

    def update(self, aws: Aws, prior: State, state: State) -> None:
        iam, named = aws.client("iam"), {"RoleName": state["id"]}
        changeable = {"Description": "", **self.wire.out(state, "description")}
        iam.update_role(**named, **changeable, MaxSessionDuration=state["max_session_duration"])
        if state["assume_role_policy"] != prior["assume_role_policy"]:
            iam.update_assume_role_policy(**named, PolicyDocument=state["assume_role_policy"])
        boundary = state["permissions_boundary"]
        if boundary and boundary != prior["permissions_boundary"]:
            iam.put_role_permissions_boundary(**named, PermissionsBoundary=boundary)
        if prior["permissions_boundary"] and not boundary:
            iam.delete_role_permissions_boundary(**named)

    def delete(self, aws: Aws, state: State) -> None:
        iam, name = aws.client("iam"), state["id"]
        if state["force_detach_policies"]:
            for policy in _attached(iam, name):
                iam.detach_role_policy(RoleName=name, PolicyArn=policy)
            for inline in iam.list_role_policies(RoleName=name)["PolicyNames"]:
                iam.delete_role_policy(RoleName=name, PolicyName=inline)
        iam.delete_role(RoleName=name)


def _attached(iam: Any, role: str) -> list[str]:
    """ARNs of the managed policies of a role."""
    pages = iam.get_paginator("list_attached_role_policies").paginate(RoleName=role)
    return [policy["PolicyArn"] for page in pages for policy in page["AttachedPolicies"]]


@terraform(
    "aws_iam_role_policy",
    names={"name": "PolicyName", "policy": "PolicyDocument", "role": "RoleName"},
)
class RolePolicy(Crud):
    identity = "{role}:{name}"

    def put(self, aws: Aws, state: State) -> None:
        aws.client("iam").put_role_policy(**self.wire.out(state))

    def read(self, aws: Aws, state: State) -> State | None:
        role, _, name = state["id"].partition(":")
        return self.wire.back(aws.client("iam").get_role_policy(RoleName=role, PolicyName=name))

    def delete(self, aws: Aws, state: State) -> None:
        aws.client("iam").delete_role_policy(**self.wire.out(state, "role", "name"))
