"""CloudWatch Logs: log groups and the questions one asks them."""

from __future__ import annotations

from collections.abc import Iterator

from local.terraform.standin.cloud import Aws
from local.terraform.standin.crud import Crud, Tags, terraform
from local.terraform.standin.values import State
from local.terraform.standin.wire import Document, camel


@terraform("aws_cloudwatch_log_group", names={"name": "logGroupName"}, spell=camel)
class LogGroup(Crud):
    tags = Tags("logs", "resourceArn")

    def put(self, aws: Aws, state: State) -> None:
        wanted = self.wire.out(state)
        wanted.pop("retentionInDays")
        aws.client("logs").create_log_group(**wanted)

    def create(self, aws: Aws, state: State) -> None:
        super().create(aws, state)
        if state["retention_in_days"]:
            self._retain(aws, state)

    def _retain(self, aws: Aws, state: State) -> None:
        name, days = state["id"], state["retention_in_days"]
        if days:
            aws.client("logs").put_retention_policy(logGroupName=name, retentionInDays=days)
        else:
            aws.client("logs").delete_retention_policy(logGroupName=name)

    def read(self, aws: Aws, state: State) -> State | None:
        pages = aws.client("logs").get_paginator("describe_log_groups")
        found = [
            group
            for p in pages.paginate(logGroupNamePrefix=state["id"])
            for group in p["logGroups"]
        ]
        group = next((group for group in found if group["logGroupName"] == state["id"]), None)
        if group is None:
            return None
        return {**self.wire.back(group), "arn": group["arn"].removesuffix(":*")}

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

    def delete(self, aws: Aws, state: State) -> None:
        if not state["skip_destroy"]:
            aws.client("logs").delete_log_group(logGroupName=state["id"])


@terraform("aws_cloudwatch_query_definition", spell=camel)
class QueryDefinition(Crud):
    def create(self, aws: Aws, state: State) -> None:
        answer = aws.client("logs").put_query_definition(**self.wire.out(state))
        state["id"] = answer["queryDefinitionId"]

    def read(self, aws: Aws, state: State) -> State | None:
        found = next((q for q in _queries(aws) if q["queryDefinitionId"] == state["id"]), None)
        if found is None:
            return None
        arn = aws.arn("logs", f"query-definition:{state['id']}")
        return {**self.wire.back(found, "query_definition_id"), "arn": arn}

    def put(self, aws: Aws, state: State) -> None:
        wanted = {"logGroupNames": [], **self.wire.out(state)}
        aws.client("logs").put_query_definition(**wanted, queryDefinitionId=state["id"])

    def delete(self, aws: Aws, state: State) -> None:
        aws.client("logs").delete_query_definition(queryDefinitionId=state["id"])

    def locate(self, aws: Aws, import_id: str) -> State:
        """The real provider imports by ARN; the id alone is taken too."""
        return {"id": import_id.rpartition(":")[2]}


def _queries(aws: Aws) -> Iterator[Document]:
    """Every saved query; botocore turns no pages of this call."""
    request: Document = {}
    while True:
        answer = aws.client("logs").describe_query_definitions(**request)
        yield from answer["queryDefinitions"]
        if not answer.get("nextToken"):
            return
        request = {"nextToken": answer["nextToken"]}
