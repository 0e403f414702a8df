"""Adds to MiniStack's CloudWatch Logs what it lacks: saved queries, kept in memory.

Knows the three calls PutQueryDefinition, DescribeQueryDefinitions and DeleteQueryDefinition.
Imported by the launcher, under MiniStack's own interpreter. Does not run queries.
"""

from __future__ import annotations

import json
import time
import uuid
from types import ModuleType
from typing import Any

Request = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]


class SavedQueries:
    """One account's and region's saved queries, which is all that a laptop has."""

    def __init__(self) -> None:
        self._definitions: dict[str, Request] = {}

    def put(self, request: Request) -> Request:
        identity = request.get("queryDefinitionId") or str(uuid.uuid4())
        fields = ("name", "queryString", "logGroupNames")
        self._definitions[identity] = {
            "queryDefinitionId": identity,
            "lastModified": int(time.time() * 1000),
            **{name: request[name] for name in fields if name in request},
        }
        return {"queryDefinitionId": identity}

    def describe(self, request: Request) -> Request:
        prefix = request.get("queryDefinitionNamePrefix") or ""
        found = [one for one in self._definitions.values() if one["name"].startswith(prefix)]
        return {"queryDefinitions": sorted(found, key=lambda one: str(one["name"]))}

    def delete(self, request: Request) -> Request:
        return {"success": self._definitions.pop(request["queryDefinitionId"], None) is not None}


def add_saved_queries(cloudwatch_logs: ModuleType) -> None:
    """Answers the three calls itself and hands every other one on."""
    queries = SavedQueries()
    known = {
        "PutQueryDefinition": queries.put,
        "DescribeQueryDefinitions": queries.describe,
        "DeleteQueryDefinition": queries.delete,
    }
    handle = cloudwatch_logs.handle_request

    async def handle_request(
        method: str, path: str, headers: dict[str, str], body: bytes, query_params: Any
    ) -> Any:
        call = known.get(headers.get("x-amz-target", "").rpartition(".")[2])
        if call is None:
            return await handle(method, path, headers, body, query_params)
        answer = json.dumps(call(json.loads(body or b"{}"))).encode()
        return 200, {"Content-Type": "application/x-amz-json-1.1"}, answer

    cloudwatch_logs.__dict__["handle_request"] = handle_request
