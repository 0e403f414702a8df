"""`python -m measure.load`: the audit, its table, build/load.json and build/load.html.

Three runs on one stack: idle (one upload after the other), a burst, and the audit proper with bad
files, repeated events, a stumbling S3 and killed workers. A fourth on a stack with a step before
the conversion that refuses, fails and hangs. Exits with 1 if any upload went wrong.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import os
import sys
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from typing import Any

from local import paths
from local.aws.server import LocalAws, local_aws
from local.client import TERMINAL
from local.issuing import issuer
from local.stack import Stack, apply, configured
from measure.load import step
from measure.load.audit import KINDS, Findings, audit, latencies
from measure.load.cargo import RENDITIONS, File, Parcel, Shares, make_parcels, marked, picture
from measure.load.page import page
from measure.load.processes import Killer, MemoryWatch
from measure.load.s3_endpoint import before_s3
from measure.load.traffic import Bus, Delivery, Followers, poll, send, upload
from upload_workflow.issue.issue import Issued

_FOLLOWERS = 4
_AT_ONCE = 100  # uploads without an end
_NEVER_SECONDS = 100_000.0


@dataclass(frozen=True)
class Scale:
    """How much of everything. fault_rate: of the functions' requests to S3."""

    uploads: int = 2000
    clients: int = 8
    burst: int = 200
    idle: int = 20
    stepped: int = 400
    fault_rate: float = 0.10
    kill_every_seconds: float = 10.0
    patience_seconds: float = 300.0
    seed: int = 1


@dataclass(frozen=True)
class Run:
    """One part of the audit, as it is shown and kept."""

    name: str
    findings: Findings
    deliveries: Sequence[Delivery]
    figures: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        return {
            "figures": dict(self.figures),
            "latency_seconds": latencies(self.deliveries),
            "uploads": self.findings.uploads,
            "ends": dict(self.findings.ends),
            "renditions": self.findings.renditions,
            "executions": dict(self.findings.executions),
            "announced": dict(self.findings.announced),
            "faults": {kind: self.findings.faults[kind] for kind in KINDS},
            "examples": self.findings.examples,
        }


def main(arguments: Sequence[str]) -> int:
    scale = _scale(arguments)
    with ExitStack() as resources:
        print("Starting the local AWS and applying the module ...", flush=True)
        aws = resources.enter_context(local_aws())
        variables = {"renditions": RENDITIONS, "name": "load"}
        root = resources.enter_context(configured(aws, aws.folder / "stack", variables))
        stack = apply(aws, root)
        runs = []
        for run in run_all(stack, scale):
            runs.append(run)
            print(shown(run), flush=True)
        if scale.stepped:
            before = {"function_arn": _step(aws), "timeout_seconds": step.TIMEOUT_SECONDS}
            variables |= {"name": "load-stepped", "workflow": {"before": before}}
            root = resources.enter_context(configured(aws, aws.folder / "stepped", variables))
            for run in run_stepped(apply(aws, root), scale):
                runs.append(run)
                print(shown(run), flush=True)
    table = "\n".join(shown(run) for run in runs)
    wrong = sum(sum(run.findings.faults.values()) for run in runs)
    paths.BUILD.mkdir(exist_ok=True)
    report = {"scale": asdict(scale), "runs": {run.name: run.to_json() for run in runs}}
    (paths.BUILD / "load.json").write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    plots = {run.name: run.deliveries for run in runs}
    (paths.BUILD / "load.html").write_text(page(plots, table), "utf-8")
    print(f"\nload: {sum(run.findings.uploads for run in runs)} uploads, {wrong} wrong")
    return 1 if wrong else 0


