"""Records and announces that an execution ended without its job's result.

Needs nothing but the execution's input: the first state may have failed before it did anything.
Called twice for one failure (by the workflow itself, and by the rule on ended executions), so
the second call must find that nothing is left to do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from botocore.exceptions import BotoCoreError, ClientError

from ..aws.store import Store
from ..errors import (
    AccessDenied,
    FailureCode,
    MissingBucket,
    Rejected,
    RejectionCode,
    UnusableKey,
)
from ..job import keys, transitions
from ..job.announcement import Results, announcement
from ..job.document import StatusDocument
from ..job.transitions import Decision, Ignored, Reason
from ..job.upload import Upload


@dataclass(frozen=True, slots=True)
class EndedExecution:
    """event: the execution's input. code: why it ended. error, cause: as Step Functions says."""

    event: Mapping[str, Any]
    execution: str
    code: FailureCode
    attempt: int = 0
    error: str | None = None
    cause: str | None = None

    @classmethod
    def parse(cls, payload: Mapping[str, Any], request_id: str) -> Self:
        """Read what the workflow's Catch sends, or Step Functions' own event.

        Raises Rejected(MalformedEvent) if it is neither.
        """
        detail, error = payload.get("detail"), payload.get("error")
        if payload.get("source") == "aws.states" and isinstance(detail, Mapping):
            status_ = str(detail.get("status"))
            return cls(
                event=_input(detail.get("input")),
                execution=str(detail.get("name") or request_id),
                code=_STATUSES.get(status_)
                or failure_code(detail.get("error"), detail.get("cause")),
                error=str(detail.get("error") or status_),
                cause=str(detail.get("cause") or ""),
            )
        if isinstance(error, Mapping) and isinstance(payload.get("event"), Mapping):
            attempt = payload.get("attempt")
            return cls(
                event=payload["event"],
                execution=str(payload.get("execution") or request_id),
                code=failure_code(error.get("Error"), error.get("Cause")),
                attempt=attempt if isinstance(attempt, int) else 0,
                error=str(error.get("Error")),
                cause=str(error.get("Cause") or ""),
            )
        raise _malformed("neither an event of Step Functions nor a caught error")


_STATUSES = {"TIMED_OUT": FailureCode.TIMED_OUT, "ABORTED": FailureCode.ABORTED}

_TIME_OUTS = frozenset({"States.Timeout", "States.HeartbeatTimeout", "Sandbox.Timedout"})


def failure_code(error: object, cause: object) -> FailureCode:
    """error, cause: as Step Functions reports them."""
    with suppress(ValueError):
        return FailureCode(str(error))
    # Where the function's time ran out, Lambda says so under several names and in one sentence.
    out_of_time = error in _TIME_OUTS or "Task timed out after" in str(cause)
    return FailureCode.TIMED_OUT if out_of_time else FailureCode.INTERNAL


@dataclass(frozen=True)
class Recorder:
    results: Results
    store: Store
    announce: Callable[[dict[str, Any]], None]
    now: Callable[[], datetime]

    def run(self, ended: EndedExecution, upload: Upload) -> Decision:
        """Write FAILED and announce it, each once."""
        key = keys.status_key(self.results.prefix, upload.key)

        def decide(current: StatusDocument | None) -> Decision:
            if upload.is_folder:
                return Ignored(Reason.FOLDER)
            if current is None and self._is_gone(ended, upload):
                return Ignored(Reason.SUPERSEDED)
            asked = transitions.is_order_unknown(current, upload)
            newest = asked and self.store.is_newest(upload)
            return transitions.fail(
                current, upload, ended.execution, ended.code, self.now(), is_newest=newest
            )

        decision, seen = self.store.update_status(key, decide)
        if not isinstance(decision, Ignored) and not seen.announced:
            # A crash between these two announces it a second time; the other order would lose it.
            self.announce(announcement(decision, upload, self.results))
            self.store.mark_announced(key, seen)
        return decision

    def _is_gone(self, ended: EndedExecution, upload: Upload) -> bool:
        """Whether the upload is deleted, and with no document nobody was told to wait for its end:
        so it is with a late event of what was forgotten. What cannot be asked is no proof of it."""
        if ended.code is FailureCode.NOT_YET_READABLE:
            return False  # S3 says of it that it is not there, and is wrong
        try:
            return self.store.is_gone(upload)
        except (AccessDenied, MissingBucket, UnusableKey, BotoCoreError, ClientError, OSError):
            return False


def _input(text: object) -> Mapping[str, Any]:
    try:
        event = json.loads(str(text))
    except (ValueError, RecursionError):
        event = None
    if not isinstance(event, Mapping):
        raise _malformed("the execution's input is missing or no JSON object")
    return event


def _malformed(what: str) -> Rejected:
    return Rejected(RejectionCode.MALFORMED_EVENT, f"No execution can be read from this: {what}.")
