"""`upload-workflow ops COMMAND`: reads the command line of an operator.

Knows options, output and exit codes. The work is done by the modules beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from math import ceil, inf
from operator import itemgetter
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ..errors import AccessDenied, MissingBucket, UnusableKey
from ..job.document import StatusDocument
from ..terminal import ProgressLine, bar, bear_any_character, is_unicode, printable
from . import causes, doctor, forget_command, interrupts, pause, redrive, remake_command, story
from .jobs import Job, JobState, find_jobs
from .letters import Taken, count
from .pause import NotExchanged
from .remake import CannotRemake
from .table import counted, moment, row, table
from .workflow import THREADS, Changed, NotFound, Workflow, connect, find

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

# How long a letter stays hidden if the process is killed before it could give it back. Reading
# ten thousand takes some ten seconds, and a letter that is worked off is done within one.
_HOLD_SECONDS = 120
_LONGEST_HOLD_SECONDS = 43_200  # SQS's limit

# Everything that cannot end by itself any more.
_REDRIVEN = (JobState.FAILED, JobState.STUCK, JobState.WAITING)

# Of what is left, so many are named to people; programs get all.
_NAMED = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """0: done; 1: something could not be done, or is off; 2: asked wrongly or not found;
    130: stopped by Ctrl-C."""
    bear_any_character()
    options = _options(arguments)
    try:
        with interrupts.noticed():
            aws = connect(options.profile, options.region, options.endpoint_url)
            workflow = find(aws, options.name, options.uploads)
            command: Callable[[Workflow, argparse.Namespace], int] = options.command
            return command(workflow, options)
    except NotFound as error:
        print(error, file=sys.stderr)
        return 2
    except (
        BotoCoreError,
        ClientError,
        NotExchanged,
        AccessDenied,
        MissingBucket,
        UnusableKey,
    ) as error:
        print(f"AWS: {error}", file=sys.stderr)
        return 1
    except (Changed, CannotRemake) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. What was begun is done, the rest is as it was.", file=sys.stderr)
        return 130


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _parser()
    options = parser.parse_args(arguments)
    for value in vars(options).values():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and not is_unicode(text):
                parser.error(f'"{printable(text)}" is not in UTF-8, as all keys and names are')
    return options


def _jobs(workflow: Workflow, options: argparse.Namespace) -> int:
    found = find_jobs(
        workflow,
        now=_now(),
        prefix=_prefix(workflow, options.prefix),
        since=_since(options.since),
        states=options.state,
    )
    if options.json and not options.limit:
        _print_json_array(_job_facts(job) for job in found)
        return 0
    counts: Counter[JobState] = Counter()
    limit = _LISTED if options.limit is None else options.limit
    lines = _Latest(limit)
    for job in found:
        counts[job.state] += 1
        lines.add(job, _job_facts(job))
    if options.json:
        _print_json(lines.facts)
        return 0
    if counts:
        rows = [
            (
                datetime.fromisoformat(facts["since"]),
                *(facts[name] or None for name in ("state", "code", "attempt", "bytes", "key")),
            )
            for facts in lines.facts
        ]
        print(table(("SINCE", "STATE", "CODE", "RUNS", "BYTES", "KEY"), rows))
        print()
    total = counts.total()
    summary = ", ".join(f"{counts[state]} {state}" for state in JobState if counts[state])
    hidden = f" (the last {limit} are shown, --limit 0 shows all)" if 0 < limit < total else ""
    print(f"{counted(total, 'job')}{hidden}: {summary}" if total else "No jobs.")
    return 0


_LISTED = 1000  # lines that a person may want to read; --limit says otherwise


class _Latest:
    """Facts about the latest jobs, of which there may be far more than are kept. limit 0: all."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._heap: list[tuple[datetime, str, dict[str, Any]]] = []

    def add(self, job: Job, facts: dict[str, Any]) -> None:
        # Keys differ, so the facts are never compared.
        heappush(self._heap, (job.since, job.key, facts))
        if self._limit and len(self._heap) > self._limit:
            heappop(self._heap)

    @property
    def facts(self) -> list[dict[str, Any]]:
        return [facts for _, _, facts in sorted(self._heap, key=itemgetter(0, 1))]


