"""The clients in docs/client.md, run as they stand there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from local import client, paths
from local.aws.server import make_user
from tests.clients import npm
from tests.clients.conftest import Deployment
from tests.clients.foreign_page import ForeignPage
from tests.clients.token_issuer import TokenIssuer
from tests.local.pictures import photograph

DOCUMENT = (paths.REPOSITORY / "docs" / "client.md").read_text()
MODULE = paths.REPOSITORY / "client" / "upload.js"

# Runs `upload` of a module in Node.js with a file from the disk.
IN_NODE = """
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { upload } from "./client.mjs";
const [api, path, type] = process.argv.slice(2);
const states = [];
try {
  const file = new File([await readFile(path)], basename(path), { type });
  const status = await upload(api, file, { onState: (state) => states.push(state) });
  console.log(JSON.stringify({ status, states }));
} catch (error) {
  console.log(JSON.stringify({ error: error.message }));
}
"""


def client_in(language: str, beginning: str = "") -> str:
    """The one client in this language that begins so."""
    blocks: list[str] = re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENT, re.S | re.M)
    (found,) = (block for block in blocks if block.startswith(beginning))
    return found


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    file = tmp_path / "Straße, 1; 2.jpg"
    file.write_bytes(photograph(640, 480))
    return file


@pytest.fixture
def text(tmp_path: Path) -> Path:
    file = tmp_path / "text.jpg"
    file.write_text("no picture " * 20)
    return file


def run(
    command: list[str], env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        check=False,
        timeout=120,
        env={**os.environ, **(env or {})},
    )


def saved_pictures(output: str) -> set[tuple[str, tuple[int, int]]]:
    found = set()
    for line in output.splitlines():
        with Image.open(line) as image:
            found.add((line.split(".")[-2], image.size))
    return found


PICTURES = {
    ("thumbnail", (240, 240)),
    ("card", (640, 360)),
    ("square", (480, 480)),
    ("large", (640, 480)),
}


def test_the_curl_client_works_as_printed(
    open_api: Deployment, photo: Path, text: Path, tmp_path: Path
) -> None:
    for tool in ("bash", "curl", "jq"):
        if shutil.which(tool) is None:
            pytest.skip(f"This needs {tool}: apt-get install curl jq.")
    script = tmp_path / "upload.sh"
    script.write_text(client_in("bash"))
    done = run(["bash", str(script), open_api.url, str(photo)])
    assert done.returncode == 0, done.stderr
    assert saved_pictures(done.stdout) == PICTURES
    without_slash = open_api.url.removesuffix("/")
    refused = run(["bash", str(script), without_slash, str(text)])
    assert (refused.returncode, "This is not an image" in refused.stderr) == (1, True)


def test_the_python_client_works_as_printed(
    open_api: Deployment, photo: Path, text: Path, tmp_path: Path
) -> None:
    script = tmp_path / "upload.py"
    script.write_text(client_in("python", '"""upload.py'))
    done = run([sys.executable, str(script), open_api.url, str(photo)])
    assert done.returncode == 0, done.stderr
    assert saved_pictures(done.stdout) == PICTURES
    without_slash = open_api.url.removesuffix("/")
    refused = run([sys.executable, str(script), without_slash, str(text)])
    assert (refused.returncode, "This is not an image" in refused.stderr) == (1, True)


def test_a_client_called_without_anything_says_how_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "upload.sh").write_text(client_in("bash"))
    (tmp_path / "upload.py").write_text(client_in("python", '"""upload.py'))
    for program in (["bash", "upload.sh"], [sys.executable, "upload.py"]):
        done = run([program[0], str(tmp_path / program[1])])
        assert done.returncode == 1 and "Traceback" not in done.stderr
        assert re.search(r"API_URL|the address of the API", done.stderr), done.stderr


def in_node(folder: Path, *arguments: str) -> dict[str, Any]:
    (folder / "run.mjs").write_text(IN_NODE)
    done = run([npm.node(), str(folder / "run.mjs"), *arguments])
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def check_in_node(open_api: Deployment, photo: Path, text: Path, folder: Path) -> None:
    good = in_node(folder, open_api.url, str(photo), "image/jpeg")
    assert good["status"]["upload"]["original_name"] == photo.name
    names = {
        (made["name"], (made["width"], made["height"])) for made in good["status"]["renditions"]
    }
    assert names == PICTURES and good["states"][-1] == "SUCCEEDED"
    bad = in_node(folder, open_api.url, str(text), "image/jpeg")
    assert bad["status"]["error"]["code"] == "NotAnImage"
    refused = in_node(folder, open_api.url, str(text), "text/plain")
    assert refused["error"].startswith("Files of this type are not accepted.")


