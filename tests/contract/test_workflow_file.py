"""The workflow's file keeps its promises, and fits the module and the functions around it."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import hcl, workflow_file
from tests.support.asl_judges import objections, parse
from tools.asl.check import findings
from upload_workflow import errors

MACHINE = workflow_file.machine()
STATES: dict[str, dict[str, Any]] = MACHINE["States"]
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}

# House style: the head, then each state, in the order of reading.
HEAD = ["Comment", "QueryLanguage", "StartAt", "TimeoutSeconds", "States"]
STATE = [
    "Comment",
    "Type",
    "Resource",
    "Arguments",
    "Assign",
    "Output",
    "TimeoutSeconds",
    "Retry",
    "Catch",
    "Next",
    "End",
    "Error",
    "Cause",
]


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


def happy_path() -> list[str]:
    path = [MACHINE["StartAt"]]
    while "Next" in STATES[path[-1]]:
        path.append(STATES[path[-1]]["Next"])
    return path


def failure_path() -> set[str]:
    """Every state that a Catch leads to, and what follows it."""
    found: set[str] = set()
    waiting = {caught["Next"] for task in TASKS.values() for caught in task["Catch"]}
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= {STATES[name]["Next"]} - found if "Next" in STATES[name] else set()
    return found


def test_it_is_json_before_it_is_rendered() -> None:
    unrendered = json.loads(workflow_file.FILE.read_text(encoding="utf-8"))
    assert unrendered.keys() == MACHINE.keys()


def test_terraform_gives_exactly_the_placeholders() -> None:
    values = hcl.inside(hcl.read("modules/workflow/main.tf"), r"_values = \{")
    holes = workflow_file.placeholders(workflow_file.FILE, workflow_file.OWN_STEP)
    assert holes == hcl.keys(values)
    assert holes == workflow_file.VALUES.keys()


def test_the_fields_stand_in_the_order_of_reading() -> None:
    assert list(MACHINE) == HEAD
    for name, state in STATES.items():
        assert list(state) == sorted(state, key=STATE.index), name


def test_the_states_stand_in_the_order_of_the_way() -> None:
    assert list(STATES)[: len(happy_path())] == happy_path()


def test_every_state_says_why_it_is_there() -> None:
    for name, state in STATES.items():
        assert state["Comment"].endswith("."), name


@pytest.mark.parametrize("name", TASKS)
def test_a_task_says_how_long_what_again_and_what_then(name: str) -> None:
    task = TASKS[name]
    assert task["TimeoutSeconds"] > 0
    assert task["Retry"]
    assert task["Catch"][-1]["ErrorEquals"] == ["States.ALL"]


def test_a_good_upload_costs_two_transitions() -> None:
    assert happy_path() == ["Convert image", "Announce result"]
    assert STATES[happy_path()[-1]]["End"] is True


def test_the_failure_path_needs_only_the_execution_and_its_error() -> None:
    assert failure_path() == {"Record failure", "Job failed"}
    for name in failure_path():
        for text in texts({k: v for k, v in STATES[name].items() if k != "Comment"}):
            named = re.findall(r"\$[\w.]+", text)
            known = ("$states.context.", "$error", "$exists")
            assert all(path.startswith(known) for path in named), f"{name}: {text}"


def test_every_catch_leads_to_the_record_or_the_end() -> None:
    ways = {name: [caught["Next"] for caught in task["Catch"]] for name, task in TASKS.items()}
    assert ways == {
        "Convert image": ["Record failure"],
        "Announce result": ["Record failure"],
        "Record failure": ["Job failed"],
    }


def test_a_failed_execution_is_red_and_names_the_first_cause() -> None:
    assert STATES["Job failed"]["Type"] == "Fail"
    assert STATES["Job failed"]["Error"] == "{% $error.Error %}"
    assert STATES["Job failed"]["Cause"] == "{% $error.Cause %}"


def test_our_error_names_are_the_classes_that_the_functions_raise() -> None:
    named = {
        name
        for task in TASKS.values()
        for retrier in task["Retry"]
        for name in retrier["ErrorEquals"]
        if "." not in name
    }
    raised = {
        name
        for name, member in inspect.getmembers(errors, inspect.isclass)
        if issubclass(member, Exception) and not issubclass(member, errors.Rejected)
    }
    assert named == raised
    assert named <= set(errors.FailureCode)


def test_no_rejection_is_an_error_of_the_workflow() -> None:
    # A rejected upload is a result: nothing retries or catches it by name.
    assert not set(errors.RejectionCode) & set(texts([task["Retry"] for task in TASKS.values()]))


def test_what_cannot_be_repaired_by_waiting_is_tried_once_more_at_most() -> None:
    for retrier in STATES["Convert image"]["Retry"]:
        permanent = set(errors.FailureCode) - {errors.FailureCode.NOT_YET_READABLE}
        if set(retrier["ErrorEquals"]) & permanent:
            assert retrier["MaxAttempts"] <= 1
    # A class of our own is States.TaskFailed too: the first retrier that matches decides.
    order = [retrier["ErrorEquals"] for retrier in STATES["Convert image"]["Retry"]]
    assert "States.TaskFailed" in order[-1]


def test_retries_spread_out() -> None:
    for name, task in TASKS.items():
        for retrier in task["Retry"]:
            assert retrier["MaxAttempts"] <= 1 or retrier["JitterStrategy"] == "FULL", name


def test_events_carry_the_one_source_that_roles_and_consumers_know() -> None:
    source = STATES["Announce result"]["Arguments"]["Entries"][0]["Source"]
    assert source == "upload-workflow"
    for path in ("modules/workflow/access.tf", "modules/conversion/access.tf"):
        condition = re.search(r'"events:source"\n\s+values\s+= (.*)', hcl.read(path))
        assert condition and condition[1] == f'["{source}"]', path


def test_no_place_is_written_into_the_file() -> None:
    raw = workflow_file.FILE.read_text(encoding="utf-8")
    assert not re.search(r"arn:aws|\d{12}|\b[a-z]{2}-[a-z]+-\d\b", raw)


def test_a_task_outlasts_its_function() -> None:
    values = hcl.inside(hcl.read("modules/workflow/main.tf"), r"_values = \{")
    for name in ("convert_image", "record_failure"):
        assert f"var.functions.{name}.timeout_seconds + " in values


def test_cfn_lint_has_no_objection() -> None:
    assert objections(MACHINE) == set()
    # It does look inside: E3601 is its rule on definitions.
    broken = {**MACHINE, "States": {**STATES, "Job failed": {"Type": "Fale"}}}
    assert objections(broken) == {"E3601"}


def test_motos_parser_understands_it() -> None:
    parse(workflow_file.rendered())
    broken = workflow_file.rendered().replace("States.TaskFailed", "States.TaskFaild")
    with pytest.raises(Exception, match="TaskFaild"):
        parse(broken)


def test_an_attempt_is_counted_also_where_nobody_counts() -> None:
    """RetryCount is shown on STANDARD; on EXPRESS a missing one would be a QueryEvaluationError."""
    counting = [text for text in texts(STATES) if "RetryCount" in text]
    assert len(counting) == 2
    for text in counting:
        assert text == (
            "{% $exists($states.context.State.RetryCount) ? $states.context.State.RetryCount : 0 %}"
        )


def test_a_function_that_comes_back_to_its_network_is_waited_for() -> None:
    """After two idle weeks Lambda takes a function's interfaces away; making them takes minutes."""
    patient, *_ = [
        retry
        for retry in STATES["Convert image"]["Retry"]
        if "Lambda.TooManyRequestsException" in retry["ErrorEquals"]
    ]
    assert {
        "Lambda.ENINotReadyException",
        "Lambda.ResourceNotReadyException",
        "Lambda.ResourceConflictException",
    } <= set(patient["ErrorEquals"])


