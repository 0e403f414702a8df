"""Lambda: functions and what may call them, under which name, and what happens after a failure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.standin.cloud import Aws, unless_gone
from local.standin.crud import Crud, name_prefix, terraform, unique
from local.standin.values import UNKNOWN, State, known

# Lambda's limit, which MiniStack reports where AWS says nothing: none was set.
LONGEST_EVENT_AGE_SECONDS = 21600


@terraform(
    "aws_lambda_function",
    names={
        "kms_key_arn": "KMSKeyArn",
        "arn": "FunctionArn",
        "code_sha256": "CodeSha256",
        "source_code_size": "CodeSize",
        "vpc_config.ipv6_allowed_for_dual_stack": "Ipv6AllowedForDualStack",
    },
)
class Function(Crud):
    configuration = (
        "dead_letter_config",
        "description",
        "environment",
        "ephemeral_storage",
        "handler",
        "kms_key_arn",
        "layers",
        "logging_config",
        "memory_size",
        "role",
        "runtime",
        "timeout",
        "tracing_config",
        "vpc_config",
    )
    reported = (
        "architectures",
        "arn",
        "code_sha256",
        "last_modified",
        "package_type",
        "signing_job_arn",
        "signing_profile_version_arn",
        "source_code_size",
    )
    # What an update must send to take a setting away.
    absent: Mapping[str, Any] = {
        "DeadLetterConfig": {},
        "Description": "",
        "Environment": {},
        "KMSKeyArn": "",
        "Layers": [],
        "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []},
    }
    code = ("filename", "source_code_hash", "s3_bucket", "s3_key", "s3_object_version")

    def _configuration(self, state: State) -> dict[str, Any]:
        return self.wire.out(state, *self.configuration)

    def _code(self, state: State) -> dict[str, Any]:
        if state["filename"]:
            return {"ZipFile": Path(state["filename"]).read_bytes()}
        return self.wire.out(state, "s3_bucket", "s3_key", "s3_object_version", "image_uri")

    def create(self, aws: Aws, state: State) -> None:
        name, functions = state["function_name"], aws.client("lambda")
        functions.create_function(
            FunctionName=name,
            Code=self._code(state),
            Publish=bool(state["publish"]),
            Tags=state["tags_all"],
            **self._configuration(state),
            **self.wire.out(state, "architectures", "package_type"),
        )
        state["id"] = name
        if state["reserved_concurrent_executions"] >= 0:
            self._reserve(aws, state)

    def _reserve(self, aws: Aws, state: State) -> None:
        name, reserved = state["function_name"], state["reserved_concurrent_executions"]
        functions = aws.client("lambda")
        if reserved >= 0:
            functions.put_function_concurrency(
                FunctionName=name, ReservedConcurrentExecutions=reserved
            )
        else:
            functions.delete_function_concurrency(FunctionName=name)

    def read(self, aws: Aws, state: State) -> State | None:
        functions, name = aws.client("lambda"), state["id"]
        answer = functions.get_function(FunctionName=name)
        found, arn = answer["Configuration"], answer["Configuration"]["FunctionArn"]
        pages = functions.get_paginator("list_versions_by_function").paginate(FunctionName=name)
        version = [v["Version"] for page in pages for v in page["Versions"]][-1]
        gateway = f"arn:{aws.partition}:apigateway:{aws.region}:lambda:path/2015-03-31/functions"
        streaming = gateway.replace("2015-03-31", "2021-11-15")
        seen = self.wire.back(found, *self.configuration, *self.reported)
        concurrency = answer.get("Concurrency", {})
        return {
            **seen,
            "id": name,
            "function_name": found["FunctionName"],
            "layers": [layer["Arn"] for layer in found.get("Layers", [])],
            "version": version,
            "qualified_arn": f"{arn}:{version}",
            "invoke_arn": f"{gateway}/{arn}/invocations",
            "qualified_invoke_arn": f"{gateway}/{arn}:{version}/invocations",
            "response_streaming_invoke_arn": f"{streaming}/{arn}/response-streaming-invocations",
            "reserved_concurrent_executions": concurrency.get("ReservedConcurrentExecutions", -1),
            "source_code_hash": known(state["source_code_hash"]) or found["CodeSha256"],
            "tags_all": answer.get("Tags", {}),
        }

    def update(self, aws: Aws, prior: State, state: State) -> None:
        functions, name = aws.client("lambda"), state["id"]
        if any(known(state[k]) != prior[k] for k in self.configuration):
            wanted = {**self.absent, **self._configuration(state)}
            functions.update_function_configuration(FunctionName=name, **wanted)
        if any(state[key] != prior[key] for key in (*self.code, "architectures")):
            architectures = self.wire.out(state, "architectures")
            functions.update_function_code(FunctionName=name, **self._code(state), **architectures)
        if state["reserved_concurrent_executions"] != prior["reserved_concurrent_executions"]:
            self._reserve(aws, state)
        if state["publish"]:
            functions.publish_version(FunctionName=name)

    def tag(self, aws: Aws, state: State, tags: Mapping[str, str], removed: list[str]) -> None:
        functions, arn = aws.client("lambda"), state["arn"]
        if removed:
            functions.untag_resource(Resource=arn, TagKeys=removed)
        if tags:
            functions.tag_resource(Resource=arn, Tags=dict(tags))

    def delete(self, aws: Aws, state: State) -> None:
        if not state["skip_destroy"]:
            aws.client("lambda").delete_function(FunctionName=state["id"])

    def locate(self, aws: Aws, import_id: str) -> State:
        return {"function_name": import_id}

    def check_plan(self, prior: State | None, state: State, config: State) -> None:
        if state["package_type"] == "Zip" and None in (config["handler"], config["runtime"]):
            raise ValueError("handler and runtime must be set when PackageType is Zip")
        if prior is None or state == prior:
            return
        code_changed = any(state[k] != prior[k] for k in (*self.code, "architectures"))
        if code_changed:
            state.update(last_modified=UNKNOWN, code_sha256=UNKNOWN, source_code_size=UNKNOWN)
        changed = code_changed or any(state[k] != prior[k] for k in self.configuration)
        if changed and state["publish"]:
            state.update(version=UNKNOWN, qualified_arn=UNKNOWN, qualified_invoke_arn=UNKNOWN)


@terraform("aws_lambda_alias", names={"arn": "AliasArn"})
class Alias(Crud):
    arguments = ("description", "function_version", "name", "routing_config")

    def _wanted(self, state: State) -> dict[str, Any]:
        wanted = self.wire.out(state, *self.arguments)
        return {"Description": "", "RoutingConfig": {}, **wanted, "FunctionName": self._name(state)}

    @staticmethod
    def _name(state: State) -> str:
        return str(state["function_name"])

    def create(self, aws: Aws, state: State) -> None:
        state["id"] = aws.client("lambda").create_alias(**self._wanted(state))["AliasArn"]

    def read(self, aws: Aws, state: State) -> State | None:
        name, function = state["name"], self._name(state)
        found = aws.client("lambda").get_alias(FunctionName=function, Name=name)
        arn = found["AliasArn"]
        seen = self.wire.back(found, *self.arguments, "arn")
        gateway = f"arn:{aws.partition}:apigateway:{aws.region}:lambda:path/2015-03-31/functions"
        return {
            **seen,
            "id": arn,
            "function_name": function,
            "invoke_arn": f"{gateway}/{arn}/invocations",
        }

    def update(self, aws: Aws, prior: State, state: State) -> None:
        aws.client("lambda").update_alias(**self._wanted(state))

    def delete(self, aws: Aws, state: State) -> None:
        aws.client("lambda").delete_alias(FunctionName=self._name(state), Name=state["name"])

    def locate(self, aws: Aws, import_id: str) -> State:
        function, _, name = import_id.partition("/")
        return {"function_name": function, "name": name}


@terraform("aws_lambda_permission", names={"principal_org_id": "PrincipalOrgID"})
class Permission(Crud):
    def create(self, aws: Aws, state: State) -> None:
        prefix = known(state["statement_id_prefix"]) or "terraform-"
        state["statement_id"] = known(state["statement_id"]) or unique(prefix)
        names = self.wire.block.names - {"id", "region", "statement_id_prefix", "timeouts"}
        aws.client("lambda").add_permission(**self.wire.out(state, *names))
        state["id"] = state["statement_id"]

    def _named(self, state: State) -> dict[str, Any]:
        return self.wire.out(state, "function_name", "qualifier")

    def read(self, aws: Aws, state: State) -> State | None:
        answer = aws.client("lambda").get_policy(**self._named(state))
        statements = json.loads(answer["Policy"])["Statement"]
        statement = next((s for s in statements if s["Sid"] == state["statement_id"]), None)
        if statement is None:
            return None
        # Each operator holds one key per condition; services write its letters as they like.
        conditions = {
            key.lower(): value
            for operator in statement.get("Condition", {}).values()
            for key, value in operator.items()
        }
        principal = statement["Principal"]
        if isinstance(principal, dict):
            principal = principal.get("Service") or principal.get("AWS")
        return {
            "id": state["statement_id"],
            "action": statement["Action"],
            "event_source_token": conditions.get("lambda:eventsourcetoken"),
            "function_name": state["function_name"],
            "function_url_auth_type": conditions.get("lambda:functionurlauthtype"),
            "invoked_via_function_url": conditions.get("lambda:invokedviafunctionurl"),
            "principal": principal,
            "principal_org_id": conditions.get("aws:principalorgid"),
            "qualifier": state["qualifier"],
            "source_account": conditions.get("aws:sourceaccount"),
            "source_arn": conditions.get("aws:sourcearn"),
            "statement_id": statement["Sid"],
            "statement_id_prefix": name_prefix(statement["Sid"]),
        }

    def delete(self, aws: Aws, state: State) -> None:
        aws.client("lambda").remove_permission(
            StatementId=state["statement_id"], **self._named(state)
        )

    def locate(self, aws: Aws, import_id: str) -> State:
        function, _, statement = import_id.partition("/")
        name, _, qualifier = function.partition(":")
        return {
            "function_name": name,
            "qualifier": qualifier or None,
            "statement_id": statement,
            "id": statement,
        }


@terraform(
    "aws_lambda_function_event_invoke_config",
    names={"maximum_event_age_in_seconds": "MaximumEventAgeInSeconds"},
)
class EventInvokeConfig(Crud):
    arguments = ("destination_config", "maximum_event_age_in_seconds", "maximum_retry_attempts")

    def _named(self, state: State) -> dict[str, Any]:
        return self.wire.out(state, "function_name", "qualifier")

    def update(self, aws: Aws, prior: State, state: State) -> None:
        aws.client("lambda").put_function_event_invoke_config(
            **self._named(state), **self.wire.out(state, *self.arguments)
        )

    def create(self, aws: Aws, state: State) -> None:
        self.update(aws, state, state)
        state["id"] = ":".join(self._named(state).values())

    def read(self, aws: Aws, state: State) -> State | None:
        found = unless_gone(
            lambda: aws.client("lambda").get_function_event_invoke_config(**self._named(state))
        )
        if found is None:
            return None
        seen = self.wire.back(found, *self.arguments)
        if seen["maximum_event_age_in_seconds"] == LONGEST_EVENT_AGE_SECONDS:  # as if nobody said
            seen["maximum_event_age_in_seconds"] = state["maximum_event_age_in_seconds"]
        return {
            **seen,
            "id": state["id"],
            "function_name": state["function_name"],
            "qualifier": state["qualifier"],
        }

    def delete(self, aws: Aws, state: State) -> None:
        aws.client("lambda").delete_function_event_invoke_config(**self._named(state))

    def locate(self, aws: Aws, import_id: str) -> State:
        name, _, qualifier = import_id.partition(":")
        return {"function_name": name, "qualifier": qualifier or None}
