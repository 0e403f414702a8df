"""The way of uploads through quotas, as a discrete-event model. Knows no AWS, only numbers.

One process for each upload: it waits where EventBridge delays, is sent back where a service
refuses, and takes its turn again as the retries of the rule and of the state machine say
(statemachine/convert_image.asl.json). A whole region is simulated by a part of it: rates, buckets
and workers are divided by the same number, which leaves waiting times as they are.
"""

from __future__ import annotations

import random
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from math import exp
from typing import Any

import simpy

Steps = Generator[simpy.Event, Any, None]


@dataclass(frozen=True)
class Rate:
    """A token bucket: `size` requests at once, `per_second` more each second."""

    size: float
    per_second: float


@dataclass(frozen=True)
class Quotas:
    """What one region of one account allows. Sources: docs/scale.md."""

    invocations: Rate
    starts: Rate
    transitions: Rate
    announcements: Rate
    s3_writes: Rate
    conversions: int  # at a time
    environments: Rate  # new execution environments

    def divided(self, by: float) -> Quotas:
        parts = {
            name: Rate(rate.size / by, rate.per_second / by)
            for name, rate in vars(self).items()
            if isinstance(rate, Rate)
        }
        return replace(self, conversions=max(1, round(self.conversions / by)), **parts)


@dataclass(frozen=True)
class Work:
    """What one upload takes, in seconds. event: from the upload to the rule. spread: of the
    conversions' times, the standard deviation of their logarithm. writes: requests to S3."""

    event: float = 0.3
    cold_start: float = 0.9
    conversion: float = 0.24
    spread: float = 0.3
    steps: float = 0.05
    writes: int = 7


@dataclass(frozen=True)
class Patience:
    """The retriers of the state "Convert image" for throttles, and EventBridge's own."""

    first: float = 2.0
    factor: float = 1.5
    longest: float = 60.0
    attempts: int = 40

    def waits(self, dice: random.Random) -> Iterator[float]:
        """Full jitter: anything from nothing to the back-off."""
        for attempt in range(self.attempts):
            yield dice.uniform(0, min(self.longest, self.first * self.factor**attempt))


# EventBridge tries for a day, up to 185 times (its guide, "Retrying event delivery").
EVENTBRIDGE = Patience(first=1.0, factor=2.0, longest=600.0, attempts=185)


@dataclass
class Outcome:
    """Latencies in seconds by kind of traffic; refusals by the quota that refused."""

    latency: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    lost: int = 0

    def seconds(self, kind: str) -> list[float]:
        return sorted(took for _, took in self.latency.get(kind, []))


class Bucket:
    """The tokens of a quota. Time is the simulation's."""

    def __init__(self, env: simpy.Environment, rate: Rate) -> None:
        self._env, self._rate = env, rate
        self._tokens, self._at = rate.size, 0.0

    def take(self, tokens: float = 1) -> bool:
        """Whether there were that many; if not, none are taken."""
        self._fill()
        enough = self._tokens >= min(tokens, self._rate.size)
        self._tokens -= tokens if enough else 0
        return enough

    def wait(self, tokens: float = 1) -> Steps:
        """Stand in line: what comes is delayed and never refused."""
        self._fill()
        self._tokens -= tokens
        if self._tokens < 0:  # a debt that time pays back
            yield self._env.timeout(-self._tokens / self._rate.per_second)

    def _fill(self) -> None:
        grown = (self._env.now - self._at) * self._rate.per_second
        self._tokens, self._at = min(self._rate.size, self._tokens + grown), self._env.now