def test_the_javascript_client_works_in_node(
    open_api: Deployment, photo: Path, text: Path, tmp_path: Path
) -> None:
    shutil.copy(MODULE, tmp_path / "client.mjs")
    check_in_node(open_api, photo, text, tmp_path)


def test_javascript_in_a_page_of_another_origin_with_a_token(
    chromium: Any,
    token_api: Deployment,
    issuer: TokenIssuer,
    other_origin: ForeignPage,
    photo: Path,
) -> None:
    other_origin.html = (
        '<!doctype html><title>Another site</title><input type="file">'
        f'<script type="module">{MODULE.read_text()}\nwindow.upload = upload;</script>'
    )
    calls = """async ([api, token]) => {
        const file = document.querySelector("input").files[0];
        const status = await window.upload(api, file, { token });
        const sizes = await Promise.all(status.renditions.map(
            async (made) => (await (await fetch(made.url)).blob()).size));
        return { status, sizes };
    }"""
    arguments = [token_api.url, issuer.token("anna", scope="upload")]
    context = chromium.new_context()
    try:
        page = context.new_page()
        quick = "const real = setTimeout; window.setTimeout = (act, ms) => real(act, ms / 20);"
        page.add_init_script(quick)
        page.goto(other_origin.origin)
        page.locator("input").set_input_files(str(photo))
        ended = page.evaluate(calls, arguments)
        # The same page under another name is another origin, which nobody allowed.
        page.goto(other_origin.origin.replace("127.0.0.1", "localhost"))
        page.locator("input").set_input_files(str(photo))
        refusal = page.evaluate(
            f"(call) => ({calls})(call).catch((error) => error.message)", arguments
        )
    finally:
        context.close()
    assert ended["status"]["state"] == "SUCCEEDED"
    assert ended["sizes"] == [made["bytes"] for made in ended["status"]["renditions"]]
    assert refusal == "The upload does not get through."


def bundled(beginning: str, folder: Path) -> str:
    """A classic script that sets `program` to the client of docs/client.md that begins so."""
    (folder / "app" / "node_modules").mkdir(parents=True)
    (folder / "app" / "node_modules" / "upload-workflow").symlink_to(MODULE.parent)
    (folder / "node_modules").symlink_to(npm.packages())
    (folder / "app" / "client.mjs").write_text(client_in("js", beginning))
    bundler = [str(npm.packages() / ".bin" / "esbuild"), str(folder / "app/client.mjs"), "--bundle"]
    done = run([*bundler, "--format=iife", "--global-name=program", "--charset=ascii"])
    assert done.returncode == 0, done.stderr
    harmless = done.stdout.replace("</script", "<\\/script")
    return f"<script>{harmless}</script>"


UPPY = "import Uppy"
UPPY_PAGE = """<!doctype html><title>A page with Uppy</title>PROGRAM<script>
  window.send = async (api, token, files) => {
    const uppy = window.uppy = program.uppyFor(api, () => token);
    window.progress = [];
    uppy.on("upload-progress", (file, { bytesUploaded, bytesTotal }) =>
      progress.push(bytesUploaded / bytesTotal));
    for (const { name, type, bytes } of files) {
      uppy.addFile({ name, type, data: new Blob([new Uint8Array(bytes)], { type }) });
    }
    const { successful, failed } = await uppy.upload();
    return {
      successful: successful.map((file) => file.status),
      failed: failed.map((file) => file.error),
    };
  };
</script>"""

FILEPOND = "import { create }"
FILEPOND_PAGE = """<!doctype html><title>A form with FilePond</title>PROGRAM
<form><input type="file" name="picture" multiple></form><script>
  window.open_pond = (api, token, options = {}) => {
    window.ended = []; window.progress = [];
    window.pond = program.filePondFor(api, document.querySelector("input"), {
      token: () => token, ready: (status) => ended.push(status), ...options,
    });
    pond.on("processfileprogress", (file, at) => progress.push(at));
  };
  // Resolves with what became of each file, by its name.
  window.send = (files) => new Promise((done) => {
    const became = {};
    pond.on("processfile", (error, { filename }) => {
      became[filename] = error ? error.body : "sent";
      if (Object.keys(became).length === files.length) done(became);
    });
    const file = ({ name, type, bytes }) => new File([new Uint8Array(bytes)], name, { type });
    pond.addFiles(files.map(file));
  });
</script>"""


@contextmanager
def another_page(chromium: Any, site: ForeignPage, html: str) -> Iterator[Any]:
    site.html = html
    context = chromium.new_context()
    try:
        page = context.new_page()
        page.goto(site.origin)
        yield page
    finally:
        context.close()


