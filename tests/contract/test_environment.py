"""What Terraform tells the functions is what they read."""

from __future__ import annotations

import importlib.util
import inspect
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from measure.bench import startup
from tests.support import hcl
from tools import package
from upload_workflow import settings
from upload_workflow.ops import workflow

CONVERSION = hcl.read("modules/conversion/main.tf")
UPLOAD_API = hcl.read("modules/upload_api/issue_upload.tf")
SURROUNDINGS = hcl.read("surroundings.tf")
COMMON = hcl.keys(hcl.inside(CONVERSION, r"_common_environment = \{"))

GIVEN = {
    settings.ConvertImageSettings: COMMON
    | hcl.keys(hcl.inside(CONVERSION, r"environment = merge\(local\._common_environment, \{")),
    settings.RecordFailureSettings: COMMON,
    settings.IssueUploadSettings: hcl.keys(hcl.inside(SURROUNDINGS, r"signer_environment = \{")),
}


@pytest.mark.parametrize("read", GIVEN, ids=lambda read: read.__name__)
def test_a_function_is_told_exactly_what_it_reads(read: Any) -> None:
    assert GIVEN[read] == {field.name.upper() for field in fields(read)}


def test_ops_reads_what_record_failure_is_told_besides() -> None:
    recorder = hcl.inside(CONVERSION, r"record_failure = \{\n")
    besides = hcl.keys(hcl.inside(recorder, r"environment = merge\(local\._common_environment, \{"))
    assert besides == {"START_ROLE_ARN"}
    assert all(f'"{name}"' in inspect.getsource(workflow) for name in besides)


def test_the_benchmark_starts_a_function_with_everything_that_it_reads() -> None:
    told = startup.ENVIRONMENT.keys()
    assert told >= {field.name.upper() for field in fields(settings.ConvertImageSettings)}


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(KeyError, match="RESULTS_BUCKET"):
        settings.RecordFailureSettings.from_env({})
    with pytest.raises(LookupError, match="no UPLOADS_BUCKET: the module's output signer_env"):
        settings.IssueUploadSettings.from_env({})


def handlers() -> set[str]:
    """Every handler that a function of the module names."""
    found: set[str] = set()
    for text in (CONVERSION, UPLOAD_API):
        found |= set(re.findall(r'handler\s+= (?:coalesce\([\w.]+, )?"([^"]+)"', text))
    return found


@pytest.mark.parametrize("handler", sorted(handlers()))
def test_a_handler_exists(handler: str) -> None:
    module, _, function = handler.rpartition(".")
    found = importlib.util.find_spec(module)
    assert found and found.origin
    # Importing one would read its environment.
    text = Path(found.origin).read_text(encoding="utf-8")
    assert f"\ndef {function}(" in text or f"\n{function} = " in text


def test_every_handler_module_has_a_function() -> None:
    names = {handler.split(".")[-2] for handler in handlers()}
    assert names == {"convert_image", "record_failure", "issue_upload"}


@pytest.mark.parametrize("text", [CONVERSION, UPLOAD_API], ids=["conversion", "upload_api"])
def test_functions_run_on_the_python_that_the_zip_is_made_for(text: str) -> None:
    assert re.findall(r'runtime\s+= "python([0-9.]+)"', text) == [package.LAMBDA_PYTHON]
