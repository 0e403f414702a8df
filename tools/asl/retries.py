"""Do Retry and Catch name errors that exist, in an order in which each can be met?"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import botocore.session

from tools.asl.machine import Finding, State, objects, texts

# Developer guide, "Handling errors in Step Functions workflows".
STATES_ERRORS = {
    f"States.{name}"
    for name in (
        "ALL",
        "BranchFailed",
        "DataLimitExceeded",
        "ExceedToleratedFailureThreshold",
        "HeartbeatTimeout",
        "Http.Socket",
        "ItemReaderFailed",
        "NoChoiceMatched",
        "Permissions",
        "QueryEvaluationError",
        "ResultWriterFailed",
        "Runtime",
        "TaskFailed",
        "Timeout",
    )
}
# Nothing catches these, not even States.ALL.
UNCATCHABLE = {"States.DataLimitExceeded", "States.Runtime"}
# What Step Functions calls errors of Lambda that are not in Lambda's own model.
LAMBDA_ERRORS = {
    "Lambda.AWSLambdaException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.SdkClientException",
    "Lambda.Unknown",
}


def check(state: State) -> Iterator[Finding]:
    for field in ("Retry", "Catch"):
        rules = objects(state.body, field)
        met: set[str] = set()
        for index, rule in enumerate(rules):
            where = f"{state.where} / {field} {index}"
            names = texts(rule, "ErrorEquals")
            if "States.ALL" in names and (len(names) > 1 or index < len(rules) - 1):
                yield Finding(where, "States.ALL stands alone and last")
            for name in names:
                if name in met:
                    yield Finding(where, f"{name} was met above already")
                met.add(name)
                yield from _name(where, name)


def _name(where: str, name: str) -> Iterator[Finding]:
    if name.startswith("States.") and name not in STATES_ERRORS:
        yield Finding(where, f"{name} is no error of Step Functions")
    elif name in UNCATCHABLE:
        yield Finding(where, f"{name} cannot be retried or caught")
    elif name.startswith("Lambda.") and name not in _lambda_errors():
        yield Finding(where, f"{name} is no error of Lambda")


@functools.cache
def _lambda_errors() -> frozenset[str]:
    model = botocore.session.get_session().get_service_model("lambda")
    return frozenset(LAMBDA_ERRORS | {f"Lambda.{shape.name}" for shape in model.error_shapes})
