"""What a terminal is shown, whatever the names of files and keys hold."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from upload_workflow.terminal import ProgressLine, bar, printable

# It would erase the screen and take the title, as a file that somebody sent may be called.
NAME = "\x1b[2J\x1b]0;title\x07\u202e.png"


@given(st.text())
def test_no_text_reaches_a_terminal_with_control_characters(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert shown == text or not text.isprintable()


def test_a_bar_fills_from_empty_to_full_and_not_over() -> None:
    assert [bar(done, 4, 4) for done in (0, 3, 4, 9)] == ["[....]", "[###.]", "[####]", "[####]"]
    assert bar(0, 0, 4) == "[####]"


def test_a_progress_line_is_for_terminals_only() -> None:
    log = io.StringIO()
    line = ProgressLine(log)
    line.show("half")
    line.clear()
    assert log.getvalue() == ""


def on_a_terminal(command: list[str], seconds: float = 60) -> tuple[str, int]:
    """What somebody at a terminal sees of the command, and its exit code."""
    master, slave = pty.openpty()
    with subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave) as running:
        os.close(slave)
        seen = b""
        try:
            while part := os.read(master, 65536):
                seen += part
        except OSError:  # how Linux tells that nobody writes any more
            pass
        running.wait(seconds)
    os.close(master)
    return seen.decode(), running.returncode


@pytest.mark.parametrize("broken", [False, True])
def test_a_converted_file_cannot_redraw_the_terminal_by_its_name(
    tmp_path: Path, broken: bool
) -> None:
    for name in (NAME, f"2{NAME}"):
        if broken:
            (tmp_path / name).write_bytes(b"no picture")
        else:
            Image.new("RGB", (8, 8)).save(tmp_path / name)
    command = ["-m", "upload_workflow", "convert", str(tmp_path), "--out", str(tmp_path / "out")]
    seen, exit_code = on_a_terminal([sys.executable, *command])
    assert exit_code == 0
    assert seen.count("\\x1b[2J\\x1b]0;title\\x07\\u202e.png") >= 4  # progress and result of two
    ours = seen.replace("\r\x1b[K", "").replace("\r\n", "")
    assert ours.isprintable(), ours


def test_a_file_that_is_not_there_cannot_redraw_the_terminal(tmp_path: Path) -> None:
    for command in ("convert", "upload"):
        options = {"convert": ["--out", str(tmp_path)], "upload": ["--api", "http://127.0.0.1:9"]}
        seen, exit_code = on_a_terminal(
            [sys.executable, "-m", "upload_workflow", command, NAME, *options[command]]
        )
        assert exit_code == 2
        assert seen.replace("\r\n", "").isprintable(), seen
