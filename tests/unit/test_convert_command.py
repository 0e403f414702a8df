"""The command that shows anybody what the module would make of their files."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import hcl
from tests.support.pictures import opened, saved, scene
from upload_workflow.__main__ import main
from upload_workflow.commands.convert import DEFAULT_RENDITIONS
from upload_workflow.commands.result_folders import result_folders
from upload_workflow.run.fence import Fence

ROOT = Path(__file__).parents[2]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "trip").mkdir(parents=True)
    (folder / "a.jpg").write_bytes(saved(scene(), "JPEG"))
    (folder / "trip" / "a.jpg").write_bytes(saved(scene(300, 300), "PNG"))
    (folder / "notes.txt").write_text("no picture")
    return folder


def results(out: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.splitlines()]


def test_a_folder_is_converted_and_every_file_gets_one_result(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", str(photos), "--out", str(tmp_path / "out"), "--json"]) == 0
    by_file = {
        str(Path(str(result["file"])).relative_to(photos)): result
        for result in results(capsys.readouterr().out)
    }
    assert {file: result["state"] for file, result in by_file.items()} == {
        "a.jpg": "SUCCEEDED",
        "notes.txt": "REJECTED",
        "trip/a.jpg": "SUCCEEDED",
    }
    assert by_file["notes.txt"]["code"] == "NotAnImage"
    assert by_file["notes.txt"]["renditions"] == []
    written = set()
    for result in by_file.values():
        for made in result["renditions"]:
            data = Path(made["file"]).read_bytes()
            assert made["sha256"] == hashlib.sha256(data).hexdigest()
            assert made["bytes"] == len(data)
            assert opened(data).size == (made["width"], made["height"])
            written.add(made["file"])
    assert len(written) == 2 * 3  # files of the same name do not overwrite each other


def test_renditions_and_limits_can_be_given(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    renditions, limits = tmp_path / "renditions.json", tmp_path / "limits.json"
    renditions.write_text('{"tiny": {"width_px": 20, "format": "png"}}')
    limits.write_text('{"max_pixels": 100000}')
    options = ["--renditions", str(renditions), "--limits", str(limits)]
    main(["convert", str(photos / "a.jpg"), "--out", str(tmp_path), *options])
    said = capsys.readouterr().out
    assert "TooManyPixels" in said
    assert "at most 0.1 are accepted" in said
    main(["convert", str(photos / "trip/a.jpg"), "--out", str(tmp_path), *options])
    assert "tiny 20x20" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("renditions", "complaint"),
    [
        ('{"a": {"width": 1}}', "no 'width'"),
        ("[]", "renditions.json holds no JSON object"),
        ("{", "renditions.json holds no JSON: Expecting"),
        ('{"a": 5}', "renditions.json holds no renditions"),
        ('{"../Large": {"width_px": 1}}', "1 to 32 lower-case letters"),
    ],
)
def test_a_wrong_call_is_told_from_a_wrong_picture(
    renditions: str,
    complaint: str,
    photos: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "renditions.json"
    file.write_text(renditions)
    out = ["--out", str(tmp_path / "out"), "--renditions", str(file)]
    assert main(["convert", str(photos), *out]) == 2
    assert complaint in capsys.readouterr().err
    assert main(["convert", str(tmp_path / "nowhere.jpg"), "--out", str(tmp_path)]) == 2


def test_left_out_renditions_are_those_that_the_module_makes() -> None:
    module = hcl.inside(hcl.read("variables.tf"), r'variable "renditions" \{')
    defaults = hcl.inside(module, r"default = \{")
    made = re.findall(
        r"(\w+) += \{ width_px = (\d+), height_px = (\d+), format = \"(\w+)\"", defaults
    )
    assert {
        (name, str(rendition.width_px), str(rendition.height_px), str(rendition.format))
        for name, rendition in DEFAULT_RENDITIONS.items()
    } == set(made)


def test_results_find_a_place_beside_the_files_themselves(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", str(photos / "a.jpg"), "--out", str(photos), "--json"]) == 0
    (result,) = results(capsys.readouterr().out)
    assert {Path(made["file"]).parent for made in result["renditions"]} == {photos / "a.jpg-2"}


@pytest.mark.parametrize("place", ["notes.txt", "notes.txt/deeper"])
def test_a_folder_that_cannot_be_made_is_named(
    place: str, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = photos / place
    assert main(["convert", str(photos / "a.jpg"), "--out", str(out)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"{out}") and len(said.splitlines()) == 1


def test_without_pillow_the_command_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "upload_workflow.commands.convert", raising=False)
    monkeypatch.setattr("upload_workflow.commands.convert", None, raising=False)
    for name in [name for name in sys.modules if name.startswith("upload_workflow.image.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert main(["convert", "photo.jpg", "--out", "."]) == 2
    assert "needs PIL, which comes with the extra 'convert'" in capsys.readouterr().err


@given(st.lists(st.sampled_from(["a", "A", "a-2", "a-2-2", "b"]), max_size=6))
def test_every_file_has_a_folder_of_its_own_that_is_no_file(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch)
        (out / "a").write_text("a file")
        (out / "b").mkdir()
        folders = result_folders(out, [Path(name) for name in names])
        assert len({str(folder).casefold() for folder in folders}) == len(names)
        for folder in folders:
            folder.mkdir(exist_ok=True)
        assert result_folders(out, [Path(name) for name in names]) == folders  # a second run, too


def convert_elsewhere(
    folder: Path, *arguments: str, **also: Any
) -> subprocess.CompletedProcess[str]:
    """The command as a process of its own, in the folder."""
    command = [sys.executable, "-m", "upload_workflow", "convert", *arguments, "--out", "out"]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "lambda_src"), **also.pop("env", {})}
    return subprocess.run(
        command, cwd=folder, env=env, text=True, stderr=subprocess.PIPE, check=False, **also
    )


def test_a_name_that_the_terminal_cannot_show_is_escaped(photos: Path) -> None:
    (photos / "a.jpg").rename(photos / "写真.jpg")
    said = convert_elsewhere(
        photos, "写真.jpg", stdout=subprocess.PIPE, env={"PYTHONIOENCODING": "cp1252"}
    )
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.startswith("\\u5199\\u771f.jpg: ")


def test_whoever_reads_no_further_is_told_nothing(photos: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    said = convert_elsewhere(photos, "a.jpg", "a.jpg", stdout=writer)
    os.close(writer)
    assert (said.returncode, said.stderr) == (1, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is full")
def test_what_goes_wrong_without_a_file_names_none(photos: Path) -> None:
    with Path("/dev/full").open("w") as full:
        said = convert_elsewhere(photos, "a.jpg", stdout=full)
    assert (said.returncode, said.stderr) == (1, "No space left on device.\n")


def test_a_file_that_cannot_be_read_leaves_the_others_their_results(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    read = Path.read_bytes

    def denied(path: Path) -> bytes:
        if path.name == "notes.txt":  # between the two others
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", denied)
    assert main(["convert", str(photos), "--out", str(photos / "out"), "--json"]) == 1
    states = {Path(str(r["file"])).name: r["state"] for r in results(capsys.readouterr().out)}
    assert states == {"a.jpg": "SUCCEEDED", "notes.txt": "FAILED"}


def test_ctrl_c_ends_with_a_sentence(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Fence, "convert", interrupted)
    assert main(["convert", str(photos / "a.jpg"), "--out", str(photos / "out")]) == 130
    assert capsys.readouterr().err == "Stopped. The files named so far are converted.\n"
