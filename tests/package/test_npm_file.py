"""The client of a release, as somebody installs and uses it who has that file and nothing else."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tarfile
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from tests.clients import browser, npm
from tests.clients.flaky_server import EXPIRED, flaky_server
from tests.clients.test_bad_lines import WITHOUT_THEM
from tests.clients.test_documented_clients import DOCUMENT, client_in
from tests.local.pictures import photograph
from tests.package.conftest import Release
from upload_workflow import __version__

UPLOADS = """
import { Refused, follow, issue, upload } from "upload-workflow";
const [api, base64] = process.argv.slice(2);
const file = new File([Buffer.from(base64, "base64")], "a.jpg");
const progress = [];
const status = await upload(api, file, { onProgress: (...at) => progress.push(at) });
const again = await follow(await issue(api, file), { signal: AbortSignal.timeout(300) })
  .catch((problem) => problem.name);
const stopped = await upload(api, file, { signal: AbortSignal.abort() })
  .catch((problem) => problem.name);
console.log(JSON.stringify({ status, progress, again, stopped, refused: new Refused("x").name }));
"""


def run(*command: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(released: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder with the release's file in it, after docs/client.md's command."""
    folder = tmp_path_factory.mktemp("site")
    if shutil.which("npm") is None:
        pytest.skip("This needs npm: apt-get install nodejs npm.")
    shutil.copy(released.npm_file, folder)
    (command,) = re.findall(r"^npm install .*$", DOCUMENT, re.M)
    # Nothing is asked of a registry: the file needs no other.
    done = run(*command.split(), "--offline", "--no-audit", "--no-fund", folder=folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_file_holds_the_client_and_its_description(released: Release) -> None:
    with tarfile.open(released.npm_file) as file:
        names = sorted(name.removeprefix("package/") for name in file.getnames())
        told = json.load(file.extractfile("package/package.json"))  # type: ignore[arg-type]
    assert names == ["LICENSE", "README.md", "package.json", "upload.d.ts", "upload.js"]
    assert (told["name"], told["version"]) == ("upload-workflow", __version__)
    assert (told["license"], told["type"], told["sideEffects"]) == ("Apache-2.0", "module", False)
    assert not [fact for fact in told if "ependencies" in fact or fact in ("scripts", "bin")]
    named = {*told["exports"]["."].values(), told["types"], told["main"]}
    assert named <= {f"./{name}" for name in names}
    bill = json.loads((released.folder / "sbom.cdx.json").read_text())
    assert released.npm_file.name in [part["name"] for part in bill["components"]]


def test_node_uploads_waits_and_stops_with_it(site: Path) -> None:
    (site / "uploads.mjs").write_text(UPLOADS)
    picture = b64encode(photograph(64, 48)).decode()
    with flaky_server() as server:
        done = run(npm.node(), "uploads.mjs", server.url.rstrip("/"), picture, folder=site)
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        size = len(photograph(64, 48))
        assert told["status"]["state"] == "SUCCEEDED" and told["progress"] == [[size, size]]
        assert (told["again"], told["stopped"]) == ("AbortError", "AbortError")
        assert told["refused"] == "Refused"
        assert list(server.stored) == ["ticket-1"]


def test_waiting_ends_when_the_storage_says_that_the_link_has_expired(site: Path) -> None:
    (site / "late.mjs").write_text(
        'import { follow } from "upload-workflow";\n'
        "globalThis.fetch = async () => new Response(process.argv[2], { status: 403 });\n"
        'console.log(await follow({ status_url: "x:" }).catch((problem) => problem.message));\n'
    )
    done = run(npm.node(), "late.mjs", EXPIRED.decode(), folder=site)
    assert done.stdout == "The link to the result has expired.\n"


def test_an_address_without_an_api_is_said_at_once(site: Path) -> None:
    (site / "lost.mjs").write_text("""
        import { upload } from "upload-workflow";
        globalThis.fetch = async () => new Response('{"message": "Not Found"}', { status: 404 });
        const said = ({ name, message }) => `${name}: ${message}`;
        console.log(await upload("x:", new Blob()).catch(said));
    """)
    done = run(npm.node(), "lost.mjs", folder=site)
    assert done.stdout == "Refused: There is no upload API at this address.\n"


STRICT = ("--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess", "--noEmit")


@pytest.mark.parametrize("module", ["nodenext", "esnext --moduleResolution bundler"])
def test_the_documented_program_is_right_to_the_strictest_compiler(site: Path, module: str) -> None:
    compiler = npm.packages() / ".bin" / "tsc"
    options = [*STRICT, "--lib", "es2020,dom", "--types", "", "--module", *module.split()]
    # Documents of each kind that client.md shows are what the types describe.
    documents = [
        text
        for text in re.findall(r"^```json\n(.*?)^```$", DOCUMENT, re.M | re.S)
        if '"state"' in text
    ]
    assert documents
    typed = "\n".join(
        f"export const status{at}: Status = {text};" for at, text in enumerate(documents)
    )
    (site / "right.ts").write_text(f"{client_in('typescript')}\n{typed}")
    done = run(compiler, *options, "right.ts", folder=site)
    assert done.returncode == 0, done.stdout
    (site / "wrong.mts").write_text(
        'import { upload } from "upload-workflow";\n'
        "const status = await upload(5, new Blob());\nstatus.renditions[0].uri;\nexport {};\n"
    )
    wrong = run(compiler, *options, "--target", "es2022", "wrong.mts", folder=site)
    assert len(re.findall(r"error TS", wrong.stdout)) == 3, wrong.stdout


PAGE = """<!doctype html><title>A page without a bundler</title>
<script type="importmap">{ "imports": { "upload-workflow": "/upload-workflow/upload.js" } }</script>
<input type="file"><script type="module">
  import { upload } from "upload-workflow";
  const picker = document.querySelector("input");
  window.progress = [];
  picker.onchange = async () => {
    const onProgress = (sent, total) => progress.push(sent / total);
    window.status_document = await upload("/", picker.files[0], { onProgress });
  };
</script>"""


def test_a_page_without_a_bundler_imports_it(site: Path) -> None:
    installed = site / "node_modules" / "upload-workflow" / "upload.js"
    with flaky_server() as server, browser.chromium() as chromium:
        server.page = PAGE
        page: Any = chromium.new_page()
        page.add_init_script(WITHOUT_THEM)
        page.route(
            "**/upload-workflow/upload.js",
            lambda route: route.fulfill(path=installed, content_type="text/javascript"),
        )
        page.goto(server.url)
        chosen = {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": photograph(64, 48)}
        page.locator("input").set_input_files(chosen)
        page.wait_for_function("window.status_document")
        assert page.evaluate("status_document.state") == "SUCCEEDED"
        assert page.evaluate("progress[progress.length - 1]") == 1
    assert list(server.stored.values()) == [photograph(64, 48)]
