"""What a terminal is shown: text that cannot redraw it, and one line that tells how far things are.

Knows lines. Does not know what they are about.
"""

from __future__ import annotations

import io
import os
import sys
from dataclasses import dataclass, field
from shutil import get_terminal_size
from typing import TextIO

_ERASE = "\r\x1b[K"


def printable(text: str) -> str:
    """The text with control characters written out: names of files and keys come from strangers,
    and an escape sequence in one would redraw the terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def is_unicode(text: str) -> bool:
    """Whether it has bytes in UTF-8: an argument in another encoding comes with half surrogate
    pairs for what could not be read, and no key and no name of AWS holds one."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def bar(done: int, total: int, width: int = 30) -> str:
    """Such as [#####.....]. Nothing to do is all done."""
    filled = min(width * done // total, width) if total else width
    return f"[{'#' * filled}{'.' * (width - filled)}]"


def words(error: OSError) -> str:
    """What went wrong and with which file, if the system tells."""
    if not error.strerror:
        return str(error)
    return f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror}."


def end_output() -> None:
    """What Python still wants to write goes nowhere: nobody can read it any more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def bear_any_character() -> None:
    """Let the standard streams write out what the terminal has no characters for, not raise."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@dataclass
class ProgressLine:
    """One line that is written over again and again, on a terminal; nothing elsewhere."""

    stream: TextIO = field(default_factory=lambda: sys.stderr)

    def show(self, text: str) -> None:
        """Cut to the terminal's width: a line that wraps could not be erased."""
        if self.stream.isatty():
            room = max(get_terminal_size().columns - 1, 20)
            print(_ERASE + printable(text)[:room], end="", file=self.stream, flush=True)

    def clear(self) -> None:
        """Before other lines are printed, and at the end."""
        if self.stream.isatty():
            print(_ERASE, end="", file=self.stream, flush=True)
