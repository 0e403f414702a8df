"""Ctrl-C at any moment of many requests at a time ends them; seen: it left the command hanging."""

from __future__ import annotations

import subprocess
import sys

ROUNDS = 300

# At a random moment of each round: the real signal, in a process that may hang.
INTERRUPTED = f"""
import random, signal
from upload_workflow.ops import interrupts
from upload_workflow.ops.crowd import concurrently

moments, stopped = random.Random(1), 0
for _ in range({ROUNDS}):
    with interrupts.noticed():
        signal.signal(signal.SIGALRM, signal.getsignal(signal.SIGINT))
        signal.setitimer(signal.ITIMER_REAL, moments.uniform(0.0001, 0.02))
        try:
            while True:
                for answer in concurrently(abs, iter(range(2000))):
                    pass
        except KeyboardInterrupt:
            stopped += 1
print(stopped)
"""


def test_whenever_ctrl_c_comes_the_threads_end() -> None:
    # An exception between taking a lock and keeping it in mind left it taken: the threads waited
    # for the lock, and the main thread for them.
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout == f"{ROUNDS}\n"
