"""What a provider says when one attribute that the module sets is another.

Each attribute gets a resource of its own in one root, with a state in which it is as the module
sets it and a configuration in which it is changed. One plan then tells all verdicts. Nothing is
made: the states are those of an imaginary apply.
"""

from __future__ import annotations

import copy
import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from local import paths
from local.terraform.core import Terraform, of_the_host
from local.terraform.standin.schema import Block, load
from tests.support import hcl
from tests.terraform.cases import CASES
from tests.terraform.roots import REGION, Applied, Cloud, calling

Verdict = Literal["nothing", "update", "replace", "refused"]
Names = Mapping[str, Any]  # a name, and the names within it

# `lifecycle` and its kind are Terraform's own.
_META = {"lifecycle", "provisioner", "connection"}
# Where adding a letter or a one says nothing about the attribute: what the module could say too.
OTHERS: Mapping[str, Any] = {
    "aws_apigatewayv2_route.authorization_type": "NONE",
    "aws_apigatewayv2_integration.payload_format_version": "1.0",
    "aws_apigatewayv2_integration.integration_method": "GET",
    "aws_apigatewayv2_integration.integration_type": "HTTP_PROXY",
    "aws_apigatewayv2_authorizer.authorizer_type": "REQUEST",
    "aws_cloudwatch_metric_alarm.comparison_operator": "GreaterThanThreshold",
    "aws_cloudwatch_metric_alarm.statistic": "Average",
    "aws_cloudwatch_metric_alarm.treat_missing_data": "breaching",
    "aws_lambda_function.architectures": ["arm64"],
    "aws_lambda_function.runtime": "python3.12",
    "aws_lambda_function.logging_config.log_format": "Text",
    "aws_cloudwatch_log_group.retention_in_days": 1,
    "aws_s3_bucket_ownership_controls.rule.object_ownership": "ObjectWriter",
    "aws_s3_bucket_versioning.versioning_configuration.status": "Suspended",
    "aws_s3_bucket_lifecycle_configuration.rule.status": "Disabled",
    "aws_sfn_state_machine.type": "EXPRESS",
    "aws_sfn_state_machine.logging_configuration.level": "ALL",
    "aws_sns_topic_subscription.protocol": "sms",
}


def _noted(kind: str, values: Names) -> dict[str, Any]:
    """A state with what the real provider notes after an apply, where an imaginary one has null."""
    state = dict(copy.deepcopy(values))
    if kind == "aws_iam_role":
        state["managed_policy_arns"] = []
    if kind == "aws_s3_bucket_lifecycle_configuration":
        state["expected_bucket_owner"] = ""
        for rule in state["rule"]:
            for narrowing in rule["filter"]:
                narrowing["prefix"] = ""
    return state


@dataclass(frozen=True)
class Question:
    """One attribute of one resource of the module, changed."""

    name: str  # such as "aws_lambda_function.workflow.timeout"
    type: str
    state: Mapping[str, Any]
    configured: Mapping[str, Any]  # with the change in it

    @property
    def label(self) -> str:
        return re.sub(r"\W", "_", self.name)


def questions(applied: list[Applied]) -> list[Question]:
    """Every attribute that a resource of the module sets, with the fullest state there is of it."""
    asked = []
    for kind, name, names in written():
        states = [
            _noted(kind, resource.values)
            for each in applied
            for resource in each.resources
            if resource.type == kind and re.search(rf"(^|\.){kind}\.{name}(\[|$)", resource.address)
        ]
        assert states, f"no case makes {kind}.{name}"
        configurations = [(_configured(load().resources[kind], s, names), s) for s in states]
        configured, state = max(configurations, key=lambda pair: len(json.dumps(pair[0])))
        # A state that would be changed as it is says nothing about a change.
        asked.append(Question(f"{kind}.{name} as it is", kind, state, configured))
        for path in _leaves(configured):
            for way, changed in _changes(kind, path, configured):
                dotted = ".".join(str(step) for step in path if isinstance(step, str))
                asked.append(Question(f"{kind}.{name}.{dotted}{way}", kind, state, changed))
    # Of blocks of a kind the first is asked that says it.
    return list({question.name: question for question in reversed(asked)}.values())[::-1]


