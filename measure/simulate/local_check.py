"""Holds the model against the local AWS: calibrated on uploads one by one, it foretells a burst."""

from __future__ import annotations

import multiprocessing
import os
import random
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
from measure.load.cargo import Shares, make_parcels
from measure.load.processes import tree
from measure.load.traffic import Bus, Delivery, poll, send, upload
from measure.simulate.model import Quotas, Rate, Region, Steps, Work

_CLIENTS = 8
# Clients, emulator and workers: so many processes share the machine with whatever else runs there.
_PROCESSES = 2 + CONVERSIONS_AT_ONCE
_PROBE_SECONDS = 2.0
_PLENTY = Rate(1e9, 1e9)
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Burst:
    """Of all uploads sent at once: how many ended in a second, and their median latency."""

    per_second: float
    median_seconds: float


@dataclass(frozen=True)
class Calibration:
    """CPU seconds of one upload on this machine, and how long it takes when it is alone."""

    sending: float
    event: float
    conversion: float
    alone: float


def calibrate(stack: Stack, bus: Bus, uploads: int) -> Calibration:
    """From uploads one after the other. Half of the emulator's CPU is the sending's, half the
    event's and the states'; the workers' is the conversion's."""
    deliveries: list[Delivery] = []
    parcels = make_parcels(uploads + 3, Shares(0, 0, 0, 0), 7)
    for parcel in parcels[:3]:  # wake the worker up
        _follow(send(parcel, issuer(stack)))
    before = _cpu(stack.aws.pid)
    for parcel in parcels[3:]:
        deliveries.append(_follow(send(parcel, issuer(stack))))
    spent = {part: (now - before[part]) / uploads for part, now in _cpu(stack.aws.pid).items()}
    bus.drain("uploads", 1)
    return Calibration(
        sending=spent["clients"] + spent["emulator"] / 2,
        event=spent["emulator"] / 2,
        conversion=spent["workers"],
        alone=median(latency(delivery) for delivery in deliveries),
    )


def measured(stack: Stack, bus: Bus, uploads: int) -> Burst:
    deliveries: list[Delivery] = []
    parcels = make_parcels(uploads, Shares(0, 0, 0, 0), 8)
    upload(parcels, _CLIENTS, issuer(stack), deliveries.append)
    for delivery in deliveries:
        _follow(delivery)
    bus.drain("uploads", 1)
    began = min(delivery.began for delivery in deliveries)
    last = max(delivery.began + latency(delivery) for delivery in deliveries)
    return Burst(uploads / (last - began), median(latency(delivery) for delivery in deliveries))


def available() -> float:
    """How much of this machine's cores as many processes get as a burst keeps busy, 0 to 1."""
    with multiprocessing.Pool(_PROCESSES) as pool:
        spent = sum(pool.map(_spin, [_PROBE_SECONDS] * _PROCESSES))
    return min(1.0, spent / _PROBE_SECONDS / (os.cpu_count() or 1))


def _spin(seconds: float) -> float:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
    return time.process_time()


def foretold(found: Calibration, uploads: int, share: float) -> Burst:
    """What the model says of that burst on this machine's cores. share: as `available` says."""
    quotas = Quotas(
        invocations=_PLENTY,
        starts=_PLENTY,
        transitions=_PLENTY,
        announcements=_PLENTY,
        s3_writes=_PLENTY,
        conversions=CONVERSIONS_AT_ONCE,
        environments=_PLENTY,
    )
    work = Work(
        event=found.event / share,
        cold_start=0,
        conversion=found.conversion / share,
        spread=0.2,
        steps=0,
    )
    region = Region(
        quotas,
        work,
        seed=1,
        cores=os.cpu_count(),
        queue_seconds=CONVERSION_WAIT_SECONDS,
    )
    waiting = iter(range(uploads))

    def client() -> Steps:
        for _ in waiting:
            began = region.env.now
            yield from region.compute(found.sending / share)
            region.env.process(region.upload("live", began))

    for _ in range(_CLIENTS):
        region.env.process(client())
    region.env.run(3600)
    ends = [began + took for began, took in region.outcome.latency["live"]]
    return Burst(len(ends) / max(ends), median(region.outcome.seconds("live")))


def _follow(delivery: Delivery) -> Delivery:
    etag = None
    while delivery.state not in TERMINAL:
        etag = poll(delivery, etag)
        time.sleep(0.05 + random.random() / 100)
    return delivery


def _cpu(emulator: int) -> Mapping[str, float]:
    """CPU seconds so far of the emulator, of its workers and of this process."""
    spent = {pid: _ticks(pid) / _TICKS for pid in tree(emulator)}
    times = os.times()
    return {
        "emulator": spent[emulator],
        "workers": sum(spent.values()) - spent[emulator],
        "clients": times.user + times.system,
    }


def _ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])
