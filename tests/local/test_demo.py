"""What the demo says at its end, and when that is a failure."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from local import demo, samples
from local.contact_sheet import Outcome
from local.stack import Stack


def outcomes(*states: str) -> list[Outcome]:
    return [
        Outcome("title", "credit", f"{n}.jpg", "image/jpeg", b"", state, n + 1.0, 0.1)
        for n, state in enumerate(states)
    ]


PHOTOGRAPH = next(sample for sample in samples.SAMPLES if not sample.rejected)
IMPOSTOR = next(sample for sample in samples.SAMPLES if sample.rejected)


def test_all_as_it_should_be_is_success(capsys: pytest.CaptureFixture[str]) -> None:
    ended = outcomes("SUCCEEDED", "SUCCEEDED", "REJECTED")
    assert demo.told([PHOTOGRAPH, PHOTOGRAPH, IMPOSTOR], ended) == 0
    assert capsys.readouterr().out == ("demo: 3 uploads, 2 SUCCEEDED, 1 REJECTED, median 2.00 s\n")


@pytest.mark.parametrize("state", ["REJECTED", "FAILED", "RUNNING", "UNANSWERED"])
def test_a_photograph_in_any_other_state_is_a_failure(
    state: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo.told([PHOTOGRAPH, IMPOSTOR], outcomes(state, "REJECTED")) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith(f"0.jpg should not be {state}")
    assert said[-1].startswith("demo: 2 uploads, 0 SUCCEEDED, ")


def test_an_accepted_impostor_is_a_failure() -> None:
    assert demo.told([IMPOSTOR], outcomes("SUCCEEDED")) == 1


def test_every_sample_says_where_it_comes_from_and_who_made_it() -> None:
    assert sum(sample.rejected for sample in samples.SAMPLES) == 1
    assert len({sample.file_name for sample in samples.SAMPLES}) == len(samples.SAMPLES)
    for sample in samples.SAMPLES:
        assert any(word in sample.credit for word in ("CC0", "public domain", "BSD-3-Clause"))


def test_the_log_is_kept_when_no_upload_succeeded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "OUTPUT", tmp_path / "build" / "demo")
    monkeypatch.setattr(demo, "logged", lambda stack: iter(["No space left on device\n"]))
    nobody = SimpleNamespace(description="Terraform", name="a provider", shows="what")
    stack = SimpleNamespace(root=SimpleNamespace(terraform=nobody, provider=nobody))
    demo.save(outcomes("PENDING", "UNANSWERED"), cast("Stack", stack))
    assert (demo.OUTPUT / "log.txt").read_text() == "No space left on device\n"