def judge(
    asked: list[Question], terraform: Terraform, reattach: str, folder: Path, versions: Names
) -> dict[str, Verdict]:
    """The verdict on each question. `versions` has the versions of the provider's schemas."""
    ask = _Asker(terraform, reattach, folder)
    ask.run("init", "-input=false", root={})
    refused: set[str] = set()
    while True:
        left = [question for question in asked if question.label not in refused]
        found = ask.plan(left, versions)
        if isinstance(found, dict):
            break
        assert found - refused, ("an error without a resource", found, len(left))
        refused |= found
    return {
        question.name: "refused" if question.label in refused else found[question.label]
        for question in asked
    }


def versions(terraform: Terraform, reattach: str, folder: Path) -> dict[str, int]:
    """The version of the schema of each type that the module uses."""
    ask = _Asker(terraform, reattach, folder)
    ask.run("init", "-input=false", root={})
    told = json.loads(ask.run("providers", "schema", "-json").stdout)
    (provider,) = told["provider_schemas"].values()
    return {kind: schema["version"] for kind, schema in provider["resource_schemas"].items()}


@dataclass(frozen=True)
class _Asker:
    terraform: Terraform
    reattach: str
    folder: Path

    def plan(self, asked: list[Question], versions: Names) -> set[str] | dict[str, Verdict]:
        """The verdicts; or the labels of the resources that are refused, if any is."""
        root: dict[str, Any] = {"resource": {}}
        resources = []
        for question in asked:
            known = load().resources[question.type]
            root["resource"].setdefault(question.type, {})[question.label] = _escaped(
                dict(question.configured)
            )
            state = {k: v for k, v in question.state.items() if k in known.names and k != "region"}
            resources.append(
                {
                    "mode": "managed",
                    "type": question.type,
                    "name": question.label,
                    "provider": 'provider["registry.terraform.io/hashicorp/aws"]',
                    "instances": [{"schema_version": versions[question.type], "attributes": state}],
                }
            )
        state = {"version": 4, "serial": 1, "lineage": "verdicts", "resources": resources}
        (self.folder / "terraform.tfstate").write_text(json.dumps(state), encoding="utf-8")
        options = ("-input=false", "-refresh=false", "-out=plan", "-json")
        done = self.run("plan", *options, root=root, may_fail=True)
        if done.returncode:
            said = [json.loads(line) for line in done.stdout.splitlines()]
            wrong = [each["diagnostic"] for each in said if each.get("@level") == "error"]
            labels = {each.get("address", "").rpartition(".")[2] for each in wrong} - {""}
            assert labels, wrong
            return labels
        shown = json.loads(self.run("show", "-json", "plan").stdout)
        return {
            each["name"]: _verdict(each["change"]["actions"]) for each in shown["resource_changes"]
        }

    def run(
        self, *arguments: str, root: Names | None = None, may_fail: bool = False
    ) -> subprocess.CompletedProcess[str]:
        if root is not None:
            nowhere = dict.fromkeys(
                ("skip_credentials_validation", "skip_requesting_account_id"), True
            )
            provider = {"provider": {"aws": {"region": REGION, **nowhere}}}
            file = self.folder / "main.tf.json"
            file.write_text(json.dumps({**provider, **root}), encoding="utf-8")
        done = subprocess.run(
            [*self.terraform.command, *arguments],
            cwd=self.folder,
            env={**of_the_host(), "TF_REATTACH_PROVIDERS": self.reattach},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert may_fail or done.returncode == 0, done.stderr or done.stdout
        return done


def _verdict(actions: list[str]) -> Verdict:
    if actions == ["no-op"]:
        return "nothing"
    return "update" if actions == ["update"] else "replace"


def written() -> Iterator[tuple[str, str, Names]]:
    """Each resource in the module's files: its type, its name, and the names that it sets."""
    for file in sorted((paths.REPOSITORY / "modules").glob("*/*.tf")):
        text = file.read_text(encoding="utf-8")
        for found in re.finditer(r'(?m)^resource "(aws_\w+)" "(\w+)" \{', text):
            yield found[1], found[2], _names(hcl.inside(text[found.start() :], r"^resource .* \{"))


def _names(body: str) -> dict[str, Any]:
    names: dict[str, Any] = dict.fromkeys(hcl.keys(body))
    indent = re.search(r"(?m)^( *)\S", body)
    blocks = re.finditer(rf'(?m)^{indent[1] if indent else ""}(?:dynamic "(\w+)"|(\w+)) \{{', body)
    for block in blocks:
        inside = hcl.inside(body[block.start() :], r"^[^\n]*\{")
        if block[1]:
            inside = hcl.inside(inside, r"content \{")
        name = block[1] or block[2]
        if name not in _META:
            names[name] = {**names.get(name, {}), **_names(inside)}
    return names


def _configured(schema: Block, state: Names, names: Names) -> dict[str, Any]:
    """What a configuration says that sets these names as they are in a state."""
    said: dict[str, Any] = {}
    for name, within in names.items():
        value = state.get(name)
        if name in schema.attributes and name != "region" and value not in (None, "", [], {}):
            said[name] = value
        elif name in schema.blocks and value:
            inner = schema.blocks[name].block
            values = value if isinstance(value, list) else [value]
            said[name] = [_configured(inner, each, within or {}) for each in values]
    return said


def _leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, dict):
        for name, child in value.items():
            blocks = isinstance(child, list) and child and isinstance(child[0], dict)
            for index, block in enumerate(child if blocks else []):
                yield from _leaves(block, (*path, name, index))
            if not blocks:
                yield (*path, name)