def _show(workflow: Workflow, options: argparse.Namespace) -> int:
    found = _story(workflow, options.key)
    document = found.job.document
    if options.json:
        _print_json(
            {
                "job": _job_facts(found.job),
                "document": json.loads(document.to_bytes()) if document else None,
                "executions": [
                    {"name": one.name, "status": one.status, "error": one.error, "cause": one.cause}
                    for one in found.executions
                ],
                "log": [
                    {"at": line.at.isoformat(), "function": line.function, **line.facts}
                    for line in found.lines
                ],
                "letters": [
                    {"id": one.message_id, "origin": one.origin.value, "error": one.error}
                    for one in found.letters
                ],
                "moments": [
                    {"at": one.at.isoformat(), "source": one.source, "what": one.what}
                    for one in found.moments
                ],
            }
        )
        return 0
    facts = [
        ("key", found.job.key),
        ("state", found.job.state.value),
        ("since", moment(found.job.since)),
        ("code", found.job.code),
        ("job", document.job_id if document else None),
        ("execution", document.execution if document else None),
        ("runs", _attempts(found.job)),
        ("name", document.upload.original_name if document else None),
        ("owner", document.upload.owner if document else None),
        ("metadata", _pairs(document)),
        ("renditions", ", ".join(one.name for one in document.renditions) if document else None),
    ]
    print("\n".join(f"{name:<11}{printable(str(value))}" for name, value in facts if value))
    print()
    print(
        table(("WHEN", "WHERE", "WHAT"), [(_exact(m.at), m.source, m.what) for m in found.moments])
    )
    return 0


def _pairs(document: StatusDocument | None) -> str | None:
    metadata = document.upload.metadata if document else None
    return ", ".join(f"{name}={text}" for name, text in metadata.items()) if metadata else None


def _why(workflow: Workflow, options: argparse.Namespace) -> int:
    found = _story(workflow, options.key)
    cause = causes.explain(found)
    if options.json:
        _print_json({"key": found.job.key, "state": found.job.state.value, **asdict(cause)})
        return 0
    print(f"{found.job.state} {cause.name}: {printable(cause.sentence)}")
    if cause.evidence:
        print(f"  evidence: {printable(cause.evidence)}")
    print(f"  what to do: {printable(cause.remedy)}")
    return 0


def _redrive(workflow: Workflow, options: argparse.Namespace) -> int:
    held = count(workflow).held
    # While the slowest pace works off what was read ahead, nobody else is to read it.
    worked_off = ceil(3 * THREADS / options.rate) if options.yes else 0
    hold_seconds = min(max(_HOLD_SECONDS, worked_off), _LONGEST_HOLD_SECONDS)
    telling = _RedriveTelling(options, held)
    try:
        overlooked = _carry_out(workflow, options, telling, hold_seconds)
    except BaseException:
        if options.json:  # in words it was told while it was done
            telling.end(paused=False, overlooked=True)
        raise
    telling.end(paused=pause.look(workflow).paused, overlooked=overlooked)
    return 1 if telling.failed else 0


def _carry_out(
    workflow: Workflow,
    options: argparse.Namespace,
    telling: _RedriveTelling,
    hold_seconds: int,
) -> bool:
    """Whether there may be letters that were not looked at."""
    with Taken(workflow, hold_seconds) as taken:
        found = redrive.plan(
            workflow,
            taken,
            now=_now(),
            prefix=_prefix(workflow, options.prefix),
            since=_since(options.since),
            states=() if options.letters_only else options.state or _REDRIVEN,
        )
        steps = telling.without_left(found)
        if options.yes:
            pace = redrive.Pace(options.rate)
            with closing(redrive.carry_out(workflow, steps, taken, pace)) as doing:
                for done in doing:
                    telling.done(done)
        else:
            for step in steps:
                telling.planned(step)
    if options.wait:
        waiting, total = ProgressLine(), len(telling.started)
        for ended in redrive.ends(workflow, telling.started, options.wait):
            telling.ends = ended
            waiting.show(f"ended {bar(len(ended), total)} {len(ended)}/{total}")
        waiting.clear()
    return taken.overlooked


