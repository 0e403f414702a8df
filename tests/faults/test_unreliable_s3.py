"""S3 that stumbles: refuses, throttles, breaks connections and loses answers, on the real SDK."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from tests.faults.conftest import Functions
from tests.faults.test_functions import document, put
from tests.support.upload_world import STATES, picture
from tests.support.wire_s3 import refused

KINDS = ("503", "500", "throttled", "connection closed", "answer lost", "503 after success")


class Unreliable:
    """Spoils this part of all requests, each in a random one of these ways."""

    def __init__(self, rate: float, seed: int, kinds: Sequence[str] = KINDS) -> None:
        self.rate, self.random, self.kinds = rate, random.Random(seed), kinds
        self.counted: Counter[str] = Counter()

    def __call__(self, perform: Callable[[], AWSResponse]) -> AWSResponse:
        if self.random.random() >= self.rate:
            return perform()
        kind = self.random.choice(self.kinds)
        self.counted[kind] += 1
        if kind in ("answer lost", "503 after success"):
            perform()
        match kind:
            case "503" | "503 after success":
                return refused(503, "ServiceUnavailable")
            case "500":
                return refused(500, "InternalError")
            case "throttled":
                return refused(503, "SlowDown")
            case "connection closed":
                raise ConnectionClosedError(endpoint_url="http://127.0.0.1:9")
            case _:
                raise ReadTimeoutError(endpoint_url="http://127.0.0.1:9")


def execute(functions: Functions, event: dict[str, Any], execution: str) -> str:
    """The state machine's retries of an unknown error, then its Catch; returns the state told."""
    (retrier,) = (
        r for r in STATES["Convert image"]["Retry"] if "States.TaskFailed" in r["ErrorEquals"]
    )
    for attempt in range(1 + retrier["MaxAttempts"]):
        try:
            return str(functions.convert(event, execution, attempt)["state"])
        except Exception as failure:  # noqa: BLE001  as the state machine does
            error = type(failure).__name__
    for _ in range(1 + STATES["Record failure"]["Retry"][0]["MaxAttempts"]):
        try:
            return str(functions.record(event, error, execution)["state"])
        except Exception:  # noqa: BLE001, S112  as the state machine does
            continue
    return "nothing recorded"


@pytest.mark.parametrize("seed", range(4))
def test_three_faults_in_ten_requests_cost_no_job_its_right_end(
    functions: Functions, seed: int
) -> None:
    unreliable = Unreliable(0.3, seed)
    jobs = []
    for number in range(25):
        key = f"uploads/{number}"
        good = number % 5 != 0
        jobs.append((key, put(functions, key, picture(number) if good else b"bad"), good))
    functions.wire.fault = unreliable
    told = [execute(functions, event, f"e{key}") for key, event, _ in jobs]
    right = ["SUCCEEDED" if good else "REJECTED" for _, _, good in jobs]
    assert told == right
    assert [document(functions, key)["state"] for key, _, _ in jobs] == right
    assert set(unreliable.counted) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_one_fault_of_each_kind_at_each_request_is_survived_within_the_attempt(
    functions: Functions, kind: str
) -> None:
    for step in range(9):
        unreliable = Unreliable(1, seed=0, kinds=[kind])
        requests = 0

        def fault(perform: Callable[[], AWSResponse], step: int = step) -> AWSResponse:
            nonlocal requests
            requests += 1
            return unreliable(perform) if requests == step + 1 else perform()  # noqa: B023

        key = f"uploads/{step}"
        event = put(functions, key, picture())
        functions.wire.fault = fault
        assert functions.convert(event)["state"] == "SUCCEEDED"
        assert document(functions, key)["attempt"] == 1


@pytest.mark.parametrize(
    ("status", "code", "name"),
    [
        (403, "AccessDenied", "AccessDenied"),
        (404, "NoSuchBucket", "MissingBucket"),
        (400, "KMS.DisabledException", "UnusableKey"),
    ],
)
def test_a_permanent_fault_is_asked_once_and_never_retried_by_the_sdk(
    functions: Functions, status: int, code: str, name: str
) -> None:
    event = put(functions, "uploads/a", picture())
    requests = []

    def deny(perform: Callable[[], AWSResponse]) -> AWSResponse:
        requests.append(perform)
        return refused(status, code)

    functions.wire.fault = deny
    with pytest.raises(Exception, match=code) as caught:
        functions.convert(event)
    assert type(caught.value).__name__ == name
    assert len(requests) == 1
    # The state machine knows the name and tries it once more at most.
    (retrier,) = (r for r in STATES["Convert image"]["Retry"] if name in r["ErrorEquals"])
    assert retrier["MaxAttempts"] <= 1
    functions.wire.fault = lambda perform: perform()
    functions.record(event, name)
    assert document(functions, "uploads/a")["error"]["code"] == name


def test_an_unreachable_s3_fails_the_attempt_in_bounded_tries(functions: Functions) -> None:
    event = put(functions, "uploads/a", picture())
    requests = []

    def unreachable(perform: Callable[[], AWSResponse]) -> AWSResponse:
        requests.append(perform)
        raise ConnectionClosedError(endpoint_url="http://127.0.0.1:9")

    functions.wire.fault = unreachable
    with pytest.raises(ConnectionClosedError):
        functions.convert(event)
    assert len(requests) == 6
