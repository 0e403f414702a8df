"""Uses the deployed workflows as clients and operators do, and remembers what happened.

Knows the outputs of measure/prove/stack. Does not know what is to be proven.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeVar

from PIL import Image

from local import client, paths
from measure.prove.account import Account
from measure.prove.tokens import Signer

T = TypeVar("T")
Kind = Literal["standard", "express"]

# From an upload to its end, with a cold start and retries; from a change to its effect.
PATIENCE_SECONDS = 180.0
_POLL_SECONDS = 0.3


class Disproved(Exception):
    """What was expected did not happen; the message says what did."""


def expect(truth: object, seen: object) -> None:
    """Raises Disproved with what was seen unless something is true."""
    if not truth:
        raise Disproved(str(seen))


def there(value: T | None) -> T:
    """What an earlier fact has left for this one; Disproved if that fact failed."""
    if value is None:
        raise Disproved("an earlier step did not come so far")
    return value


@dataclass(frozen=True)
class Journey:
    """One upload: what was issued for it, and what its status document said at the end."""

    issued: Mapping[str, Any]
    pending: str | None
    document: Mapping[str, Any]
    seconds: float

    @property
    def key(self) -> str:
        return str(self.issued["job"]["key"])

    @property
    def state(self) -> str:
        return str(self.document["state"])


@dataclass
class Witness:
    """Two deployments in one account, and whoever asks them."""

    account: Account
    name: str
    outputs: Mapping[str, Any]
    tokens: Signer
    broken: Journey | None = None  # a job that failed, for those who repair it
    waiting: Mapping[str, Any] | None = None  # an upload that waits while the workflow is paused
    _announced: dict[str, Counter[str]] = field(default_factory=dict)

    def deployment(self, kind: Kind) -> Mapping[str, Any]:
        """The outputs of one of the two."""
        found: Mapping[str, Any] = self.outputs[kind]
        return found

    def token(self, audience: str = "proof") -> dict[str, str]:
        """The header of somebody whom the issuer vouches for."""
        return {"authorization": f"Bearer {self.tokens.token(self.outputs['issuer'], audience)}"}

    def ask(
        self, kind: Kind, wish: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> client.Answer:
        """Asks for an upload; signed or with a token, as the deployment wants, unless told."""
        url = f"{self.deployment(kind)['upload_api']['url']}uploads"
        body = json.dumps(wish).encode()
        if headers is None:
            signed = kind == "standard"
            headers = self.account.signed("POST", url, body) if signed else self.token()
        return client.request("POST", url, body, {"content-type": "application/json", **headers})

    def issue(self, kind: Kind, content_type: str = "image/jpeg") -> dict[str, Any]:
        """What a client is given for an upload; an API that was just made may need a moment."""

        def answered() -> dict[str, Any] | None:
            answer = self.ask(kind, {"content_type": content_type})
            if answer.status != 201:
                return None
            issued: dict[str, Any] = json.loads(answer.body)
            return issued

        return until("the API issues an upload", answered)

    def journey(self, kind: Kind, data: bytes) -> Journey:
        """Sends a file all the way."""
        issued = self.issue(kind)
        before = client.read_status(issued["status_url"])
        started = time.monotonic()
        client.send(issued["upload"], "proof.jpg", data)
        document = follow(issued)
        seen = str(before["state"]) if before else None
        return Journey(issued, seen, document, time.monotonic() - started)

    @cached_property
    def photo(self) -> Journey:
        """A photograph through STANDARD. The first upload of all: the switches of S3 are new."""
        return self.journey("standard", picture())

    def brought(self, kind: Kind, key: str, data: bytes) -> dict[str, Any]:
        """The status document of an object that a backend put there itself, at its end."""
        s3 = self.account.client("s3")
        uploads, results = self.deployment(kind)["uploads"], self.deployment(kind)["results"]
        key = f"{uploads['prefix']}{key}"
        s3.put_object(Bucket=uploads["bucket"], Key=key, Body=data, ContentType="image/jpeg")

        def ended() -> dict[str, Any] | None:
            try:
                status = f"{results['prefix']}{key}/status.json"
                found = s3.get_object(Bucket=results["bucket"], Key=status)["Body"].read()
            except s3.exceptions.NoSuchKey:
                return None
            document: dict[str, Any] = json.loads(found)
            return document if document["state"] in client.TERMINAL else None

        return until("the end of the job", ended)

    @cached_property
    def diary(self) -> Journey:
        """Something that is no image, through STANDARD."""
        return self.journey("standard", b"Dear diary, today I called myself a photograph.\n")

    def execution(self, key: str) -> Mapping[str, Any]:
        """The execution that an upload started, described."""
        states = self.account.client("stepfunctions")
        machine = self.deployment("standard")["state_machine"]["arn"]

        def found() -> Mapping[str, Any] | None:
            for listed in states.list_executions(stateMachineArn=machine)["executions"]:
                told = states.describe_execution(executionArn=listed["executionArn"])
                if f'"{key}"' in told["input"]:
                    described: Mapping[str, Any] = told
                    return described
            return None

        return until(f"an execution for {key}", found)

    def announced(self, key: str, what: str) -> Counter[str]:
        """What was announced about a key, as soon as `what` is among it."""
        queue = self.account.client("sqs")

        def heard() -> Counter[str] | None:
            got = queue.receive_message(
                QueueUrl=self.outputs["announcements"], MaxNumberOfMessages=10, WaitTimeSeconds=1
            )
            for message in got.get("Messages", []):
                event = json.loads(message["Body"])
                about = event["detail"]["upload"]["key"]
                self._announced.setdefault(about, Counter())[event["detail-type"]] += 1
                queue.delete_message(
                    QueueUrl=self.outputs["announcements"], ReceiptHandle=message["ReceiptHandle"]
                )
            counter = self._announced.get(key, Counter())
            return counter if counter[what] else None

        return until(f"the announcement {what}", heard)

    def operate(self, *arguments: str, kind: Kind = "standard") -> str:
        """What an operator's command prints; Disproved if it fails."""
        name = self.deployment(kind)["state_machine"]["name"]
        done = subprocess.run(
            [sys.executable, "-m", "upload_workflow.ops", *arguments, "--name", name],
            cwd=paths.REPOSITORY,
            env=dict(self.account.environment),
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )
        expect(done.returncode == 0, done.stderr or done.stdout)
        return done.stdout

    def letters(self) -> int:
        """How many dead letters are to be seen in the queue of STANDARD."""
        queue = self.account.client("sqs")
        attributes = queue.get_queue_attributes(
            QueueUrl=self.deployment("standard")["dead_letters"]["url"],
            AttributeNames=["ApproximateNumberOfMessages"],
        )
        return int(attributes["Attributes"]["ApproximateNumberOfMessages"])

    @contextmanager
    def broken_renditions(self, kind: Kind) -> Iterator[None]:
        """For as long as the block runs, the converter cannot start: its settings are nonsense."""
        functions = self.account.client("lambda")
        name = self.deployment(kind)["functions"]["convert_image"]["name"]
        variables = functions.get_function_configuration(FunctionName=name)["Environment"][
            "Variables"
        ]

        def become(renditions: str) -> None:
            functions.update_function_configuration(
                FunctionName=name,
                Environment={"Variables": {**variables, "RENDITIONS": renditions}},
            )
            functions.get_waiter("function_updated_v2").wait(FunctionName=name)

        become("nonsense")
        try:
            yield
        finally:
            become(variables["RENDITIONS"])


def picture(width: int = 1600, height: int = 1200) -> bytes:
    """A picture as JPEG, which costs what its size says."""
    data = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(data, "JPEG")
    return data.getvalue()


def follow(issued: Mapping[str, Any]) -> dict[str, Any]:
    """The status document at its end; Disproved if it has none in time."""
    url = issued["status_url"]

    def ended() -> dict[str, Any] | None:
        document = client.read_status(url)
        return document if document and document["state"] in client.TERMINAL else None

    return until("the end of the job", ended)


def until(what: str, look: Callable[[], T | None]) -> T:
    """The first answer that is not None; Disproved when patience ends."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        answer = look()
        if answer is not None:
            return answer
        time.sleep(_POLL_SECONDS)
    raise Disproved(f"{what}: not within {PATIENCE_SECONDS:.0f} s")
