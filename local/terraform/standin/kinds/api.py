"""API Gateway v2: an HTTP API, who may call it, its routes and what they reach."""

from __future__ import annotations

from typing import Any, ClassVar

from local.terraform.standin.cloud import Aws
from local.terraform.standin.crud import Crud, Tags, terraform
from local.terraform.standin.values import State
from local.terraform.standin.wire import Document, pascal

TAGS = Tags("apigatewayv2", "ResourceArn", listed_by="get_tags")


def _arn(aws: Aws, path: str) -> str:
    return f"arn:{aws.partition}:apigateway:{aws.region}::/apis/{path}"


@terraform("aws_apigatewayv2_api")
class Api(Crud):
    tags = TAGS

    def _wanted(self, state: State) -> Document:
        wanted = self.wire.out(state)
        if state["protocol_type"] == "HTTP":  # which has neither of its own
            wanted.pop("ApiKeySelectionExpression")
            wanted.pop("RouteSelectionExpression")
        return wanted

    def create(self, aws: Aws, state: State) -> None:
        state["id"] = aws.client("apigatewayv2").create_api(**self._wanted(state))["ApiId"]

    def read(self, aws: Aws, state: State) -> State | None:
        api = state["id"]
        seen = self.wire.back(aws.client("apigatewayv2").get_api(ApiId=api), "api_endpoint")
        return {**seen, "arn": _arn(aws, api), "execution_arn": aws.arn("execute-api", api)}

    def put(self, aws: Aws, state: State) -> None:
        gateway, named = aws.client("apigatewayv2"), {"ApiId": state["id"]}
        if not state["cors_configuration"]:
            gateway.delete_cors_configuration(**named)
        wanted = {"Description": "", "Version": "", **self._wanted(state)}
        wanted.pop("ProtocolType")
        gateway.update_api(**named, **wanted)

    def delete(self, aws: Aws, state: State) -> None:
        aws.client("apigatewayv2").delete_api(ApiId=state["id"])


class Part(Crud):
    """A part of an API. The calls of all parts are alike: verb, noun, the API's id and its own."""

    noun: ClassVar[str]

    def call(self, aws: Aws, verb: str, state: State, **more: Any) -> Document:
        return dict(getattr(aws.client("apigatewayv2"), f"{verb}_{self.noun}")(**more))

    def _named(self, state: State) -> Document:
        return {"ApiId": state["api_id"], pascal(f"{self.noun}_id"): state["id"]}

    def create(self, aws: Aws, state: State) -> None:
        answer = self.call(aws, "create", state, **self.wire.out(state))
        state["id"] = answer[pascal(f"{self.noun}_id")]

    def read(self, aws: Aws, state: State) -> State | None:
        found = self.call(aws, "get", state, **self._named(state))
        return {**self.seen(found), "api_id": state["api_id"]}

    def seen(self, found: Document) -> State:
        return self.wire.back(found)

    def update(self, aws: Aws, prior: State, state: State) -> None:
        before = self.wire.out(prior).items()
        cleared = {name: type(value)() for name, value in before if isinstance(value, str | list)}
        wanted = {**cleared, **self.wire.out(state), **self._named(state)}
        self.call(aws, "update", state, **wanted)

    def delete(self, aws: Aws, state: State) -> None:
        self.call(aws, "delete", state, **self._named(state))

    def locate(self, aws: Aws, import_id: str) -> State:
        api, _, own = import_id.partition("/")
        return {"api_id": api, "id": own}


@terraform("aws_apigatewayv2_authorizer", names={"identity_sources": "IdentitySource"})
class Authorizer(Part):
    noun = "authorizer"

    def seen(self, found: Document) -> State:
        if found.get("AuthorizerType") == "JWT":  # no function, so no payload: not so in MiniStack
            found.pop("AuthorizerPayloadFormatVersion", None)
        return self.wire.back(found)


@terraform("aws_apigatewayv2_integration", names={"timeout_milliseconds": "TimeoutInMillis"})
class Integration(Part):
    noun = "integration"

    def seen(self, found: Document) -> State:
        return self.wire.back(found, "integration_response_selection_expression")


@terraform("aws_apigatewayv2_route")
class Route(Part):
    noun = "route"


@terraform("aws_apigatewayv2_stage", names={"name": "StageName"})
class Stage(Part):
    tags = TAGS
    noun = "stage"

    def _named(self, state: State) -> Document:
        return {"ApiId": state["api_id"], "StageName": state["name"]}

    def _wanted(self, state: State) -> Document:
        wanted = self.wire.out(state)
        if state["auto_deploy"]:  # which chooses the deployment
            wanted.pop("DeploymentId", None)
        if "RouteSettings" in wanted:
            wanted["RouteSettings"] = {r.pop("RouteKey"): r for r in wanted["RouteSettings"]}
        return wanted

    def create(self, aws: Aws, state: State) -> None:
        self.call(aws, "create", state, **self._wanted(state))
        state["id"] = state["name"]

    def read(self, aws: Aws, state: State) -> State | None:
        api, name = state["api_id"], state["name"]
        found = self.call(aws, "get", state, **self._named(state))
        routes = found.get("RouteSettings") or {}
        found["RouteSettings"] = [{"RouteKey": key, **routes[key]} for key in routes]
        # Where the API answers: a name below amazonaws.com would lead nowhere.
        url = f"{aws.client('apigatewayv2').meta.endpoint_url}/_aws/execute-api/{api}/{name}"
        return {
            **self.wire.back(found),
            "api_id": api,
            "arn": _arn(aws, f"{api}/stages/{name}"),
            "execution_arn": aws.arn("execute-api", f"{api}/{name}"),
            "invoke_url": f"{url}/" if name == "$default" else url,
        }

    def update(self, aws: Aws, prior: State, state: State) -> None:
        if prior["access_log_settings"] and not state["access_log_settings"]:
            aws.client("apigatewayv2").delete_access_log_settings(**self._named(state))
        wanted = {"Description": "", "StageVariables": {}, **self._wanted(state)}
        self.call(aws, "update", state, **wanted)

    def locate(self, aws: Aws, import_id: str) -> State:
        api, _, name = import_id.partition("/")
        return {"api_id": api, "id": name, "name": name}
