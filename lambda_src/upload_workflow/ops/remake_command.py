"""`upload-workflow ops remake STEP`: reads its options, says what a remake would do and does.

Knows options, output and exit codes. The work is done by `remake`, `sources` and `estimate`.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

from ..terminal import ProgressLine, bar, is_unicode, printable
from . import causes, interrupts, remake
from .estimate import Estimate, Machine, estimate
from .rates import PRICES, Facts
from .sources import ByInventory, ByKeys, ByPrefix, Source
from .table import counted, moment
from .workflow import NotFound, Workflow

_LOOK_EVERY_SECONDS = 2


def add_steps(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Adds `remake` and its steps to the commands of `ops`."""
    text = "Makes existing uploads anew, whole prefixes at a time."
    remake_ = commands.add_parser("remake", parents=[shared], help=text, description=text)
    steps = remake_.add_subparsers(required=True, metavar="STEP")
    what = argparse.ArgumentParser(add_help=False)
    source = what.add_mutually_exclusive_group()
    source.add_argument("--prefix", default="", help="only keys that begin with this text")
    source.add_argument(
        "--inventory",
        type=_inventory,
        metavar="s3://BUCKET/KEY",
        help="the manifest.json of an inventory of S3, in CSV",
    )
    source.add_argument("--keys", type=Path, metavar="FILE", help="a key on each line")
    wait = argparse.ArgumentParser(add_help=False)
    wait.add_argument(
        "--wait", type=float, default=0, metavar="SECONDS", help="follow it for so long"
    )
    yes = argparse.ArgumentParser(add_help=False)
    yes.add_argument("--yes", action="store_true", help="do it without asking")
    for name, run, about, parents in (
        ("plan", _plan, "Says what a remake would do, cost and take. Changes nothing.", [what]),
        ("start", _start, "Says the same, asks, and starts it.", [what, yes]),
        ("status", _status, "How far the latest remake is, or how it ended.", [wait]),
        ("stop", _stop, "Stops the remake that runs.", []),
        ("resume", _resume, "Goes on with what was stopped or failed.", []),
    ):
        step = steps.add_parser(name, parents=[shared, *parents], help=about, description=about)
        step.set_defaults(command=run)


def _inventory(text: str) -> ByInventory:
    bucket, _, key = text.removeprefix("s3://").partition("/")
    if not text.startswith("s3://") or not bucket or not key:
        raise argparse.ArgumentTypeError(f'"{text}" is no s3://BUCKET/KEY of a manifest.json')
    if not is_unicode(text):
        raise argparse.ArgumentTypeError(f'"{printable(text)}" is not in UTF-8, as all keys are')
    return ByInventory(bucket, key)


def _source(workflow: Workflow, options: argparse.Namespace) -> Source:
    if options.inventory:
        found: ByInventory = options.inventory
        return found
    if options.keys:
        return ByKeys(options.keys)
    prefix = options.prefix or workflow.uploads_prefix
    if not prefix.startswith(workflow.uploads_prefix):
        raise NotFound(f"Keys begin with {workflow.uploads_prefix}; so must the prefix.")
    return ByPrefix(prefix)


def _plan(workflow: Workflow, options: argparse.Namespace) -> int:
    _tell_plan(workflow, _source(workflow, options), options)
    if not options.json:
        print("Nothing was changed. `remake start` does it.")
    return 0


def _start(workflow: Workflow, options: argparse.Namespace) -> int:
    source = _source(workflow, options)
    told = _tell_plan(workflow, source, options, quiet=options.json)
    if not (options.yes or _agreed("Start it?")):
        said = "Nothing was changed. Run it again with --yes to do it without being asked."
        print(said, file=sys.stderr if options.json else sys.stdout)
        return 1
    name = remake.start(workflow, source, _now())
    if options.json:
        _print_json(told | {"remake": name})
    else:
        print(f"{name} has begun. `remake status --wait 600` follows it.")
    return 0


