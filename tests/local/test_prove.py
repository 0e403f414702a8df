"""`make prove` against the local AWS, and what it does when it is told to stop or led elsewhere."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local import paths
from local.aws.server import LocalAws
from local.terraform import core
from measure.prove import facts, proof
from measure.prove.account import Account, WrongAccount, by_profile, on_this_machine
from measure.prove.facts import FACTS, Fact
from measure.prove.proof import Row, prove, table
from measure.prove.tokens import Signer
from measure.prove.witness import Disproved

NAME = "prove-tested"


@pytest.fixture(scope="module")
def account(aws: LocalAws) -> Account:
    return on_this_machine(aws)


@pytest.fixture(scope="module")
def rows(
    aws: LocalAws, account: Account, package_file: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Row]]:
    folder = tmp_path_factory.mktemp("proof")
    tokens = Signer()
    variables = {
        "name": NAME,
        "package_file": package_file,
        "issuer_file": str(proof.issuer_file(folder)),
        "published_keys": tokens.published_keys,
    }
    with core.initialised(proof.STACK, folder / "data", aws, variables) as root:
        yield prove(account, root, NAME, tokens)


def test_every_fact_is_true_that_the_local_aws_can_show(rows: list[Row]) -> None:
    assert [row for row in rows if row.verdict not in ("yes", "only AWS")] == []


def test_what_only_aws_can_show_is_marked_so(rows: list[Row]) -> None:
    marked = {row.sentence for row in rows if row.verdict == "only AWS"}
    assert marked == {fact.sentence for fact in FACTS if fact.only_aws}
    assert len(rows) >= 40
    assert len(marked) < len(rows) / 3


def test_the_table_has_a_line_for_each_fact(rows: list[Row]) -> None:
    text = table([*rows, Row("A pipe", "NO", "a | b\nc")], "Proof")
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(lines) == len(rows) + 2  # its head
    assert lines[-1].endswith("| A pipe | NO | a \\| b c |")
    assert text.endswith("1 NO" if not rows else text.rpartition("\n")[2])


def test_facts_are_sentences_of_their_own() -> None:
    sentences = [fact.sentence for fact in FACTS]
    assert len(set(sentences)) == len(sentences)


class Remembering:
    """A root that only remembers what was asked of it."""

    def __init__(self) -> None:
        self.commands: list[str] = []

    def run(self, command: str, *options: str, may_fail: bool = False) -> Any:
        self.commands.append(command)
        return subprocess.CompletedProcess([command], 0, "", "")

    def outputs(self) -> dict[str, Any]:
        return {"proof": {}}


def interrupted(witness: object) -> object:
    raise KeyboardInterrupt


def disproved(witness: object) -> object:
    raise Disproved("something else")


def test_a_proof_that_is_stopped_takes_everything_away(account: Account) -> None:
    root = Remembering()
    with pytest.raises(KeyboardInterrupt):
        prove(account, root, NAME, Signer(), facts=[Fact("Stops", interrupted)])  # type: ignore[arg-type]
    assert root.commands[-1] == "destroy"


class Stopped(Remembering):
    """Somebody types Ctrl-C while the apply runs."""

    def run(self, command: str, *options: str, may_fail: bool = False) -> Any:
        if command == "apply":
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0)  # where a signal is handled
        return super().run(command, *options, may_fail=may_fail)


def test_an_apply_that_is_stopped_ends_and_is_taken_away(account: Account) -> None:
    root = Stopped()
    with pytest.raises(KeyboardInterrupt):
        prove(account, root, NAME, Signer())  # type: ignore[arg-type]
    assert root.commands == ["apply", "destroy"]


def test_a_fact_that_is_not_true_is_told_and_the_rest_is_asked(account: Account) -> None:
    said: list[Row] = []
    wrong = [Fact("Is wrong", disproved), Fact("Is right", lambda witness: 1)]
    prove(account, Remembering(), NAME, Signer(), facts=wrong, say=said.append)  # type: ignore[arg-type]
    told = {row.sentence: (row.verdict, row.seen) for row in said}
    assert told["Is wrong"] == ("NO", "Disproved: something else")
    assert told["Is right"] == ("yes", "1")


def test_an_account_that_was_not_named_is_refused(
    aws: LocalAws, account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    config.write_text(
        "[profile proof]\n"
        f"aws_access_key_id = {aws.credentials.access_key_id}\n"
        f"aws_secret_access_key = {aws.credentials.secret_access_key}\n"
        f"endpoint_url = {aws.endpoint_url}\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    assert by_profile("proof", aws.region, account.number).number == account.number
    with pytest.raises(WrongAccount, match=rf"leads to account {account.number}, not to 1"):
        by_profile("proof", aws.region, "111122223333")
    with pytest.raises(WrongAccount, match="leads to no account"):
        by_profile("nobody", aws.region, "111122223333")


def test_make_prove_asks_where() -> None:
    done = subprocess.run(
        ["make", "prove", "PROFILE=p", "REGION=eu-central-1"],  # noqa: S607
        cwd=paths.REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "ACCOUNT=123456789012" in done.stdout


def test_a_fact_that_is_looked_at_too_late_is_not_asked(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof, "_LOOKING_SECONDS", -1)
    told = prove(account, Remembering(), NAME, Signer(), facts=[facts.FACTS[1]])  # type: ignore[arg-type]
    assert "not asked" in {row.verdict for row in told}
