"""The machine that makes existing uploads anew keeps its promises, whatever it is told to list."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from jsonata.jsonata import Jsonata  # type: ignore[import-untyped]

from tests.contract.test_workflow_file import texts
from tests.support import hcl, workflow_file
from tests.support.asl_judges import objections
from tools.asl.check import findings
from upload_workflow import errors
from upload_workflow.ops.remake import Report

MACHINE = workflow_file.remake()
MAPS: dict[str, dict[str, Any]] = {
    state["Label"]: state for state in MACHINE["States"].values() if state["Type"] == "Map"
}
FILES = (workflow_file.REMAKE, workflow_file.BATCHES, workflow_file.OBJECT)
SOURCES = ["prefix", "inventory", "keys"]


def each_object(source: str) -> dict[str, Any]:
    """What is done with one object, by state."""
    batch = MAPS[source]["ItemProcessor"]["States"][f"Each object ({source})"]
    states: dict[str, Any] = batch["ItemProcessor"]["States"]
    return {name.removesuffix(f" ({source})"): state for name, state in states.items()}


def test_it_is_json_before_it_is_rendered() -> None:
    for file in FILES:
        assert json.loads(file.read_text(encoding="utf-8"))


def test_terraform_gives_exactly_the_placeholders() -> None:
    values = hcl.keys(hcl.inside(hcl.read("modules/remake/main.tf"), r"_values = \{"))
    assert workflow_file.placeholders(*FILES) == values


def test_two_judges_have_no_objection() -> None:
    # moto's parser knows no ItemBatcher; AWS's language service is asked in tests/tools.
    assert [str(finding) for finding in findings(json.dumps(MACHINE))] == []
    assert objections(MACHINE) == set()


def test_every_way_of_listing_does_the_same_with_an_object() -> None:
    assert list(MAPS) == SOURCES
    one, *others = ({**each_object(source)} for source in SOURCES)
    for source, other in zip(SOURCES[1:], others, strict=True):
        assert json.dumps(other).replace(f"({source})", "(prefix)") == json.dumps(one)


def test_every_state_says_why_it_is_there() -> None:
    batch = MAPS["prefix"]["ItemProcessor"]["States"]
    for name, state in (MACHINE["States"] | batch | each_object("prefix")).items():
        assert state["Comment"].endswith("."), name


def test_an_object_that_did_not_change_is_told_to_nobody() -> None:
    states = each_object("prefix")
    (news,) = states["Is it news"]["Choices"]
    assert news["Condition"] == "{% $states.input.state in ['SUCCEEDED', 'REJECTED'] %}"
    assert states["Is it news"]["Default"] == "Count outcome (prefix)"


def test_no_failure_of_one_object_ends_its_batch() -> None:
    for name, state in each_object("prefix").items():
        if state["Type"] == "Task":
            assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name
            assert state["Catch"][-1]["Next"] == "Record failure (prefix)"


def test_it_records_no_failure_outside_of_its_report() -> None:
    called = [text for text in texts(MACHINE) if ":function:" in text]
    assert called and all(arn.endswith("convert-image") for arn in called)


def test_every_error_of_ours_is_met_by_name_and_not_tried_again() -> None:
    retriers = each_object("prefix")["Convert image"]["Retry"]
    (final,) = [retrier for retrier in retriers if retrier["MaxAttempts"] == 0]
    raised = {
        name
        for name, member in vars(errors).items()
        if isinstance(member, type)
        and issubclass(member, Exception)
        and not issubclass(member, errors.Rejected)
    }
    assert set(final["ErrorEquals"]) == raised


def test_one_object_has_time_within_a_batch() -> None:
    """Express executions last five minutes."""
    variables = hcl.read("variables.tf")
    both = r"var\.conversion\.timeout_seconds \+ sum\(.*before\[\*\]\.timeout_seconds\)\)"
    bound = re.search(rf"remake == null\s+\|\| {both} <= (\d+)", variables)
    assert bound and int(bound[1]) + 5 < 300


@pytest.mark.parametrize("source", SOURCES)
def test_the_bound_on_concurrency_and_on_failures_is_of_every_list(source: str) -> None:
    state = MAPS[source]
    assert state["MaxConcurrency"] == 5
    assert state["ToleratedFailurePercentage"] == 5
    # 256 KiB are the most that an execution is given or gives back.
    assert state["ItemBatcher"]["MaxInputBytesPerBatch"] <= 256 * 1024 / 2


def evaluated(expression: str, **variables: Any) -> Any:
    program = Jsonata(expression.removeprefix("{%").removesuffix("%}"))
    frame = program.create_frame()
    for name, value in variables.items():
        frame.bind(name, value)
    return program.evaluate(None, frame)


EVENT = {"detail": {"object": {"key": "uploads/one"}}}


@pytest.mark.parametrize("key", ["uploads/one", "%F0%9F%98%80" * 80, '"' * 1024])
@pytest.mark.parametrize("failed", [1, 2, 100])
def test_a_batch_that_failed_tells_its_problems_in_a_cause_that_fits(key: str, failed: int) -> None:
    """Also one: JSONata makes no list of one thing."""
    states = MAPS["prefix"]["ItemProcessor"]["States"]
    error = {"code": "AccessDenied", "message": "x" * 300}
    results = [{"outcome": "FAILED", "key": key, "error": error}] * failed
    counted = evaluated(states["Each object (prefix)"]["Output"], states={"result": results})
    cause = evaluated(states["Too many failed (prefix)"]["Cause"], states={"input": counted})
    assert len(cause) <= 32_768  # API reference, ExecutionFailedEventDetails
    told = Report()
    told.add_failed({"Error": "TooManyFailed", "Cause": cause})
    assert told.outcomes == {"FAILED": failed}
    assert told.codes == {"AccessDenied": min(failed, 20)}
    assert all(key.startswith(kept) for kept in told.keys["AccessDenied"])


@pytest.mark.parametrize("told", [{"Error": "States.Timeout"}, {"Error": "E", "Cause": "why"}])
def test_whatever_failed_has_a_message(told: dict[str, str]) -> None:
    """What ran out of time may have no cause."""
    expression = each_object("prefix")["Record failure"]["Output"]
    outcome = evaluated(expression, error=told, event=EVENT)
    error = {"code": told["Error"], "message": told.get("Cause", "")}
    assert outcome == {"outcome": "FAILED", "key": "uploads/one", "error": error}


def test_the_longest_problems_of_a_batch_fit_into_its_output() -> None:
    """256 KiB, and the keys of a batch have half of it."""
    problem = {"code": "OwnStepTimedOut", "message": "\u6f22" * 500, "retryable": False}
    ended = {"input": {"state": "REJECTED", "error": problem}}
    one = evaluated(each_object("prefix")["Count outcome"]["Output"], states=ended, event=EVENT)
    batcher = MAPS["prefix"]["ItemBatcher"]
    states = MAPS["prefix"]["ItemProcessor"]["States"]
    results = [one] * batcher["MaxItemsPerBatch"]
    whole = evaluated(states["Each object (prefix)"]["Output"], states={"result": results})
    size = len(json.dumps(whole, ensure_ascii=False).encode())
    assert batcher["MaxInputBytesPerBatch"] + size <= 256 * 1024


def test_no_place_is_written_into_the_files() -> None:
    for file in FILES:
        raw = file.read_text(encoding="utf-8")
        assert not re.search(r"arn:aws|\d{12}|\b[a-z]{2}-[a-z]+-\d\b", raw)
