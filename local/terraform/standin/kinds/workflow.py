"""Step Functions: the state machine and its alias."""

from __future__ import annotations

from local.terraform.standin.cloud import Aws
from local.terraform.standin.crud import Crud, Tags, choose_name, terraform, words
from local.terraform.standin.values import UNKNOWN, State
from local.terraform.standin.wire import camel

CHANGEABLE = words(
    "definition encryption_configuration logging_configuration role_arn tracing_configuration"
)
LOG_GROUP = "destinations[].cloudWatchLogsLogGroup.logGroupArn"


@terraform(
    "aws_sfn_state_machine",
    names={"logging_configuration.log_destination": LOG_GROUP},
    spell=camel,
)
class StateMachine(Crud):
    tags = Tags("stepfunctions", "resourceArn", pair=("key", "value"))

    def create(self, aws: Aws, state: State) -> None:
        choose_name(state)
        wanted = {**self.wire.out(state), "publish": bool(state["publish"])}
        answer = aws.client("stepfunctions").create_state_machine(**wanted)
        state["id"] = answer["stateMachineArn"]

    def read(self, aws: Aws, state: State) -> State | None:
        machines, named = aws.client("stepfunctions"), {"stateMachineArn": state["id"]}
        found = machines.describe_state_machine(**named)
        versions = machines.list_state_machine_versions(**named).get("stateMachineVersions")
        newest = versions[0]["stateMachineVersionArn"] if versions else ""
        computed = self.wire.back(found, "creation_date", "description", "revision_id", "status")
        return {**computed, "arn": state["id"], "state_machine_version_arn": newest}

    def update(self, aws: Aws, prior: State, state: State) -> None:
        if all(state[name] == prior[name] for name in (*CHANGEABLE, "publish")):
            return
        wanted = {**self.wire.out(state, *CHANGEABLE), "publish": bool(state["publish"])}
        aws.client("stepfunctions").update_state_machine(stateMachineArn=state["id"], **wanted)

    def delete(self, aws: Aws, state: State) -> None:
        aws.client("stepfunctions").delete_state_machine(stateMachineArn=state["id"])

    def check_plan(self, prior: State | None, state: State, config: State) -> None:
        if prior is None or all(state[name] == prior[name] for name in CHANGEABLE):
            return
        state["revision_id"] = UNKNOWN
        if state["publish"]:
            state["state_machine_version_arn"] = UNKNOWN
