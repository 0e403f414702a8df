"""`python -m measure.load.remake`: a full bucket is made anew on the local AWS, beside uploads.

Some objects are broken, some were converted before. The remake is stopped and its workers are
killed, twice, and started again each time; meanwhile pictures are uploaded. Prints a table, and
exits with 1 if an object's end is not what it has to be, or if a last remake finds work.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import signal
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from PIL import Image

from local.aws.server import local_aws
from local.stack import Stack, apply, configured
from measure.load.cargo import marked, picture
from measure.load.processes import workers
from measure.load.s3_endpoint import set_variables
from upload_workflow.job.keys import status_key

_PATIENCE_SECONDS = 900
_RENDITIONS = {"small": {"width_px": 8, "format": "jpeg"}}


@dataclass(frozen=True)
class Scale:
    objects: int = 2000
    broken_percent: int = 5
    done_percent: int = 10
    at_once: int = 1
    live: int = 20
    stops: int = 2


@dataclass(frozen=True)
class Report:
    """How a remake ended, and what its batches counted. failed: objects of failed batches."""

    status: str
    error: str | None
    outcomes: Mapping[str, int]
    failed: int


class Remakes:
    """Starts, stops and reads remakes of a stack that has them."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._states, self._s3 = stack.aws.client("stepfunctions"), stack.aws.client("s3")
        self._machine = stack.outputs["remake"]["state_machine"]["arn"]
        self.reports: Mapping[str, str] = stack.outputs["remake"]["reports"]

    def start(self, source: Mapping[str, object]) -> str:
        started = self._states.start_execution(
            stateMachineArn=self._machine,
            name=f"remake-{uuid.uuid4().hex[:8]}",
            input=json.dumps({"source": source} if source else {}),
        )
        return str(started["executionArn"])

    def stop(self, execution: str) -> None:
        """Returns once no batch of it runs any more."""
        self._states.stop_execution(executionArn=execution)
        _until(lambda: not self.runs(execution))

    def done(self, execution: str) -> int:
        """Objects whose batches have ended."""
        counts = [run["itemCounts"] for run in self._maps(execution)]
        return sum(count["succeeded"] + count["failed"] for count in counts)

    def report(self, execution: str) -> Report:
        """What came of it; waits for its end."""
        _until(lambda: not self.runs(execution))
        told = self._states.describe_execution(executionArn=execution)
        outcomes: Counter[str] = Counter()
        if told["status"] == "SUCCEEDED":
            where = json.loads(told["output"])["ResultWriterDetails"]
            manifest = json.loads(self._read(where["Bucket"], where["Key"]))
            for file in manifest["ResultFiles"]["SUCCEEDED"]:
                for line in self._read(where["Bucket"], file["Key"]).splitlines():
                    outcomes.update(json.loads(line)["outcomes"])
        failed = sum(run["itemCounts"]["failed"] for run in self._maps(execution))
        return Report(told["status"], told.get("error"), outcomes, failed)

    @contextmanager
    def nobody_hearing_of_uploads(self) -> Iterator[None]:
        """As it was before the module was there."""
        events = self._stack.aws.client("events")
        rule = f"{self._stack.outputs['state_machine']['name']}-upload-ready"
        events.disable_rule(Name=rule)
        try:
            yield
            time.sleep(1)  # until the last event has found the rule disabled
        finally:
            events.enable_rule(Name=rule)

    @contextmanager
    def functions_unable_to_write(self) -> Iterator[None]:
        name = self._stack.outputs["functions"]["convert_image"]["name"]
        bucket = self._stack.outputs["results"]["bucket"]
        set_variables(self._stack, [name], {"RESULTS_BUCKET": "there-is-no-such-bucket"})
        try:
            yield
        finally:
            set_variables(self._stack, [name], {"RESULTS_BUCKET": bucket})

    def runs(self, execution: str) -> bool:
        """Whether it, or a batch of it, has not ended."""
        told = self._states.describe_execution(executionArn=execution)
        running = any(run["status"] == "RUNNING" for run in self._maps(execution))
        return told["status"] == "RUNNING" or running

    def _maps(self, execution: str) -> list[dict[str, Any]]:
        runs = self._states.list_map_runs(executionArn=execution)["mapRuns"]
        return [self._states.describe_map_run(mapRunArn=run["mapRunArn"]) for run in runs]

    def _read(self, bucket: str, key: str) -> bytes:
        body: bytes = self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return body


