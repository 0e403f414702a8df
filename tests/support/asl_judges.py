"""What others think of a state machine: cfn-lint and moto's parser, which take long to load."""

from __future__ import annotations

import functools
from typing import Any


def objections(definition: dict[str, Any]) -> set[str]:
    """The rules of cfn-lint that a state machine breaks."""
    role = "arn:aws:iam::111122223333:role/workflow"
    template = {
        "Resources": {
            "Workflow": {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {"RoleArn": role, "Definition": definition},
            }
        }
    }
    return {match.rule.id for match in _cfn_lint().validate_template(template)}


@functools.cache
def _cfn_lint() -> Any:
    from cfnlint.config import ConfigMixIn
    from cfnlint.runner import Runner

    return Runner(ConfigMixIn(regions=["eu-central-1"]))


def parse(definition: str) -> None:
    """Raises what moto's parser of state machines raises."""
    from moto.stepfunctions.parser.asl.static_analyser.static_analyser import StaticAnalyser

    StaticAnalyser().analyse(definition)
