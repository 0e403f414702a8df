"""CloudWatch Logs: log groups and the questions one asks them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from local.standin.cloud import Aws
from local.standin.crud import Crud, choose_name, name_prefix, terraform
from local.standin.values import State
from local.standin.wire import camel


@terraform("aws_cloudwatch_log_group", names={"name": "logGroupName"}, spell=camel)
class LogGroup(Crud):
    def create(self, aws: Aws, state: State) -> None:
        choose_name(state)
        request = self.wire.out(
            state, "name", "kms_key_id", "log_group_class", "deletion_protection_enabled"
        )
        if state["tags_all"]:
            request["tags"] = state["tags_all"]
        aws.client("logs").create_log_group(**request)
        state["id"] = state["name"]
        if state["retention_in_days"]:
            self._retain(aws, state)

    def _retain(self, aws: Aws, state: State) -> None:
        name, days = state["id"], state["retention_in_days"]
        if days:
            aws.client("logs").put_retention_policy(logGroupName=name, retentionInDays=days)
        else:
            aws.client("logs").delete_retention_policy(logGroupName=name)

    def read(self, aws: Aws, state: State) -> State | None:
        name, logs = state["id"], aws.client("logs")
        pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name)
        groups = [g for page in pages for g in page["logGroups"] if g["logGroupName"] == name]
        if not groups:
            return None
        arn = groups[0]["arn"].removesuffix(":*")
        return {
            **self.wire.back(
                groups[0],
                "name",
                "kms_key_id",
                "log_group_class",
                "deletion_protection_enabled",
                "retention_in_days",
            ),
            "id": name,
            "arn": arn,
            "name_prefix": name_prefix(name),
            "tags_all": logs.list_tags_for_resource(resourceArn=arn).get("tags", {}),
        }

    def update(self, aws: Aws, prior: State, state: State) -> None:
        logs, name = aws.client("logs"), state["id"]
        if state["retention_in_days"] != prior["retention_in_days"]:
            self._retain(aws, state)
        if state["deletion_protection_enabled"] != prior["deletion_protection_enabled"]:
            logs.put_log_group_deletion_protection(
                logGroupIdentifier=name,
                deletionProtectionEnabled=bool(state["deletion_protection_enabled"]),
            )
        if state["kms_key_id"] and state["kms_key_id"] != prior["kms_key_id"]:
            logs.associate_kms_key(logGroupName=name, kmsKeyId=state["kms_key_id"])
        if prior["kms_key_id"] and not state["kms_key_id"]:
            logs.disassociate_kms_key(logGroupName=name)

    def tag(self, aws: Aws, state: State, tags: Mapping[str, str], removed: list[str]) -> None:
        logs, arn = aws.client("logs"), state["arn"]
        if removed:
            logs.untag_resource(resourceArn=arn, tagKeys=removed)
        if tags:
            logs.tag_resource(resourceArn=arn, tags=dict(tags))

    def delete(self, aws: Aws, state: State) -> None:
        if not state["skip_destroy"]:
            aws.client("logs").delete_log_group(logGroupName=state["id"])


def _queries(aws: Aws) -> Iterator[dict[str, Any]]:
    """Every saved query; botocore turns no pages of this call."""
    request: dict[str, Any] = {}
    while True:
        answer = aws.client("logs").describe_query_definitions(**request)
        yield from answer["queryDefinitions"]
        if not answer.get("nextToken"):
            return
        request = {"nextToken": answer["nextToken"]}


@terraform("aws_cloudwatch_query_definition", names={"id": "queryDefinitionId"}, spell=camel)
class QueryDefinition(Crud):
    arguments = ("log_group_names", "name", "query_string")

    def create(self, aws: Aws, state: State) -> None:
        wanted = self.wire.out(state, *self.arguments)
        state["id"] = aws.client("logs").put_query_definition(**wanted)["queryDefinitionId"]

    def read(self, aws: Aws, state: State) -> State | None:
        found = next((q for q in _queries(aws) if q["queryDefinitionId"] == state["id"]), None)
        if found is None:
            return None
        arn = aws.arn("logs", f"query-definition:{state['id']}")
        return {**self.wire.back(found, *self.arguments, "id", "query_definition_id"), "arn": arn}

    def update(self, aws: Aws, prior: State, state: State) -> None:
        wanted = {"logGroupNames": [], **self.wire.out(state, "id", *self.arguments)}
        aws.client("logs").put_query_definition(**wanted)

    def delete(self, aws: Aws, state: State) -> None:
        aws.client("logs").delete_query_definition(queryDefinitionId=state["id"])

    def locate(self, aws: Aws, import_id: str) -> State:
        """The real provider imports by ARN; the id alone is taken too."""
        return {"id": import_id.rpartition(":")[2]}
