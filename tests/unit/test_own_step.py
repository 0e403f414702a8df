"""An embedder's own step may refuse an upload or guide its crops, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.support.upload_world import LIMITS, RENDITIONS, World, picture
from tests.support.workflow_file import ROOT
from upload_workflow.errors import OwnStepBroken
from upload_workflow.image.convert import convert
from upload_workflow.image.limits import Limits
from upload_workflow.image.rendition import Fit, OutputFormat, Rendition
from upload_workflow.job.document import State
from upload_workflow.job.metadata import to_header
from upload_workflow.job.own_step import OwnStep

KEY = "uploads/one"
SCHEMA = Draft202012Validator(
    json.loads(
        (ROOT / "lambda_src/upload_workflow/schemas/own_step.schema.json").read_text("utf-8")
    )
)

NEARLY = st.recursive(
    st.none() | st.booleans() | st.floats(-1, 2) | st.integers(-1, 2) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["refuse", "focus", "metadata", "message", "x", "y", "z"]), inner
        )
    ),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("answer", "step"),
    [
        (None, OwnStep()),
        ({}, OwnStep()),
        ({"refuse": {"message": "No consent."}}, OwnStep(refusal="No consent.")),
        ({"focus": {"x": 0, "y": 0.25}}, OwnStep(focus=(0.0, 0.25))),
        ({"metadata": {"by": "us"}}, OwnStep(metadata={"by": "us"})),
    ],
)
def test_an_answer_is_read(answer: object, step: OwnStep) -> None:
    assert OwnStep.parse(answer) == step


@given(NEARLY)
def test_what_is_read_is_what_the_schema_describes(answer: Any) -> None:
    described = answer is None or SCHEMA.is_valid(answer)
    try:
        OwnStep.parse(answer)
    except OwnStepBroken as broken:
        assert str(broken).endswith(".")
        # A field that is null says as little as one that is absent.
        assert not described
    else:
        lacking = isinstance(answer, dict) and {k: v for k, v in answer.items() if v is not None}
        assert described or SCHEMA.is_valid(lacking)


def test_a_refusal_ends_as_rejected_with_its_sentence_before_the_upload_is_read() -> None:
    world = World()
    event = world.put(KEY)
    told = world.convert(event, own_step={"refuse": {"message": "Ask the person first."}})
    document = world.document(KEY)
    assert document is not None and document.state is State.REJECTED and document.error
    assert (document.error.code, document.error.message) == ("Refused", "Ask the person first.")
    assert told["state"] == "REJECTED"


def test_an_answer_that_is_none_is_our_failure_and_leaves_the_job_as_it_was() -> None:
    world = World()
    event = world.put(KEY)
    with pytest.raises(OwnStepBroken):
        world.convert(event, own_step={"refuse": True})
    assert world.document(KEY) is None


def test_facts_of_the_step_are_told_with_the_clients_own_and_go_before_them() -> None:
    world = World()
    stated = {"metadata": '{"album":"7","by":"me"}'}
    event = world.put(KEY, Metadata=stated)
    told = world.convert(event, own_step={"metadata": {"by": "us"}})
    document = world.document(KEY)
    assert document is not None
    assert document.upload.metadata == {"album": "7", "by": "us"}
    assert told["upload"]["metadata"] == {"album": "7", "by": "us"}


@pytest.mark.parametrize("said", [{f"s{number}": "y" * 80 for number in range(10)}, {"b": "z"}])
def test_whatever_a_client_states_leaves_room_for_what_the_step_says(said: dict[str, str]) -> None:
    world = World()
    stated = {f"c{number}": "x" * 80 for number in range(10)}
    event = world.put(KEY, Metadata={"metadata": to_header(stated)})
    told = world.convert(event, own_step={"metadata": said})
    document = world.document(KEY)
    assert document is not None and document.state is State.SUCCEEDED
    assert document.upload.metadata == told["upload"]["metadata"] == stated | said


def test_half_a_surrogate_pair_in_a_refusal_is_told_as_a_question_mark() -> None:
    world = World()
    told = world.convert(world.put(KEY), own_step={"refuse": {"message": "Not \ud800."}})
    assert (told["state"], told["error"]["message"]) == ("REJECTED", "Not ?.")


def test_crops_keep_what_the_step_says_whatever_their_position() -> None:
    renditions = {
        "left": Rendition(8, 32, fit=Fit.COVER, position="left", format=OutputFormat.PNG),
        "whole": Rendition(24, 24, format=OutputFormat.PNG),
    }
    usual = convert(picture(), renditions, Limits())
    guided = convert(picture(), renditions, Limits(), focus=(1.0, 0.5))
    right = {"left": Rendition(8, 32, fit=Fit.COVER, position="right", format=OutputFormat.PNG)}
    assert guided["left"].data == convert(picture(), right, Limits())["left"].data
    assert guided["whole"].data == usual["whole"].data


def test_the_step_is_asked_nothing_when_it_is_not_there() -> None:
    world = World()
    world.convert(world.put(KEY))
    document = world.document(KEY)
    assert document is not None and document.state is State.SUCCEEDED
    assert {r.bytes for r in document.renditions} == {
        len(e.data) for e in convert(picture(), RENDITIONS, LIMITS).values()
    }
