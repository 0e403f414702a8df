"""The command that shows anybody what the module would make of their files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.support.pictures import opened, saved, scene
from upload_workflow.__main__ import main


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
    assert len(written) == 2 * 4  # files of the same name do not overwrite each other


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
    [('{"a": {"width": 1}}', "no 'width'"), ("[]", "JSON object"), ("{", "Expecting")],
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
