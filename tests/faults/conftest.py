from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import botocore.endpoint
import pytest

from tests.support.memory_s3 import MemoryS3
from tests.support.upload_world import PREFIX, RESULTS
from tests.support.wire_s3 import Wire
from upload_workflow.aws import clients

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]

HANDLERS = "upload_workflow.handlers"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_SESSION_TOKEN": "session-token-of-the-function",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",  # the discard port: nothing may get there
    "RESULTS_BUCKET": RESULTS,
    "RESULTS_PREFIX": PREFIX,
    "RENDITIONS": json.dumps({"large": {"width_px": 24}, "small": {"width_px": 8}}),
    "LIMITS": json.dumps({"max_bytes": 100_000}),
    "URL_LIFE_SECONDS": "3600",
    "SERVED_FROM": "",
    "LEASE_SECONDS": "60",
    "SCANNED_ONLY": "false",
    "DELETE_ON_SUCCESS": "false",
    "WORKFLOW_NAME": "test",
}


class Functions:
    """The deployed functions as they start up, with S3 and EventBridge in memory."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.convert_image = _fresh("convert_image")
        self.record_failure = _fresh("record_failure")

    @property
    def s3(self) -> MemoryS3:
        return self.wire.s3

    def convert(self, event: object, execution: str = "e1", attempt: int = 0) -> dict[str, Any]:
        payload = {"event": event, "execution": execution, "attempt": attempt}
        return self.convert_image(payload, CONTEXT)

    def record(self, event: object, error: str, execution: str = "e1") -> dict[str, Any]:
        caught = {"Error": error, "Cause": "{}"}
        payload = {"event": event, "execution": execution, "attempt": 0, "error": caught}
        return self.record_failure(payload, CONTEXT)


CONTEXT = SimpleNamespace(aws_request_id="request-1")


def _fresh(function: str) -> Handler:
    sys.modules.pop(f"{HANDLERS}.{function}", None)
    handler: Handler = importlib.import_module(f"{HANDLERS}.{function}").handler
    return handler


@contextmanager
def started(environment: Mapping[str, str]) -> Iterator[Functions]:
    """New workers with these settings."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_REGION"):
            patch.delenv(name, raising=False)
        for name, value in environment.items():
            patch.setenv(name, value)
        # The SDK waits between its attempts; that it waits is its own tests' business.
        patch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda seconds: None))
        for made_once in (clients.session, clients.events_client):
            made_once.cache_clear()
        yield Functions(Wire(clients.session()))
        for made_once in (clients.session, clients.events_client):
            made_once.cache_clear()


@pytest.fixture(scope="module")
def deployed() -> Iterator[Functions]:
    """Started once, as a worker is, and kept for many jobs."""
    with started(ENVIRONMENT) as functions:
        yield functions


@pytest.fixture
def functions(deployed: Functions) -> Functions:
    deployed.wire.renew()
    return deployed
