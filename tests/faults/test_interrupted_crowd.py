"""Ctrl-C at any moment of many requests at a time ends them; seen: it left the command hanging."""

from __future__ import annotations

import subprocess
import sys

# The real signal at each step that the main thread takes where locks are, in a process that may
# hang. Between taking a lock and keeping it in mind an exception would leave it taken.
INTERRUPTED = """
import signal, sys
from upload_workflow.ops import interrupts
from upload_workflow.ops.crowd import concurrently

def stepping(frame, event, argument):
    global step
    if "threading" in frame.f_code.co_filename or "futures" in frame.f_code.co_filename:
        step += 1
        if step == moment:
            signal.raise_signal(signal.SIGINT)
    return stepping

moment, stopped, step = 0, 0, 0
while step >= moment:
    moment, step = moment + 1, 0
    with interrupts.noticed():
        try:
            sys.settrace(stepping)
            assert list(concurrently(abs, iter(range(2)))) == [0, 1]
        except KeyboardInterrupt:
            stopped += 1
        finally:
            sys.settrace(None)
print(stopped)
"""


def test_whenever_ctrl_c_comes_the_threads_end() -> None:
    # The threads waited for such a lock, and the main thread for them.
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=60, check=True
    )
    assert int(done.stdout) > 50