class Bucket:
    """The stack's uploads, and what is told of them."""

    def __init__(self, stack: Stack) -> None:
        self._s3 = stack.aws.client("s3")
        self._uploads, self._results = stack.outputs["uploads"], stack.outputs["results"]

    def put(self, name: str, body: bytes) -> str:
        key = f"{self._uploads['prefix']}{name}"
        self._s3.put_object(Bucket=self._uploads["bucket"], Key=key, Body=body)
        return key

    def document(self, key: str) -> dict[str, Any]:
        """Empty if there is none."""
        where = status_key(self._results["prefix"], key)
        try:
            body = self._s3.get_object(Bucket=self._results["bucket"], Key=where)["Body"].read()
        except self._s3.exceptions.NoSuchKey:
            return {}
        return dict(json.loads(body))

    def state(self, key: str) -> str | None:
        return self.document(key).get("state")

    def made(self, key: str) -> int:
        """How many renditions lie there for the key, of whatever job and recipe."""
        folder = status_key(self._results["prefix"], key).removesuffix("status.json")
        listed = self._s3.list_objects_v2(Bucket=self._results["bucket"], Prefix=folder)
        return len(listed.get("Contents", [])) - 1

    def latency(self, name: str, body: bytes) -> float:
        """Seconds from an upload to its end."""
        began = time.monotonic()
        key = self.put(name, body)
        _until(lambda: self.state(key) in ("SUCCEEDED", "REJECTED", "FAILED"), 0.02)
        return time.monotonic() - began


def main(arguments: Sequence[str]) -> int:
    scale = _scale(arguments)
    variables = {
        "name": "remade",
        "renditions": _RENDITIONS,
        "workflow": {"remake": {"max_concurrency": scale.at_once}},
        "upload_api": None,
        "monitoring": None,
    }
    with ExitStack() as resources:
        aws = resources.enter_context(local_aws())
        root = resources.enter_context(configured(aws, aws.folder / "stack", variables))
        return _run(apply(aws, root), scale)


def _run(stack: Stack, scale: Scale) -> int:
    remakes, bucket = Remakes(stack), Bucket(stack)
    done = scale.objects * scale.done_percent // 100
    broken = scale.objects * scale.broken_percent // 100
    expected = {bucket.put(f"old/done-{n}", _tiny(n)): "SUCCEEDED" for n in range(done)}
    _until(lambda: all(bucket.state(key) == "SUCCEEDED" for key in expected))
    with remakes.nobody_hearing_of_uploads():
        for n in range(broken):
            expected[bucket.put(f"old/broken-{n}", b"no image %d" % n)] = "REJECTED"
        for n in range(scale.objects - done - broken):
            expected[bucket.put(f"old/good-{n}", _tiny(done + n))] = "SUCCEEDED"
    photo = picture(0)
    bucket.latency("live/first", marked(photo, "first"))
    idle = [bucket.latency(f"live/idle-{n}", marked(photo, f"i{n}")) for n in range(scale.live)]

    source = {"prefix": "uploads/old/"}
    began, stops = time.monotonic(), 0
    beside: list[float] = []
    portion = scale.objects // (scale.stops + 1)
    execution = remakes.start(source)
    while remakes.runs(execution):
        name = f"beside {len(beside)}"
        beside.append(bucket.latency(f"live/{name}", marked(photo, name)))
        if stops < scale.stops and remakes.done(execution) >= (stops + 1) * portion:
            remakes.stop(execution)
            for worker in workers(stack.aws.pid):
                with suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
            execution, stops = remakes.start(source), stops + 1
    last = remakes.report(execution)
    seconds = time.monotonic() - began
    again = remakes.report(remakes.start(source))

    wrong = [key for key, state in expected.items() if bucket.state(key) != state]
    twice = [key for key, state in expected.items() if bucket.made(key) != (state == "SUCCEEDED")]
    ratio = median(beside) / median(idle)
    facts = {
        "objects": scale.objects,
        "stopped": stops,
        "last remake": dict(last.outcomes),
        "one more": dict(again.outcomes),
        "wrong ends": len(wrong),
        "not made once": len(twice),
        "objects a second": round(scale.objects / seconds, 1),
        "median upload idle, beside (s)": (round(median(idle), 2), round(median(beside), 2)),
        "ratio": round(ratio, 2),
    }
    for name, value in facts.items():
        print(f"{name:32} {value}")
    counted = sum(last.outcomes.values()) == scale.objects
    passed_over = again.outcomes == {"UNCHANGED": scale.objects}
    sound = not wrong and not twice and counted and passed_over and stops == scale.stops
    return 0 if sound else 1


def _tiny(number: int) -> bytes:
    """A picture of its own for each number."""
    body = io.BytesIO()
    color = (number % 256, number // 256 % 256, 7)
    Image.new("RGB", (16, 12), color).save(body, "JPEG", comment=b"%d" % number)
    return body.getvalue()


def _until(holds: Callable[[], bool], pause: float = 0.2) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Not so after {_PATIENCE_SECONDS} seconds.")
        time.sleep(pause)


def _scale(arguments: Sequence[str]) -> Scale:
    parser = argparse.ArgumentParser(prog="python -m measure.load.remake", description=__doc__)
    for name, value in asdict(Scale()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=value)
    return Scale(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
