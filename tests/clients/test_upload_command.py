"""`python -m upload_workflow upload`, as people and scripts call it."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.clients.conftest import Deployment
from tests.clients.flaky_server import flaky_server
from tests.clients.token_issuer import TokenIssuer
from tests.local.pictures import photograph
from upload_workflow.__main__ import main
from upload_workflow.commands import upload_client


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    file = tmp_path / "Straße 1.jpg"
    file.write_bytes(photograph(640, 480))
    return file


def results(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_renditions_are_saved_as_what_they_are(
    open_api: Deployment, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["upload", str(photo), "--api", open_api.url, "--out", str(out), "--json"]) == 0
    (result,) = results(capsys)
    assert result["state"] == "SUCCEEDED" and result["file"] == str(photo)
    assert len(result["renditions"]) == 4
    for made in result["renditions"]:
        assert Path(made["file"]).parent == out / "Straße 1.jpg"
        with Image.open(made["file"]) as image:
            assert image.size == (made["width"], made["height"])
    assert "Signature" not in json.dumps(result)


def test_a_rejection_is_told_and_counted_apart_from_success(
    open_api: Deployment, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, notes = tmp_path / "text.jpg", tmp_path / "notes.txt"
    text.write_text("no picture " * 20)
    notes.write_text("no picture either")
    files = [str(photo), str(text), str(notes)]
    assert main(["upload", *files, "--api", open_api.url, "--json"]) == 1
    ended = {Path(result["file"]).name: result for result in results(capsys)}
    assert {name: result["state"] for name, result in ended.items()} == {
        "Straße 1.jpg": "SUCCEEDED",
        "text.jpg": "REJECTED",
        "notes.txt": "REJECTED",
    }
    assert ended["text.jpg"]["code"] == "NotAnImage"
    assert "Accepted are image/jpeg" in ended["notes.txt"]["message"]


def test_people_get_a_line_for_each_file(
    open_api: Deployment, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["upload", str(photo), "--api", open_api.url]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{photo}: ") and "thumbnail 240x240" in line


def test_a_token_comes_from_the_environment(
    token_api: Deployment,
    issuer: TokenIssuer,
    photo: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["upload", str(photo), "--api", token_api.url]
    assert main(command) == 1
    assert "UPLOAD_TOKEN" in capsys.readouterr().out
    monkeypatch.setenv("UPLOAD_TOKEN", issuer.token(scope="upload"))
    assert main(command) == 0


def test_a_server_that_is_not_there_is_a_failure_of_nobodys_file(
    photo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(upload_client, "_PATIENCE", (0, 0))
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    assert main(["upload", str(photo), "--api", f"http://127.0.0.1:{port}/"]) == 3
    assert "failed. The server cannot be reached" in capsys.readouterr().out


def test_a_storage_that_refuses_every_ticket_is_a_failure_of_nobodys_file(
    photo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(upload_client, "_PATIENCE", (0, 0))
    with flaky_server() as server:
        server.fail({"send": ["SignatureDoesNotMatch"] * 9})
        assert main(["upload", str(photo), "--api", server.url]) == 3
        assert server.issued == 3
    said = capsys.readouterr().out
    assert "failed. The storage refuses it (403 Forbidden, SignatureDoesNotMatch)." in said


def test_a_rendition_that_is_gone_is_a_failure_of_nobodys_file(
    photo: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with flaky_server() as server:
        monkeypatch.setattr(
            upload_client,
            "follow",
            lambda issued, seconds: {
                "state": "SUCCEEDED",
                "renditions": [{"name": "small", "key": "small.jpg", "url": f"{server.url}gone"}],
            },
        )
        out = tmp_path / "out"
        assert main(["upload", str(photo), "--api", server.url, "--out", str(out), "--json"]) == 3
    (result,) = results(capsys)
    assert result["state"] == "FAILED" and result["key"] == "ticket-1"
    assert result["message"].startswith("A rendition cannot be read. ")


def test_a_file_that_goes_away_before_it_is_sent_is_told_as_that(
    photo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = upload_client.send

    def later(ticket: Any, file: Path, progress: Any) -> None:
        size = file.stat()
        file.unlink()
        monkeypatch.setattr(Path, "stat", lambda self, **options: size)
        real(ticket, file, progress)

    monkeypatch.setattr(upload_client, "send", later)
    with flaky_server() as server:
        assert main(["upload", str(photo), "--api", server.url]) == 3
    assert f"failed. {photo}: No such file or directory." in capsys.readouterr().out


def test_whoever_reads_no_further_ends_it_without_a_traceback(photo: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with flaky_server() as server:
        command = [sys.executable, "-m", "upload_workflow", "upload", photo, "--api", server.url]
        env = {**os.environ, "PYTHONPATH": str(Path(upload_client.__file__).parents[2])}
        done = subprocess.run(
            command, env=env, stdout=writer, stderr=subprocess.PIPE, timeout=60, check=False
        )
    os.close(writer)
    assert (done.returncode, done.stderr) == (3, b"")


def test_a_result_that_takes_longer_than_wanted_is_not_called_a_success(
    open_api: Deployment,
    photo: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(upload_client, "send", lambda form, file, progress: None)
    assert main(["upload", str(photo), "--api", open_api.url, "--wait", "0"]) == 3
    assert "not ready in time, still PENDING" in capsys.readouterr().out


def test_a_file_that_does_not_exist_stops_before_anything_is_sent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["upload", "missing.jpg", "--api", "https://nowhere.example/"]) == 2
    assert capsys.readouterr().err == "There is no file missing.jpg.\n"


def test_results_lie_beside_the_files_and_a_fault_of_one_is_not_the_others(
    photo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    second = photo.with_name("second.jpg")
    second.write_bytes(photo.read_bytes())
    monkeypatch.chdir(photo.parent)
    unmade = photo.with_name("third.jpg")
    unmade.write_bytes(photo.read_bytes())
    real = upload_client.media_type

    def vanishing(head: bytes, name: str) -> str:
        if name == "third.jpg":
            unmade.unlink()
        return real(head, name)

    monkeypatch.setattr(upload_client, "media_type", vanishing)
    with flaky_server() as server:
        files = [photo.name, second.name, unmade.name]
        assert main(["upload", *files, "--api", server.url, "--out", ".", "--json"]) == 3
    ended = {result["file"]: result for result in results(capsys)}
    assert [ended[name]["state"] for name in files] == ["SUCCEEDED", "SUCCEEDED", "FAILED"]
    assert ended["third.jpg"]["message"] == "third.jpg: No such file or directory."
    made = Path(ended[second.name]["renditions"][0]["file"])
    assert made == Path("second.jpg-2/small.jpg") and made.exists()


def test_a_name_that_is_no_utf_8_is_uploaded_and_told_on_any_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = tmp_path / os.fsdecode("写真".encode() + b"-\xe9.jpg")
    photo.write_bytes(photograph(64, 48))
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", terminal)
    with flaky_server() as server:
        assert main(["upload", str(photo), "--api", server.url]) == 0
    terminal.flush()
    assert b"small 40x30" in terminal.buffer.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "told"), [(b"caf\xe9.jpg", "café.jpg"), ("写真.jpg".encode(), "写真.jpg")]
)
def test_a_name_is_told_as_people_read_it(name: bytes, told: str) -> None:
    assert upload_client.told_name(Path(os.fsdecode(name))) == told


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_the_bytes_say_what_a_file_is_and_its_name_only_when_they_say_nothing(format: str) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, format)
    for name in ("photo", "photo.jfif", "photo.txt"):
        assert upload_client.media_type(buffer.getvalue(), name) == f"image/{format.lower()}"
    assert upload_client.media_type(b"no picture", "photo.jpg") == "image/jpeg"
    assert upload_client.media_type(b"no picture", "photo") == "application/octet-stream"


def test_an_address_that_is_none_is_a_wrong_call_and_no_fault_of_the_file(
    photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["upload", str(photo), "--api", "api.example.com"])
    assert ended.value.code == 2
    assert "an address starts with https://, not 'api.example.com'" in capsys.readouterr().err


def test_ctrl_c_ends_at_once_whatever_servers_do(photo: Path) -> None:
    """The server takes the call and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        api = f"http://127.0.0.1:{server.getsockname()[1]}"
        command = [sys.executable, "-m", "upload_workflow", "upload", photo, photo, "--api", api]
        env = {**os.environ, "PYTHONPATH": str(Path(upload_client.__file__).parents[2])}
        with subprocess.Popen(command, env=env, text=True, stderr=subprocess.PIPE) as process:
            line, _ = server.accept()
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=20)  # the client itself would wait for minutes
            line.close()
    assert process.returncode == 130
    assert said == "Stopped. The files named so far have their results.\n"
