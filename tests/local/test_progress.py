"""What progress looks like, on a terminal and in a log file."""

from __future__ import annotations

import io

import pytest

from local.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_file_gets_one_line_for_each_end() -> None:
    log = io.StringIO()
    progress = Progress(log)
    progress.expect(["cat.jpg", "blue-marble.jpg"])
    progress.show("cat.jpg", "RUNNING")
    progress.show("cat.jpg", "SUCCEEDED", "done")
    progress.draw()
    assert log.getvalue() == "cat.jpg          SUCCEEDED\n"


def test_a_terminal_gets_the_same_lines_again_and_again() -> None:
    terminal = Terminal()
    progress = Progress(terminal)
    progress.show("cat.jpg", "RUNNING")
    progress.show("dog.jpg", "PENDING")
    progress.show("cat.jpg", "SUCCEEDED", "done")
    assert terminal.getvalue().count("\x1b[2A") == 1  # up over both lines, once they are two
    assert terminal.getvalue().endswith("PENDING\n")


def test_a_line_never_wraps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    terminal = Terminal()
    Progress(terminal).show("cat.jpg", "x" * 100)
    assert terminal.getvalue().count("x") == 40 - len("cat.jpg") - 5


def test_a_step_that_fails_says_so() -> None:
    log = io.StringIO()
    with pytest.raises(ZeroDivisionError), Progress(log).step("Module", "applying"):
        raise ZeroDivisionError
    assert log.getvalue() == "Module  applying: not finished\n"