def _agreed(question: str) -> bool:
    """Nobody who cannot be asked agrees."""
    if not sys.stdin.isatty():
        return False
    print(f"{question} [y/N] ", end="", flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _tell_plan(
    workflow: Workflow, source: Source, options: argparse.Namespace, *, quiet: bool = False
) -> dict[str, Any]:
    machine = remake.machine(workflow)
    found = remake.survey(workflow, source)
    facts = Facts.committed()
    passed = found.to_pass_over
    would = estimate(found.count.objects - passed, passed, machine, facts, PRICES)
    told = {
        "source": str(source),
        "objects": found.count.objects,
        "bytes": found.count.bytes if found.count.sized else None,
        "looked_at": found.looked_at,
        "unchanged": passed if found.unchanged is not None else None,
        "dollars": {item: round(dollars, 4) for item, dollars in would.dollars.items()},
        "together": round(would.together, 4),
        "seconds": round(would.seconds),
        "narrow": would.narrow,
        "machine": asdict(machine),
    }
    if quiet:
        return told
    if options.json:
        _print_json(told)
        return told
    for line in _plan_lines(source, found, machine, would, facts):
        print(line)
    return told


def _plan_lines(
    source: Source,
    found: remake.Survey,
    machine: Machine,
    would: Estimate,
    facts: Facts,
) -> list[str]:
    count, passed = found.count, found.to_pass_over
    size = f", {_size(count.bytes)}" if count.sized and count.objects else ""
    if found.unchanged is None:
        looked = (
            f"The function was changed at {moment(found.changed_at)}, and nothing that was looked "
            "at was made since: whether some has the recipe of today is not known."
        )
    else:
        looked = f"Of {found.looked_at} looked at, {found.unchanged} have the recipe of today."
    items = ", ".join(f"{item} {dollars:.2f}" for item, dollars in would.dollars.items())
    taken = f"Each is taken for a photograph of {facts.photo}"
    if machine.own_handler is None:
        taken += "; larger ones take longer and cost more."
    else:
        taken += (
            f" and {facts.RENDITIONS} renditions, for what {printable(machine.own_handler)} takes "
            "is not known here: measure one, and multiply."
        )
    return [
        f"{printable(str(source))}: {counted(count.objects, 'object')}{size}.",
        looked,
        f"About {counted(count.objects - passed, 'object')} would be made anew, about {passed} "
        "passed over.",
        f"Dollars: {would.together:.2f} ({items}), by list prices of {PRICES['read_on']}, "
        f"{PRICES['region']}.",
        f"Time: {_lasting(would.seconds)}, {machine.at_once} at a time; {would.narrow} is what "
        "bounds it.",
        taken,
    ]


def _status(workflow: Workflow, options: argparse.Namespace) -> int:
    deadline, line = monotonic() + options.wait, ProgressLine()
    pace = _Pace()
    while True:
        run = remake.latest(workflow)
        if run is None:
            raise NotFound("There was no remake yet; `remake plan` says what one would do.")
        at = remake.progress(workflow, run)
        if not run.is_running or monotonic() >= deadline:
            break
        if at is not None:
            line.show(f"{bar(at.done, at.total)} {_how_far(at, pace.rate(at))}")
        interrupts.pause(_LOOK_EVERY_SECONDS)
    line.clear()
    report = remake.report(workflow, run, at.map_run) if at and not run.is_running else None
    if options.json:
        _print_json(_status_facts(run, at, report))
    else:
        for text in _status_lines(run, at, report, pace.rate(at) if at else 0):
            print(text)
    is_off = run.status in ("FAILED", "TIMED_OUT") or bool(report and report.outcomes["FAILED"])
    return 1 if is_off else 0


class _Pace:
    """Objects a second: since the first look, or since the beginning while that was the only one.

    A remake that goes on after a stop has stood still in between.
    """

    def __init__(self) -> None:
        self._first: tuple[datetime, int] | None = None

    def rate(self, at: remake.Progress) -> float:
        now = _now()
        if self._first is None:
            self._first = now, at.done
        began, done = self._first
        seconds = (now - began).total_seconds()
        if at.done > done and seconds >= _LOOK_EVERY_SECONDS:
            return (at.done - done) / seconds
        return at.rate(now)


def _how_far(at: remake.Progress, rate: float) -> str:
    left = f", {_lasting((at.total - at.done) / rate)} left" if rate and at.done < at.total else ""
    failed = f", {at.failed} failed" if at.failed else ""
    return f"{at.done} of {counted(at.total, 'object')}{failed}, {rate:.1f} a second{left}"


def _status_facts(
    run: remake.Run, at: remake.Progress | None, report: remake.Report | None
) -> dict[str, Any]:
    return {
        "remake": run.name,
        "status": run.status,
        "started": run.started.isoformat(),
        "stopped": run.stopped.isoformat() if run.stopped else None,
        "error": run.error,
        "cause": run.cause,
        "source": json.loads(run.input).get("source"),
        "objects": at.total if at else None,
        "done": at.done if at else None,
        "failed": at.failed if at else None,
        "per_second": round(at.rate(run.stopped or _now()), 2) if at else None,
        "report": _report_facts(report) if report else None,
    }


def _report_facts(report: remake.Report) -> dict[str, Any]:
    problems = [
        {
            "code": code,
            "objects": number,
            "message": report.messages[code],
            "keys": report.keys[code],
        }
        for code, number in report.codes.most_common()
    ]
    return {"outcomes": dict(report.outcomes), "problems": problems}


def _status_lines(
    run: remake.Run, at: remake.Progress | None, report: remake.Report | None, rate: float
) -> list[str]:
    lines = [f"{run.name}: {run.status}, started at {moment(run.started)}."]
    if run.is_running:
        if at is None:
            return [*lines, "It is reading what there is to do."]
        drawn = f"{bar(at.done, at.total)} " if sys.stdout.isatty() else ""
        return [*lines, drawn + _how_far(at, rate)]
    if run.error:
        lines.append(f"It ended by {run.error}: {printable(run.cause or '')}")
    lines += _report_lines(report) if report else ["Step Functions has written no report of it."]
    if run.is_unfinished:
        lines.append("What is done is done; `remake resume` does the rest.")
    elif report and report.outcomes["FAILED"]:
        lines.append("Another `remake start` tries what failed again, and passes over the rest.")
    return lines


def _report_lines(report: remake.Report) -> list[str]:
    counts = ", ".join(f"{number} {outcome}" for outcome, number in report.outcomes.most_common())
    lines = [f"{counted(report.outcomes.total(), 'object')}: {counts}"]
    for code, number in report.codes.most_common():
        named = ", ".join(printable(key) for key in report.keys[code])
        more = f" and {number - len(report.keys[code])} more" * (number > len(report.keys[code]))
        lines.append(f"{number} {code}: {_explained(code, report.messages[code])}")
        lines.append(f"  {named}{more}")
    return lines


def _explained(code: str, message: str) -> str:
    known = causes.of_error(code, message)
    return f"{known.sentence} {known.remedy}" if known else printable(message)


def _stop(workflow: Workflow, options: argparse.Namespace) -> int:
    run = remake.stop(workflow, f"ops remake stop, by {workflow.aws.caller}")
    if options.json:
        _print_json({"remake": run.name, "status": "ABORTED"})
    else:
        print(f"{run.name} was stopped; what is done is done. `remake resume` goes on.")
    return 0


def _resume(workflow: Workflow, options: argparse.Namespace) -> int:
    name, same = remake.resume(workflow, _now())
    if options.json:
        _print_json({"remake": name, "redriven": same})
    elif same:
        print(f"{name} goes on.")
    else:
        print(f"{name} has begun, over the same; what is done costs it a look.")
    return 0


def _lasting(seconds: float) -> str:
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}s"
    return f"{seconds:.0f} seconds"


def _size(size: int) -> str:
    power = min(max(len(str(size)) - 1, 0) // 3, len(_UNITS) - 1)
    return f"{size / 1000**power:.{min(power, 1)}f} {_UNITS[power]}"


_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


def _print_json(facts: object) -> None:
    print(json.dumps(facts, indent=2))


def _now() -> datetime:
    return datetime.now(UTC)
