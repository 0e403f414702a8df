"""Shows what several things are doing at once: live lines on a terminal, plain lines elsewhere.

Knows lines. Does not know what they are about.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

_WHEEL = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_SIGNS = {"done": "\x1b[32m✓\x1b[0m", "refused": "\x1b[33m✓\x1b[0m", "wrong": "\x1b[31m✗\x1b[0m"}
_CLEAR_LINE = "\x1b[2K"


@dataclass
class Line:
    """What is known of one thing. `mood` is "" while it goes on, else how it ended."""

    text: str
    mood: str


@dataclass
class Progress:
    """One line a thing, drawn over each other on a terminal, one after the other elsewhere."""

    stream: TextIO
    _lines: dict[str, Line] = field(default_factory=dict)
    _drawn: int = 0

    def show(self, label: str, text: str, mood: str = "") -> None:
        """Says something new about one thing; elsewhere than on a terminal, only how it ends."""
        self._lines[label] = Line(text, mood)
        if self.stream.isatty():
            self.draw()
        elif mood:
            self.stream.write(f"{label.ljust(self._width())}  {text}\n")
            self.stream.flush()

    @contextmanager
    def step(self, label: str, text: str) -> Iterator[Callable[[str], None]]:
        """One thing for as long as the block runs, and the time that it took."""
        started = time.monotonic()
        ending = [text]
        self.show(label, f"{text} ...")
        try:
            yield ending.append
        except BaseException:
            self.show(label, f"{text}: not finished", "wrong")
            raise
        self.show(label, f"{ending[-1]} ({time.monotonic() - started:.1f} s)", "done")

    def expect(self, labels: list[str]) -> None:
        """Announces things to come, so that all lines line up from the first."""
        self._lines.update({label: Line("", "") for label in labels if label not in self._lines})

    def draw(self) -> None:
        """Draws all lines anew, on a terminal; a few times a second keeps the wheels turning."""
        if not self.stream.isatty():
            return
        wheel = _WHEEL[int(time.monotonic() * 10) % len(_WHEEL)]
        # A line that wraps would count as two when the cursor goes up again.
        room = max(20, shutil.get_terminal_size().columns - self._width() - 5)
        lines = [
            f"{_CLEAR_LINE}{_SIGNS.get(line.mood, wheel)} {label.ljust(self._width())}  "
            f"{line.text[:room]}\n"
            for label, line in self._lines.items()
        ]
        up = f"\x1b[{self._drawn}A" if self._drawn else ""
        self.stream.write(up + "".join(lines))
        self.stream.flush()
        self._drawn = len(lines)

    def _width(self) -> int:
        return max(map(len, self._lines), default=0)
