"""The way of uploads through quotas, as a discrete-event model. Knows no AWS, only numbers.

One process for each upload: it waits where EventBridge delays, is sent back where a service
refuses, and takes its turn again as the retries of the rule and of the state machine say
(statemachine/convert_image.asl.json). A whole region is simulated by a part of it: rates, buckets
and workers are divided by the same number, which leaves waiting times as they are.
"""

from __future__ import annotations

import random
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack
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
    conversions' times, the standard deviation of their logarithm. writes: requests to S3, of an
    upload and of an object that is made anew, which nobody sends, issues or claims.

    steps: of the state machine, until the function is asked for. release: how long its worker is
    taken after the result is there. cpu: by step, of which program of one machine it takes how
    much; on AWS each worker has a core, whose time is in the others.
    """

    event: float = 0.3
    cold_start: float = 0.9
    conversion: float = 0.24
    spread: float = 0.3
    steps: float = 0.05
    writes: Mapping[str, int] = field(default_factory=lambda: {"live": 7, "remake": 5})
    release: float = 0.0
    cpu: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Patience:
    """The retriers of the state "Convert image" for throttles, and EventBridge's own.

    least: of the back-off, what full jitter leaves; 1 where there is no jitter.
    """

    first: float = 2.0
    factor: float = 1.5
    longest: float = 60.0
    attempts: int = 40
    least: float = 0.0

    def waits(self, dice: random.Random) -> Iterator[float]:
        for attempt in range(self.attempts):
            longest = min(self.longest, self.first * self.factor**attempt)
            yield dice.uniform(self.least * longest, longest)


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


class Machine:
    """A few cores that programs share in turns. A program that is an interpreter with a lock runs
    on one of them at a time."""

    def __init__(self, env: simpy.Environment, cores: int, share: float, locked: Iterable[str]):
        """share: of the cores that is left to these programs."""
        self._env, self._share = env, share
        self._cores = simpy.Resource(env, cores)
        self._locks = {program: simpy.Resource(env, 1) for program in locked}

    def run(self, program: str, seconds: float) -> Steps:
        while seconds > 0:
            turn = min(seconds, _TURN)
            with ExitStack() as taken:
                for resource in filter(None, (self._locks.get(program), self._cores)):
                    yield taken.enter_context(resource.request())
                yield self._env.timeout(turn / self._share)
            seconds -= turn


_TURN = 0.005  # seconds that a program runs before another one may: Python's and about Linux's


class Region:
    """Quotas, workers and the processes that meet there."""

    def __init__(
        self,
        quotas: Quotas,
        work: Work,
        seed: int,
        *,
        patience: Patience = Patience(),
        queue_seconds: float = 0,
    ) -> None:
        """patience: with throttles. queue_seconds: how long a conversion waits for a worker before
        it is throttled."""
        self.env = simpy.Environment()
        self.dice = random.Random(seed)
        self.work, self.outcome = work, Outcome()
        self.machine: Machine | None = None
        self._quotas = quotas
        self._buckets = {
            name: Bucket(self.env, rate)
            for name, rate in vars(quotas).items()
            if isinstance(rate, Rate)
        }
        self._workers = simpy.Resource(self.env, quotas.conversions)
        self._patience, self._queue_seconds = patience, queue_seconds
        self._started = 0

    def live(self, per_second: float, seconds: float, rise: float = 0.0) -> Steps:
        """Uploads of clients, at random moments, for this long. rise: until the full rate."""
        while self.env.now < seconds:
            share = 1.0 if rise <= self.env.now else max(0.02, self.env.now / rise)
            yield self.env.timeout(self.dice.expovariate(per_second * share))
            self.env.process(self.upload("live"))

    def remake(self, count: int, at_once: int) -> Steps:
        """Existing objects, this many at a time, as a Distributed Map hands them out."""
        slots = simpy.Resource(self.env, at_once)
        for _ in range(count):
            turn = slots.request()
            yield turn
            self.env.process(self._child(slots, turn))

    def _child(self, slots: simpy.Resource, turn: Any) -> Steps:
        yield from self._convert("remake", self.env.now)
        slots.release(turn)

    def upload(self, kind: str, began: float | None = None) -> Steps:
        """began: when its client began to send it; None: now."""
        began = self.env.now if began is None else began
        yield from self.take("event", self.work.event)
        yield from self._buckets["invocations"].wait()
        if not (yield from self._insist("starts", EVENTBRIDGE)):
            return
        yield from self._buckets["transitions"].wait(2)
        if not (yield from self._convert(kind, began)):
            return
        yield from self.take("announcement")
        yield from self._insist("announcements", Patience(first=1, factor=2, attempts=8))

    def _convert(self, kind: str, began: float) -> Generator[simpy.Event, Any, bool]:
        writes = self.work.writes[kind]
        yield from self.take("steps", self.work.steps)
        for pause in self._patience.waits(self.dice):
            with self._workers.request() as worker:
                yield worker | self.env.timeout(self._queue_seconds)
                cold = self._cold_start() if worker.triggered else None
                if cold is not None:
                    yield self.env.timeout(cold)
                    yield from self.take("conversion", self.work.conversion * self._factor())
                    yield from self._insist("s3_writes", Patience(0.5, 2, 20, 6), writes)
                    self._ended(kind, began)
                    yield self.env.timeout(self.work.release)
            if cold is not None:
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

    def take(self, step: str, seconds: float = 0) -> Steps:
        """The time of a step, and then what it computes where that is not in the time."""
        yield self.env.timeout(seconds)
        if self.machine:
            for program, cpu in self.work.cpu.get(step, {}).items():
                yield from self.machine.run(program, cpu)

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