class _RedriveTelling:
    """Says what a redrive does while it does it; for programs, once it is done.

    Keeps of what was done only what --json or --wait will need.
    """

    def __init__(self, options: argparse.Namespace, held: int) -> None:
        self._options = options
        self._held = held
        self._counts: Counter[str] = Counter()
        self._facts: list[dict[str, Any]] = []
        self._left: list[redrive.Left] = []
        self._left_count = 0
        self._letters = 0
        self.failed = False
        self.started: list[redrive.Done] = []
        self.ends: Mapping[str, str] = {}

    def without_left(self, found: Iterable[redrive.Step | redrive.Left]) -> Iterator[redrive.Step]:
        for one in found:
            if isinstance(one, redrive.Step):
                yield one
                continue
            self._left_count += 1
            if self._options.json or len(self._left) < _NAMED:
                self._left.append(one)

    def planned(self, step: redrive.Step) -> None:
        if step.repeated:
            return
        if self._options.json:
            self._facts.append(_step_facts(step))
        else:
            if not self._counts:
                print(row(("BECAUSE", "KEY"), (20,)))
            print(row((step.why, step.key), (20,)))
        self._counts[step.why] += 1

    def done(self, done: redrive.Done) -> None:
        self.failed |= done.failed
        self._letters += done.step.letter is not None and not done.failed
        if done.what == "started" and (self._options.wait or self._options.json):
            self.started.append(replace(done, step=replace(done.step, letter=None, job=None)))
        if self._options.json:
            self._facts.append(
                _step_facts(done.step)
                | {"job_id": done.job_id, "done": done.what, "execution": done.execution}
            )
        else:
            widths = (29, 20, 45)
            if not self._counts:
                print(row(("DONE", "BECAUSE", "EXECUTION", "KEY"), widths))
            cells = (done.what, done.step.why, done.execution, done.step.key)
            print(row(cells, widths), flush=True)
        self._counts[done.what] += 1

    def end(self, *, paused: bool, overlooked: bool) -> None:
        if self._options.json:
            for facts in self._facts:
                if self._options.wait and facts["execution"]:
                    facts["end"] = self.ends.get(facts["execution"], "RUNNING")
            _print_json(
                {
                    "dry_run": not self._options.yes,
                    "jobs": self._facts,
                    "left": [asdict(left) for left in self._left],
                    "letters_held": self._held,
                    "whole": not (self._held or overlooked),
                }
            )
            return
        if self._counts:
            print()
        total = self._counts.total()
        if self._options.yes:
            print(
                f"{counted(self._counts['started'], 'execution')} started, "
                f"{counted(self._letters, 'dead letter')} removed."
            )
            self._tell_ends()
        else:
            reasons = ", ".join(f"{number} {why}" for why, number in self._counts.items())
            jobs = ("at least " if overlooked else "") + counted(total, "job")
            print(f"{jobs} would be run again{': ' + reasons if reasons else '.'}")
            if total:
                print("Nothing was changed. Run it again with --yes to do it.")
        for left in self._left:
            print(f"left: {printable(left.name)}: {left.reason}")
        if self._left_count > len(self._left):
            print(f"left: {self._left_count - len(self._left)} more (--json names them)")
        if overlooked:
            print("There are more letters than can be held at a time: run it again.")
        if self._held:
            print(f"Not all may be told: {causes.letters_held(self._held)}.")
        if paused:
            print("The workflow is paused: new uploads keep waiting until `resume`.")

    def _tell_ends(self) -> None:
        if not self._options.wait:
            return
        ends = Counter(self.ends.get(str(one.execution), "RUNNING") for one in self.started)
        for end, number in sorted(ends.items()):
            print(f"{number} {end}")


def _step_facts(step: redrive.Step) -> dict[str, Any]:
    return {
        "key": step.key,
        "job_id": step.job_id,
        "because": step.why,
        "letters": int(step.letter is not None),
        "done": None,
        "execution": None,
        "end": None,
    }


