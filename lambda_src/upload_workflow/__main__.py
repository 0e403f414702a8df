"""Dispatches `upload-workflow COMMAND`; each command lives in a module of its own."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from . import __version__
from .terminal import bear_any_character, end_output, printable, words


@dataclass(frozen=True)
class _Command:
    """module: has main(arguments), and is imported only when it is called.

    needs: a package that the plain wheel does not bring. extra: the extra of it that does.
    """

    summary: str
    module: str
    needs: str | None = None
    extra: str | None = None


COMMANDS = {
    "upload": _Command(
        "sends files through the upload API and saves the renditions", "commands.upload"
    ),
    "convert": _Command(
        "shows what the workflow would make of your files", "commands.convert", "PIL", "convert"
    ),
    "ops": _Command(
        "lists jobs, explains, redrives, pauses: for whoever is on call", "ops.__main__"
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code of the command; 1: what it says cannot be written, 2: the call is wrong,
    130: stopped by Ctrl-C."""
    bear_any_character()
    try:
        try:
            return _run(arguments)
        finally:
            if sys.stdout is not None:  # what cannot be written is told here, or by Python later
                sys.stdout.flush()
    except KeyboardInterrupt:  # while the command was being loaded
        print("Stopped. Nothing was begun.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever reads has seen enough
        end_output()
        return 1
    except OSError as error:
        end_output()
        print(printable(words(error)), file=sys.stderr)
        return 1


def _run(arguments: Sequence[str] | None) -> int:
    parser = argparse.ArgumentParser(
        prog="upload-workflow",
        description="\n".join(f"{name:8} {about.summary}" for name, about in COMMANDS.items()),
        epilog="upload-workflow COMMAND --help says more.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND")
    rest = parser.add_argument("arguments", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    rest.required = False  # or whoever types no command is told that "arguments" are missing too
    chosen = parser.parse_args(arguments)
    command = COMMANDS[chosen.command]
    if command.needs and find_spec(command.needs) is None:
        wheel = f"upload_workflow-{__version__}-py3-none-any.whl[{command.extra}]"
        print(
            f"The command {chosen.command} needs {command.needs}, which comes with the extra "
            f'{command.extra!r} of the release: pip install "{wheel}"',
            file=sys.stderr,
        )
        return 2
    module = import_module(f".{command.module}", __package__)
    exit_code: int = module.main(chosen.arguments)
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