def test_with_an_own_step_the_machine_is_as_sound_as_without() -> None:
    machine = workflow_file.machine_with_own_step()
    assert [str(finding) for finding in findings(json.dumps(machine))] == []
    assert objections(machine) == set()
    parse(json.dumps(machine))
    assert list(machine["States"])[:3] == ["Ask own step", "Convert image", "Announce result"]


def test_every_way_out_of_an_own_step_has_an_end_with_a_name_of_its_own() -> None:
    asked = workflow_file.machine_with_own_step()["States"]["Ask own step"]
    assert [caught["Next"] for caught in asked["Catch"]] == ["Record failure", "Record failure"]
    named = {caught["Assign"]["error"]["Error"] for caught in asked["Catch"]}
    assert named <= {code.value for code in errors.FailureCode}
    # What a client waits for is asked once: only what is not the step's own doing is tried again.
    retried = {name for retrier in asked["Retry"] for name in retrier["ErrorEquals"]}
    assert all(name.startswith("Lambda.") for name in retried - {"Lambda.Unknown"})
    assert "Lambda.Unknown" not in retried


def test_three_attempts_and_their_record_fit_into_an_express_execution() -> None:
    """A function's own time-out is retried like any other end of it, the own step's is not."""
    variables = hcl.read("variables.tf")
    all_of_them = r"(\d+) \* var\.conversion\.timeout_seconds \+ sum\(.*before\[.*\]\..*\)\)"
    bound = re.search(rf'"STANDARD"\s+\|\| {all_of_them} <= (\d+)', variables)
    module = hcl.read("modules/workflow/main.tf")
    lasts = re.search(r'== "STANDARD" \? 3600 : (\d+)', module)
    assert bound and lasts
    (crashes,) = [
        retry
        for retry in STATES["Convert image"]["Retry"]
        if "States.TaskFailed" in retry["ErrorEquals"]
    ]
    waits = sum(
        crashes["IntervalSeconds"] * crashes["BackoffRate"] ** n
        for n in range(crashes["MaxAttempts"])
    )
    assert int(bound[1]) == crashes["MaxAttempts"] + 1
    # record_failure has 30 seconds, and its state five more.
    assert int(bound[2]) + waits + 35 < int(lasts[1])
