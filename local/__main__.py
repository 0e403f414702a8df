"""`python -m local demo|up|down`: the module on this machine, without AWS."""

from __future__ import annotations

import argparse
import signal
import sys
from types import FrameType

from local.aws import NotStarted
from local.background import down, up
from local.demo import demo
from local.environments import SetupFailed
from local.stack import PackageFailed
from local.terraform import TerraformFailed

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """Somebody asked us to stop; everything that is open gets closed on the way out."""


def _interrupt(number: int, frame: FrameType | None) -> None:
    # Once is enough: what follows is the clearing up, which a second Ctrl-C must not break off.
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise Interrupted(number)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = {"demo": demo, "up": up, "down": down}
    parser.add_argument("command", choices=commands)
    chosen = parser.parse_args()
    for number in _SIGNALS:
        signal.signal(number, _interrupt)
    try:
        return commands[chosen.command]()
    except Interrupted as interrupted:
        print("\nStopped; nothing is left running.", file=sys.stderr)
        return 128 + int(interrupted.args[0])
    except (NotStarted, PackageFailed, SetupFailed, TerraformFailed) as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