def run_all(stack: Stack, scale: Scale) -> Iterator[Run]:
    bus, issue = listen(stack), issuer(stack)
    if scale.idle:
        yield _idle("idle, 225 kB", bus, issue, _marked(picture(0)), scale.idle)
        large = _marked(picture(1, 4000, 3000, 2_900_000))
        yield _idle("idle, 12 megapixels", bus, issue, large, max(scale.idle // 2, 1))
    if scale.burst:
        parcels = make_parcels(
            scale.burst, Shares(bad=0, repeated=0, sent_twice=0, deleted=0), scale.seed
        )
        yield _burst(stack, bus, issue, parcels, scale)
    if scale.uploads:
        parcels = make_parcels(scale.uploads, Shares(), scale.seed)
        yield _faults(stack, bus, issue, parcels, scale)
    bus.close()


def run_stepped(stack: Stack, scale: Scale) -> Iterator[Run]:
    """Refusals one after the other; then a crowd through a step that misbehaves, while S3 stumbles
    and events repeat.

    No worker is killed: the death of a step is a failure, as it says itself, and nobody could tell
    those from its own.
    """
    bus, issue = listen(stack), issuer(stack)
    if scale.idle:
        files = _marked(picture(0), stepped=True)
        refused = (file for file in files if file.step == "refuse")
        yield _idle("idle, refused by a step", bus, issue, refused, max(scale.idle // 2, 1))
    parcels = make_parcels(scale.stepped, Shares(stepped=True), scale.seed)
    calm = replace(scale, kill_every_seconds=_NEVER_SECONDS)
    run = _faults(stack, bus, issue, parcels, calm)
    bus.close()
    asked = Counter(d.file.step for d in run.deliveries if d.file)
    longest = max(run.findings.hung_seconds, default=0.0)
    figures = {**run.figures, "step": asked, "longest_hung_execution": round(longest, 1)}
    yield replace(run, name=f"{len(parcels)} with a step", figures=figures)


def _step(aws: LocalAws) -> str:
    """The ARN of the function."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(step.__file__, "step.py")
    iam = aws.client("iam")
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {"Service": "lambda.amazonaws.com"},
            }
        ],
    }
    trust = json.dumps(document)
    role = iam.create_role(RoleName="load-step", AssumeRolePolicyDocument=trust)["Role"]
    made = aws.client("lambda").create_function(
        FunctionName="load-step",
        Role=role["Arn"],
        Runtime="python3.13",
        Handler="step.handler",
        Timeout=2 * step.HANGS_SECONDS,
        Code={"ZipFile": packed.getvalue()},
    )
    arn: str = made["FunctionArn"]
    return arn


def listen(stack: Stack) -> Bus:
    bucket, machine = stack.outputs["uploads"]["bucket"], stack.outputs["state_machine"]["arn"]
    return Bus(stack.aws.client, bucket, machine)


def _marked(data: bytes, *, stepped: bool = False) -> Iterator[File]:
    """The same picture in ever other bytes. Its renditions are not compared."""
    return (File(marked(data, f"idle {number}"), {}, stepped) for number in itertools.count())


def _idle(name: str, bus: Bus, issue: Callable[..., Any], files: Iterator[File], count: int) -> Run:
    """Uploads one after the other; the first starts the worker and is counted apart."""
    deliveries = []
    for number, file in enumerate(itertools.islice(files, count + 1)):
        parcel = Parcel(number, (file,), 0)
        delivery, etag = send(parcel, issue), None
        while delivery.state not in TERMINAL:
            etag = poll(delivery, etag)
            time.sleep(0.02)
        deliveries.append(delivery)
    findings = audit(deliveries, (), _ends(bus, len(deliveries), 60))
    cold = latencies(deliveries[:1])["max"]
    return Run(name, findings, deliveries[1:], {"first_seconds": cold})


def _burst(
    stack: Stack, bus: Bus, issue: Callable[..., Any], parcels: Sequence[Parcel], scale: Scale
) -> Run:
    """All uploads at once, without polling: what the workflow does with a crowd."""
    deliveries: list[Delivery] = []
    memory = MemoryWatch(stack.aws.pid)
    memory.start()
    began = time.time()
    upload(parcels, scale.clients, issue, deliveries.append)
    sent = time.time() - began
    announcements = _ends(bus, len(parcels), scale.patience_seconds)
    peak = memory.stop()
    for delivery in deliveries:
        poll(delivery, None)
    findings = audit(deliveries, (), announcements)
    last = max(d.began - began + _taken(d) for d in deliveries)
    figures = {
        "upload_seconds": round(sent, 1),
        "uploads_per_second": round(len(parcels) / last, 1),
        "peak_mb": round(peak),
    }
    return Run(f"burst of {len(parcels)}", findings, deliveries, figures)


def _faults(
    stack: Stack, bus: Bus, issue: Callable[..., Any], parcels: Sequence[Parcel], scale: Scale
) -> Run:
    """The audit itself: a crowd of clients while S3 stumbles, events repeat and workers die."""
    extra: dict[str, int] = {}
    deliveries: list[Delivery] = []
    followers, done = Followers(_FOLLOWERS, _AT_ONCE), threading.Event()

    def posting(parcel: Parcel, issued: Issued) -> None:
        extra[issued.key] = parcel.extra_deliveries

    bucket, s3 = stack.outputs["uploads"]["bucket"], stack.aws.client("s3")

    def uploaded(delivery: Delivery) -> None:
        deliveries.append(delivery)
        if delivery.parcel.deleted:
            s3.delete_object(Bucket=bucket, Key=delivery.issued.key)
        followers.follow(delivery)

    repeated: list[int] = []
    repeater = threading.Thread(
        target=lambda: repeated.append(bus.repeat(lambda key: extra.get(key, 0), scale.seed, done)),
        daemon=True,
    )
    bus.drain("uploads", 1)  # those of the runs before
    functions = [function["name"] for function in stack.outputs["functions"].values()]
    with before_s3(stack, functions, rate=scale.fault_rate, seed=scale.seed) as passed:
        memory = MemoryWatch(stack.aws.pid)
        killer = Killer(stack.aws.pid, scale.kill_every_seconds, scale.seed)
        for thread in (memory, killer, repeater):
            thread.start()
        began = time.time()
        upload(parcels, scale.clients, issue, uploaded, posting)
        done.set()
        repeater.join()
        unanswered = followers.wait(scale.patience_seconds)
        killed = killer.stop()
        took = time.time() - began
        peak = memory.stop()
        executions = _settled(bus)  # whose last step is the announcement
        announcements = _ends(bus)
        findings = audit(deliveries, executions, announcements)
    figures = {
        "seconds": round(took, 1),
        "files_posted": sum(len(p.sends) for p in parcels),
        "files_deleted": sum(p.deleted for p in parcels),
        "events_repeated": sum(repeated),
        "workers_killed": killed,
        "requests": passed.requests.total(),
        "requests_spoiled": dict(passed.spoiled),
        "answers_not_modified": sum(d.not_modified for d in deliveries),
        "unanswered": unanswered,
        "peak_mb": round(peak),
    }
    return Run(f"{len(parcels)} with faults", findings, deliveries, figures)


def _ends(bus: Bus, count: int | None = None, patience_seconds: float = 0) -> list[dict[str, Any]]:
    """The announcements that were heard: `count` of them, or all until none comes any more."""
    found: list[dict[str, Any]] = []
    deadline = time.monotonic() + patience_seconds
    while count is not None and len(found) < count and time.monotonic() < deadline:
        found += bus.drain("ends", 0.1)
    return found + bus.drain("ends", 2)


def _settled(bus: Bus, patience_seconds: float = 60) -> list[dict[str, Any]]:
    """The executions, once none runs any more."""
    deadline = time.monotonic() + patience_seconds
    while True:
        executions = bus.executions()
        running = any(execution["status"] == "RUNNING" for execution in executions)
        if not running or time.monotonic() > deadline:
            return executions
        time.sleep(2)


def _taken(delivery: Delivery) -> float:
    return latencies([delivery]).get("max", 0.0)


def shown(run: Run) -> str:
    rows: dict[str, object] = {
        "uploads": run.findings.uploads,
        "ends": _words(run.findings.ends),
        "latency, seconds": _words(latencies(run.deliveries)),
        "renditions read back": run.findings.renditions,
        "executions": _words(run.findings.executions),
        "announcements": _words(run.findings.announced),
    }
    rows |= {
        name.replace("_", " "): _words(value) if isinstance(value, Mapping) else value
        for name, value in run.figures.items()
    }
    rows |= {kind: run.findings.faults[kind] for kind in KINDS}
    lines = [f"  {name:32} {value}" for name, value in rows.items() if value != ""]
    return "\n".join([f"\n{run.name}", *lines, *(f"  ! {e}" for e in run.findings.examples)])


def _words(counts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(counts.items()))


def _scale(arguments: Sequence[str]) -> Scale:
    parser = argparse.ArgumentParser(prog="python -m measure.load", description=__doc__)
    for name, value in asdict(Scale()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    return Scale(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
    sys.exit(main(sys.argv[1:]))
