"""Policies of an applied module: who may do what to what. Decides as IAM does, for what we use.

Knows wildcards, statements and where policies hang. Does not know what is right.
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.terraform.roots import Applied

# Resources whose policy says who may touch them, and the attribute that holds it.
RESOURCE_POLICIES = {
    "aws_s3_bucket_policy": "policy",
    "aws_sqs_queue_policy": "policy",
    "aws_sns_topic_policy": "policy",
}


@dataclass(frozen=True)
class Statement:
    """One statement, with every scalar as a list; `where` is the address of its policy."""

    where: str
    sid: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    principals: tuple[tuple[str, str], ...]
    conditions: Mapping[str, Mapping[str, tuple[str, ...]]]

    @property
    def allows(self) -> bool:
        return self.effect == "Allow"

    def condition_values(self, key: str) -> tuple[str, ...]:
        """What a condition key is compared with, whatever the operator."""
        return tuple(
            value
            for by_key in self.conditions.values()
            for name, values in by_key.items()
            if name.lower() == key.lower()
            for value in values
        )


def statements(where: str, policy: str) -> Iterator[Statement]:
    document = json.loads(policy)
    for statement in _list(document["Statement"]):
        principals = statement.get("Principal", {})
        if principals == "*":
            principals = {"*": "*"}
        yield Statement(
            where,
            statement.get("Sid", ""),
            statement["Effect"],
            tuple(_list(statement["Action"])),
            tuple(_list(statement.get("Resource", []))),
            tuple((kind, who) for kind, whos in principals.items() for who in _list(whos)),
            {
                operator: {key: tuple(map(str, _list(values))) for key, values in keys.items()}
                for operator, keys in statement.get("Condition", {}).items()
            },
        )


def role_policies(applied: Applied) -> dict[str, list[Statement]]:
    """By role name: what the role may do."""
    found: dict[str, list[Statement]] = {
        role.values["name"]: [] for role in applied.of("aws_iam_role")
    }
    for policy in applied.of("aws_iam_role_policy"):
        found[policy.values["role"]] += statements(policy.address, policy.values["policy"])
    return found


def trust_policies(applied: Applied) -> dict[str, list[Statement]]:
    """By role name: who may take the role on."""
    return {
        role.values["name"]: list(statements(role.address, role.values["assume_role_policy"]))
        for role in applied.of("aws_iam_role")
    }


def resource_policies(applied: Applied) -> list[Statement]:
    return [
        statement
        for resource in applied.of(*RESOURCE_POLICIES)
        for statement in statements(
            resource.address, resource.values[RESOURCE_POLICIES[resource.type]]
        )
    ]


def may(statements_of_role: list[Statement], action: str, resource: str) -> bool:
    """Whether a role's own statements allow an action, conditions left aside."""

    def matches(statement: Statement) -> bool:
        return any(
            fnmatch.fnmatchcase(action.lower(), pattern.lower()) for pattern in statement.actions
        ) and any(_like(pattern, resource) for pattern in statement.resources)

    decided = {statement.effect for statement in statements_of_role if matches(statement)}
    return decided == {"Allow"}


def _like(pattern: str, text: str) -> bool:
    """IAM's wildcards: * is anything, also slashes; ? is one character; nothing else is special."""
    regex = "".join({"*": ".*", "?": "."}.get(mark, re.escape(mark)) for mark in pattern)
    return re.fullmatch(regex, text, re.DOTALL) is not None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
