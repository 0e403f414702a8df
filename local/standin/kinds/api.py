"""API Gateway v2: an HTTP API, who may call it, its routes and what they reach."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.standin.cloud import Aws
from local.standin.crud import Crud, terraform
from local.standin.values import State


class Gateway(Crud):
    """The calls of API Gateway v2 are all alike: verb, noun, the API's id and the noun's own."""

    noun: str
    arguments: tuple[str, ...]
    # Empty in a call takes these away; absent leaves them as they are.
    clearable: tuple[str, ...] = ()

    def _call(self, aws: Aws, verb: str, **request: Any) -> Any:
        return getattr(aws.client("apigatewayv2"), f"{verb}_{self.noun}")(**request)

    def _named(self, state: State) -> dict[str, Any]:
        key = "".join(word.title() for word in self.noun.split("_")) + "Id"
        return {"ApiId": state["api_id"], key: state["id"]}

    def wanted(self, state: State) -> dict[str, Any]:
        return self.wire.out(state, *self.arguments)

    def create(self, aws: Aws, state: State) -> None:
        answer = self._call(aws, "create", ApiId=state["api_id"], **self.wanted(state))
        state["id"] = answer[next(iter(set(self._named(state)) - {"ApiId"}))]

    def read(self, aws: Aws, state: State) -> State | None:
        found = self._call(aws, "get", **self._named(state))
        return {"id": state["id"], "api_id": state["api_id"], **self.seen(found)}

    def seen(self, found: dict[str, Any]) -> State:
        return self.wire.back(found, *self.arguments)

    def update(self, aws: Aws, prior: State, state: State) -> None:
        cleared = {
            name: type(value)()
            for name, value in self.wire.out(prior, *self.arguments).items()
            if isinstance(value, str | list)
        }
        self._call(aws, "update", **self._named(state), **{**cleared, **self.wanted(state)})

    def delete(self, aws: Aws, state: State) -> None:
        self._call(aws, "delete", **self._named(state))

    def locate(self, aws: Aws, import_id: str) -> State:
        api, _, own = import_id.partition("/")
        return {"api_id": api, "id": own}


def _tags(aws: Aws, arn: str) -> dict[str, str]:
    return dict(aws.client("apigatewayv2").get_tags(ResourceArn=arn).get("Tags") or {})


def _tag(aws: Aws, arn: str, tags: Mapping[str, str], removed: list[str]) -> None:
    gateway = aws.client("apigatewayv2")
    if removed:
        gateway.untag_resource(ResourceArn=arn, TagKeys=removed)
    if tags:
        gateway.tag_resource(ResourceArn=arn, Tags=dict(tags))


@terraform("aws_apigatewayv2_api")
class Api(Crud):
    arguments = (
        "api_key_selection_expression",
        "cors_configuration",
        "description",
        "disable_execute_api_endpoint",
        "ip_address_type",
        "name",
        "route_selection_expression",
        "version",
    )

    def _wanted(self, state: State) -> dict[str, Any]:
        wanted = self.wire.out(state, *self.arguments)
        if state["protocol_type"] == "HTTP":  # which has neither of its own
            wanted.pop("ApiKeySelectionExpression")
            wanted.pop("RouteSelectionExpression")
        return wanted

    def create(self, aws: Aws, state: State) -> None:
        answer = aws.client("apigatewayv2").create_api(
            **self._wanted(state),
            ProtocolType=state["protocol_type"],
            Tags=state["tags_all"],
        )
        state["id"] = answer["ApiId"]

    def read(self, aws: Aws, state: State) -> State | None:
        api = state["id"]
        found = aws.client("apigatewayv2").get_api(ApiId=api)
        arn = f"arn:{aws.partition}:apigateway:{aws.region}::/apis/{api}"
        return {
            **self.wire.back(found, *self.arguments, "protocol_type", "api_endpoint"),
            "id": api,
            "arn": arn,
            "execution_arn": aws.arn("execute-api", api),
            "tags_all": _tags(aws, arn),
        }

    def update(self, aws: Aws, prior: State, state: State) -> None:
        if prior["cors_configuration"] and not state["cors_configuration"]:
            aws.client("apigatewayv2").delete_cors_configuration(ApiId=state["id"])
        wanted = {"Description": "", "Version": "", **self._wanted(state)}
        aws.client("apigatewayv2").update_api(ApiId=state["id"], **wanted)

    def tag(self, aws: Aws, state: State, tags: Mapping[str, str], removed: list[str]) -> None:
        _tag(aws, state["arn"], tags, removed)

    def delete(self, aws: Aws, state: State) -> None:
        aws.client("apigatewayv2").delete_api(ApiId=state["id"])


@terraform("aws_apigatewayv2_authorizer", names={"identity_sources": "IdentitySource"})
class Authorizer(Gateway):
    noun = "authorizer"
    arguments = (
        "authorizer_credentials_arn",
        "authorizer_payload_format_version",
        "authorizer_result_ttl_in_seconds",
        "authorizer_type",
        "authorizer_uri",
        "enable_simple_responses",
        "identity_sources",
        "jwt_configuration",
        "name",
    )

    def seen(self, found: dict[str, Any]) -> State:
        if found.get("AuthorizerType") == "JWT":  # no function, so no payload: not so in MiniStack
            found.pop("AuthorizerPayloadFormatVersion", None)
        return super().seen(found)


@terraform("aws_apigatewayv2_integration", names={"timeout_milliseconds": "TimeoutInMillis"})
class Integration(Gateway):
    noun = "integration"
    arguments = (
        "connection_id",
        "connection_type",
        "credentials_arn",
        "description",
        "integration_method",
        "integration_subtype",
        "integration_type",
        "integration_uri",
        "payload_format_version",
        "request_parameters",
        "timeout_milliseconds",
    )

    def seen(self, found: dict[str, Any]) -> State:
        expression = found.get("IntegrationResponseSelectionExpression")
        return {**super().seen(found), "integration_response_selection_expression": expression}


@terraform("aws_apigatewayv2_route")
class Route(Gateway):
    noun = "route"
    arguments = (
        "api_key_required",
        "authorization_scopes",
        "authorization_type",
        "authorizer_id",
        "operation_name",
        "route_key",
        "target",
    )


@terraform("aws_apigatewayv2_stage", names={"name": "StageName"})
class Stage(Crud):
    arguments = (
        "access_log_settings",
        "auto_deploy",
        "default_route_settings",
        "deployment_id",
        "description",
        "name",
        "stage_variables",
    )

    def _wanted(self, state: State) -> dict[str, Any]:
        wanted = {"ApiId": state["api_id"], **self.wire.out(state, *self.arguments)}
        if state["auto_deploy"]:  # which chooses the deployment
            wanted.pop("DeploymentId", None)
        routes = [
            self.wire.out({"route_settings": [r]})["RouteSettings"] for r in state["route_settings"]
        ]
        if routes:
            wanted["RouteSettings"] = {r[0].pop("RouteKey"): r[0] for r in routes}
        return wanted

    def create(self, aws: Aws, state: State) -> None:
        aws.client("apigatewayv2").create_stage(**self._wanted(state), Tags=state["tags_all"])
        state["id"] = state["name"]

    def read(self, aws: Aws, state: State) -> State | None:
        api, name = state["api_id"], state["id"]
        gateway = aws.client("apigatewayv2")
        found = gateway.get_stage(ApiId=api, StageName=name)
        routes = found.get("RouteSettings") or {}
        found["RouteSettings"] = [{"RouteKey": key, **routes[key]} for key in routes]
        # Where the API answers: a name below amazonaws.com would lead nowhere.
        address = f"{gateway.meta.endpoint_url}/_aws/execute-api/{api}/{name}"
        arn = f"arn:{aws.partition}:apigateway:{aws.region}::/apis/{api}/stages/{name}"
        return {
            **self.wire.back(found, *self.arguments, "route_settings"),
            "id": name,
            "api_id": api,
            "arn": arn,
            "execution_arn": aws.arn("execute-api", f"{api}/{name}"),
            "invoke_url": f"{address}/" if name == "$default" else address,
            "tags_all": _tags(aws, arn),
        }

    def update(self, aws: Aws, prior: State, state: State) -> None:
        if prior["access_log_settings"] and not state["access_log_settings"]:
            aws.client("apigatewayv2").delete_access_log_settings(
                ApiId=state["api_id"], StageName=state["id"]
            )
        wanted = {"Description": "", "StageVariables": {}, **self._wanted(state)}
        aws.client("apigatewayv2").update_stage(**wanted)

    def tag(self, aws: Aws, state: State, tags: Mapping[str, str], removed: list[str]) -> None:
        _tag(aws, state["arn"], tags, removed)

    def delete(self, aws: Aws, state: State) -> None:
        aws.client("apigatewayv2").delete_stage(ApiId=state["api_id"], StageName=state["id"])

    def locate(self, aws: Aws, import_id: str) -> State:
        api, _, name = import_id.partition("/")
        return {"api_id": api, "id": name, "name": name}
