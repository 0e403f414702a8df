"""IAM: roles, policies and what joins them."""

from __future__ import annotations

from typing import Any

from local.terraform.standin.cloud import Aws
from local.terraform.standin.crud import Crud, Tags, choose_name, terraform
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


@terraform("aws_iam_policy", names={"name": "PolicyName", "policy": "PolicyDocument"})
class Policy(Crud):
    tags = Tags("iam", "PolicyArn", "id", "policy", "list_policy_tags", ("Key", "Value"))

    def create(self, aws: Aws, state: State) -> None:
        choose_name(state)
        state["id"] = aws.client("iam").create_policy(**self.wire.out(state))["Policy"]["Arn"]

    def read(self, aws: Aws, state: State) -> State | None:
        iam, arn = aws.client("iam"), state["id"]
        policy = iam.get_policy(PolicyArn=arn)["Policy"]
        version = iam.get_policy_version(PolicyArn=arn, VersionId=policy["DefaultVersionId"])
        found = {**policy, "PolicyDocument": version["PolicyVersion"]["Document"]}
        return self.wire.back(found, "arn", "policy_id", "attachment_count")

    def update(self, aws: Aws, prior: State, state: State) -> None:
        if state["policy"] == prior["policy"]:
            return
        iam, named = aws.client("iam"), {"PolicyArn": state["id"]}
        versions = iam.list_policy_versions(**named)["Versions"]
        if len(versions) >= VERSIONS_KEPT:
            spare = [v for v in versions if not v["IsDefaultVersion"]]
            oldest = min(spare, key=lambda version: version["CreateDate"])
            iam.delete_policy_version(**named, VersionId=oldest["VersionId"])
        iam.create_policy_version(**named, PolicyDocument=state["policy"], SetAsDefault=True)

    def delete(self, aws: Aws, state: State) -> None:
        iam, named = aws.client("iam"), {"PolicyArn": state["id"]}
        for version in iam.list_policy_versions(**named)["Versions"]:
            if not version["IsDefaultVersion"]:
                iam.delete_policy_version(**named, VersionId=version["VersionId"])
        iam.delete_policy(**named)


@terraform("aws_iam_role_policy_attachment", names={"role": "RoleName"})
class Attachment(Crud):
    identity = "{role}/{policy_arn}"

    def put(self, aws: Aws, state: State) -> None:
        aws.client("iam").attach_role_policy(**self.wire.out(state))

    def read(self, aws: Aws, state: State) -> State | None:
        role, _, policy = state["id"].partition("/")
        attached = policy in _attached(aws.client("iam"), role)
        return {"role": role, "policy_arn": policy} if attached else None

    def delete(self, aws: Aws, state: State) -> None:
        aws.client("iam").detach_role_policy(**self.wire.out(state))
