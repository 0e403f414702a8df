"""Dispatches `python -m upload_workflow COMMAND`; each command lives in its own module."""

from __future__ import annotations

import argparse
import sys

from .commands import convert as convert_command
from .commands import upload as upload_command

COMMANDS = {"convert": convert_command, "upload": upload_command}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m upload_workflow")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        summary = (command.__doc__ or "").partition("\n")[0]
        command.add_arguments(subparsers.add_parser(name, help=summary, description=summary))
    parsed = parser.parse_args(arguments)
    exit_code: int = COMMANDS[parsed.command].run(parsed)
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