def _doctor(workflow: Workflow, options: argparse.Namespace) -> int:
    findings = list(doctor.examine(workflow))
    if options.json:
        _print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            mark = "ok " if finding.remedy is None else "OFF"
            print(f"{mark}  {finding.what}: {printable(finding.said)}")
            if finding.remedy:
                print(f"     {finding.remedy}")
        off = sum(finding.remedy is not None for finding in findings)
        print(
            f"\nOff: {off} of {counted(len(findings), 'thing')} looked at."
            if off
            else "\nEverything that was looked at is as the module makes it."
        )
    return 1 if any(finding.remedy for finding in findings) else 0


def _pause(workflow: Workflow, options: argparse.Namespace) -> int:
    pause.pause(workflow)
    return _tell_gate(
        workflow,
        options,
        "Paused: uploads are accepted and wait as dead letters, for 14 days at most. Executions "
        "that run go on. An apply without workflow.paused = true resumes.",
    )


def _resume(workflow: Workflow, options: argparse.Namespace) -> int:
    pause.resume(workflow)
    return _tell_gate(
        workflow,
        options,
        "Resumed: new uploads start executions. `redrive --yes` starts those that waited.",
    )


def _tell_gate(workflow: Workflow, options: argparse.Namespace, said: str) -> int:
    gate = pause.look(workflow)
    if options.json:
        _print_json({"paused": gate.paused, "target": gate.target_arn, "enabled": gate.enabled})
    else:
        print(said)
        if not gate.enabled:
            print("The rule itself is disabled and drops every event: enable it (terraform apply).")
    return 0


def _story(workflow: Workflow, key: str) -> story.Story:
    key = key.removeprefix(f"s3://{workflow.uploads_bucket}/")
    found = story.collect(workflow, key, _now())
    if found is None:
        raise NotFound(
            f'There is no upload and no status document of "{printable(key)}" in '
            f"s3://{workflow.uploads_bucket}/{workflow.uploads_prefix}. `jobs` lists keys."
        )
    return found


def _job_facts(job: Job) -> dict[str, Any]:
    document = job.document
    return {
        "key": job.key,
        "state": job.state.value,
        "code": job.code,
        "since": job.since.isoformat(),
        "job_id": document.job_id if document else None,
        "execution": document.execution if document else None,
        "attempt": document.attempt if document else 0,
        "bytes": _bytes(job),
    }


def _attempts(job: Job) -> int | None:
    return job.document.attempt if job.document and job.document.attempt else None


def _bytes(job: Job) -> int | None:
    return job.upload.bytes if job.upload else job.document.upload.bytes if job.document else None


def _prefix(workflow: Workflow, prefix: str) -> str:
    if prefix and not prefix.startswith(workflow.uploads_prefix):
        raise NotFound(f"Keys begin with {workflow.uploads_prefix}; so must the prefix.")
    return prefix


def _since(text: str | None) -> datetime | None:
    if text is None:
        return None
    if match := re.fullmatch(r"(\d+)([smhdw])", text):
        return _now() - timedelta(**{_UNITS[match[2]]: int(match[1])})
    time_ = datetime.fromisoformat(text)
    return time_ if time_.tzinfo else time_.replace(tzinfo=UTC)


def _key(text: str) -> str:
    if not text:  # such as of a variable of the shell that is not set
        raise argparse.ArgumentTypeError("the key is empty; `jobs` lists keys")
    return text


def _checked_since(text: str) -> str:
    try:
        _since(text)
    except (ValueError, OverflowError):  # a time before the year 1
        raise argparse.ArgumentTypeError(
            f'"{text}" is neither a time ago, such as 30m, 2h or 7d, nor a date'
        ) from None
    return text


def _now() -> datetime:
    return datetime.now(UTC)


def _exact(time_: datetime) -> str:
    return time_.astimezone(UTC).isoformat(" ", "milliseconds").replace("+00:00", "Z")


def _print_json_array(facts: Iterable[object]) -> None:
    """One element at a time, so that none has to be kept."""
    between = "[\n  "
    for one in facts:
        print(between + json.dumps(one), end="")
        between = ",\n  "
    print("[]" if between.startswith("[") else "\n]")


