"""Lambda: functions and what may call them, under which name, and what happens after a failure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.terraform.standin.cloud import Aws
from local.terraform.standin.crud import Crud, Tags, terraform, unique, words
from local.terraform.standin.values import UNKNOWN, State, known
from local.terraform.standin.wire import Document

PACKAGE = words("filename source_code_hash s3_bucket s3_key s3_object_version architectures")
COMPUTED = words("arn last_modified signing_job_arn signing_profile_version_arn source_code_size")

# What an update of a function's configuration must say to take a setting away.
ABSENT: Mapping[str, Any] = {
    "DeadLetterConfig": {},
    "Description": "",
    "Environment": {},
    "KMSKeyArn": "",
    "Layers": [],
    "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []},
}
# Lambda's limit, which MiniStack reports where AWS says nothing: none was set.
LONGEST_EVENT_AGE_SECONDS = 21600


def _invocations(aws: Aws, arn: str, version: str = "2015-03-31", what: str = "") -> str:
    """What API Gateway calls the invocation of a function."""
    gateway = f"arn:{aws.partition}:apigateway:{aws.region}:lambda:path"
    return f"{gateway}/{version}/functions/{arn}/{what}invocations"


@terraform(
    "aws_lambda_function",
    names={
        "arn": "FunctionArn",
        "code_sha256": "CodeSha256",
        "kms_key_arn": "KMSKeyArn",
        "reserved_concurrent_executions": None,
        "source_code_size": "CodeSize",
    },
)
class Function(Crud):
    tags = Tags("lambda", "Resource", listed_by="list_tags")
    identity = "{function_name}"

    def _configuration(self, state: State) -> Document:
        fixed = {"architectures", "code_sha256", "function_name", "package_type"}
        return self.wire.out(state, *(n for n in self.wire.arguments if n not in fixed))

    def _code(self, state: State) -> Document:
        if state["filename"]:
            return {"ZipFile": Path(state["filename"]).read_bytes()}
        return self.wire.out(state, "s3_bucket", "s3_key", "s3_object_version", "image_uri")

    def create(self, aws: Aws, state: State) -> None:
        fixed = self.wire.out(state, "architectures", "function_name", "package_type")
        settings = {**self._configuration(state), **fixed, "Publish": bool(state["publish"])}
        aws.client("lambda").create_function(**settings, Code=self._code(state))
        state["id"] = state["function_name"]
        if state["reserved_concurrent_executions"] >= 0:
            self._reserve(aws, state)

    @staticmethod
    def _reserve(aws: Aws, state: State) -> None:
        functions, named = aws.client("lambda"), {"FunctionName": state["function_name"]}
        number = state["reserved_concurrent_executions"]
        if number >= 0:
            functions.put_function_concurrency(**named, ReservedConcurrentExecutions=number)
        else:
            functions.delete_function_concurrency(**named)

    def read(self, aws: Aws, state: State) -> State | None:
        functions, named = aws.client("lambda"), {"FunctionName": state["id"]}
        answer = functions.get_function(**named)
        found = answer["Configuration"]
        layers = [layer["Arn"] for layer in found.pop("Layers", [])]
        pages = functions.get_paginator("list_versions_by_function").paginate(**named)
        version = [v["Version"] for page in pages for v in page["Versions"]][-1]
        arn, qualified = found["FunctionArn"], f"{found['FunctionArn']}:{version}"
        concurrency = answer.get("Concurrency", {})
        return {
            **self.wire.back(found, *COMPUTED),
            "layers": layers,
            "version": version,
            "qualified_arn": qualified,
            "invoke_arn": _invocations(aws, arn),
            "qualified_invoke_arn": _invocations(aws, qualified),
            "response_streaming_invoke_arn": _invocations(
                aws, arn, "2021-11-15", "response-streaming-"
            ),
            "reserved_concurrent_executions": concurrency.get("ReservedConcurrentExecutions", -1),
        }

    def update(self, aws: Aws, prior: State, state: State) -> None:
        functions, named = aws.client("lambda"), {"FunctionName": state["id"]}
        wanted = self._configuration(state)
        if wanted != self._configuration(prior):
            functions.update_function_configuration(**named, **{**ABSENT, **wanted})
        if any(state[name] != prior[name] for name in PACKAGE):
            architectures = self.wire.out(state, "architectures")
            functions.update_function_code(**named, **self._code(state), **architectures)
        if state["reserved_concurrent_executions"] != prior["reserved_concurrent_executions"]:
            self._reserve(aws, state)
        if state["publish"]:
            functions.publish_version(**named)

    def delete(self, aws: Aws, state: State) -> None:
        if not state["skip_destroy"]:
            aws.client("lambda").delete_function(FunctionName=state["id"])

    def locate(self, aws: Aws, import_id: str) -> State:
        return {"function_name": import_id}

    def check_plan(self, prior: State | None, state: State, config: State) -> None:
        if state["package_type"] == "Zip" and None in (config["handler"], config["runtime"]):
            raise ValueError("handler and runtime must be set when PackageType is Zip")
        if prior is None:
            return
        repackaged = any(state[name] != prior[name] for name in PACKAGE)
        if repackaged:
            state.update(last_modified=UNKNOWN, code_sha256=UNKNOWN, source_code_size=UNKNOWN)
        changed = repackaged or self._configuration(state) != self._configuration(prior)
        if changed and state["publish"]:
            state.update(version=UNKNOWN, qualified_arn=UNKNOWN, qualified_invoke_arn=UNKNOWN)


# Where a statement of a function's policy says what; services write the letters as they like.
CONDITIONS = {
    "event_source_token": "lambda:eventsourcetoken",
    "function_url_auth_type": "lambda:functionurlauthtype",
    "invoked_via_function_url": "lambda:invokedviafunctionurl",
    "principal_org_id": "aws:principalorgid",
    "source_account": "aws:sourceaccount",
    "source_arn": "aws:sourcearn",
}


@terraform("aws_lambda_permission", names={"principal_org_id": "PrincipalOrgID"})
class Permission(Crud):
    def create(self, aws: Aws, state: State) -> None:
        prefix = known(state["statement_id_prefix"]) or "terraform-"
        state["statement_id"] = known(state["statement_id"]) or unique(prefix)
        aws.client("lambda").add_permission(**self.wire.out(state))
        state["id"] = state["statement_id"]

    def read(self, aws: Aws, state: State) -> State | None:
        named = self.wire.out(state, "function_name", "qualifier")
        statements = json.loads(aws.client("lambda").get_policy(**named)["Policy"])["Statement"]
        found = next((s for s in statements if s["Sid"] == state["statement_id"]), None)
        if found is None:
            return None
        operators = found.get("Condition", {}).values()
        said = {key.lower(): value for operator in operators for key, value in operator.items()}
        principal = found["Principal"]
        if isinstance(principal, dict):
            principal = principal.get("Service") or principal.get("AWS")
        return {
            **{name: said.get(key) for name, key in CONDITIONS.items()},
            "action": found["Action"],
            "function_name": state["function_name"],
            "principal": principal,
            "qualifier": state["qualifier"],
            "statement_id": found["Sid"],
        }

    def delete(self, aws: Aws, state: State) -> None:
        named = self.wire.out(state, "function_name", "qualifier", "statement_id")
        aws.client("lambda").remove_permission(**named)

    def locate(self, aws: Aws, import_id: str) -> State:
        function, _, statement = import_id.partition("/")
        name, _, qualifier = function.partition(":")
        found = {"function_name": name, "qualifier": qualifier or None}
        return {**found, "statement_id": statement, "id": statement}
