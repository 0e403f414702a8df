"""The model of quotas grants nothing twice and loses nothing; a part stands for the whole."""

from __future__ import annotations

from dataclasses import replace
from statistics import median

import pytest
import simpy
from hypothesis import given
from hypothesis import strategies as st

from measure.simulate.aws import LARGE, SMALL, raised
from measure.simulate.model import Bucket, Machine, Quotas, Rate, Region, Work

STEADY = Work(spread=0.0)


def outcome(quotas: Quotas, per_second: float, seconds: float = 60, work: Work = STEADY):
    region = Region(quotas, work, seed=3)
    region.env.process(region.live(per_second, seconds))
    region.env.run(20_000)
    return region.outcome


@given(st.lists(st.floats(0.001, 0.5), min_size=1, max_size=200))
def test_a_bucket_never_grants_more_than_its_size_and_rate(pauses: list[float]) -> None:
    env = simpy.Environment()
    bucket, granted = Bucket(env, Rate(5, 2)), 0
    for pause in pauses:
        env.run(env.now + pause)
        granted += bucket.take()
        assert granted <= 5 + 2 * env.now + 1e-6


def test_without_a_quota_in_the_way_an_upload_takes_the_sum_of_its_steps() -> None:
    took = outcome(LARGE, 5).seconds("live")
    warm = STEADY.event + STEADY.conversion + STEADY.steps
    assert median(took) == pytest.approx(warm)
    assert max(took) == pytest.approx(warm + STEADY.cold_start)


def test_what_is_refused_comes_later_and_is_not_lost() -> None:
    found = outcome(LARGE.divided(50), 30)
    assert found.refused["starts"] and not found.lost
    assert len(found.seconds("live")) == pytest.approx(30 * 60, rel=0.15)


def test_a_region_starts_no_more_executions_than_its_quota() -> None:
    quotas = replace(LARGE.divided(50), starts=Rate(1, 2))
    ends = [began + took for began, took in outcome(quotas, 10, 30).latency["live"]]
    assert len(ends) / max(ends) <= 2.1


def test_a_tenth_of_the_region_waits_as_long_as_the_whole() -> None:
    whole = median(outcome(SMALL, 250, 30).seconds("live"))
    part = median(outcome(SMALL.divided(10), 25, 30).seconds("live"))
    assert part == pytest.approx(whole, rel=0.25)


@pytest.mark.parametrize("per_second", [1_000, 100_000])
def test_raised_quotas_let_that_many_uploads_pass(per_second: float) -> None:
    quotas = raised(LARGE, per_second, 1.2).divided(per_second / 20)
    found = outcome(quotas, 20)
    assert not found.lost and set(found.refused) <= {"environments"}  # workers start at their rate
    assert median(found.seconds("live")) == pytest.approx(STEADY.event + STEADY.conversion + 0.05)


def test_a_remake_takes_no_more_workers_than_it_was_given() -> None:
    region = Region(LARGE, STEADY, seed=3)
    region.env.process(region.remake(200, 10))
    region.env.run(1_000)
    ends = sorted(began + took for began, took in region.outcome.latency["remake"])
    assert len(ends) == 200
    assert ends[-1] >= 200 / 10 * (STEADY.conversion + STEADY.steps)


def ended(work: Work, cores: int, share: float, uploads: int = 40, workers: int = 10) -> float:
    """Seconds until the last of uploads that come at once has its end on one machine."""
    region = Region(replace(LARGE, conversions=workers), work, seed=3, queue_seconds=1e6)
    region.machine = Machine(region.env, cores, share, ["emulator"])
    for _ in range(uploads):
        region.env.process(region.upload("live"))
    region.env.run(10_000)
    return region.outcome.seconds("live")[-1]


COMPUTING = Work(event=0, cold_start=0, conversion=0, spread=0, steps=0)


def test_a_program_with_a_lock_gets_no_faster_by_a_second_core_and_others_do() -> None:
    for program, faster in (("emulator", 1), ("worker", 2)):
        work = replace(COMPUTING, cpu={"conversion": {program: 0.1}})
        one, two = (ended(work, cores, 1) for cores in (1, 2))
        assert one == pytest.approx(40 * 0.1)
        assert one / two == pytest.approx(faster)


def test_half_of_the_cores_takes_twice_as_long_and_waiting_takes_as_long_as_ever() -> None:
    computing = replace(COMPUTING, cpu={"conversion": {"worker": 0.1}})
    assert ended(computing, 2, 0.5) == pytest.approx(2 * ended(computing, 2, 1))
    waiting = replace(COMPUTING, conversion=0.1)
    assert ended(waiting, 2, 0.5) == ended(waiting, 2, 1) == pytest.approx(40 / 10 * 0.1)


def test_a_worker_is_taken_until_it_is_released() -> None:
    work = replace(COMPUTING, conversion=0.1, release=0.3)
    assert ended(work, 2, 1) == pytest.approx(40 / 10 * 0.4 - 0.3)


def test_all_come_forward_together_who_share_a_core() -> None:
    work = replace(COMPUTING, cpu={"conversion": {"worker": 1.0}})
    region = Region(LARGE, work, seed=3, queue_seconds=1e6)
    region.machine = Machine(region.env, 1, 1, [])
    for _ in range(4):
        region.env.process(region.upload("live"))
    region.env.run(100)
    assert region.outcome.seconds("live") == pytest.approx([4, 4, 4, 4], abs=0.05)