def _print_json(facts: object) -> None:
    json.dump(facts, sys.stdout, indent=2)
    print()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="upload-workflow ops",
        description="Looks at a workflow that runs, explains it, runs jobs again, pauses it.",
        epilog="Options may stand before the command or after it.",
    )
    _add_shared(parser, os.environ.get("UPLOAD_WORKFLOW_NAME") or "upload-workflow")
    shared = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    _add_shared(shared, argparse.SUPPRESS)

    which = argparse.ArgumentParser(add_help=False)
    which.add_argument(
        "--state", action="append", type=_state, default=[], help=f"one of {', '.join(JobState)}"
    )
    which.add_argument(
        "--since",
        type=_checked_since,
        help="only jobs that changed since then: 30m, 2h or 7d ago, or a date",
    )
    which.add_argument("--prefix", default="", help="only keys that begin with this text")

    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str,
        run: Callable[..., int],
        text: str,
        *more: argparse.ArgumentParser,
    ) -> argparse.ArgumentParser:
        added = commands.add_parser(name, parents=[shared, *more], help=text, description=text)
        added.set_defaults(command=run)
        return added

    jobs = command("jobs", _jobs, "Lists jobs, the latest last.", which)
    jobs.add_argument(
        "--limit",
        type=_limit,
        help=f"how many of the latest jobs are shown, 0 for all; default: {_LISTED}, and with "
        "--json all, as they are found",
    )
    for name, run, text in (
        ("show", _show, "Tells a job's whole story in order of time."),
        ("why", _why, "Says why a job is in its state, and what to do."),
    ):
        command(name, run, text).add_argument(
            "key", type=_key, help="an upload's key, or a job's id"
        )
    again = command(
        "redrive",
        _redrive,
        "Runs again what failed or got lost, and the dead letters. Without --yes: only says what.",
        which,
    )
    again.add_argument("--yes", action="store_true", help="do it")
    again.add_argument(
        "--letters-only", action="store_true", help="take the dead letters and list no jobs"
    )
    again.add_argument("--rate", type=_rate, default=10, help="executions a second; %(default)s")
    again.add_argument(
        "--wait", type=float, default=0, metavar="SECONDS", help="wait, and tell how the jobs ended"
    )
    command("pause", _pause, "Lets new uploads wait, without losing one.")
    command("resume", _resume, "Lets new uploads start executions again.")
    remake_command.add_steps(commands, shared)
    forget_command.add_to(commands, shared)
    command("doctor", _doctor, "Compares what there is with what the module makes.")
    return parser


def _add_shared(parser: argparse.ArgumentParser, name: str) -> None:
    """Options that stand before the command or after it; argparse.SUPPRESS: leave the first."""
    suppress = name is argparse.SUPPRESS
    unsaid = argparse.SUPPRESS if suppress else None
    where = parser.add_argument_group("where", "as the AWS CLI has them")
    where.add_argument("--profile", default=unsaid, help="or AWS_PROFILE")
    where.add_argument(
        "--region", default=unsaid, help="or AWS_REGION, AWS_DEFAULT_REGION, the profile's"
    )
    where.add_argument("--endpoint-url", default=unsaid, help="or AWS_ENDPOINT_URL")
    parser.add_argument(
        "--name",
        default=name,
        help="the module's `name`, or UPLOAD_WORKFLOW_NAME; else upload-workflow",
    )
    parser.add_argument(
        "--uploads",
        default=unsaid,
        metavar="s3://BUCKET/PREFIX",
        help="where uploads land, if the rule was changed so that it no longer tells",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        default=argparse.SUPPRESS if suppress else False,
        help="answer as JSON, for programs",
    )


def _limit(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is no number of lines; 0 shows all")
    return int(text)


def _state(text: str) -> JobState:
    try:
        return JobState(text.upper())
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is none of {', '.join(JobState)}") from None


# Executions a second: one in a quarter of an hour.
_SLOWEST = 0.001


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0
    if not _SLOWEST <= rate < inf:
        raise argparse.ArgumentTypeError(f"{text} is no number of executions a second")
    return rate


if __name__ == "__main__":
    sys.exit(main())
