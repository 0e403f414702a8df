"""`upload-workflow ops forget`: reads its options, says what it would delete, and deletes it.

Knows options, output and exit codes. The work is done by `forget`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import Any

from ..terminal import printable
from . import interrupts, remake
from .crowd import concurrently
from .forget import Kept, Left, forget, keys_below, look
from .table import counted, row
from .workflow import NotFound, Workflow

_WIDTHS = (9, 10, 8)


def add_to(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Adds `forget` to the commands of `ops`."""
    text = (
        "Deletes originals, renditions and status documents for good. Without --yes: only says "
        "what."
    )
    added = commands.add_parser("forget", parents=[shared], help=text, description=text)
    which = added.add_mutually_exclusive_group()
    which.add_argument("keys", nargs="*", default=[], metavar="KEY", help="an upload's key")
    which.add_argument(
        "--prefix", help="all keys that begin with this text; the uploads' prefix for all there are"
    )
    added.add_argument("--yes", action="store_true", help="do it")
    added.set_defaults(command=_forget)


def _forget(workflow: Workflow, options: argparse.Namespace) -> int:
    act: Callable[[str], Kept | Left]
    begun = _now()
    if options.yes:
        if name := remake.at_work(workflow, begun, begun):
            print(_beside(name, "Nothing was deleted"), file=sys.stderr)
            return 1
        act = partial(forget, workflow, who=workflow.aws.caller, now=_now)
    else:
        act = partial(look, workflow, now=_now())
    interrupts.hold()  # what was begun is ended, and said
    try:
        with closing(concurrently(act, _keys(workflow, options))) as found:
            tell = _as_json if options.json else _as_text
            code = tell(found, options.yes)
        name = remake.at_work(workflow, begun, _now()) if options.yes else None
        if name:
            print(_beside(name, "It began meanwhile"), file=sys.stderr)
        return 1 if name else code
    finally:
        interrupts.release()


def _beside(name: str, so: str) -> str:
    """A remake claims nothing, so that no document tells what its workers are about to write."""
    return (
        f"{name} is at work and may write renditions of what is deleted. {so}: run this again when "
        "it has ended, or a few minutes after `remake stop`."
    )


def _keys(workflow: Workflow, options: argparse.Namespace) -> Iterator[str]:
    begin = workflow.uploads_prefix
    if options.prefix is None and not options.keys:
        raise NotFound(f"Name the keys, or a prefix: --prefix {begin} is all that there is.")
    named = [key.removeprefix(f"s3://{workflow.uploads_bucket}/") for key in options.keys]
    for text in named if options.prefix is None else [options.prefix]:
        if not text.startswith(begin):
            raise NotFound(
                f'Keys begin with {begin}; "{printable(text)}" does not. `show` tells the key of a '
                "job's id."
            )
    return iter(named) if options.prefix is None else keys_below(workflow, options.prefix)


def _as_text(found: Iterator[Kept | Left], done: bool) -> int:
    counts: Counter[str] = Counter()
    left = 0
    for one in found:
        if isinstance(one, Left):
            left += 1
            print(row(("left", "-", "-", f"{one.key}: {one.reason}"), _WIDTHS), flush=True)
            continue
        if not counts:
            print(row(("ORIGINALS", "RENDITIONS", "DOCUMENT", "KEY"), _WIDTHS))
        cells = (one.originals, one.renditions, "yes" if one.document else "no", one.key)
        print(row(cells, _WIDTHS), flush=True)
        counts["keys"] += one.anything
        counts["nothing"] += not one.anything
    if counts["nothing"]:
        print(f"\nOf {counted(counts['nothing'], 'key')} there is nothing.")
    if done:
        print(f"\n{counted(counts['keys'], 'upload')} forgotten.")
    else:
        print(f"\n{counted(counts['keys'], 'upload')} would be deleted for good.")
        if counts["keys"]:
            print("Nothing was changed. Run it again with --yes to do it.")
    if done and counts["keys"]:
        print("A CDN and browsers keep pictures that they have: docs/serving.md.")
    return 1 if left and done else 0


def _as_json(found: Iterator[Kept | Left], done: bool) -> int:
    """One element at a time, so that none has to be kept."""
    left = False
    between = "[\n  "
    for one in found:
        left |= isinstance(one, Left)
        facts = asdict(one) | {"forgotten": done and isinstance(one, Kept)}
        print(between + json.dumps(facts), end="", flush=True)
        between = ",\n  "
    print("[]" if between.startswith("[") else "\n]")
    return 1 if left and done else 0


def _now() -> datetime:
    return datetime.now(UTC)
