"""What Terraform itself does not say about the module's files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.workflow_file import ROOT

# A partition's name in a table of partitions is a key, not a place that something is in.
TABLE_OF_PARTITIONS = re.compile(r'^\s*"?aws[\w-]*"?\s+= "console\.', re.MULTILINE)
MODULES = [ROOT, *sorted(ROOT.glob("modules/*"))]
FILES = [file for module in MODULES for file in sorted(module.glob("*.tf"))]

every_file = pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
every_module = pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)


def text(module: Path) -> str:
    return "\n".join(file.read_text(encoding="utf-8") for file in sorted(module.glob("*.tf")))


def code(text: str) -> str:
    """Without comments and the sentences that people read."""
    said = r"error_message = (?:<<-EOT\n.*?\n\s+EOT$|format\(\n.*?^    \)$|[^\n]*)"
    without_messages = re.sub(said, "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"#.*|description = .*", "", without_messages)


@every_file
def test_nothing_names_a_partition_an_account_or_a_region(file: Path) -> None:
    bare = TABLE_OF_PARTITIONS.sub("", code(file.read_text(encoding="utf-8")))
    assert not re.search(
        r"arn:aws|\b\d{12}\b|\b[a-z]{2}(-gov)?-(north|south|east|west|central)", bare
    )


@every_module
def test_every_variable_and_local_is_used(module: Path) -> None:
    said = text(module)
    for variable in re.findall(r'^variable "(\w+)"', said, re.MULTILINE):
        assert re.search(rf"\bvar\.{variable}\b", code(said)), variable
    for body in re.findall(r"^locals \{\n(.*?)^\}", said, re.MULTILINE | re.DOTALL):
        for local in re.findall(r"^  (\w+)\s+=", body, re.MULTILINE):
            assert re.search(rf"\blocal\.{local}\b", code(said)), local


@every_module
def test_every_variable_and_output_says_what_it_is(module: Path) -> None:
    blocks = re.findall(r'^(?:variable|output) "(\w+)" \{\n(.*?)^\}', text(module), re.M | re.S)
    for name, body in blocks:
        described = re.search(r'^  description = "(.+)"$', body, re.MULTILINE)
        assert described and described[1].endswith("."), name


@every_module
def test_a_wildcard_carries_its_reason(module: Path) -> None:
    # What has no narrower name carries its reason in a comment of the same statement.
    for statement in re.findall(r"statement \{\n(.*?)\n  \}\n", text(module), re.DOTALL):
        if re.search(r'resources\s+= \["\*"\]', statement):
            assert "#" in statement, statement


def test_the_root_is_a_short_story() -> None:
    root = (ROOT / "main.tf").read_text(encoding="utf-8")
    assert len(root.splitlines()) < 90
    assert set(re.findall(r"^(\w+) ", root, re.MULTILINE)) == {"module"}
    # One sentence before each chapter.
    assert len(re.findall(r"^# .+\.\nmodule ", root, re.MULTILINE)) == root.count("\nmodule ")


def test_the_interface_is_small() -> None:
    variables = (ROOT / "variables.tf").read_text(encoding="utf-8")
    assert len(re.findall(r"^variable ", variables, re.MULTILINE)) <= 16
    for module in MODULES[1:]:
        inputs = (module / "variables.tf").read_text(encoding="utf-8")
        assert len(re.findall(r"^variable ", inputs, re.MULTILINE)) <= 10, module.name


@every_module
def test_a_module_says_what_it_promises_and_hides(module: Path) -> None:
    head = (module / "main.tf").read_text(encoding="utf-8").splitlines()[:3]
    wanted = ["# Promises ", "# Hides ", "# Does not "]
    if module != ROOT:
        assert all(line.startswith(begin) for line, begin in zip(head, wanted, strict=True)), head


@every_module
def test_no_switch_stands_beside_its_value(module: Path) -> None:
    names = re.findall(r'^variable "(\w+)"', text(module), re.MULTILINE)
    assert not [name for name in names if re.match(r"(create|enable|attach|use)_", name)]


@every_file
def test_a_resource_is_told_the_region_that_was_asked_for(file: Path) -> None:
    """One that is looked up is not known while the module waits, and the provider guesses then."""
    told = re.findall(r"^  region\s+= (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(told) <= {"var.surroundings.region", "var.region"}


def test_every_configuration_wants_the_same_provider() -> None:
    files = [*ROOT.glob("*.tf"), *ROOT.glob("examples/*/*.tf"), *ROOT.glob("local/stack/*.tf")]
    wanted = {
        version
        for file in files
        for version in re.findall(
            r'hashicorp/aws"\n(?:\s*#.*\n)*\s+version\s+= "(.*)"', file.read_text(encoding="utf-8")
        )
    }
    # 6.22 to 6.39 plan a change of every new bucket for ever.
    assert wanted == {">= 6.40, < 7.0"}


@every_file
def test_a_line_can_be_read_beside_another_file(file: Path) -> None:
    long = [line for line in file.read_text(encoding="utf-8").splitlines() if len(line) > 120]
    assert long == []


@every_file
def test_every_comment_says_something(file: Path) -> None:
    """The reference prints them."""
    assert not re.search(r"#[ \t]*$", file.read_text(encoding="utf-8"), re.MULTILINE)


@every_file
def test_a_module_branches_on_whether_a_thing_is_there_and_never_on_the_thing(file: Path) -> None:
    """What somebody brings may be a secret, and Terraform makes nothing `for_each` secret."""
    for iterated in re.findall(r"for_each\s+= (.*)", code(file.read_text(encoding="utf-8"))):
        brought = re.search(r"\bvar\.\w+(\.\w+)*(\[\*\]| [!=]= null|\)? > 0)", iterated)
        assert not brought or iterated.startswith("nonsensitive("), iterated


@every_file
def test_nothing_is_counted_and_nothing_bears_a_name_that_says_nothing(file: Path) -> None:
    said = code(file.read_text(encoding="utf-8"))
    assert not re.search(r"^\s+count\s+=", said, re.MULTILINE)
    named = re.findall(r'^(?:resource|data) "\w+" "(\w+)"', said, re.MULTILINE)
    assert not {"this", "main", "default"} & set(named)
