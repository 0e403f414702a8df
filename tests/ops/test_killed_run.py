"""A run that is cut off in the middle leaves no job without an end that `jobs` does not show."""

from __future__ import annotations

import os
import signal
import subprocess
from collections import Counter

import pytest

from local.stack import Stack
from tests.local.laboratory import wait_for
from tests.ops.conftest import NAME
from tests.ops.operator_desk import Desk, picture


@pytest.fixture(scope="module")
def desk(stack: Stack) -> Desk:
    return Desk(stack, NAME)


def kill_workers(stack: Stack) -> int:
    """SIGKILL for every function's process of this local AWS; how many there were."""
    listed = subprocess.run(
        ["/bin/ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True
    ).stdout
    parents = {int(pid): int(parent) for pid, parent in map(str.split, listed.splitlines())}
    workers = [pid for pid, parent in parents.items() if parent == stack.aws.pid]
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    return len(workers)


def test_after_its_workers_and_executions_were_killed_every_job_is_shown_and_ends(
    desk: Desk, stack: Stack
) -> None:
    keys = desk.upload((f"killed/{number}.jpg" for number in range(12)), picture(3000, 2000))
    wait_for("a start", lambda: {"RUNNING", "SUCCEEDED"} & set(desk.states("killed/").values()), 60)
    states = stack.aws.client("stepfunctions")
    machine = stack.outputs["state_machine"]["arn"]
    running = states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]
    for execution in running:
        states.stop_execution(executionArn=execution["executionArn"])
    assert kill_workers(stack) > 0

    assert set(desk.states("killed/")) == set(keys)
    ends = {"SUCCEEDED", "FAILED"}
    wait_for("ends", lambda: set(desk.states("killed/").values()) <= ends, 120)
    done = desk.ask("redrive", "--prefix", "uploads/killed/", "--yes", "--wait", "120")
    assert {job["end"] for job in done["jobs"]} <= {"SUCCEEDED"}
    assert Counter(desk.states("killed/").values()) == {"SUCCEEDED": 12}
