"""Says in one sentence why a job is where it is, and what to do about it. Pure.

Knows the errors that our code, Lambda, Step Functions and EventBridge give. Does not look
anything up: it judges what `story` collected.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from .jobs import JobState
from .letters import Letter, Origin
from .story import Execution, Story, in_short


@dataclass(frozen=True, slots=True)
class Cause:
    """name: one of a closed set, for programs. evidence: the words of the service that said it."""

    name: str
    sentence: str
    remedy: str
    evidence: str | None = None


@dataclass(frozen=True, slots=True)
class _Known:
    """What an error means. pattern: searched in "<error>: <cause>"."""

    name: str
    pattern: re.Pattern[str]
    sentence: str
    remedy: str


def _known(name: str, pattern: str, sentence: str, remedy: str) -> _Known:
    return _Known(name, re.compile(pattern, re.DOTALL), sentence, remedy)


_REDRIVE = "then run `ops redrive`."

# The first that fits. Errors come before what their causes may mention.
_ERRORS = (
    _known(
        "UnusableOverlay",
        r"^UnusableOverlay\b",
        "The overlay of a rendition cannot be read, or is no picture to lay on others.",
        f"Put a picture where the evidence says, or let the renditions name another, {_REDRIVE}",
    ),
    _known(
        "OwnStepBroken",
        r"^OwnStepBroken\b",
        "The step of workflow.before gave an answer that is none.",
        f"Let it answer as docs/extending.md says, {_REDRIVE}",
    ),
    _known(
        "OwnStepTimedOut",
        r"^OwnStepTimedOut\b",
        "The step of workflow.before took longer than it may.",
        f"Make it faster, or raise workflow.before.timeout_seconds, {_REDRIVE}",
    ),
    _known(
        "OwnStepFailed",
        r"^OwnStepFailed\b",
        "The step of workflow.before raised, or could not be run.",
        f"Look at that function's log for what the evidence names, {_REDRIVE}",
    ),
    _known(
        "AccessDenied",
        r"^AccessDenied\b|\bAccessDenied(Exception)?\b.*when calling",
        "A role or a bucket policy refuses a call to S3.",
        f"Grant what the evidence names (did a policy change?), {_REDRIVE}",
    ),
    _known(
        "UnusableKey",
        r"^UnusableKey\b|\bKMS\.\w+Exception\b",
        "The KMS key is disabled, deleted or not granted to the function's role.",
        f"Enable the key or grant it to the role, {_REDRIVE}",
    ),
    _known(
        "MissingBucket",
        r"^MissingBucket\b|\bNoSuchBucket\b",
        "A bucket of the workflow does not exist.",
        f"Restore the bucket (terraform apply), {_REDRIVE}",
    ),
    _known(
        "ResultsShared",
        r"^ResultsShared\b",
        "The status document of this key speaks of an upload in another bucket: two workflows "
        "write below one results prefix.",
        f"Give each workflow a results.prefix of its own (terraform apply), {_REDRIVE}",
    ),
    _known(
        "NotYetReadable",
        r"^NotYetReadable\b",
        "S3 announced the upload and did not find it, as for a quarter of an hour after versioning "
        "was switched on.",
        f"Look whether it is there by now, {_REDRIVE}",
    ),
    _known(
        "FunctionTimedOut",
        r"^Sandbox\.Timedout\b|Task timed out after",
        "The function ran into its own time-out.",
        "See stages_ms in the log for the step that took so long; if it is honest work, raise "
        f"conversion.timeout_seconds, {_REDRIVE}",
    ),
    _known(
        "StateTimedOut",
        r"^States\.(Timeout|HeartbeatTimeout)\b",
        "Step Functions stopped waiting for the function.",
        f"Look for throttling and for slow S3 at that time, {_REDRIVE}",
    ),
    _known(
        "Throttled",
        r"^Lambda\.(TooManyRequestsException|EC2ThrottledException)\b",
        "The conversion was refused for longer than the workflow is patient.",
        f"Raise conversion.max_concurrency or the account's quota, {_REDRIVE}",
    ),
    _known(
        "OutOfMemory",
        r"Runtime\.OutOfMemory|[Oo]ut of memory|signal: killed|MemoryError",
        "The function ran out of memory.",
        f"Raise conversion.memory_mb or lower limits.max_memory_mb, {_REDRIVE}",
    ),
    _known(
        "WorkerDied",
        r"^Runtime\.ExitError\b|^Lambda\.Unknown\b|exited with|Worker process died",
        "The function's process died in the middle of the job, at every attempt.",
        "A picture that kills a decoder or too little memory: look at max memory used in the log; "
        "keep the upload, it is the proof. `ops redrive` tries again.",
    ),
    _known(
        "CannotStart",
        r"^Runtime\.(ImportModuleError|HandlerNotFound|UserCodeSyntaxError)\b|^Lambda\.ResourceNot",
        "The function cannot start: its package does not fit its runtime, or it is gone.",
        f"Roll back to the package before, {_REDRIVE}",
    ),
    _known(
        "Misconfigured",
        r"^(KeyError|ValueError)\b.*settings\.py",
        "The function cannot read its settings.",
        f"Compare the environment with modules/conversion, apply, {_REDRIVE}",
    ),
    _known(
        "WorkflowDefinition",
        r"^States\.(QueryEvaluationError|DataLimitExceeded|Runtime|ParameterPathFailure)\b",
        "The workflow's own definition failed on this event.",
        f"This is a defect: roll the state machine back, {_REDRIVE}",
    ),
)


def of_error(error: str, cause: str) -> Cause | None:
    """What an error means, if that is known; error and cause as Step Functions tells them."""
    for known in _ERRORS:
        if known.pattern.search(f"{error}: {cause}"):
            said = in_short({"error": error, "cause": cause})
            return Cause(known.name, known.sentence, known.remedy, said)
    return None


def explain(story: Story) -> Cause:
    """Why the job is in the state in which `jobs` shows it."""
    return _EXPLAINED[story.job.state](story)


def _succeeded(story: Story) -> Cause:
    document = story.job.document
    execution = story.execution(document.execution if document else None)
    if execution and execution.status in ("FAILED", "TIMED_OUT", "ABORTED"):
        return Cause(
            "NotAnnounced",
            "The result is there and its client reads it; announcing it failed.",
            "Repair the access to EventBridge; `ops redrive --state SUCCEEDED --prefix KEY --yes` "
            "announces it again.",
            in_short({"error": execution.error, "cause": execution.cause}),
        )
    if story.missing:
        return Cause(
            "RenditionsGone",
            f"It succeeded, and since then renditions were deleted: {', '.join(story.missing)}.",
            "Delete the key's status.json; from fifteen minutes after the upload on `ops redrive "
            "--yes` makes them anew from it."
            if story.job.upload
            else "The original is gone, too: nothing can make them anew.",
        )
    return Cause("Succeeded", "Nothing is wrong: every rendition is there.", "Nothing to do.")


def _issued(story: Story) -> Cause:
    document = story.job.document
    if story.letters:
        return _kept(story.letters[0])
    if story.deleted:
        return _DELETED
    until = document.expires_at if document else None
    return Cause(
        "NotUploaded",
        "The client got a form and has not uploaded anything under this key.",
        f"Nothing to do; the status URL works until {until}." if until else "Nothing to do.",
    )


_DELETED = Cause(
    "Deleted",
    "The upload was deleted before a job could read it.",
    "Nothing to do; an event or letter that still comes ends as UploadGone.",
)


def _waiting(story: Story) -> Cause:
    if story.letters:
        return _kept(story.letters[0])
    for execution in story.executions:
        if execution.status == "RUNNING":
            return _at_work(execution)
    for broken, cause in (
        (story.shared_with is not None, _RESULTS_SHARED),
        (story.deleted, _DELETED),
        (not story.announces, _EVENTS_OFF),
        (not story.gate.enabled, _RULE_DISABLED),
        (story.gate.target_arn is None, _NO_TARGET),
        (story.letters_held > 0, _LETTERS_HELD),
    ):
        if broken:
            return cause
    return _NO_EVENT


_NO_EVENT = Cause(
    "NoEvent",
    "No execution has claimed the upload. Its event is on its way, or it was lost.",
    "Within fifteen minutes wait; after that `ops redrive` starts it without the event.",
)
_RESULTS_SHARED = Cause(
    "ResultsShared",
    "The status document of this key speaks of an upload in another bucket: two workflows write "
    "below one results prefix.",
    f"Give each workflow a results.prefix of its own (terraform apply), {_REDRIVE}",
)
_LETTERS_HELD = Cause(
    "LettersHeld",
    "No execution has claimed the upload, and its event may be among the dead letters that "
    "another reader holds right now.",
    "Ask again in some minutes: what a redrive or the SQS console holds comes back by itself.",
)


def letters_held(number: int) -> str:
    """Of letters that another reader has: no call tells who, or until when."""
    are = "1 letter is" if number == 1 else f"{number} letters are"
    return (
        f"{are} held by another reader (a redrive at work, or one that was killed: then for two "
        "minutes at most; the SQS console: five)"
    )


def _kept(letter: Letter) -> Cause:
    if letter.origin is Origin.HELD:
        return Cause(
            "Paused",
            "The workflow was paused when the upload came; its event waits as a dead letter.",
            "Run `ops resume` when the reason for the pause is gone, then `ops redrive`.",
        )
    return Cause(
        "NotDelivered",
        "EventBridge could not start an execution; the event waits as a dead letter.",
        f"Repair what the evidence names, {_REDRIVE}",
        letter.error,
    )


_EVENTS_OFF = Cause(
    "EventsOff",
    "The uploads bucket does not send its events to EventBridge.",
    f"Switch them on (terraform apply), wait five minutes, {_REDRIVE}",
)
_RULE_DISABLED = Cause(
    "RuleDisabled",
    "The rule that starts executions is disabled; events were dropped meanwhile.",
    f"Enable it (terraform apply), {_REDRIVE} To stop the workflow use `ops pause`.",
)
_NO_TARGET = Cause(
    "NoTarget",
    "The rule that starts executions has no target; events were dropped meanwhile.",
    f"Restore it (`ops resume` or terraform apply), {_REDRIVE}",
)


def _running(story: Story) -> Cause:
    document = story.job.document
    execution = story.execution(document.execution if document else None)
    return _at_work(execution) if execution else Cause("Running", "It is being worked on.", "Wait.")


def _at_work(execution: Execution) -> Cause:
    failures = [moment.what for moment in execution.moments if "failed:" in moment.what]
    if not failures:
        return Cause("Running", "Its execution is at work.", "Wait.")
    refused = sum(_THROTTLED in what for what in failures)
    if refused == len(failures):
        return Cause(
            "Throttled",
            f"Its execution waits for a free function; it was refused {times(refused)} so far.",
            "Wait: the workflow is patient. If it lasts, raise conversion.max_concurrency.",
            failures[-1],
        )
    said = failures[-1].partition("failed: ")[2]
    known = next((one for one in _ERRORS if one.pattern.search(said)), None)
    return Cause(
        "Retrying",
        f"Its execution is at work and has failed {times(len(failures))} so far."
        + (f" {known.sentence}" if known else ""),
        known.remedy if known else "Wait: the workflow retries by itself.",
        failures[-1],
    )


def times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


_THROTTLED = "Lambda.TooManyRequestsException"


def _stuck(story: Story) -> Cause:
    document = story.job.document
    name = document.execution if document else None
    execution = story.execution(name)
    if execution is None:
        return Cause(
            "ExecutionGone",
            f"It was claimed by the execution {name}, which Step Functions no longer knows.",
            "`ops redrive` runs it again.",
        )
    return Cause(
        "EndNotRecorded",
        f"Its execution {name} {execution.status} and nobody could record that.",
        "Look at the log of record_failure; `ops redrive` runs the job again.",
        in_short({"error": execution.error, "cause": execution.cause}) or None,
    )


def _rejected(story: Story) -> Cause:
    document = story.job.document
    error = document.error if document else None
    code, message = (error.code, error.message) if error else ("Rejected", "")
    return Cause(
        code,
        f"The upload was rejected, as it should be: {message}",
        _REJECTED.get(code, "Nothing to do for us; the client reads the same sentence."),
    )


_REJECTED = {
    "Archived": "If a lifecycle rule of the bucket put it there, let the rule spare the uploads "
    "prefix. To convert this one: restore it, copy it over itself in STANDARD.",
    "EncryptedByClient": "Nothing to do for us: tell whoever writes the client not to send "
    "x-amz-server-side-encryption-customer-* headers.",
}


def _failed(story: Story) -> Cause:
    document = story.job.document
    name = document.execution if document else None
    execution = story.execution(name)
    code = story.job.code or "Internal"
    if code == "Aborted" or (execution and execution.status == "ABORTED"):
        said = in_short({"error": execution.error, "cause": execution.cause}) if execution else ""
        return Cause(
            "Aborted",
            "Somebody stopped its execution.",
            "CloudTrail (StopExecution) says who. `ops redrive` runs it again.",
            said or None,
        )
    if execution and execution.status == "TIMED_OUT":
        return Cause(
            "ExecutionTimedOut",
            "The execution used up the time of the whole workflow, usually by being throttled.",
            f"Raise the concurrency, {_REDRIVE}",
        )
    error, cause = _what_failed(story, name)
    if known := of_error(error, cause):
        return known
    if not error:
        return Cause(
            code,
            "It failed, and neither log nor Step Functions knows any more why.",
            "`ops redrive` runs it again.",
        )
    return Cause(
        "Bug",
        f"Our own code raised {_raised(error, cause)}.",
        "This is a defect: the traceback is in the evidence and in the log. Roll back or fix it, "
        f"{_REDRIVE}",
        in_short({"error": error, "cause": cause}),
    )


def _what_failed(story: Story, execution: str | None) -> tuple[str, str]:
    """Error and cause as Step Functions told record_failure, which logged them."""
    for line in reversed(story.lines):
        if line.facts.get("execution") == execution and line.facts.get("error"):
            return str(line.facts["error"]), str(line.facts.get("cause") or "")
    found = story.execution(execution)
    return (found.error or "", found.cause or "") if found else ("", "")


def _raised(error: str, cause: str) -> str:
    try:
        return str(json.loads(cause)["errorType"])
    except (ValueError, KeyError, TypeError):
        return error


_EXPLAINED: dict[JobState, Callable[[Story], Cause]] = {
    JobState.ISSUED: _issued,
    JobState.WAITING: _waiting,
    JobState.RUNNING: _running,
    JobState.STUCK: _stuck,
    JobState.SUCCEEDED: _succeeded,
    JobState.REJECTED: _rejected,
    JobState.FAILED: _failed,
}
