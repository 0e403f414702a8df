"""One mistake each, planted into a sound machine, and what the checker must say about it.

Most were seen in public state machines; the first groups are those that linters are compared by.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Machine = dict[str, Any]
Plant = Callable[[Machine], object]

MISSING = object()


@dataclass(frozen=True)
class Mistake:
    """A sentence, the machine it is planted into, how, and a part of the right finding."""

    sentence: str
    into: Literal["order", "ours"]
    plant: Plant
    finding: str

    def planted(self, sound: Machine) -> Machine:
        machine = copy.deepcopy(sound)
        self.plant(machine)
        return machine


def put(path: str, value: object) -> Plant:
    """Sets or adds what lies at a path such as "Keep order.Retry.0.MaxAttempts"."""

    def plant(machine: Machine) -> None:
        at, last = _parent(machine, path)
        assert at.get(last, MISSING) != value if isinstance(at, dict) else at[last] != value
        at[last] = value

    return plant


def drop(path: str) -> Plant:
    def plant(machine: Machine) -> None:
        at, last = _parent(machine, path)
        del at[last]

    return plant


def each(*plants: Plant) -> Plant:
    return lambda machine: [plant(machine) for plant in plants]


def _parent(machine: Machine, path: str) -> tuple[Any, Any]:
    """The innermost container of a path, and the key or index in it."""
    steps: list[Any] = [int(step) if step.isdigit() else step for step in path.split(".")]
    steps = steps[1:] if steps[0] == "machine" else ["States", *steps]
    at: Any = machine
    for step in steps[:-1]:
        at = at[step]
    return at, steps[-1]


# A key may hold dots itself.
def put_template(path: str, key: str, value: object) -> Plant:
    def plant(machine: Machine) -> None:
        at, last = _parent(machine, path)
        at[last][key] = value

    return plant


_LONG = "A name of more than eighty characters that nobody would read to its end in a console"
_LAMBDA = "arn:aws:states:::lambda:invoke"

KNOWN = [
    Mistake("Next leads nowhere", "order", put("Keep order.Next", "Nope"), 'leads to "Nope"'),
    Mistake(
        "a state is never reached",
        "order",
        put("Orphan", {"Type": "Pass", "End": True}),
        "Orphan: no way leads here",
    ),
    Mistake(
        "a field is misspelt", "order", put("Keep order.TimeoutSecond", 5), "TimeoutSecond is no"
    ),
    Mistake("StartAt names no state", "order", put("machine.StartAt", "Zed"), "StartAt names"),
    Mistake("neither Next nor End", "order", drop("Keep order.Next"), "exactly one of Next, End"),
    Mistake("both Next and End", "order", put("Keep order.End", True), "exactly one of Next, End"),
    Mistake(
        "the SDK has no such action",
        "order",
        put("Keep order.Resource", "arn:aws:states:::aws-sdk:eventbridge:putEvnts"),
        "no action eventbridge:putEvnts",
    ),
    Mistake(
        "there is no such integration",
        "order",
        put("Keep order.Resource", "arn:aws:states:::event:putEvents"),
        "no optimized integration event",
    ),
    Mistake(
        "Catch leads nowhere", "order", put("Price order.Catch.0.Next", "Nope"), 'leads to "Nope"'
    ),
    Mistake(
        "States.ALL is not the last retrier",
        "order",
        put("Price order.Retry.0.ErrorEquals", ["States.ALL"]),
        "States.ALL stands alone and last",
    ),
    Mistake(
        "MaxAttempts is a word",
        "order",
        put("Price order.Retry.0.MaxAttempts", "three"),
        "MaxAttempts is a whole number",
    ),
    Mistake(
        "an error of Step Functions is misspelt",
        "order",
        put("Price order.Retry.0.ErrorEquals", ["States.Timeot"]),
        "States.Timeot is no error",
    ),
    Mistake(
        "a choice leads nowhere", "order", drop("Is it dear?.Choices.0.Next"), "Next is missing"
    ),
    Mistake(
        "Next leads out of a Map",
        "order",
        each(
            drop("Ship parts.ItemProcessor.States.Announce part.End"),
            put("Ship parts.ItemProcessor.States.Announce part.Next", "Order done"),
        ),
        'leads to "Order done"',
    ),
    Mistake(
        "events cannot be waited for",
        "order",
        put("Keep order.Resource", "arn:aws:states:::events:putEvents.sync"),
        "does not support .sync",
    ),
    Mistake(
        "a required parameter is missing",
        "order",
        drop("Keep order.Arguments.Entries"),
        "lacks the parameter Entries",
    ),
    Mistake(
        "a parameter is misspelt",
        "order",
        put("Keep order.Arguments.Entris", []),
        "no parameter Entris",
    ),
    Mistake(
        "a name is too long",
        "order",
        each(put("Keep order.Next", _LONG), put(_LONG, {"Type": "Pass", "Next": "Ship parts"})),
        "at most 80 characters",
    ),
    Mistake(
        "a type is misspelt", "order", put("Order done.Type", "Suceed"), "Type is Task or Pass"
    ),
    Mistake(
        "a time-out is zero", "order", put("Keep order.TimeoutSeconds", 0), "whole number from 1"
    ),
    Mistake(
        "the heartbeat is not shorter than the time-out",
        "order",
        put("Ask a person.HeartbeatSeconds", 3600),
        "HeartbeatSeconds is shorter",
    ),
    Mistake(
        "a token is waited for without end",
        "order",
        each(drop("Ask a person.TimeoutSeconds"), drop("Ask a person.HeartbeatSeconds")),
        "waits for up to a year",
    ),
    Mistake(
        "an expression does not compile",
        "order",
        put("Price order.Output", "{% $states.input. %}"),
        "no JSONata",
    ),
    Mistake(
        "a variable does not exist",
        "order",
        put("Price order.Arguments.Payload.order", "{% $nosuch %}"),
        "$nosuch is not assigned",
    ),
    Mistake(
        "Parameters in JSONata",
        "order",
        put("Price order.Parameters", {"a": 1}),
        "Parameters is no field",
    ),
    Mistake(
        "an expression is not closed",
        "order",
        put("Is it dear?.Choices.0.Condition", "{% $total > 100"),
        "an expression is the whole string",
    ),
    Mistake(
        "a choice of JSONPath in JSONata",
        "order",
        put(
            "Is it dear?.Choices.0", {"Variable": "$.x", "StringEquals": "a", "Next": "Order done"}
        ),
        "has a Condition",
    ),
    Mistake(
        "the result is read before there is one",
        "order",
        put("Price order.Arguments.Payload.order", "{% $states.result %}"),
        "$states.result does not exist here",
    ),
    Mistake(
        "ResultPath in JSONata",
        "order",
        put("Price order.ResultPath", "$.x"),
        "ResultPath is no field",
    ),
    Mistake(
        "a function of JSONata is misspelt",
        "order",
        put("Price order.Arguments.Payload.order", "{% $uppercas('x') %}"),
        "no function $uppercas",
    ),
    Mistake(
        "the language is misspelt",
        "order",
        put("machine.QueryLanguage", "JSONatta"),
        "QueryLanguage is JSONata",
    ),
]

FRESH = [
    Mistake(
        "a loop has no way out",
        "order",
        put("Breathe.Next", "Breathe"),
        "Breathe: no way from here ends",
    ),
    Mistake(
        "a Map has two bodies",
        "order",
        put("Ship parts.Iterator", {"StartAt": "X", "States": {"X": {"Type": "Succeed"}}}),
        "Iterator is no field",
    ),
    Mistake(
        "two states of different branches share a name",
        "order",
        each(
            put("Both at once.Branches.1.StartAt", "Keep order"),
            put(
                "Both at once.Branches.1.States",
                {"Keep order": {"Type": "Wait", "Seconds": 1, "End": True}},
            ),
        ),
        "2 states of the machine have this name",
    ),
    Mistake(
        "the token is not handed on",
        "order",
        put("Ask a person.Arguments.Payload", {"order": "please"}),
        "do not pass on",
    ),
    Mistake(
        "the SDK calls the service otherwise",
        "order",
        put(
            "Ship parts.ItemProcessor.States.Announce part.Resource",
            "arn:aws:states:::aws-sdk:events:putEvents",
        ),
        "events is no service of the AWS SDK",
    ),
    Mistake(
        "an action begins with a capital",
        "order",
        put("Keep order.Resource", "arn:aws:states:::aws-sdk:eventbridge:PutEvents"),
        "no action eventbridge:PutEvents",
    ),
    Mistake(
        "the SDK takes text, not an object",
        "order",
        put("Keep order.Resource", "arn:aws:states:::aws-sdk:eventbridge:putEvents"),
        "Detail is of type string",
    ),
    Mistake(
        "a value that the API does not know",
        "order",
        put("Price order.Arguments.InvocationType", "Sync"),
        "InvocationType is one of",
    ),
    Mistake(
        "a condition is plain text",
        "order",
        put("Is it dear?.Choices.0.Condition", "$total > 100"),
        "a Condition in a string is an expression",
    ),
    Mistake(
        "a variable is assigned on one of two ways",
        "order",
        put("Order done.Output", "{% $approved %}"),
        "$approved is not assigned on every way",
    ),
    Mistake(
        "a variable is read in the state that assigns it",
        "order",
        put("Price order.Output", "{% $total %}"),
        "$total is not assigned on every way",
    ),
    Mistake(
        "eval, which Step Functions leaves out",
        "order",
        put("Order done.Output", "{% $eval('1 + 1') %}"),
        "no function $eval",
    ),
    Mistake(
        "a bare name at the top of an expression",
        "order",
        put("Order done.Output", "{% parts.price %}"),
        "stands in no context",
    ),
    Mistake(
        "the root of everything",
        "order",
        put("Order done.Output", "{% $$.parts %}"),
        "there is no $ outside",
    ),
    Mistake(
        "an error of Lambda is misspelt",
        "ours",
        put("Convert image.Retry.0.ErrorEquals", ["Lambda.TooManyRequestException"]),
        "no error of Lambda",
    ),
    Mistake(
        "an error is met twice",
        "ours",
        put("Convert image.Retry.3.ErrorEquals", ["Lambda.ServiceException", "States.TaskFailed"]),
        "was met above already",
    ),
    Mistake(
        "an error that nothing can catch",
        "ours",
        put("Convert image.Retry.3.ErrorEquals", ["States.Runtime"]),
        "cannot be retried or caught",
    ),
    Mistake(
        "a field of the context is misspelt",
        "ours",
        put("Convert image.Arguments.Payload.execution", "{% $states.context.Execution.Nme %}"),
        "$states.context.Execution.Nme does not exist",
    ),
    Mistake(
        "the error is read outside of a Catch",
        "ours",
        put("Record failure.Arguments.Payload.error", "{% $states.errorOutput %}"),
        "$states.errorOutput does not exist here",
    ),
    Mistake(
        "a Catch does not keep its error",
        "ours",
        drop("Convert image.Catch.0.Assign"),
        "$error is not assigned on every way",
    ),
    Mistake(
        "an expression within a sentence",
        "ours",
        put("Announce result.Arguments.Entries.0.DetailType", "Upload {% $states.input.state %}"),
        "an expression is the whole string",
    ),
    Mistake(
        "a template of JSONPath in JSONata",
        "ours",
        put_template("Convert image.Arguments.Payload", "event.$", "$"),
        "event.$ is a template of JSONPath",
    ),
    Mistake(
        "the entries of an event are one entry",
        "ours",
        put("Announce result.Arguments.Entries", {"Source": "upload-workflow"}),
        "Entries is a list",
    ),
    Mistake(
        "a field of an entry is misspelt",
        "ours",
        put("Announce result.Arguments.Entries.0.DetailTyp", "Upload Succeeded"),
        "no parameter DetailTyp",
    ),
    Mistake(
        "Lambda cannot be waited for",
        "ours",
        put("Convert image.Resource", f"{_LAMBDA}.sync"),
        "does not support .sync",
    ),
    Mistake(
        "an end that is none", "ours", put("Announce result.End", False), "End is True, not False"
    ),
    Mistake(
        "a failure goes on", "ours", put("Job failed.Next", "Record failure"), "Next is no field"
    ),
    Mistake(
        "the longest pause is shorter than the first",
        "ours",
        put("Convert image.Retry.1.MaxDelaySeconds", 1),
        "MaxDelaySeconds is longer",
    ),
    Mistake(
        "jitter in small letters",
        "ours",
        put("Convert image.Retry.0.JitterStrategy", "full"),
        "JitterStrategy is FULL or NONE",
    ),
    Mistake(
        "pauses that grow shorter",
        "ours",
        put("Convert image.Retry.0.BackoffRate", 0.5),
        "BackoffRate is a number, at least 1",
    ),
    Mistake(
        "a number in quotes", "ours", put("machine.TimeoutSeconds", "3600"), "TimeoutSeconds is a"
    ),
    Mistake(
        "an expression where none is evaluated",
        "ours",
        put("Convert image.Next", "{% 'Announce result' %}"),
        "is not evaluated",
    ),
]
