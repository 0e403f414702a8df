"""Small functions and state machines on a local AWS, made by tests to see how it behaves."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.aws import launcher
from local.aws.server import LocalAws

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": ["lambda.amazonaws.com", "states.amazonaws.com"]},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)

# What makes a function one that converts, of which only a few run at a time.
CONVERTS = {"Environment": {"Variables": {launcher.CONVERTS: "60"}}}


def wait_for(what: str, done: Callable[[], Any], seconds: float = 20) -> Any:
    """What `done` returns as soon as that is truthy; fails by name after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        if result := done():
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds:g} s")
        time.sleep(0.02)


@dataclass(frozen=True)
class Laboratory:
    aws: LocalAws
    folder: Path  # seen by functions and test alike

    def deploy(self, name: str, source: str, handler: str = "main.handler", **more: Any) -> str:
        """A function made of one source file; its ARN."""
        module = handler.rpartition(".")[0].replace(".", "/")
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(f"{module}.py", source)
        made = self.aws.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=self._role(name),
            Handler=handler,
            Timeout=30,
            Code={"ZipFile": packed.getvalue()},
            **more,
        )
        return str(made["FunctionArn"])

    def invoke(self, name: str, event: object = None) -> Any:
        """What a function answers, or its error payload."""
        answer = self.aws.client("lambda").invoke(
            FunctionName=name, Payload=json.dumps(event).encode()
        )
        return json.loads(answer["Payload"].read())

    def machine(self, name: str, function_arn: str) -> str:
        """A state machine that calls one function and retries nothing; its ARN."""
        task = {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": {"FunctionName": function_arn, "Payload": "{% $states.input %}"},
            "End": True,
        }
        return self.defined(name, {"Call": task})

    def defined(self, name: str, states: dict[str, Any]) -> str:
        """A state machine of these states, which begins with the first; its ARN."""
        definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}
        made = self.aws.client("stepfunctions").create_state_machine(
            name=name, definition=json.dumps(definition), roleArn=self._role(name + "-machine")
        )
        return str(made["stateMachineArn"])

    def start(self, machine_arn: str, event: object) -> str:
        states = self.aws.client("stepfunctions")
        started = states.start_execution(stateMachineArn=machine_arn, input=json.dumps(event))
        return str(started["executionArn"])

    def outcome(self, execution_arn: str) -> tuple[str, str | None]:
        """State of an execution that ended, and the name of its error."""
        states = self.aws.client("stepfunctions")

        def ended() -> dict[str, Any] | None:
            execution: dict[str, Any] = states.describe_execution(executionArn=execution_arn)
            return execution if execution["status"] != "RUNNING" else None

        execution = wait_for("the execution's end", ended)
        return execution["status"], execution.get("error")

    def _role(self, name: str) -> str:
        iam = self.aws.client("iam")
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
        return str(made["Role"]["Arn"])
