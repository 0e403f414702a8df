"""Step Functions: the state machine and its alias."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.standin.cloud import Aws
from local.standin.crud import Crud, choose_name, name_prefix, pairs, terraform, unpairs
from local.standin.values import UNKNOWN, State
from local.standin.wire import camel


@terraform(
    "aws_sfn_state_machine", names={"logging_configuration.log_destination": None}, spell=camel
)
class StateMachine(Crud):
    arguments = (
        "definition",
        "encryption_configuration",
        "logging_configuration",
        "role_arn",
        "tracing_configuration",
    )

    def _wanted(self, state: State) -> dict[str, Any]:
        wanted = self.wire.out(state, *self.arguments)
        for block in state["logging_configuration"]:
            if block["log_destination"]:
                group = {"logGroupArn": block["log_destination"]}
                wanted["loggingConfiguration"]["destinations"] = [{"cloudWatchLogsLogGroup": group}]
        return wanted

    def create(self, aws: Aws, state: State) -> None:
        choose_name(state)
        answer = aws.client("stepfunctions").create_state_machine(
            **self._wanted(state),
            **self.wire.out(state, "name", "type", "publish"),
            tags=pairs(state["tags_all"], "key", "value"),
        )
        state["id"] = answer["stateMachineArn"]
        state["state_machine_version_arn"] = answer.get("stateMachineVersionArn", "")

    def read(self, aws: Aws, state: State) -> State | None:
        machines, arn = aws.client("stepfunctions"), state["id"]
        found = machines.describe_state_machine(stateMachineArn=arn)
        names = (*self.arguments, "name", "type", "status", "creation_date", "description")
        seen = self.wire.back(found, *names, "revision_id")
        for block in seen["logging_configuration"]:
            places = found["loggingConfiguration"].get("destinations") or [{}]
            group = places[0].get("cloudWatchLogsLogGroup", {})
            block["log_destination"] = group.get("logGroupArn", "")
        versions = machines.list_state_machine_versions(stateMachineArn=arn)
        newest = (versions.get("stateMachineVersions") or [{}])[0]
        tags = machines.list_tags_for_resource(resourceArn=arn).get("tags")
        return {
            **seen,
            "id": arn,
            "arn": arn,
            "name_prefix": name_prefix(found["name"]),
            "state_machine_version_arn": newest.get("stateMachineVersionArn", ""),
            "tags_all": unpairs(tags, "key", "value"),
        }

    def update(self, aws: Aws, prior: State, state: State) -> None:
        if all(state[name] == prior[name] for name in (*self.arguments, "publish")):
            return
        aws.client("stepfunctions").update_state_machine(
            stateMachineArn=state["id"], **self._wanted(state), **self.wire.out(state, "publish")
        )

    def tag(self, aws: Aws, state: State, tags: Mapping[str, str], removed: list[str]) -> None:
        machines, arn = aws.client("stepfunctions"), state["id"]
        if removed:
            machines.untag_resource(resourceArn=arn, tagKeys=removed)
        machines.tag_resource(resourceArn=arn, tags=pairs(tags, "key", "value"))

    def delete(self, aws: Aws, state: State) -> None:
        aws.client("stepfunctions").delete_state_machine(stateMachineArn=state["id"])

    def check_plan(self, prior: State | None, state: State, config: State) -> None:
        if prior is None or all(state[name] == prior[name] for name in self.arguments):
            return
        state["revision_id"] = UNKNOWN
        if state["publish"]:
            state["state_machine_version_arn"] = UNKNOWN


@terraform("aws_sfn_alias", spell=camel)
class Alias(Crud):
    arguments = ("description", "routing_configuration")

    def create(self, aws: Aws, state: State) -> None:
        wanted = self.wire.out(state, "name", *self.arguments)
        answer = aws.client("stepfunctions").create_state_machine_alias(**wanted)
        state["id"] = answer["stateMachineAliasArn"]

    def read(self, aws: Aws, state: State) -> State | None:
        arn = state["id"]
        found = aws.client("stepfunctions").describe_state_machine_alias(stateMachineAliasArn=arn)
        seen = self.wire.back(found, "name", "creation_date", *self.arguments)
        return {**seen, "id": arn, "arn": arn}

    def update(self, aws: Aws, prior: State, state: State) -> None:
        wanted = {"description": "", **self.wire.out(state, *self.arguments)}
        aws.client("stepfunctions").update_state_machine_alias(
            stateMachineAliasArn=state["id"], **wanted
        )

    def delete(self, aws: Aws, state: State) -> None:
        aws.client("stepfunctions").delete_state_machine_alias(stateMachineAliasArn=state["id"])
