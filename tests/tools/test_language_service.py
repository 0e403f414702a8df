"""A second judge of the workflow file: AWS's own language service, as its editors use it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients import npm
from tests.support import workflow_file
from tests.tools.asl_mutants.mistakes import FRESH, KNOWN
from tests.tools.test_asl_checker import SOUND

Judge = Callable[[list[str]], list[list[str]]]


@pytest.fixture(scope="module")
def judge() -> Judge:
    """What the service says about each of some texts."""
    node, packages = npm.node(), npm.packages()

    def said(texts: list[str]) -> list[list[str]]:
        done = subprocess.run(
            [node, str(Path(__file__).with_name("language_service.cjs"))],
            env={"NODE_PATH": str(packages)},
            input=json.dumps(texts),
            capture_output=True,
            text=True,
            check=True,
        )
        messages = json.loads(done.stdout)
        assert len(messages) == len(texts)
        return [list(each) for each in messages]

    return said


def test_the_language_service_has_nothing_to_say_about_our_machines(judge: Judge) -> None:
    assert judge([workflow_file.rendered(), json.dumps(workflow_file.remake())]) == [[], []]


# Of the mistakes that our checker is tried with: what an editor of AWS's underlines too.
UNDERLINED = {
    "Next leads nowhere",
    "StartAt names no state",
    "a field is misspelt",
    "a state is never reached",
    "a type is misspelt",
    "an expression is not closed",
    "both Next and End",
    "the language is misspelt",
}


def test_it_would_say_something(judge: Judge) -> None:
    mistakes = [*KNOWN, *FRESH]
    said = judge([json.dumps(mistake.planted(SOUND[mistake.into])) for mistake in mistakes])
    noticed = {m.sentence for m, messages in zip(mistakes, said, strict=True) if messages}
    # It knows less than our checker, which names them all.
    assert noticed >= UNDERLINED
