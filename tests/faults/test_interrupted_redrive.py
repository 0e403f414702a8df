"""An operator's command that ends at any moment, and the dead letters that it has taken by then."""

from __future__ import annotations

import contextlib
import io
import signal
from collections.abc import Callable, Iterator

import pytest
from botocore.exceptions import ClientError

from tests.support.moto_account import KEY, NAME, Account, Calls, account
from upload_workflow.job.upload import Upload
from upload_workflow.ops import __main__ as command
from upload_workflow.ops import redrive

LETTERS = 12  # two batches


@pytest.fixture(name="account")
def _account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    with account(monkeypatch) as made:
        monkeypatch.setattr(command, "connect", lambda *_: made.aws)
        monkeypatch.setattr(redrive, "PATIENCE", redrive.PATIENCE * 0)
        monkeypatch.setenv("UPLOAD_WORKFLOW_NAME", NAME)
        yield made


def typed(*arguments: str) -> tuple[int, str]:
    """Exit code and errors."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = command.main(arguments)
    return code, err.getvalue()


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


def refuse() -> None:
    raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "Anything")


@pytest.mark.parametrize("arguments", [("redrive",), ("redrive", "--yes"), ("why", KEY)])
@pytest.mark.parametrize("act", [interrupt, refuse])
@pytest.mark.parametrize("when", ["before", "after"])
def test_whatever_breaks_in_at_any_call_no_letter_stays_hidden_and_no_job_is_lost(
    account: Account, arguments: tuple[str, ...], act: Callable[[], None], when: str
) -> None:
    """Field: an interrupted redrive hid all letters for half an hour, the alarm turned green."""
    events = [account.upload(f"uploads/{number}") for number in range(LETTERS)]
    account.upload()  # an upload without an event
    jobs = {Upload.parse(event).job_id for event in events}
    for event in events:
        account.letter(event)
    at = 0
    while True:
        with Calls(account.aws, at, when, act) as calls:
            code, err = typed(*arguments)
        assert "Traceback" not in err
        struck = calls.seen[at] if at < len(calls.seen) else ""
        # SQS hid the letters of an answer that never came, and does not give back when refused:
        # those come back by themselves.
        if act is interrupt or struck not in ("ReceiveMessage", "ChangeMessageVisibilityBatch"):
            assert account.hidden == 0, (at, calls.seen)
        started = {name.split("-")[1] for name in account.started()}
        account.end_every_hold()
        assert account.visible + len(started & jobs) >= len(jobs), (at, calls.seen)
        if not struck:
            assert code == 0
            return
        assert code in (0, 1, 130)
        for event in events[account.visible :]:
            account.letter(event)
        at += 1 if at < 12 else 5
