"""How hard Hypothesis searches: quickly by default, long by --hypothesis-profile=thorough."""

from __future__ import annotations

from hypothesis import settings

# No deadlines: the machine that runs the tests may be busy with something else.
# The same examples each time: a check that passed passes again. `thorough` looks for new ones.
settings.register_profile(
    "quick", deadline=None, max_examples=60, stateful_step_count=40, derandomize=True
)
settings.register_profile(
    "thorough", deadline=None, max_examples=1000, stateful_step_count=80, print_blob=True
)
settings.load_profile("quick")