def _changes(
    kind: str, path: tuple[str | int, ...], configured: Names
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The configuration with one attribute changed; where that is no sense, also with another."""
    dotted = ".".join([kind, *(step for step in path if isinstance(step, str))])
    value = _at(configured, path)
    yield "", _with(configured, path, _other(value))
    if respaced := _respaced(value):
        # As a checkout with other line ends has it.
        yield " (respaced)", _with(configured, path, respaced)
    if dotted in OTHERS:
        yield " (valid)", _with(configured, path, OTHERS[dotted])


def _other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return _in_json(value) or f"{value}x"
    if isinstance(value, list):
        return [_other(value[0]), *value[1:]] if value else ["x"]
    return {**value, "x": "x"}


def _in_json(text: str) -> str | None:
    """Another JSON document, for a text that is one."""
    try:
        document = json.loads(text)
    except ValueError:
        return None
    return json.dumps({**document, "Id": "x"}) if isinstance(document, dict) else None


def _respaced(text: Any) -> str | None:
    """The same JSON document in other notation, for a text that is one."""
    try:
        document = json.loads(text)
    except (TypeError, ValueError):
        return None
    return json.dumps(document, indent=3) if isinstance(document, dict) else None


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def _with(configured: Names, path: tuple[str | int, ...], other: Any) -> dict[str, Any]:
    changed = copy.deepcopy(dict(configured))
    _at(changed, path[:-1])[path[-1]] = other
    return changed


def _escaped(value: Any) -> Any:
    """As Terraform's JSON syntax wants text that is no template."""
    if isinstance(value, dict):
        return {name: _escaped(child) for name, child in value.items()}
    if isinstance(value, list):
        return [_escaped(child) for child in value]
    return value.replace("${", "$${").replace("%{", "%%{") if isinstance(value, str) else value


# Together they set everything that the module can set.
FULL = ("surrounded", "upload_api", "default", "malware_scan", "served", "remake")


def imagined(cloud: Cloud, folder: Path) -> list[Applied]:
    """The states that the questions are asked of."""
    package = {"package_file": str(paths.REPOSITORY / "versions.tf")}  # any file does
    return [
        cloud.apply(calling(paths.REPOSITORY, folder / name, {**package, **CASES[name].variables}))
        for name in FULL
    ]
