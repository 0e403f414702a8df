"""One proof: deploys under a new name, looks at every fact, takes everything away.

Knows the order of things and when to stop. Does not know the facts.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from local.client import NoAnswer
from local.problems import TerraformFailed
from local.terraform.core import Root
from measure.prove.account import Account
from measure.prove.facts import FACTS, Fact
from measure.prove.tokens import Signer
from measure.prove.witness import Disproved, Witness

STACK = Path(__file__).with_name("stack")

# Deploying and taking away are about three minutes each; all of it ends within half an hour.
_LOOKING_SECONDS = 20 * 60

_STOPPING = (signal.SIGINT, signal.SIGTERM)

Verdict = Literal["yes", "NO", "only AWS", "not asked"]
# What may come of a look when the fact is not true.
_TOLD = (Disproved, ClientError, BotoCoreError, NoAnswer, TerraformFailed, LookupError, ValueError)


@dataclass(frozen=True)
class Row:
    """One line of the table: a sentence, whether it is true, and what was seen."""

    sentence: str
    verdict: Verdict
    seen: str


def prove(
    account: Account,
    root: Root,
    name: str,
    tokens: Signer,
    *,
    facts: Sequence[Fact] = FACTS,
    say: Callable[[Row], None] = lambda row: None,
) -> list[Row]:
    """The table. Everything that was made is gone when it returns, or raises KeyboardInterrupt.

    A terminal's Ctrl-C waits for a Terraform command to end, so that nothing is made that nobody
    remembers; between the facts it ends the proof at once.
    """
    rows: list[Row] = []

    def add(sentence: str, look: Callable[[], object]) -> bool:
        try:
            row = Row(sentence, "yes", str(look()))
        except _TOLD as problem:
            row = Row(sentence, "NO", _short(f"{type(problem).__name__}: {problem}"))
        rows.append(row)
        say(row)
        return row.verdict == "yes"

    def looked_at(witness: Witness) -> None:
        deadline = time.monotonic() + _LOOKING_SECONDS
        for fact in facts:
            if fact.only_aws and account.endpoint_url is not None:
                rows.append(Row(fact.sentence, "only AWS", fact.only_aws))
            elif time.monotonic() > deadline:
                rows.append(Row(fact.sentence, "not asked", "the time was over"))
            else:
                add(fact.sentence, lambda look=fact.look: look(witness))  # type: ignore[misc]

    try:
        if add("One apply makes everything", lambda: _timed(root, "apply")):
            add("A second plan is empty", lambda: _empty_plan(root))
            looked_at(Witness(account, name, root.outputs()["proof"], tokens))
            add("A plan after all that is empty", lambda: _empty_plan(root))
    finally:
        add("Destroy takes everything away", lambda: _timed(root, "destroy"))
        add("Nothing with the name is left", lambda: _nothing(account, name))
    return rows


def table(rows: Sequence[Row], title: str) -> str:
    """The rows as Markdown, ready for an issue."""
    lines = [f"### {title}", "", "| # | fact | true | seen |", "|---|---|---|---|"]
    for number, row in enumerate(rows, 1):
        seen = row.seen.replace("|", "\\|").replace("\n", " ")
        lines.append(f"| {number} | {row.sentence} | {row.verdict} | {seen} |")
    counts = {
        v: sum(row.verdict == v for row in rows) for v in ("yes", "NO", "only AWS", "not asked")
    }
    lines += ["", ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)]
    return "\n".join(lines)


def issuer_file(folder: Path) -> Path:
    """The zip of the throwaway issuer's function."""
    file = folder / "issuer.zip"
    with zipfile.ZipFile(file, "w") as archive:
        # The same bytes each time: a second plan is empty.
        archive.writestr(
            zipfile.ZipInfo("issuer.py", (2020, 1, 1, 0, 0, 0)),
            Path(__file__).with_name("issuer.py").read_bytes(),
        )
    return file


def left(account: Account, name: str) -> list[str]:
    """Everything in the account whose name begins with this one, of the kinds that we make."""
    ask = account.client
    found = [
        *(each["Name"] for each in ask("s3").list_buckets()["Buckets"]),
        *_all(ask("lambda"), "list_functions", "Functions", "FunctionName"),
        *_all(ask("stepfunctions"), "list_state_machines", "stateMachines", "name"),
        *_all(ask("events"), "list_rules", "Rules", "Name"),
        *_all(ask("iam"), "list_roles", "Roles", "RoleName"),
        *_all(ask("cloudwatch"), "describe_alarms", "MetricAlarms", "AlarmName"),
        *(
            each.rpartition("/")[2]
            for each in _all(ask("logs"), "describe_log_groups", "logGroups", "logGroupName")
        ),
        *(
            url.rpartition("/")[2]
            for url in ask("sqs").list_queues(QueueNamePrefix=name).get("QueueUrls", [])
        ),
        *(arn.rpartition(":")[2] for arn in _all(ask("sns"), "list_topics", "Topics", "TopicArn")),
    ]
    return sorted(each for each in found if each.startswith(name))


def _all(client: Any, call: str, within: str, key: str) -> list[str]:
    pages = (
        client.get_paginator(call).paginate()
        if client.can_paginate(call)
        else [getattr(client, call)()]
    )
    return [str(each[key]) for page in pages for each in page.get(within, [])]


def _nothing(account: Account, name: str) -> str:
    found = left(account, name)
    if found:
        raise Disproved(", ".join(found))
    return "nothing"


def _timed(root: Root, command: str) -> str:
    started = time.monotonic()
    with _undisturbed(command):
        root.run(command)
    return f"{time.monotonic() - started:.0f} s"


def _empty_plan(root: Root) -> str:
    planned = root.run("plan", "-detailed-exitcode", may_fail=True)
    if planned.returncode:
        raise Disproved(planned.stdout.strip() or planned.stderr.strip())
    return "no changes"


@contextlib.contextmanager
def _undisturbed(command: str) -> Iterator[None]:
    """A command that ends before a signal does anything; KeyboardInterrupt afterwards."""
    asked: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        sys.stderr.write(f"\nterraform {command} is let to its end; then all is taken away.\n")

    heeded = [number for number in _STOPPING if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, remember) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if asked and command != "destroy":
        raise KeyboardInterrupt


def _short(text: str) -> str:
    return text if len(text) < 400 else f"{text[:200]} ... {text[-190:]}"
