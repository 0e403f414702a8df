"""Holds the model against the local AWS: calibrated on few uploads, it foretells a burst.

What is measured beforehand: how long each step takes of an upload that is alone, and the CPU that
one takes of each program. What the model adds: that the emulator and the client are interpreters
with a lock, that all of them share the cores which others leave, who waits for whom, and what is
throttled meanwhile.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from local.aws.launcher import CONVERSION_WAIT_SECONDS, CONVERSIONS_AT_ONCE
from local.client import TERMINAL
from local.issuing import issuer
from local.stack import Stack
from measure.load.audit import latency
from measure.load.cargo import PICTURES, Shares, make_parcels
from measure.load.processes import tree
from measure.load.traffic import Delivery, poll, upload
from measure.simulate.model import Machine, Patience, Quotas, Rate, Region, Steps, Work

CLIENTS = 8
_PLENTY = Rate(1e9, 1e9)
_QUOTAS = Quotas(
    _PLENTY,
    _PLENTY,
    _PLENTY,
    _PLENTY,
    _PLENTY,
    conversions=CONVERSIONS_AT_ONCE,
    environments=_PLENTY,
)
# MiniStack knows no jitter (local/README.md).
_PATIENCE = Patience(least=1)
_TICKS = os.sysconf("SC_CLK_TCK")
_POLL_SECONDS = 0.5  # seldom, or whoever looks takes what is looked at


@dataclass(frozen=True)
class Burst:
    """Of all uploads sent at once: how many ended in a second, and their median latency."""

    per_second: float
    median_seconds: float


class Laboratory:
    """A stack to which nobody else sends anything."""

    def __init__(self, stack: Stack) -> None:
        self._stack, self._issue, self._sent = stack, issuer(stack), 0
        self._states = stack.aws.client("stepfunctions")
        # Wakes every worker up; and the pictures, which are more work than sending them, are made.
        self._send(8 * PICTURES, CONVERSIONS_AT_ONCE)

    def _send(self, uploads: int, clients: int) -> list[Delivery]:
        """All of them once they have their end."""
        sent: list[Delivery] = []
        self._sent += uploads
        parcels = make_parcels(uploads, Shares(0, 0, 0, 0), seed=self._sent)
        upload(parcels, clients, self._issue, sent.append)
        # Whoever looks takes of what is looked at: the last first, which is among the last to end.
        for delivery in reversed(sent):
            poll(delivery, None)
            while delivery.state not in TERMINAL:
                time.sleep(_POLL_SECONDS)
                poll(delivery, None)
        return sent

    def work(self, uploads: int) -> Work:
        """What one upload takes: times of the quickest of those that were alone, the CPU of some
        that came a few at a time."""
        alone = [step for _ in range(uploads) for step in self._steps(self._send(1, 1)[0])]
        before, within, release = (min(alone[step::3]) for step in range(3))
        spent = self._spent(2 * uploads)
        # It answers ten requests: the form, the event, seven of the worker (document, upload,
        # claim, three renditions, end), the announcement.
        each = spent["emulator"] / 10
        return Work(
            event=max(0.0, before - spent["client"] - 2 * each),
            cold_start=0,
            conversion=max(0.0, within - spent["worker"] - 7 * each),
            spread=0.2,
            steps=0,
            release=max(0.0, release),
            cpu={
                "sending": {"client": spent["client"], "emulator": each},
                "event": {"emulator": each},
                "conversion": {"emulator": 7 * each, "worker": spent["worker"]},
                "announcement": {"emulator": each},
            },
        )

    def _steps(self, delivery: Delivery) -> tuple[float, float, float]:
        """Seconds until a worker was asked for, until the result was there, and until the worker
        was free again."""
        machine = self._stack.outputs["state_machine"]["arn"]
        (last,) = self._states.list_executions(stateMachineArn=machine, maxResults=1)["executions"]
        at: dict[str, float] = {}
        while "TaskSucceeded" not in at:  # told a moment after the document has its end
            time.sleep(0.1)
            told = self._states.get_execution_history(executionArn=last["executionArn"])["events"]
            at = {event["type"]: event["timestamp"].timestamp() for event in reversed(told)}
        ended = delivery.began + latency(delivery)
        return (
            at["TaskScheduled"] - delivery.began,
            ended - at["TaskScheduled"],
            at["TaskSucceeded"] - ended,
        )

    def _spent(self, uploads: int) -> Mapping[str, float]:
        _, spent = self._watched(uploads, CONVERSIONS_AT_ONCE)
        return {name: seconds / uploads for name, seconds in spent.items()}

    def burst(self, uploads: int) -> tuple[Burst, float]:
        """And the share of this machine's cores that others left meanwhile."""
        burst, spent = self._watched(uploads, CLIENTS)
        others = spent["busy"] - spent["client"] - spent["emulator"] - spent["worker"]
        return burst, 1 - others / spent["all"]

    def _watched(self, uploads: int, clients: int) -> tuple[Burst, Mapping[str, float]]:
        """And the CPU seconds from the first upload's beginning to the last one's end."""
        with Watch(self._stack.aws.pid) as watch:
            sent = self._send(uploads, clients)
        began = min(delivery.began for delivery in sent)
        last = max(delivery.began + latency(delivery) for delivery in sent)
        burst = Burst(uploads / (last - began), median(map(latency, sent)))
        return burst, watch.spent(began, last)


class Watch(threading.Thread):
    """Reads a few times a second what CPU the emulator, its workers and this process have used,
    and the machine."""

    def __init__(self, emulator: int) -> None:
        super().__init__(daemon=True)
        self._emulator, *self._workers = tree(emulator)
        self._done, self._read = threading.Event(), [self._now()]

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self.join()

    def run(self) -> None:
        while not self._done.wait(0.2):
            self._read.append(self._now())
        self._read.append(self._now())

    def spent(self, began: float, ended: float) -> dict[str, float]:
        """CPU seconds between two times of day."""
        read = [one for one in self._read if began <= one["at"] <= ended]
        return {name: read[-1][name] - read[0][name] for name in read[0]}

    def _now(self) -> dict[str, float]:
        times, ticks = os.times(), Path("/proc/stat").read_text().split()[1:9]
        cores = [int(field) / _TICKS for field in ticks]
        return {
            "at": time.time(),
            "emulator": _cpu(self._emulator),
            "worker": sum(map(_cpu, self._workers)),
            "client": times.user + times.system,
            "busy": sum(cores) - cores[3] - cores[4],  # idle, and waiting for a disk
            "all": sum(cores),
        }


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def foretold(work: Work, uploads: int, share: float) -> Burst:
    """What the model says of that burst on this machine's cores. share: of them that is left."""
    region = Region(_QUOTAS, work, 1, patience=_PATIENCE, queue_seconds=CONVERSION_WAIT_SECONDS)
    locked = ("client", "emulator")
    region.machine = Machine(region.env, os.cpu_count() or 1, share, locked)
    waiting = iter(range(uploads))

    def client() -> Steps:
        for _ in waiting:
            began = region.env.now
            yield from region.take("sending")
            region.env.process(region.upload("live", began))

    for _ in range(CLIENTS):
        region.env.process(client())
    region.env.run(3600)
    ends = [began + took for began, took in region.outcome.latency["live"]]
    return Burst(len(ends) / max(ends), median(region.outcome.seconds("live")))
