"""EventBridge: rules and where they send what matches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.standin.cloud import Aws
from local.standin.crud import Crud, choose_name, name_prefix, pairs, terraform, unique, unpairs
from local.standin.values import State, known


@terraform("aws_cloudwatch_event_rule")
class Rule(Crud):
    arguments = (
        "description",
        "event_bus_name",
        "event_pattern",
        "name",
        "role_arn",
        "schedule_expression",
        "state",
    )

    def create(self, aws: Aws, state: State) -> None:
        name, bus = choose_name(state), state["event_bus_name"]
        wanted = self.wire.out(state, *self.arguments)
        aws.client("events").put_rule(**wanted, Tags=pairs(state["tags_all"]))
        state["id"] = name if bus == "default" else f"{bus}/{name}"

    def read(self, aws: Aws, state: State) -> State | None:
        bus, _, name = state["id"].rpartition("/")
        events = aws.client("events")
        found = events.describe_rule(Name=name, EventBusName=bus or "default")
        tags = events.list_tags_for_resource(ResourceARN=found["Arn"]).get("Tags")
        return {
            **self.wire.back(found, *self.arguments, "arn"),
            "id": state["id"],
            "event_bus_name": bus or "default",
            "name_prefix": name_prefix(name),
            "tags_all": unpairs(tags),
        }

    def update(self, aws: Aws, prior: State, state: State) -> None:
        aws.client("events").put_rule(**self.wire.out(state, *self.arguments))

    def tag(self, aws: Aws, state: State, tags: Mapping[str, str], removed: list[str]) -> None:
        events, arn = aws.client("events"), state["arn"]
        if removed:
            events.untag_resource(ResourceARN=arn, TagKeys=removed)
        if tags:
            events.tag_resource(ResourceARN=arn, Tags=pairs(tags))

    def delete(self, aws: Aws, state: State) -> None:
        events, rule = aws.client("events"), state["name"]
        if state["force_destroy"]:
            found = events.list_targets_by_rule(Rule=rule, EventBusName=state["event_bus_name"])
            if ids := [target["Id"] for target in found["Targets"]]:
                events.remove_targets(Rule=rule, EventBusName=state["event_bus_name"], Ids=ids)
        events.delete_rule(Name=rule, EventBusName=state["event_bus_name"])


@terraform(
    "aws_cloudwatch_event_target",
    names={
        "target_id": "Id",
        "input_transformer.input_paths": "InputPathsMap",
        "retry_policy.maximum_event_age_in_seconds": "MaximumEventAgeInSeconds",
        "sqs_target": "SqsParameters",
    },
)
class Target(Crud):
    arguments = (
        "arn",
        "dead_letter_config",
        "input",
        "input_path",
        "input_transformer",
        "retry_policy",
        "role_arn",
        "sqs_target",
        "target_id",
    )

    def create(self, aws: Aws, state: State) -> None:
        state["target_id"] = known(state["target_id"]) or unique("terraform-")
        self.update(aws, state, state)
        bus, name = state["event_bus_name"], f"{state['rule']}-{state['target_id']}"
        state["id"] = name if bus == "default" else f"{bus}-{name}"

    def update(self, aws: Aws, prior: State, state: State) -> None:
        target = self.wire.out(state, *self.arguments)
        answer = aws.client("events").put_targets(**self._rule(state), Targets=[target])
        if answer["FailedEntryCount"]:
            raise ValueError(str(answer["FailedEntries"]))

    @staticmethod
    def _rule(state: State) -> dict[str, Any]:
        return {"Rule": state["rule"], "EventBusName": state["event_bus_name"] or "default"}

    def read(self, aws: Aws, state: State) -> State | None:
        targets = aws.client("events").list_targets_by_rule(**self._rule(state))["Targets"]
        found = next((t for t in targets if t["Id"] == state["target_id"]), None)
        if found is None:
            return None
        return {
            **self.wire.back(found, *self.arguments),
            "id": state["id"],
            "rule": state["rule"],
            "event_bus_name": state["event_bus_name"] or "default",
        }

    def delete(self, aws: Aws, state: State) -> None:
        aws.client("events").remove_targets(**self._rule(state), Ids=[state["target_id"]])

    def locate(self, aws: Aws, import_id: str) -> State:
        *bus, rule, target = import_id.split("/")
        return {
            "event_bus_name": "/".join(bus) or "default",
            "rule": rule,
            "target_id": target,
            "id": "-".join(part for part in (*bus, rule, target)),
        }
