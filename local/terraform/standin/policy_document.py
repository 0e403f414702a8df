"""aws_iam_policy_document: the JSON that the real provider writes, letter for letter. Pure."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any

from local.terraform.standin.values import State

ORDER = (
    "Sid",
    "Effect",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Principal",
    "NotPrincipal",
    "Condition",
)
EFFECTS = ("Allow", "Deny")
OLD_VERSION = "2008-10-17"
VERSION = "2012-10-17"


def policy_document(config: State) -> State:
    """The state of the data source; ValueError for a strange effect or a sid given twice."""
    document = _Document()
    for text in [config.get("source_json"), *(config.get("source_policy_documents") or [])]:
        document.merge(text)
    for sid, statement in _statements(config):
        document.put(sid, statement)
    document.policy_id = config.get("policy_id") or document.policy_id
    for text in [config.get("override_json"), *(config.get("override_policy_documents") or [])]:
        document.merge(text)
    version = config.get("version") or VERSION
    body: dict[str, Any] = {"Version": max(version, document.version)}
    if document.policy_id:
        body["Id"] = document.policy_id
    if document.statements:
        body["Statement"] = document.statements
    pretty = _go_json(body, indent=2)
    return {
        **config,
        "version": version,
        "json": pretty,
        "minified_json": _go_json(body, separators=(",", ":")),
        "id": str(zlib.crc32(pretty.encode())),
    }


class _Document:
    """Statements in order; a later one replaces an earlier one of its sid."""

    def __init__(self) -> None:
        self.statements: list[dict[str, Any]] = []
        self.policy_id: str | None = None
        self.version = OLD_VERSION

    def put(self, sid: str | None, statement: dict[str, Any]) -> None:
        for index, existing in enumerate(self.statements):
            if sid and existing.get("Sid") == sid:
                self.statements[index] = statement
                return
        self.statements.append(statement)

    def merge(self, text: str | None) -> None:
        if not text:
            return
        other = json.loads(text)
        self.version = max(self.version, other.get("Version", OLD_VERSION))
        self.policy_id = other.get("Id") or self.policy_id
        found = other.get("Statement") or []
        for statement in [found] if isinstance(found, dict) else found:
            self.put(statement.get("Sid"), _normal(statement))


def _statements(config: State) -> list[tuple[str | None, dict[str, Any]]]:
    written, sids = [], set()
    for block in config.get("statement") or []:
        sid = block.get("sid")
        if sid and sid in sids:
            raise ValueError(f"duplicate Sid ({sid})")
        sids.add(sid)
        block["effect"] = block.get("effect") or "Allow"
        if block["effect"] not in EFFECTS:
            raise ValueError(f"expected effect to be one of {EFFECTS}, got {block['effect']}")
        statement = {
            "Sid": sid,
            "Effect": block["effect"],
            "Action": _strings(block.get("actions")),
            "NotAction": _strings(block.get("not_actions")),
            "Resource": _strings(_variables(block.get("resources"))),
            "NotResource": _strings(_variables(block.get("not_resources"))),
            "Principal": _principals(block.get("principals")),
            "NotPrincipal": _principals(block.get("not_principals")),
            "Condition": _conditions(block.get("condition")),
        }
        written.append((sid, {key: value for key, value in statement.items() if value}))
    return written


def _strings(values: list[str] | None) -> Any:
    """One value stands alone; several are in falling order, as the provider's set gives them."""
    ordered = sorted(values or [], reverse=True)
    return ordered[0] if len(ordered) == 1 else ordered


def _variables(values: list[str] | None) -> list[str]:
    """`&{}` is how a policy variable is written where `${}` would be Terraform's own."""
    return [value.replace("&{", "${") for value in values or []]


def _principals(blocks: list[State] | None) -> Any:
    by_type: dict[str, list[str]] = {}
    for block in blocks or []:
        by_type.setdefault(block["type"], []).extend(_variables(block["identifiers"]))
    if by_type == {"*": ["*"]}:
        return "*"
    return {kind: _strings(names) for kind, names in sorted(by_type.items())}


def _conditions(blocks: list[State] | None) -> dict[str, dict[str, Any]]:
    tests: dict[str, dict[str, list[str]]] = {}
    for block in blocks or []:
        variables = tests.setdefault(block["test"], {})
        name = block["variable"].replace("&{", "${")
        variables.setdefault(name, []).extend(_variables(block["values"]))
    return {test: _scalars(tests[test]) for test in sorted(tests)}


def _scalars(variables: Mapping[str, Any]) -> dict[str, Any]:
    """A single condition value stands alone; booleans and numbers are text."""

    def text(value: Any) -> str:
        return str(value).lower() if isinstance(value, bool) else str(value)

    scalars: dict[str, Any] = {}
    for name, values in sorted(variables.items()):
        listed = [text(v) for v in values] if isinstance(values, list) else [text(values)]
        scalars[name] = listed[0] if len(listed) == 1 else listed
    return scalars


def _normal(statement: Mapping[str, Any]) -> dict[str, Any]:
    """A statement read from JSON, as the provider writes it back."""
    normal = {key: statement[key] for key in ORDER if statement.get(key) not in (None, "", [])}
    for key in ("Principal", "NotPrincipal"):
        if isinstance(normal.get(key), dict):
            normal[key] = {
                kind: _strings(names) if isinstance(names, list) else names
                for kind, names in sorted(normal[key].items())
            }
    if "Condition" in normal:
        tests = normal["Condition"]
        normal["Condition"] = {test: _scalars(tests[test]) for test in sorted(tests)}
    return normal


def _go_json(body: Any, **notation: Any) -> str:
    """Go's encoding/json escapes what HTML would read as markup."""
    text = json.dumps(body, ensure_ascii=False, **notation)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
