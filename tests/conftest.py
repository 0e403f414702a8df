"""What all rings share: how hard Hypothesis searches, AWS's models, who runs what, and Ctrl-C."""

from __future__ import annotations

import functools
import gc
import signal

import botocore.session
import pytest
from botocore.loaders import create_loader
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# `quick` unless --hypothesis-profile=thorough.
# No deadlines: the machine that runs the tests may be busy with something else.
# The same examples each time: a check that passed passes again. `thorough` looks for new ones.
settings.register_profile(
    "quick", deadline=None, max_examples=60, stateful_step_count=40, derandomize=True
)
settings.register_profile(
    "thorough", deadline=None, max_examples=1000, stateful_step_count=80, print_blob=True
)
settings.load_profile("quick")

# Each session of botocore reads AWS's models anew, a megabyte of JSON for S3 alone; here all share.
botocore.session.create_loader = functools.cache(create_loader)

# What a shell starts in the background ignores Ctrl-C, and so would every command that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


# Rings whose tests share nothing that takes long to start.
FAST = ("tests/unit", "tests/contract", "tests/tools")


def pytest_collection_finish() -> None:
    """Thousands of tests live as long as the run: nothing is found by going over them again."""
    gc.collect()
    gc.freeze()


class RingScheduling(LoadScopeScheduling):
    """Hands out whole rings of tests, in the order of the command: a ring shares a local AWS.

    Of the fast rings it hands out files.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        ring = file.rpartition("/")[0]
        return file if ring in FAST else ring


@pytest.hookimpl(optionalhook=True)  # nobody asks when tests run one after the other
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> RingScheduling:
    config.option.loadscopereorder = False  # it knows how many tests there are, not how long
    return RingScheduling(config, log)