class Region:
    """Quotas, workers and the processes that meet there."""

    def __init__(
        self,
        quotas: Quotas,
        work: Work,
        seed: int,
        *,
        cores: int | None = None,
        queue_seconds: float = 0,
    ) -> None:
        """cores: of one machine that does everything; None: each worker has its own, as on AWS.

        queue_seconds: how long a conversion waits for a worker before it is refused.
        """
        self.env = simpy.Environment()
        self.dice = random.Random(seed)
        self.work, self.outcome = work, Outcome()
        self._quotas = quotas
        self._buckets = {
            name: Bucket(self.env, rate)
            for name, rate in vars(quotas).items()
            if isinstance(rate, Rate)
        }
        self._workers = simpy.Resource(self.env, quotas.conversions)
        self._cores = simpy.Resource(self.env, cores) if cores else None
        self._queue_seconds = queue_seconds
        self._started = 0

    def live(self, per_second: float, seconds: float, rise: float = 0.0) -> Steps:
        """Uploads of clients, at random moments, for this long. rise: until the full rate."""
        while self.env.now < seconds:
            share = 1.0 if rise <= self.env.now else max(0.02, self.env.now / rise)
            yield self.env.timeout(self.dice.expovariate(per_second * share))
            self.env.process(self.upload("live"))

    def burst(self, count: int) -> Steps:
        for _ in range(count):
            self.env.process(self.upload("live"))
        yield self.env.timeout(0)

    def remake(self, count: int, at_once: int) -> Steps:
        """Existing objects, this many at a time, as a Distributed Map hands them out."""
        slots = simpy.Resource(self.env, at_once)
        for _ in range(count):
            turn = slots.request()
            yield turn
            self.env.process(self._child(slots, turn))

    def _child(self, slots: simpy.Resource, turn: Any) -> Steps:
        began = self.env.now
        yield from self._convert()
        self._ended("remake", began)
        slots.release(turn)

    def upload(self, kind: str, began: float | None = None) -> Steps:
        """began: when its client began to send it; None: now."""
        began = self.env.now if began is None else began
        yield from self.compute(self.work.event)
        yield from self._buckets["invocations"].wait()
        if not (yield from self._insist("starts", EVENTBRIDGE)):
            return
        yield from self._buckets["transitions"].wait(2)
        if not (yield from self._convert()):
            return
        self._ended(kind, began)
        yield from self._insist("announcements", Patience(first=1, factor=2, attempts=8))

    def _convert(self) -> Generator[simpy.Event, Any, bool]:
        for pause in Patience().waits(self.dice):
            with self._workers.request() as worker:
                yield worker | self.env.timeout(self._queue_seconds)
                cold = self._cold_start() if worker.triggered else None
                if cold is not None:
                    yield self.env.timeout(cold)
                    yield from self.compute(self.work.conversion * self._factor())
                    yield from self._insist("s3_writes", Patience(0.5, 2, 20, 6), self.work.writes)
            if cold is not None:
                yield from self.compute(self.work.steps)
                return True
            self._refuse("conversions" if not worker.triggered else "environments")
            yield self.env.timeout(pause)
        self.outcome.lost += 1
        return False

    def _cold_start(self) -> float | None:
        """The seconds that a free slot's worker takes to be ready; None: none may start now."""
        if self._workers.count <= self._started:
            return 0.0
        if not self._buckets["environments"].take():
            return None
        self._started += 1
        return self.work.cold_start

    def _factor(self) -> float:
        spread = self.work.spread
        return exp(self.dice.gauss(-(spread**2) / 2, spread)) if spread else 1.0

    def compute(self, seconds: float) -> Steps:
        if self._cores is None:
            yield self.env.timeout(seconds)
        else:
            with self._cores.request() as core:
                yield core
                yield self.env.timeout(seconds)

    def _insist(
        self, quota: str, patience: Patience, tokens: float = 1
    ) -> Generator[simpy.Event, Any, bool]:
        """Ask until it is granted. False if patience ended before."""
        if self._buckets[quota].take(tokens):
            return True
        for pause in patience.waits(self.dice):
            self._refuse(quota)
            yield self.env.timeout(pause)
            if self._buckets[quota].take(tokens):
                return True
        self.outcome.lost += 1
        return False

    def _refuse(self, quota: str) -> None:
        self.outcome.refused[quota] = self.outcome.refused.get(quota, 0) + 1

    def _ended(self, kind: str, began: float) -> None:
        self.outcome.latency.setdefault(kind, []).append((began, self.env.now - began))
