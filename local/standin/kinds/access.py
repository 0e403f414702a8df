"""IAM: roles, policies and what joins them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from local.standin.cloud import Aws
from local.standin.crud import Crud, choose_name, name_prefix, pairs, terraform, unpairs
from local.standin.values import State

VERSIONS_KEPT = 5  # a managed policy has no room for more


def _text(document: Any) -> str:
    """botocore decodes policy documents; Terraform holds them as text."""
    return document if isinstance(document, str) else json.dumps(document)


@terraform(
    "aws_iam_role",
    names={
        "assume_role_policy": "AssumeRolePolicyDocument",
        "name": "RoleName",
        "unique_id": "RoleId",
    },
)
class Role(Crud):
    def create(self, aws: Aws, state: State) -> None:
        choose_name(state)
        request = self.wire.out(
            state,
            "name",
            "path",
            "assume_role_policy",
            "description",
            "max_session_duration",
            "permissions_boundary",
        )
        aws.client("iam").create_role(**request, Tags=pairs(state["tags_all"]))
        state["id"] = state["name"]

    def read(self, aws: Aws, state: State) -> State | None:
        iam, name = aws.client("iam"), state["id"]
        role = iam.get_role(RoleName=name)["Role"]
        pages = iam.get_paginator("list_attached_role_policies").paginate(RoleName=name)
        return {
            **self.wire.back(
                role,
                "arn",
                "name",
                "path",
                "description",
                "max_session_duration",
                "create_date",
                "unique_id",
            ),
            "id": name,
            "name_prefix": name_prefix(name),
            "assume_role_policy": _text(role["AssumeRolePolicyDocument"]),
            "permissions_boundary": role.get("PermissionsBoundary", {}).get(
                "PermissionsBoundaryArn"
            ),
            "managed_policy_arns": [
                policy["PolicyArn"] for page in pages for policy in page["AttachedPolicies"]
            ],
            "tags_all": unpairs(role.get("Tags")),
        }

    def update(self, aws: Aws, prior: State, state: State) -> None:
        iam, name = aws.client("iam"), state["id"]
        iam.update_role(
            RoleName=name,
            Description=state["description"] or "",
            MaxSessionDuration=state["max_session_duration"],
        )
        if state["assume_role_policy"] != prior["assume_role_policy"]:
            iam.update_assume_role_policy(RoleName=name, PolicyDocument=state["assume_role_policy"])
        boundary = state["permissions_boundary"]
        if boundary and boundary != prior["permissions_boundary"]:
            iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=boundary)
        if prior["permissions_boundary"] and not boundary:
            iam.delete_role_permissions_boundary(RoleName=name)

    def tag(self, aws: Aws, state: State, tags: Mapping[str, str], removed: list[str]) -> None:
        if removed:
            aws.client("iam").untag_role(RoleName=state["id"], TagKeys=removed)
        aws.client("iam").tag_role(RoleName=state["id"], Tags=pairs(tags))

    def delete(self, aws: Aws, state: State) -> None:
        iam, name = aws.client("iam"), state["id"]
        if state["force_detach_policies"]:
            for attached in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
                iam.detach_role_policy(RoleName=name, PolicyArn=attached["PolicyArn"])
            for inline in iam.list_role_policies(RoleName=name)["PolicyNames"]:
                iam.delete_role_policy(RoleName=name, PolicyName=inline)
        iam.delete_role(RoleName=name)


@terraform("aws_iam_role_policy")
class RolePolicy(Crud):
    def create(self, aws: Aws, state: State) -> None:
        choose_name(state)
        self.update(aws, state, state)
        state["id"] = f"{state['role']}:{state['name']}"

    def update(self, aws: Aws, prior: State, state: State) -> None:
        aws.client("iam").put_role_policy(
            RoleName=state["role"], PolicyName=state["name"], PolicyDocument=state["policy"]
        )

    def read(self, aws: Aws, state: State) -> State | None:
        role, _, name = state["id"].partition(":")
        answer = aws.client("iam").get_role_policy(RoleName=role, PolicyName=name)
        return {
            "id": state["id"],
            "role": role,
            "name": name,
            "name_prefix": name_prefix(name),
            "policy": _text(answer["PolicyDocument"]),
        }

    def delete(self, aws: Aws, state: State) -> None:
        aws.client("iam").delete_role_policy(RoleName=state["role"], PolicyName=state["name"])


@terraform("aws_iam_policy", names={"name": "PolicyName"})
class Policy(Crud):
    def create(self, aws: Aws, state: State) -> None:
        choose_name(state)
        answer = aws.client("iam").create_policy(
            **self.wire.out(state, "name", "path", "description"),
            PolicyDocument=state["policy"],
            Tags=pairs(state["tags_all"]),
        )
        state["id"] = answer["Policy"]["Arn"]

    def read(self, aws: Aws, state: State) -> State | None:
        iam, arn = aws.client("iam"), state["id"]
        policy = iam.get_policy(PolicyArn=arn)["Policy"]
        version = iam.get_policy_version(PolicyArn=arn, VersionId=policy["DefaultVersionId"])
        return {
            **self.wire.back(
                policy, "arn", "name", "path", "description", "policy_id", "attachment_count"
            ),
            "id": arn,
            "name_prefix": name_prefix(policy["PolicyName"]),
            "policy": _text(version["PolicyVersion"]["Document"]),
            "tags_all": unpairs(policy.get("Tags")),
        }

    def update(self, aws: Aws, prior: State, state: State) -> None:
        if state["policy"] == prior["policy"]:
            return
        iam, arn = aws.client("iam"), state["id"]
        versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
        old = sorted((v for v in versions if not v["IsDefaultVersion"]), key=_created)
        if len(versions) >= VERSIONS_KEPT:
            iam.delete_policy_version(PolicyArn=arn, VersionId=old[0]["VersionId"])
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=state["policy"], SetAsDefault=True)

    def tag(self, aws: Aws, state: State, tags: Mapping[str, str], removed: list[str]) -> None:
        if removed:
            aws.client("iam").untag_policy(PolicyArn=state["id"], TagKeys=removed)
        aws.client("iam").tag_policy(PolicyArn=state["id"], Tags=pairs(tags))

    def delete(self, aws: Aws, state: State) -> None:
        iam, arn = aws.client("iam"), state["id"]
        for version in iam.list_policy_versions(PolicyArn=arn)["Versions"]:
            if not version["IsDefaultVersion"]:
                iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
        iam.delete_policy(PolicyArn=arn)


def _created(version: Mapping[str, Any]) -> Any:
    return version["CreateDate"]


@terraform("aws_iam_role_policy_attachment")
class Attachment(Crud):
    def create(self, aws: Aws, state: State) -> None:
        role, policy = state["role"], state["policy_arn"]
        aws.client("iam").attach_role_policy(RoleName=role, PolicyArn=policy)
        state["id"] = f"{role}/{policy}"

    def read(self, aws: Aws, state: State) -> State | None:
        role, _, policy = state["id"].partition("/")
        pages = aws.client("iam").get_paginator("list_attached_role_policies")
        attached = [
            entry["PolicyArn"]
            for page in pages.paginate(RoleName=role)
            for entry in page["AttachedPolicies"]
        ]
        if policy not in attached:
            return None
        return {"id": state["id"], "role": role, "policy_arn": policy}

    def delete(self, aws: Aws, state: State) -> None:
        aws.client("iam").detach_role_policy(RoleName=state["role"], PolicyArn=state["policy_arn"])
