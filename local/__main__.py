"""`python -m local demo|up|down`: the module on this machine, without AWS."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_COMMANDS = {"demo": "local.demo", "up": "local.background", "down": "local.background"}


class Interrupted(BaseException):
    """Somebody asked us to stop; everything that is open gets closed on the way out."""


_asked: list[int] = []


def _interrupt(number: int, frame: FrameType | None) -> None:
    # Once is enough: what follows is the clearing up, which a second Ctrl-C must not break off.
    if _asked:  # one that came before the next lines had their effect
        return
    _asked.append(number)
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise Interrupted(number)


def main() -> int:
    """The exit code of the command; 128 and the signal's number when it was interrupted."""
    # The first call tries the folder with a file, which an interruption later on would leave there.
    tempfile.gettempdir()
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as `nohup` wants it
            signal.signal(number, _interrupt)
    name = None
    try:
        options = vars(_parser().parse_args())
        name = options.pop("command")
        # Importing takes half a second, in which somebody may change their mind already.
        problems = import_module("local.problems")
        try:
            code: int = getattr(import_module(_COMMANDS[name]), name)(**options)
        except problems.Problem as problem:
            print(f"\n{problem}", file=sys.stderr)
            return 1
        except OSError as error:
            if error.filename is None:
                raise
            print(f"\nCannot use {error.filename}: {error.strerror}.", file=sys.stderr)
            return 1
        return code
    except Interrupted as interrupted:
        left = "nothing is left running."
        if name in ("up", "down"):
            left = import_module("local.background").left_running()
        print(f"\nStopped; {left}", file=sys.stderr)
        return 128 + int(interrupted.args[0])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("demo", help="photographs through the whole workflow")
    commands.add_parser("down", help="takes away what up left running")
    up = commands.add_parser("up", help="the same stack, left running")
    up.add_argument("--fresh", action="store_true", help="replace a stack that runs already")
    up.add_argument("--port", type=int, default=0, help="of 127.0.0.1; left out: a free one")
    up.add_argument(
        "--settings", type=Path, metavar="FILE", help="a .tfvars file with inputs of the module"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
