"""The module under the real provider: a root that calls it, its state, and what a plan would do.

Knows what of a plan is the emulator's doing. Does not know what is promised.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from local.terraform.core import Terraform, of_the_host

NAME = "ring"
MODULE = "module.called"

_KEPT = "kept.tfstate"

# What the real provider would set again and again because MiniStack does not give it back.
# tests/provider/test_apply.py shows of each that it is MiniStack's.
GAPS: Mapping[str, frozenset[str]] = {
    "aws_apigatewayv2_authorizer": frozenset({"authorizer_payload_format_version"}),
    "aws_cloudwatch_metric_alarm": frozenset(
        {
            "actions_enabled",
            "alarm_actions",
            "alarm_description",
            "dimensions",
            "extended_statistic",
            "metric_query",
            "ok_actions",
            "period",
            "statistic",
            "treat_missing_data",
        }
    ),
    "aws_sfn_state_machine": frozenset({"tracing_configuration"}),
}


@dataclass(frozen=True)
class Change:
    """What a plan would do to one resource."""

    address: str  # below the called module
    type: str
    actions: tuple[str, ...]
    attributes: frozenset[str]  # whose values differ, or are not known yet

    @property
    def is_a_gap(self) -> bool:
        """Is it nothing but what the local AWS has forgotten."""
        return self.actions == ("update",) and self.attributes <= GAPS.get(self.type, frozenset())


@dataclass(frozen=True)
class Plan:
    """The changes of a plan, without those that only the local AWS causes."""

    changes: tuple[Change, ...]

    @property
    def updated(self) -> set[str]:
        return {each.address for each in self.changes if each.actions == ("update",)}

    @property
    def made(self) -> set[str]:
        return {each.address for each in self.changes if each.actions == ("create",)}

    @property
    def replaced(self) -> set[str]:
        return {each.address for each in self.changes if {"create", "delete"} == {*each.actions}}

    @property
    def gone(self) -> set[str]:
        """Everything that will be destroyed, also to be made again."""
        return {each.address for each in self.changes if "delete" in each.actions}


@dataclass(frozen=True)
class Estate:
    """A folder with a root that calls the module, its state, and Terraform with its provider."""

    folder: Path
    module: Path
    terraform: Terraform
    reattach: str
    variables: Mapping[str, Any]  # what every call of the module gives

    def keep(self) -> Estate:
        """Remembers the state for `beside`, whatever is applied here afterwards."""
        shutil.copy(self.folder / "terraform.tfstate", self.folder / _KEPT)
        return self

    def beside(self, folder: Path) -> Estate:
        """Another root with the state as it was kept: what it plans touches nothing here."""
        shutil.copy(self.folder / _KEPT, folder / "terraform.tfstate")
        return replace(self, folder=folder)

    def with_module(self, module: Path) -> Estate:
        """The same with the module from another place."""
        return replace(self, module=module)

    def calls(self, **given: Any) -> Estate:
        """Writes a root that calls the module with these variables, and initialises it."""
        return self.contains({"module": {"called": given}})

    def contains(self, root: Mapping[str, Any]) -> Estate:
        """Writes a whole root; its call of the module gets the common variables as well."""
        called = {
            "source": os.path.relpath(self.module, self.folder),
            **self.variables,
            **root["module"]["called"],
        }
        content = {
            "provider": {"aws": {"region": "eu-central-1"}},
            **root,
            "module": {"called": called},
            "output": {"all": {"value": f"${{{MODULE}}}", "sensitive": True}},
        }
        (self.folder / "main.tf.json").write_text(json.dumps(content), encoding="utf-8")
        self.run("init", "-input=false")
        return self

    def apply(self) -> str:
        """What Terraform tells while it applies."""
        return self.run("apply", "-auto-approve", "-input=false")

    def plan(self, *options: str) -> Plan:
        """What an apply would do; with -refresh=false as seen from the state alone."""
        return read(self.shown(*options))

    def shown(self, *options: str) -> dict[str, Any]:
        """A plan as `terraform show -json` tells it."""
        self.run("plan", "-input=false", "-out=plan", *options)
        shown = json.loads(self.run("show", "-json", "plan"))
        assert isinstance(shown, dict)
        return shown

    def outputs(self) -> dict[str, Any]:
        value = json.loads(self.run("output", "-json"))["all"]["value"]
        assert isinstance(value, dict)
        return value

    def run(self, *arguments: str) -> str:
        """What one command prints; AssertionError with Terraform's words if it fails."""
        done = self.attempt(*arguments)
        assert done.returncode == 0, done.stderr.strip() or done.stdout
        return done.stdout

    def attempt(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **of_the_host(),
            "TF_REATTACH_PROVIDERS": self.reattach,
            "TF_DATA_DIR": str(self.folder / ".terraform"),
            "TF_CLI_ARGS": "-no-color",
            # It waits for AWS's answers more than it works.
            "TF_CLI_ARGS_apply": "-parallelism=30",
            "TF_CLI_ARGS_destroy": "-parallelism=30",
        }
        return subprocess.run(
            [*self.terraform.command, *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )


def read(shown: Mapping[str, Any]) -> Plan:
    """The changes that a plan tells, without those that only the local AWS causes."""
    changed = all_changes(shown)
    return Plan(tuple(change for change in changed if not change.is_a_gap))


def all_changes(shown: Mapping[str, Any]) -> list[Change]:
    changes = [_change(each) for each in shown.get("resource_changes", [])]
    return [change for change in changes if change.actions not in (("no-op",), ("read",))]


def _change(told: Mapping[str, Any]) -> Change:
    change = told["change"]
    before, after = change["before"] or {}, change["after"] or {}
    unknown = {name for name, value in (change["after_unknown"] or {}).items() if _any(value)}
    names = before.keys() | after.keys()
    return Change(
        told["address"].removeprefix(f"{MODULE}.").replace("module.", ""),
        told["type"],
        tuple(change["actions"]),
        frozenset({name for name in names if before.get(name) != after.get(name)} | unknown),
    )


def _any(unknown: Any) -> bool:
    """Is anything in a tree of marks marked."""
    if isinstance(unknown, dict):
        return any(map(_any, unknown.values()))
    return any(map(_any, unknown)) if isinstance(unknown, list) else bool(unknown)
