"""Gives MiniStack's Distributed Map what JSONata machines want: batches, reports, stops.

Knows the fields that a Map state has in that mode, as the Step Functions developer guide tells
them. Imported by the launcher, under MiniStack's own interpreter. Runs batches in threads of one
process; does not model quotas, the five minutes of Express, or the 256 KiB of an input.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

Document = dict[str, Any]

# name of the private function -> the parameters that the replacements rely on
REPLACED = {
    "_run_distributed_map": [
        "state_def", "raw_input", "effective", "iterator", "execution", "ctx",
    ],
    "_execute_task": ["state_def", "raw_input", "execution", "ctx"],
}  # fmt: skip

# A batch that runs, and what becomes of it.
_COUNTS = ("pending", "running", "succeeded", "failed", "aborted", "timedOut", "total")


def add_distributed_maps(stepfunctions: ModuleType, s3: ModuleType) -> None:
    """Replace the function that runs such a Map, and let stopped batches end at their next Task."""
    run_theirs = stepfunctions._run_distributed_map
    execute = stepfunctions._execute_task

    def run(state: Document, given: Any, *rest: Any) -> Any:
        *_, parent, ctx = rest
        if stepfunctions._state_query_language(state, ctx) != "JSONata":
            return run_theirs(state, given, *rest)
        return MapRun(stepfunctions, s3, state, given, parent, ctx).run()

    def execute_unless_stopped(state: Document, given: Any, execution: Document, ctx: Any) -> Any:
        if execution.get("stopped_with", {}).get("status", "RUNNING") != "RUNNING":
            raise stepfunctions._ExecutionError("Aborted", "The Map Run was stopped.")
        return execute(state, given, execution, ctx)

    stepfunctions.__dict__["_run_distributed_map"] = run
    stepfunctions.__dict__["_execute_task"] = execute_unless_stopped


@dataclass
class MapRun:
    """One run of one Map. parent: the execution that it belongs to."""

    stepfunctions: ModuleType
    s3: ModuleType
    state: Document
    given: Any
    parent: Document
    ctx: Document
    arn: str = ""
    counts: Document = field(default_factory=dict)
    lines: dict[str, list[Document]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> tuple[Any, str | None]:
        items = [self._selected(item) for item in self._read()]
        size = self.state.get("ItemBatcher", {}).get("MaxItemsPerBatch", 1)
        batches = [items[at : at + size] for at in range(0, len(items), size)]
        self._begin(len(items), len(batches))
        most = int(self._value(self.state.get("MaxConcurrency", 0))) or 64
        with ThreadPoolExecutor(most) as pool:
            for batch in batches:
                pool.submit(copy_context().run, self._one, batch)
        result = self._report()
        self._end()
        steps = self.stepfunctions
        output = steps._apply_jsonata_output(
            self.state, self.given, self.ctx, result=result, default=result
        )
        steps._apply_state_assign(self.state, self.given, self.ctx, result=result)
        return output, steps._next_or_end(self.state)

    def _begin(self, items: int, batches: int) -> None:
        steps = self.stepfunctions
        place = self.parent["stateMachineArn"].split(":")
        name = f"{place[6]}/{self.state.get('Label', 'map')}"
        self.arn = f"arn:aws:states:{place[3]}:{place[4]}:mapRun:{name}:{uuid.uuid4()}"
        none = dict.fromkeys(_COUNTS, 0)
        self.counts = {
            "itemCounts": none | {"pending": items, "total": items},
            "executionCounts": none | {"pending": batches, "total": batches},
        }
        steps._map_runs[self.arn] = {
            "mapRunArn": self.arn,
            "executionArn": self.parent["executionArn"],
            "status": "RUNNING",
            "startDate": steps.now_iso(),
            "maxConcurrency": self._value(self.state.get("MaxConcurrency", 0)),
            "toleratedFailurePercentage": self._tolerated(),
            "toleratedFailureCount": 0,
            "redriveCount": 0,
            "_stateMachineArn": f"{self.parent['stateMachineArn']}/{self.state.get('Label')}",
            **self.counts,
        }

    def _one(self, batch: list[Any]) -> None:
        if self._is_stopped() or self._is_exceeded():
            self._count(batch, "pending", "aborted")
            self._note("PENDING", {"Input": json.dumps(self._input_of(batch))})
            return
        self._count(batch, "pending", "running")
        steps, name, handed = self.stepfunctions, str(uuid.uuid4()), self._input_of(batch)
        # Express executions are found in no list.
        child = {
            "executionArn": f"{self.arn.replace(':mapRun:', ':express:')}:{name}",
            "stateMachineArn": self.parent["stateMachineArn"],
            "name": name,
            "status": "RUNNING",
            "startDate": steps.now_iso(),
            "events": [],
            "mockAttempts": {},
            "stopped_with": self.parent,
        }
        ctx = {key: value for key, value in self.ctx.items() if key != "Map"}
        ctx |= {"Execution": {"Id": child["executionArn"], "Name": name, "Input": handed}}
        ctx["variables"] = {}
        processor = self.state["ItemProcessor"]
        try:
            output = steps._run_sub_machine(
                processor["States"], processor["StartAt"], handed, child, ctx
            )
        except Exception as error:  # noqa: BLE001  whatever ended it, ended it as a batch
            ended = "aborted" if self._is_stopped() else "failed"
            self._count(batch, "running", ended)
            told = getattr(error, "error", "States.Runtime"), getattr(error, "cause", str(error))
            self._note(
                "FAILED",
                {
                    "ExecutionArn": child["executionArn"],
                    "Status": ended.upper(),
                    "Input": json.dumps(handed),
                    "Error": told[0],
                    "Cause": told[1],
                },
            )
        else:
            self._count(batch, "running", "succeeded")
            self._note("SUCCEEDED", output)

    def _input_of(self, batch: list[Any]) -> Any:
        batcher = self.state.get("ItemBatcher")
        if batcher is None:
            return batch[0]
        more = self._value(batcher.get("BatchInput"))
        return {"Items": batch} | ({} if more is None else {"BatchInput": more})

    def _count(self, batch: list[Any], before: str, after: str) -> None:
        with self.lock:
            for counts, number in zip(self.counts.values(), (len(batch), 1), strict=True):
                counts[before] -= number
                counts[after] += number

    def _note(self, status: str, line: Document) -> None:
        with self.lock:
            self.lines.setdefault(status, []).append(line)

    def _is_stopped(self) -> bool:
        return bool(self.parent["status"] != "RUNNING")

    def _tolerated(self) -> float:
        return float(self._value(self.state.get("ToleratedFailurePercentage", 0)))

    def _is_exceeded(self) -> bool:
        items = self.counts["itemCounts"]
        return bool(items["failed"] * 100 > self._tolerated() * items["total"])

    def _end(self) -> None:
        """Raises what Step Functions ends such a state with."""
        run = self.stepfunctions._map_runs[self.arn]
        exceeded = self._is_exceeded()
        run["status"] = "ABORTED" if self._is_stopped() else "FAILED" if exceeded else "SUCCEEDED"
        run["stopDate"] = self.stepfunctions.now_iso()
        if exceeded:
            raise self.stepfunctions._ExecutionError(
                "States.ExceedToleratedFailureThreshold",
                "The specified tolerated failure threshold was exceeded",
            )

    def _report(self) -> Any:
        writer = self.state.get("ResultWriter")
        if writer is None:
            return self.lines.get("SUCCEEDED", [])
        where = self._value(writer["Arguments"])
        # As the examples of the guide have it: the Map Run's own name.
        folder = f"{where['Prefix']}/{self.arn.rpartition(':')[2]}"
        files: dict[str, list[Document]] = {"SUCCEEDED": [], "FAILED": [], "PENDING": []}
        for status, lines in self.lines.items():
            body = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
            key = f"{folder}/{status}_0.jsonl"
            self._put(where["Bucket"], key, body)
            files[status].append({"Key": key, "Size": len(body)})
        manifest = {
            "DestinationBucket": where["Bucket"],
            "MapRunArn": self.arn,
            "ResultFiles": files,
        }
        key = f"{folder}/manifest.json"
        self._put(where["Bucket"], key, json.dumps(manifest).encode())
        return {
            "MapRunArn": self.arn,
            "ResultWriterDetails": {"Bucket": where["Bucket"], "Key": key},
        }

    def _put(self, bucket: str, key: str, body: bytes) -> None:
        if self.s3._put_object(bucket, key, body, {})[0] != 200:
            raise self.stepfunctions._ExecutionError(
                "States.ResultWriterFailed", f"Writing to {bucket}/{key} was refused."
            )

    def _read(self) -> Iterator[Any]:
        reader = self.state["ItemReader"]
        where = self._value(reader["Arguments"])
        if reader["Resource"].endswith(":listObjectsV2"):
            yield from self._listed(where["Bucket"], where["Prefix"])
            return
        body = self._get(where["Bucket"], where["Key"])
        match reader["ReaderConfig"]["InputType"]:
            case "JSONL":
                yield from (json.loads(line) for line in body.splitlines() if line.strip())
            case "MANIFEST":
                yield from self._inventoried(where["Bucket"], json.loads(body))
            case kind:
                raise self.stepfunctions._ExecutionError(
                    "States.ItemReaderFailed", f"{kind} is not read here."
                )

    def _listed(self, bucket: str, prefix: str) -> Iterator[Document]:
        there = self.s3._buckets.get(bucket)
        if there is None:
            raise self.stepfunctions._ExecutionError(
                "States.ItemReaderFailed", f"There is no bucket {bucket}."
            )
        for key, thing in sorted(there["objects"].items()):
            if key.startswith(prefix):
                yield {
                    "Key": key,
                    "Etag": thing["etag"],
                    "Size": thing["size"],
                    "StorageClass": "STANDARD",
                }

    def _inventoried(self, bucket: str, manifest: Document) -> Iterator[Document]:
        names = [name.strip() for name in manifest["fileSchema"].split(",")]
        for file in manifest["files"]:
            text = gzip.decompress(self._get(bucket, file["key"])).decode()
            for row in csv.reader(io.StringIO(text)):
                yield dict(zip(names, row, strict=True))

    def _get(self, bucket: str, key: str) -> bytes:
        body: bytes | None = self.s3._get_object_data(bucket, key)
        if body is None:
            raise self.stepfunctions._ExecutionError(
                "States.ItemReaderFailed", f"There is no object {key} in {bucket}."
            )
        return body

    def _selected(self, item: Any) -> Any:
        ctx = {**self.ctx, "Map": {"Item": {"Value": item}}}
        return self.stepfunctions._apply_jsonata_template(
            self.state["ItemSelector"], self.given, ctx
        )

    def _value(self, template: Any) -> Any:
        return self.stepfunctions._apply_jsonata_template(template, self.given, self.ctx)
