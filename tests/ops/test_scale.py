"""What `ops` keeps does not grow with the number of jobs; what it takes is given back."""

from __future__ import annotations

import contextlib
import io
import json
import tracemalloc
from itertools import repeat
from typing import Any

import pytest

from tests.support.large_account import LargeAccount
from upload_workflow.ops import __main__ as command
from upload_workflow.ops import forget_command
from upload_workflow.ops.crowd import concurrently
from upload_workflow.ops.workflow import THREADS


def typed(monkeypatch: pytest.MonkeyPatch, account: LargeAccount, *arguments: str) -> str:
    monkeypatch.setattr(command, "connect", lambda *_: account.aws)
    monkeypatch.setattr(command, "find", lambda *_: account.workflow)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert command.main(arguments) == 0
    return out.getvalue()


def peak_bytes(monkeypatch: pytest.MonkeyPatch, jobs: int, *arguments: str) -> int:
    for module in (command, forget_command):
        monkeypatch.setattr(module, "print", lambda *_, **__: None, raising=False)
    typed(monkeypatch, LargeAccount(100), *arguments)  # what is loaded once
    tracemalloc.start()
    try:
        typed(monkeypatch, LargeAccount(jobs), *arguments)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "arguments",
    [
        ("jobs", "--limit", "20"),
        ("jobs", "--json"),
        ("redrive",),
        ("forget", "--prefix", "uploads/"),
    ],
)
def test_of_each_further_job_nothing_is_kept_but_the_digest_of_its_name(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    # Those on their way are more or fewer at the worst moment: few, so that what is kept shows.
    ahead = 32
    monkeypatch.setattr(concurrently, "__defaults__", (ahead,))
    # S3 lists a thousand at a time: below that, what is held of a page would grow, too.
    few, many = (peak_bytes(monkeypatch, jobs, *arguments) for jobs in (1_000, 3_000))
    # Kept, each document would take 3,000 bytes. Sorting holds the digests for a moment as Python's
    # own numbers, and how many documents are just being read depends on the machine.
    assert many - few < 2_000 * 3_000 / 4


def test_a_plan_of_a_remake_keeps_no_more_for_a_hundred_thousand_uploads_than_for_a_thousand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = LargeAccount(jobs=1_000)
    s3 = account.aws.s3
    page = next(s3.get_paginator("list_objects_v2").paginate(Bucket="uploads", Prefix=""))
    monkeypatch.setattr(LargeAccount, "_pages", lambda *_, **__: repeat(page, pages))
    peaks = []
    for pages in (1, 100):
        tracemalloc.start()
        told = json.loads(typed(monkeypatch, account, "remake", "plan", "--json"))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert told["objects"] == pages * 1_000
    # The first has loaded what is loaded once.
    assert peaks[1] <= peaks[0] + 100_000


def test_a_dry_run_counts_every_letter_and_gives_all_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Field: 4,340 of 10,000, without a hint."""
    account = LargeAccount(jobs=0, letters=10_000)
    found = json.loads(typed(monkeypatch, account, "redrive", "--letters-only", "--json"))
    assert (len(found["jobs"]), found["whole"]) == (10_000, True)
    assert (account.visible, account.hidden) == (10_000, 0)


def test_calls_are_many_at_a_time_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    account = LargeAccount(jobs=1_000, latency=0.001)
    typed(monkeypatch, account, "jobs")
    # Beside the pool only the one that lists.
    assert THREADS // 2 < account.most_at_once <= THREADS + 1


def test_a_caller_that_has_enough_waits_for_nothing_that_has_not_begun() -> None:
    asked: list[int] = []

    def ask(number: int) -> int:
        asked.append(number)
        return number

    answers = concurrently(ask, range(100_000))
    assert [next(answers) for _ in range(3)] == [0, 1, 2]
    answers.close()
    assert len(asked) < 1_000


def test_the_first_error_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(number: int) -> Any:
        raise ValueError(number)

    with pytest.raises(ValueError, match="0"):
        list(concurrently(ask, range(10)))
