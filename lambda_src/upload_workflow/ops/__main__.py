"""`python -m upload_workflow.ops jobs|show|why|redrive|pause|resume`: reads the command line.

Knows options, output and exit codes. The work is done by the modules beside it.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ..job.document import StatusDocument
from . import causes, letters, pause, redrive, story
from .deployment import Aws, Deployment, NotFound, connect, find
from .jobs import Job, JobState, find_jobs
from .pause import Gate, NotExchanged
from .table import bar, moment, printable, table

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

# A dry run gives the letters back at once; this is for the one that is cut off.
_LOOK_SECONDS = 60
# While we work them off nobody else may take them.
_WORK_SECONDS = 1800

# Everything that cannot end by itself any more.
_REDRIVEN = (JobState.FAILED, JobState.STUCK, JobState.WAITING)


def main(arguments: Sequence[str] | None = None) -> int:
    """0: done; 1: something could not be done; 2: asked wrongly or not found."""
    options = _parser().parse_args(arguments)
    try:
        aws = connect(options.profile, options.region, options.endpoint_url)
        deployment = find(aws, options.name)
        command: Callable[[Aws, Deployment, argparse.Namespace], int] = options.command
        return command(aws, deployment, options)
    except NotFound as error:
        print(error, file=sys.stderr)
        return 2
    except (BotoCoreError, ClientError, NotExchanged) as error:
        print(f"AWS: {error}", file=sys.stderr)
        return 1


def _jobs(aws: Aws, deployment: Deployment, options: argparse.Namespace) -> int:
    found = find_jobs(
        aws,
        deployment,
        now=_now(),
        prefix=_prefix(deployment, options.prefix),
        since=_since(options.since),
        states=options.state,
    )
    shown = found[-options.limit :] if options.limit else found
    if options.json:
        _print_json([_job_facts(job) for job in shown])
        return 0
    if shown:
        rows = [
            (job.since, job.state.value, job.code, _attempts(job), _bytes(job), job.key)
            for job in shown
        ]
        print(table(("SINCE", "STATE", "CODE", "RUNS", "BYTES", "KEY"), rows))
        print()
    counts = {state: sum(job.state is state for job in found) for state in JobState}
    summary = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    hidden = f" (the last {len(shown)} are shown)" if len(shown) < len(found) else ""
    print(f"{len(found)} jobs{hidden}: {summary}" if found else "No jobs.")
    return 0


def _show(aws: Aws, deployment: Deployment, options: argparse.Namespace) -> int:
    told = _story(aws, deployment, options.key)
    document = told.job.document
    if options.json:
        _print_json(
            {
                "job": _job_facts(told.job),
                "document": json.loads(document.to_bytes()) if document else None,
                "executions": [
                    {"name": one.name, "status": one.status, "error": one.error, "cause": one.cause}
                    for one in told.executions
                ],
                "log": [
                    {"at": line.at.isoformat(), "function": line.function, **line.facts}
                    for line in told.lines
                ],
                "letters": [
                    {"id": one.message_id, "origin": one.origin.value, "error": one.error}
                    for one in told.letters
                ],
                "moments": [
                    {"at": one.at.isoformat(), "source": one.source, "what": one.what}
                    for one in told.moments
                ],
            }
        )
        return 0
    facts = [
        ("key", told.job.key),
        ("state", told.job.state.value),
        ("since", moment(told.job.since)),
        ("code", told.job.code),
        ("job", document.job_id if document else None),
        ("execution", document.execution if document else None),
        ("runs", _attempts(told.job)),
        ("name", document.upload.original_name if document else None),
        ("owner", document.upload.owner if document else None),
        ("metadata", _pairs(document)),
        ("renditions", ", ".join(one.name for one in document.renditions) if document else None),
    ]
    print("\n".join(f"{name:<11}{printable(str(value))}" for name, value in facts if value))
    print()
    print(
        table(("WHEN", "WHERE", "WHAT"), [(_exact(m.at), m.source, m.what) for m in told.moments])
    )
    return 0


def _pairs(document: StatusDocument | None) -> str | None:
    metadata = document.upload.metadata if document else None
    return ", ".join(f"{name}={text}" for name, text in metadata.items()) if metadata else None


def _why(aws: Aws, deployment: Deployment, options: argparse.Namespace) -> int:
    told = _story(aws, deployment, options.key)
    cause = causes.explain(told)
    if options.json:
        _print_json({"key": told.job.key, "state": told.job.state.value, **asdict(cause)})
        return 0
    print(f"{told.job.state} {cause.name}: {printable(cause.sentence)}")
    if cause.evidence:
        print(f"  evidence: {printable(cause.evidence)}")
    print(f"  what to do: {printable(cause.remedy)}")
    return 0


def _redrive(aws: Aws, deployment: Deployment, options: argparse.Namespace) -> int:
    plan = redrive.make_plan(
        aws,
        deployment,
        now=_now(),
        prefix=_prefix(deployment, options.prefix),
        since=_since(options.since),
        states=[] if options.letters_only else options.state or _REDRIVEN,
        hold_seconds=_WORK_SECONDS if options.yes else _LOOK_SECONDS,
    )
    done: list[redrive.Done] = []
    try:
        if options.yes:
            for one in redrive.carry_out(aws, deployment, plan, options.rate):
                done.append(one)
                _progress("starting", len(done), len(plan.steps))
    finally:
        settled = {one.message_id for d in done if not d.failed for one in d.step.letters}
        back = [letter for letter in plan.looked_at if letter.message_id not in settled]
        letters.put_back(aws, deployment, back)
    ends = _ends(aws, deployment, done, options.wait) if options.wait else {}
    if options.json:
        _print_json(_redrive_facts(plan, done, ends, dry=not options.yes))
    else:
        _tell_redrive(plan, done, ends, pause.look(aws, deployment), dry=not options.yes)
    return 1 if any(one.failed for one in done) else 0


def _ends(
    aws: Aws, deployment: Deployment, done: Sequence[redrive.Done], seconds: float
) -> dict[str, str]:
    """How the started executions ended, by name; RUNNING for those that have not."""
    started = {one.execution: one for one in done if one.execution}
    ends: dict[str, str] = {}
    deadline = time.monotonic() + seconds
    while len(ends) < len(started) and time.monotonic() < deadline:
        for name, one in started.items():
            if name not in ends and (end := redrive.end(aws, deployment, one)):
                ends[name] = end
        _progress("ended", len(ends), len(started))
        if len(ends) < len(started):
            time.sleep(1)
    return {name: ends.get(name, "RUNNING") for name in started}


def _tell_redrive(
    plan: redrive.Plan, done: Sequence[redrive.Done], ends: dict[str, str], gate: Gate, *, dry: bool
) -> None:
    if dry:
        if plan.steps:
            print(table(("BECAUSE", "KEY"), [(step.why, step.key) for step in plan.steps]))
            print()
        counts = Counter(step.why for step in plan.steps)
        reasons = ", ".join(f"{count} {why}" for why, count in counts.items())
        print(f"{len(plan.steps)} jobs would be run again{': ' + reasons if reasons else '.'}")
        if plan.steps:
            print("Nothing was changed. Run it again with --yes to do it.")
    else:
        rows = [
            (one.what, ends.get(one.execution or ""), one.step.why, one.execution, one.step.key)
            for one in done
        ]
        if rows:
            print(table(("DONE", "END", "BECAUSE", "EXECUTION", "KEY"), rows))
            print()
        started = sum(one.what == "started" for one in done)
        letters_ = sum(len(one.step.letters) for one in done if not one.failed)
        print(f"{started} executions started, {letters_} dead letters removed.")
        for status in sorted(set(ends.values())):
            print(f"{sum(end == status for end in ends.values())} {status}")
    for name, reason in plan.left:
        print(f"left: {printable(name)}: {reason}")
    if gate.paused:
        print("The workflow is paused: new uploads keep waiting until `resume`.")


def _redrive_facts(
    plan: redrive.Plan, done: Sequence[redrive.Done], ends: dict[str, str], *, dry: bool
) -> dict[str, Any]:
    by_step = {id(one.step): one for one in done}
    return {
        "dry_run": dry,
        "jobs": [
            {
                "key": step.key,
                "job_id": step.job_id,
                "because": step.why,
                "letters": len(step.letters),
                "done": by_step[id(step)].what if id(step) in by_step else None,
                "execution": by_step[id(step)].execution if id(step) in by_step else None,
                "end": ends.get(by_step[id(step)].execution or "") if id(step) in by_step else None,
            }
            for step in plan.steps
        ],
        "left": [{"name": name, "reason": reason} for name, reason in plan.left],
    }


def _pause(aws: Aws, deployment: Deployment, options: argparse.Namespace) -> int:
    pause.pause(aws, deployment)
    return _tell_gate(
        aws,
        deployment,
        options,
        "Paused: uploads are accepted and wait as dead letters, for 14 days at most. Executions "
        "that run go on. An apply without workflow.paused = true resumes.",
    )


def _resume(aws: Aws, deployment: Deployment, options: argparse.Namespace) -> int:
    pause.resume(aws, deployment)
    return _tell_gate(
        aws,
        deployment,
        options,
        "Resumed: new uploads start executions. `redrive` starts those that waited.",
    )


def _tell_gate(aws: Aws, deployment: Deployment, options: argparse.Namespace, said: str) -> int:
    gate = pause.look(aws, deployment)
    if options.json:
        _print_json({"paused": gate.paused, "target": gate.target_arn, "enabled": gate.enabled})
    else:
        print(said)
        if not gate.enabled:
            print("The rule itself is disabled and drops every event: enable it (terraform apply).")
    return 0


def _story(aws: Aws, deployment: Deployment, key: str) -> story.Story:
    key = key.removeprefix(f"s3://{deployment.uploads_bucket}/")
    told = story.collect(aws, deployment, key, _now())
    if told is None:
        raise NotFound(
            f'There is no upload and no status document of "{printable(key)}" in '
            f"s3://{deployment.uploads_bucket}/{deployment.uploads_prefix}. `jobs` lists keys."
        )
    return told


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


def _prefix(deployment: Deployment, prefix: str) -> str:
    if prefix and not prefix.startswith(deployment.uploads_prefix):
        raise NotFound(f"Keys begin with {deployment.uploads_prefix}; so must the prefix.")
    return prefix


def _since(text: str | None) -> datetime | None:
    if text is None:
        return None
    if match := re.fullmatch(r"(\d+)([smhdw])", text):
        return _now() - timedelta(**{_UNITS[match[2]]: int(match[1])})
    time_ = datetime.fromisoformat(text)
    return time_ if time_.tzinfo else time_.replace(tzinfo=UTC)


def _checked_since(text: str) -> str:
    try:
        _since(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f'"{text}" is neither a time ago, such as 30m, 2h or 7d, nor a date'
        ) from None
    return text


def _now() -> datetime:
    return datetime.now(UTC)


def _exact(time_: datetime) -> str:
    return time_.astimezone(UTC).isoformat(" ", "milliseconds").replace("+00:00", "Z")


def _progress(what: str, done: int, total: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if done == total else ""
        print(f"\r{what} {bar(done, total)}", end=end, file=sys.stderr, flush=True)


def _print_json(facts: object) -> None:
    json.dump(facts, sys.stdout, indent=2)
    print()


def _parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    where = shared.add_argument_group("where", "as the AWS CLI has them")
    where.add_argument("--profile", help="or AWS_PROFILE")
    where.add_argument("--region", help="or AWS_REGION, AWS_DEFAULT_REGION, the profile's")
    where.add_argument("--endpoint-url", help="or AWS_ENDPOINT_URL")
    shared.add_argument(
        "--name", default="upload-workflow", help="the module's `name`; default: %(default)s"
    )
    shared.add_argument("--json", action="store_true", help="for programs")

    which = argparse.ArgumentParser(add_help=False)
    which.add_argument(
        "--state", action="append", type=_state, default=[], help=f"one of {', '.join(JobState)}"
    )
    which.add_argument("--since", type=_checked_since, help="changed since: 30m, 2h, 7d or a date")
    which.add_argument("--prefix", default="", help="keys that begin so")

    parser = argparse.ArgumentParser(prog="python -m upload_workflow.ops", description=__doc__)
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
    jobs.add_argument("--limit", type=int, default=0, help="show only the latest so many")
    for name, run, text in (
        ("show", _show, "Tells a job's whole story in order of time."),
        ("why", _why, "Says why a job is in its state, and what to do."),
    ):
        command(name, run, text).add_argument("key", help="an upload's key, or a job's id")
    again = command(
        "redrive",
        _redrive,
        "Runs again what failed or got lost, and the dead letters. Without --yes: only says what.",
        which,
    )
    again.add_argument("--yes", action="store_true", help="do it")
    again.add_argument("--letters-only", action="store_true", help="only the dead letters")
    again.add_argument("--rate", type=_rate, default=10, help="executions a second; %(default)s")
    again.add_argument(
        "--wait", type=float, default=0, metavar="SECONDS", help="and tell how they ended"
    )
    command("pause", _pause, "Lets new uploads wait, without losing one.")
    command("resume", _resume, "Lets new uploads start executions again.")
    return parser


def _state(text: str) -> JobState:
    try:
        return JobState(text.upper())
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is none of {', '.join(JobState)}") from None


def _rate(text: str) -> float:
    rate = float(text)
    if rate <= 0:
        raise argparse.ArgumentTypeError("the rate is above 0")
    return rate


if __name__ == "__main__":
    sys.exit(main())
