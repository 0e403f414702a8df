"""Does the service of a Task have that action, and the action these parameters?

Knows Step Functions' integrations; actions and parameters are botocore's models.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import botocore.session
from botocore.exceptions import UnknownServiceError
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from tools.asl.machine import Finding, State

TOKEN = "waitForTaskToken"  # noqa: S105 - the name of a pattern

# Developer guide, "Integrating optimized services": action -> patterns beside request-response.
# Those that a workflow of ours calls or may call; others are to be added when one does.
OPTIMIZED: Mapping[str, Mapping[str, Sequence[str]]] = {
    "events": {"putEvents": [TOKEN]},
    "lambda": {"invoke": [TOKEN]},
}
# Where botocore's folder is not the name of the service in Java's SDK, which aws-sdk ARNs use.
BOTOCORE_NAMES = {"eventbridge": "events"}
# Parameters that an optimized integration takes as JSON, although the API wants text or bytes.
JSON_PARAMETERS = frozenset({"Detail", "Payload"})

_RESOURCE = re.compile(
    r"arn:(?P<partition>[a-z-]+):states:::(?P<sdk>aws-sdk:)?(?P<service>[a-z0-9-]+):"
    r"(?P<action>[A-Za-z0-9]+)(?:\.(?P<pattern>[A-Za-z0-9:]+))?"
)
_FUNCTION_OR_ACTIVITY = re.compile(
    r"arn:[a-z-]+:(lambda:[a-z0-9-]+:[0-9]{12}:function:|states:[a-z0-9-]+:[0-9]{12}:activity:).+"
)
_SCALARS: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "blob": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
}


@dataclass(frozen=True)
class _Call:
    """The API call of a Task, as its Resource says."""

    is_sdk: bool
    service: str
    action: str
    pattern: str

    def __str__(self) -> str:
        return f"{self.service}:{self.action}"


def check(state: State) -> Iterator[Finding]:
    resource = state.body.get("Resource")
    if state.type != "Task" or not isinstance(resource, str):
        return
    matched = _RESOURCE.fullmatch(resource)
    if not matched:
        if not _FUNCTION_OR_ACTIVITY.fullmatch(resource):
            yield Finding(state.where, f"{resource} is nothing that a Task can run")
        return
    call = _Call(
        bool(matched["sdk"]), matched["service"], matched["action"], matched["pattern"] or ""
    )
    yield from (Finding(state.where, message) for message in _call(call, state))


def _call(call: _Call, state: State) -> Iterator[str]:
    yield from _pattern(call)
    if call.pattern == TOKEN and not ({"TimeoutSeconds", "HeartbeatSeconds"} & state.body.keys()):
        yield f".{call.pattern} without TimeoutSeconds waits for up to a year"
    given = state.body.get("Arguments", {})
    if call.pattern == TOKEN and "Task.Token" not in json.dumps(given):
        yield f".{TOKEN} waits for a token that the parameters do not pass on"
    if not call.is_sdk and call.service not in OPTIMIZED:
        return
    model = _model(call.service)
    if model is None or (call.is_sdk and _java_name(model) != call.service):
        yield f"{call.service} is no service of the AWS SDK"
        return
    operation = _operation(model, call.action)
    if operation is None:
        yield f"there is no action {call}"
        return
    if isinstance(given, Mapping):
        accepts: frozenset[str] = frozenset() if call.is_sdk else JSON_PARAMETERS
        shape = operation.input_shape
        if shape is not None:
            yield from _structure(str(call), shape, given, accepts)


def _pattern(call: _Call) -> Iterator[str]:
    if call.is_sdk:
        if call.pattern not in ("", TOKEN):
            yield f"aws-sdk:{call} does not support .{call.pattern}"
    elif call.service in OPTIMIZED:
        actions = OPTIMIZED[call.service]
        if call.action not in actions:
            yield f"there is no optimized action {call}"
        elif call.pattern and call.pattern not in actions[call.action]:
            yield f"{call} does not support .{call.pattern}"
    else:
        yield f"there is no optimized integration {call.service}"


@functools.cache
def _model(service: str) -> ServiceModel | None:
    try:
        return botocore.session.get_session().get_service_model(
            BOTOCORE_NAMES.get(service, service)
        )
    except UnknownServiceError:
        return None


def _java_name(model: ServiceModel) -> str:
    return re.sub(r"[^a-z0-9]", "", str(model.service_id).lower())


def _operation(model: ServiceModel, action: str) -> OperationModel | None:
    if action[:1].isupper():
        return None
    name = _pascal(action)
    return model.operation_model(name) if name in model.operation_names else None


def _pascal(name: str) -> str:
    return name[:1].upper() + name[1:]


def _structure(
    where: str, shape: Shape, given: Mapping[str, Any], accepts: frozenset[str]
) -> Iterator[str]:
    if not isinstance(shape, StructureShape):
        return
    members = {_pascal(name): member for name, member in shape.members.items()}
    for name in sorted(given.keys() - members.keys()):
        yield f"{where} has no parameter {name}"
    for name in sorted({_pascal(name) for name in shape.required_members} - given.keys()):
        yield f"{where} lacks the parameter {name}"
    for name in sorted(members.keys() & given.keys()):
        if name not in accepts:
            yield from _value(f"{where} {name}", members[name], given[name], accepts)


def _value(where: str, shape: Shape, value: Any, accepts: frozenset[str]) -> Iterator[str]:
    if isinstance(value, str) and value.startswith("{%"):
        return
    if isinstance(shape, ListShape):
        if not isinstance(value, list):
            yield f"{where} is a list"
            return
        for item in value:
            yield from _value(where, shape.member, item, accepts)
    elif isinstance(shape, MapShape):
        if not isinstance(value, Mapping):
            yield f"{where} is an object"
            return
        for key, item in value.items():
            yield from _value(f"{where}.{key}", shape.value, item, accepts)
    elif isinstance(shape, StructureShape):
        if not isinstance(value, Mapping):
            yield f"{where} is an object"
            return
        yield from _structure(where, shape, value, accepts)
    else:
        yield from _scalar(where, shape, value)


def _scalar(where: str, shape: Shape, value: Any) -> Iterator[str]:
    wanted = _SCALARS.get(shape.type_name)
    if wanted is None:
        return
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        yield f"{where} is of type {shape.type_name}, not {value!r}"
    allowed = getattr(shape, "enum", None)
    if allowed and isinstance(value, str) and value not in allowed:
        yield f"{where} is one of {', '.join(allowed)}, not {value}"
