"""EventBridge: rules, where they send what matches, and servers elsewhere that they call."""

from __future__ import annotations

from local.terraform.standin.cloud import Aws
from local.terraform.standin.crud import Crud, Tags, terraform, unique
from local.terraform.standin.values import State, known
from local.terraform.standin.wire import Document


@terraform("aws_cloudwatch_event_rule")
class Rule(Crud):
    tags = Tags("events", "ResourceARN", pair=("Key", "Value"))

    def put(self, aws: Aws, state: State) -> None:
        aws.client("events").put_rule(**self.wire.out(state))

    def create(self, aws: Aws, state: State) -> None:
        super().create(aws, state)
        if state["event_bus_name"] != "default":
            state["id"] = f"{state['event_bus_name']}/{state['name']}"

    def read(self, aws: Aws, state: State) -> State | None:
        bus, _, name = state["id"].rpartition("/")
        found = aws.client("events").describe_rule(Name=name, EventBusName=bus or "default")
        return {**self.wire.back(found, "arn"), "event_bus_name": bus or "default"}

    def delete(self, aws: Aws, state: State) -> None:
        events, rule, bus = aws.client("events"), state["name"], state["event_bus_name"]
        if state["force_destroy"]:
            found = events.list_targets_by_rule(Rule=rule, EventBusName=bus)
            if ids := [target["Id"] for target in found["Targets"]]:
                events.remove_targets(Rule=rule, EventBusName=bus, Ids=ids)
        events.delete_rule(Name=rule, EventBusName=bus)


@terraform(
    "aws_cloudwatch_event_target",
    names={
        "event_bus_name": None,
        "rule": None,
        "target_id": "Id",
        "input_transformer.input_paths": "InputPathsMap",
        "sqs_target": "SqsParameters",
    },
)
class Target(Crud):
    def create(self, aws: Aws, state: State) -> None:
        state["target_id"] = known(state["target_id"]) or unique("terraform-")
        self.put(aws, state)
        bus, name = state["event_bus_name"], f"{state['rule']}-{state['target_id']}"
        state["id"] = name if bus == "default" else f"{bus}-{name}"

    def put(self, aws: Aws, state: State) -> None:
        target = self.wire.out(state)
        answer = aws.client("events").put_targets(**self._rule(state), Targets=[target])
        if answer["FailedEntryCount"]:
            raise ValueError(str(answer["FailedEntries"]))

    @staticmethod
    def _rule(state: State) -> Document:
        return {"Rule": state["rule"], "EventBusName": state["event_bus_name"] or "default"}

    def read(self, aws: Aws, state: State) -> State | None:
        rule = self._rule(state)
        targets = aws.client("events").list_targets_by_rule(**rule)["Targets"]
        found = next((t for t in targets if t["Id"] == state["target_id"]), None)
        if found is None:
            return None
        seen = self.wire.back(found)
        return {**seen, "rule": rule["Rule"], "event_bus_name": rule["EventBusName"]}

    def delete(self, aws: Aws, state: State) -> None:
        aws.client("events").remove_targets(**self._rule(state), Ids=[state["target_id"]])

    def locate(self, aws: Aws, import_id: str) -> State:
        *bus, rule, target = import_id.split("/")
        names = {"event_bus_name": "/".join(bus) or "default", "rule": rule, "target_id": target}
        return {**names, "id": "-".join((*bus, rule, target))}


class ByName(Crud):
    """A thing that EventBridge knows by its name, with one verb each. noun: as the API says it."""

    noun = ""

    def create(self, aws: Aws, state: State) -> None:
        getattr(aws.client("events"), f"create_{self.noun}")(**self._wanted(state))
        state["id"] = state["name"]

    def update(self, aws: Aws, prior: State, state: State) -> None:
        getattr(aws.client("events"), f"update_{self.noun}")(**self._wanted(state))

    def read(self, aws: Aws, state: State) -> State | None:
        found = getattr(aws.client("events"), f"describe_{self.noun}")(Name=state["id"])
        return self.wire.back(found, "arn")

    def delete(self, aws: Aws, state: State) -> None:
        getattr(aws.client("events"), f"delete_{self.noun}")(Name=state["id"])

    def _wanted(self, state: State) -> Document:
        return self.wire.out(state)


@terraform("aws_cloudwatch_event_connection", names={"arn": "ConnectionArn"})
class Connection(ByName):
    noun = "connection"

    def _wanted(self, state: State) -> Document:
        (parameters,) = state["auth_parameters"]
        (key,) = parameters["api_key"]
        named = {"ApiKeyName": key["key"], "ApiKeyValue": key["value"]}
        return self.wire.out(state) | {"AuthParameters": {"ApiKeyAuthParameters": named}}

    def read(self, aws: Aws, state: State) -> State | None:
        # Nobody gets a secret back.
        seen = super().read(aws, state)
        return seen and {**seen, "secret_arn": seen.get("secret_arn") or ""}

    def check_plan(self, prior: State | None, state: State, config: State) -> None:
        kinds = [name for block in state["auth_parameters"] or [] for name in block if block[name]]
        if kinds != ["api_key"]:
            raise ValueError("the stand-in knows connections with an api_key and nothing besides")


@terraform("aws_cloudwatch_event_api_destination", names={"arn": "ApiDestinationArn"})
class ApiDestination(ByName):
    noun = "api_destination"