PHOTO = {"name": "Strand ü.jpg", "type": "image/jpeg", "bytes": list(photograph(320, 240))}
TEXT = {"name": "text.jpg", "type": "image/jpeg", "bytes": list(b"no picture " * 20)}
WRONG = {"name": "text.txt", "type": "text/plain", "bytes": list(b"no picture")}


def test_uppy_in_a_page_of_another_origin(
    chromium: Any,
    token_api: Deployment,
    issuer: TokenIssuer,
    other_origin: ForeignPage,
    tmp_path: Path,
) -> None:
    html = UPPY_PAGE.replace("PROGRAM", bundled(UPPY, tmp_path))
    token = issuer.token("anna", scope="upload")
    with another_page(chromium, other_origin, html) as page:
        sent = page.evaluate("(all) => send(...all)", [token_api.url, token, [PHOTO, TEXT, WRONG]])
    (ready,) = sent["successful"]
    assert (ready["state"], len(ready["renditions"])) == ("SUCCEEDED", 4)
    assert ready["upload"]["original_name"] == "Strand ü.jpg"
    said = sorted(sent["failed"])
    assert said[0].startswith("Files of this type are not accepted.")
    assert said[1].startswith("This is not an image")


def test_filepond_in_a_form_of_another_origin(
    chromium: Any,
    token_api: Deployment,
    issuer: TokenIssuer,
    other_origin: ForeignPage,
    tmp_path: Path,
) -> None:
    html = FILEPOND_PAGE.replace("PROGRAM", bundled(FILEPOND, tmp_path))
    token = issuer.token("anna", scope="upload")
    with another_page(chromium, other_origin, html) as page:
        page.evaluate("(all) => open_pond(...all)", [token_api.url, token])
        became = page.evaluate("(files) => send(files)", [PHOTO, TEXT, WRONG])
        (ready,) = page.evaluate("ended")
        key = page.locator('input[type="hidden"][name="picture"]').first.input_value()
        shown = page.locator(".filepond--file-status-main").all_inner_texts()
        # Without a way to delete, undo takes the picture out of the form alone.
        page.evaluate("pond.removeFile(pond.getFiles()[0], { revert: true })")
        page.wait_for_function("pond.getFiles().length === 2")
    rejected, refused = became["text.jpg"], became["text.txt"]
    assert became["Strand ü.jpg"] == "sent"
    assert (ready["state"], len(ready["renditions"])) == ("SUCCEEDED", 4)
    assert ready["upload"]["original_name"] == "Strand ü.jpg"
    assert key == ready["upload"]["key"]
    assert rejected.startswith("This is not an image")
    assert refused.startswith("Files of this type are not accepted.")
    assert {rejected, refused} <= set(shown)


def test_a_backend_that_issues_uploads_itself(open_api: Deployment, tmp_path: Path) -> None:
    outputs, aws = open_api.outputs, open_api.aws
    # Exactly what the module says that a backend needs.
    user = make_user(
        aws.client("iam"), f"backend-{uuid.uuid4()}", open_api.outputs["signer_policy_json"]
    )
    script = tmp_path / "issue.py"
    script.write_text(client_in("python", '"""issue.py'))
    environment = {
        **user.environment,
        "AWS_ENDPOINT_URL": aws.endpoint_url,
        "AWS_DEFAULT_REGION": aws.region,
        **outputs["signer_environment"],
    }
    done = run([sys.executable, str(script)], environment)
    assert done.returncode == 0, done.stderr
    issued = json.loads(done.stdout)
    assert issued["job"]["key"].startswith("uploads/user-4711/")
    form = issued["upload"]
    client.send(form, "Beach.jpg", photograph(300, 200))
    status = client.follow(issued["status_url"], 60)
    assert (status["state"], status["upload"]["original_name"]) == ("SUCCEEDED", "Beach.jpg")

    # Later, when its URLs have died, with exactly what the module says that a reader needs.
    reader = make_user(
        aws.client("iam"), f"reader-{uuid.uuid4()}", open_api.outputs["results_reader_policy_json"]
    )
    later = tmp_path / "show.py"
    later.write_text(client_in("python", '"""show.py'))
    shown = run(
        [sys.executable, str(later), issued["job"]["key"]], {**environment, **reader.environment}
    )
    assert shown.returncode == 0, shown.stderr
    again = json.loads(shown.stdout)
    assert again["job_id"] == status["job_id"]
    for made, before in zip(again["renditions"], status["renditions"], strict=True):
        assert made["url"] != before["url"] and made["key"] == before["key"]
        assert len(client.fetch(made).data) == made["bytes"]
