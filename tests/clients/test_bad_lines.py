"""Every client, the documented ones as they stand, on a line that fails in every way once.

The pauses between their tries are cut short from outside; nothing else of them is changed.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.clients import npm
from tests.clients.flaky_server import (
    EXPIRED,
    ISSUING,
    REFUSALS,
    REFUSING,
    SENDING,
    SILENT,
    SILENT_SECONDS,
    FlakyServer,
    flaky_server,
)
from tests.clients.test_documented_clients import (
    FILEPOND,
    FILEPOND_PAGE,
    IN_NODE,
    MODULE,
    UPPY,
    UPPY_PAGE,
    bundled,
    client_in,
    run,
)
from tests.local.pictures import photograph
from upload_workflow.__main__ import main
from upload_workflow.commands import upload_client
from upload_workflow.issue import page as upload_page
from upload_workflow.issue.request import parse

Upload = Callable[[FlakyServer, Path], bool]


@pytest.fixture(scope="module")
def server() -> Iterator[FlakyServer]:
    with flaky_server() as running:
        yield running


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    file = tmp_path / "photo"  # no extension: the bytes say what it is
    file.write_bytes(photograph(64, 48))
    return file


@pytest.fixture
def with_curl(tmp_path: Path) -> Upload:
    for tool in ("bash", "curl", "jq"):
        if shutil.which(tool) is None:
            pytest.skip(f"This needs {tool}: apt-get install curl jq.")
    script = tmp_path / "upload.sh"
    script.write_text(client_in("bash"))
    quick = tmp_path / "quick.sh"
    quick.write_text("sleep() { command sleep 0.01; }\n")

    def upload(server: FlakyServer, file: Path) -> bool:
        command = ["bash", str(script), server.url, str(file)]
        done = run(command, {"BASH_ENV": str(quick), "NO_PROXY": "127.0.0.1"})
        assert done.returncode == 0, done.stderr
        return Path(done.stdout.strip()).read_bytes().startswith(b"\xff\xd8")

    return upload


@pytest.fixture
def with_python(tmp_path: Path) -> Upload:
    script = tmp_path / "upload.py"
    script.write_text(client_in("python", '"""upload.py'))
    (tmp_path / "sitecustomize.py").write_text("import time\ntime.sleep = lambda seconds: None\n")

    def upload(server: FlakyServer, file: Path) -> bool:
        done = run(
            [sys.executable, str(script), server.url, str(file)], {"PYTHONPATH": str(tmp_path)}
        )
        assert done.returncode == 0, done.stderr
        return Path(done.stdout.strip()).read_bytes().startswith(b"\xff\xd8")

    return upload


def in_node(folder: Path) -> Upload:
    (folder / "run.mjs").write_text(IN_NODE)
    quick = folder / "quick.mjs"
    quick.write_text(
        "const real = setTimeout;\n"
        "globalThis.setTimeout = (act, ms, ...rest) => real(act, ms / 100, ...rest);\n"
    )

    def upload(server: FlakyServer, file: Path) -> bool:
        command = [npm.node(), "--import", str(quick), str(folder / "run.mjs")]
        done = run([*command, server.url, str(file), ""])
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        return bool(answer.get("status", {}).get("state") == "SUCCEEDED") or pytest.fail(
            str(answer)
        )

    return upload


@pytest.mark.parametrize("kind", ["issue", "send", "status"])
def test_the_curl_client_gives_up_a_silent_server_and_no_slow_one(
    kind: str, server: FlakyServer, photo: Path, tmp_path: Path, with_curl: Upload
) -> None:
    script = tmp_path / "upload.sh"
    text = script.read_text()
    assert "--max-time" not in text and text.count("--speed-time 60") == 1
    script.write_text(text.replace("--speed-time 60", "--speed-time 1"))
    server.fail({kind: [SILENT]})
    assert with_curl(server, photo)
    assert list(server.stored.values()) == [photo.read_bytes()]


@pytest.fixture
def with_javascript(tmp_path: Path) -> Upload:
    shutil.copy(MODULE, tmp_path / "client.mjs")
    return in_node(tmp_path)


@pytest.fixture
def with_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Upload:
    monkeypatch.setattr(upload_client, "_PATIENCE", (0,) * len(upload_client._PATIENCE))

    def upload(server: FlakyServer, file: Path) -> bool:
        out = tmp_path / "out"
        assert main(["upload", str(file), "--api", server.url, "--out", str(out), "--json"]) == 0
        (result,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return Path(result["renditions"][0]["file"]).read_bytes().startswith(b"\xff\xd8")

    return upload


# What came to browsers after 2020, by the object that has it.
YOUNG = {
    "AbortSignal": "any timeout",
    "AbortSignal.prototype": "throwIfAborted",
    "Array.prototype": "toSorted toReversed toSpliced with at findLast findLastIndex",
    "Object": "groupBy hasOwn",
    "Promise": "withResolvers any",
    "String.prototype": "replaceAll at",
    "Crypto.prototype": "randomUUID",
    "Element.prototype": "ariaLabel checkVisibility",
    "Blob.prototype": "bytes",
    "globalThis": "structuredClone scheduler",
}
WITHOUT_THEM = "".join(
    f"delete {place}.{name};" for place, names in YOUNG.items() for name in names.split()
)

CLOCK_AHEAD = """
const Real = Date;
globalThis.Date = class extends Real {
  constructor(...given) { super(...(given.length ? given : [Real.now() + HOURS * 3600e3])); }
  static now() { return Real.now() + HOURS * 3600e3; }
};
"""

QUICK = (
    "const real = setTimeout; window.setTimeout = (act, ms) => real(act, Math.min(ms, 20000) / 50);"
)


@pytest.fixture
def in_page(chromium: Any) -> Iterator[Callable[..., Upload]]:
    contexts: list[Any] = []

    def opened(*scripts: str) -> Upload:
        def upload(server: FlakyServer, file: Path) -> bool:
            server.page = upload_page.html(["image/jpeg"], 50_000_000)
            context = chromium.new_context()
            contexts.append(context)
            page = context.new_page()
            page.set_default_timeout(30_000)
            for script in scripts:
                page.add_init_script(script)
            errors: list[str] = []
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.goto(server.url)
            page.locator("#picker").set_input_files(str(file))
            page.locator(".file.ready, .file.failed, .file.refused").wait_for()
            assert page.locator(".file.ready").count() == 1, page.locator(".state").inner_text()
            return errors == []

        return upload

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def with_page(in_page: Callable[..., Upload]) -> Upload:
    return in_page(QUICK)


@pytest.fixture
def at_the_page(chromium: Any) -> Iterator[Callable[[FlakyServer, str], Any]]:
    """Opens a page that the server itself serves, with pauses cut short."""
    contexts: list[Any] = []

    def opened(server: FlakyServer, html: str) -> Any:
        server.page = html
        context = chromium.new_context()
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.add_init_script(QUICK)
        page.goto(server.url)
        return page

    yield opened
    for context in contexts:
        context.close()


def as_chosen(file: Path) -> dict[str, object]:
    """For the pages that make a file of it."""
    return {"name": file.name, "type": "image/jpeg", "bytes": list(file.read_bytes())}


@pytest.fixture
def with_uppy(at_the_page: Callable[[FlakyServer, str], Any], tmp_path: Path) -> Upload:
    html = UPPY_PAGE.replace("PROGRAM", bundled(UPPY, tmp_path))

    def upload(server: FlakyServer, file: Path) -> bool:
        page = at_the_page(server, html)
        told = page.evaluate("(all) => send(...all)", [server.url, None, [as_chosen(file)]])
        assert told["failed"] == []
        return bool(told["successful"][0]["state"] == "SUCCEEDED")

    return upload


@pytest.fixture
def with_filepond(at_the_page: Callable[[FlakyServer, str], Any], tmp_path: Path) -> Upload:
    html = FILEPOND_PAGE.replace("PROGRAM", bundled(FILEPOND, tmp_path))

    def upload(server: FlakyServer, file: Path) -> bool:
        page = at_the_page(server, html)
        page.evaluate("(all) => open_pond(...all)", [server.url, None])
        told = page.evaluate("(files) => send(files)", [as_chosen(file)])
        assert told == {file.name: "sent"}
        return bool(page.evaluate("ended[0].state") == "SUCCEEDED")

    return upload


CLIENTS = ("curl", "python", "javascript", "uppy", "filepond", "command", "page")


@pytest.mark.parametrize("faults", [ISSUING, SENDING], ids=["issuing and asking", "sending"])
@pytest.mark.parametrize("client", CLIENTS)
def test_one_file_gets_one_true_answer_on_a_line_that_fails_in_every_way(
    client: str,
    faults: Mapping[str, Sequence[str]],
    server: FlakyServer,
    photo: Path,
    request: pytest.FixtureRequest,
) -> None:
    upload: Upload = request.getfixturevalue(f"with_{client}")
    server.fail(faults)
    assert upload(server, photo)
    # The picture is there once: no try that had arrived was made again with another ticket.
    assert list(server.stored.values()) == [photo.read_bytes()]
    happened = {kind: left for kind, left in server.faults.items() if kind != "rendition"}
    assert not any(happened.values()), "a fault never happened"


@pytest.mark.parametrize("client", CLIENTS)
def test_a_ticket_that_the_storage_refuses_is_not_sent_again(
    client: str, server: FlakyServer, photo: Path, request: pytest.FixtureRequest
) -> None:
    upload: Upload = request.getfixturevalue(f"with_{client}")
    server.fail(REFUSING)
    assert upload(server, photo)
    assert list(server.refused.values()) == list(REFUSALS)
    assert list(server.stored) == [f"ticket-{len(REFUSALS) + 1}"]


# Node.js gives up a silent PUT by itself, after five minutes.
@pytest.mark.parametrize("kind", ["issue", "send", "status"])
@pytest.mark.parametrize("client", ["uppy", "page", "javascript"])
def test_a_server_that_falls_silent_is_asked_again(
    client: str,
    kind: str,
    server: FlakyServer,
    photo: Path,
    request: pytest.FixtureRequest,
) -> None:
    if (client, kind) == ("javascript", "send"):
        pytest.skip("Node.js itself waits for five minutes.")
    upload: Upload = request.getfixturevalue(f"with_{client}")
    server.fail({kind: [SILENT]})
    begun = time.monotonic()
    assert upload(server, photo)
    assert time.monotonic() - begun < SILENT_SECONDS
    assert list(server.stored.values()) == [photo.read_bytes()]


def taken_name(wish: bytes) -> str | None:
    """As the API takes it; raises Unacceptable if it does not."""
    return parse(wish, content_types=["image/jpeg"], forms=True, max_bytes=10**6).original_name


@pytest.mark.parametrize("name", [b"-x.jpg", b"caf\xe9.jpg"])
@pytest.mark.parametrize("client", ["curl", "python"])
def test_a_file_of_any_name_is_taken(
    client: str,
    name: bytes,
    *,
    server: FlakyServer,
    photo: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    upload: Upload = request.getfixturevalue(f"with_{client}")
    monkeypatch.chdir(photo.parent)
    file = photo.rename(os.fsdecode(name))
    server.fail({})
    assert upload(server, file)
    (wish,) = server.wishes
    told = taken_name(wish)
    assert told is not None and told.endswith(name[-4:].decode())


def test_javascript_tells_any_name_as_the_api_takes_it(server: FlakyServer, tmp_path: Path) -> None:
    shutil.copy(MODULE, tmp_path / "client.mjs")
    (tmp_path / "names.mjs").write_text(
        'import { issue } from "./client.mjs";\n'
        "for (const name of JSON.parse(process.argv[3])) {\n"
        '  await issue(process.argv[2], new File(["-"], name, { type: "image/jpeg" }));\n'
        "}\n"
    )
    names = ["", "写" * 171 + ".jpg", "\ud800.jpg", "x" * 251 + ".jpg", "ü" * 251, "😀" * 200]
    server.fail({})
    done = run([npm.node(), str(tmp_path / "names.mjs"), server.url, json.dumps(names)])
    assert done.returncode == 0, done.stderr
    told = [taken_name(wish) for wish in server.wishes]
    assert told == [None, "写" * 170, "\ufffd.jpg", names[3], names[4], "😀" * 128]


WITH_THE_MODULE = (
    '<!doctype html><input type="file"><p class="state"></p><script type="module">'
    f"{MODULE.read_text()}\n"
    """const state = document.querySelector(".state");
    document.querySelector("input").onchange = ({ target: { files } }) =>
      upload(location.href, files[0]).catch(({ message }) => { state.textContent = message; });
    </script>"""
)


@pytest.mark.parametrize("kind", ["page", "javascript"])
def test_a_file_that_goes_away_before_it_is_sent_is_told_as_that(
    kind: str, at_the_page: Callable[[FlakyServer, str], Any], server: FlakyServer, photo: Path
) -> None:
    html = upload_page.html(["image/jpeg"], 50_000_000) if kind == "page" else WITH_THE_MODULE
    server.fail({})
    page = at_the_page(server, html)

    def vanish(route: Any) -> None:
        photo.unlink()
        route.continue_()

    page.route("**/uploads", vanish)
    page.locator("input[type=file]").set_input_files(str(photo))
    page.get_by_text("The file cannot be read any more.", exact=True).wait_for()
    assert server.stored == {} and server.issued == 1


@contextmanager
def slow_line(page: Any) -> Iterator[None]:
    """As much as a phone at the edge of its network sends: half a second for each 50 kB."""
    network = page.context.new_cdp_session(page)
    conditions = {"offline": False, "latency": 0, "downloadThroughput": -1}
    network.send("Network.enable")
    network.send("Network.emulateNetworkConditions", {**conditions, "uploadThroughput": 100_000})
    yield
    network.send("Network.emulateNetworkConditions", {**conditions, "uploadThroughput": -1})


SEEN_TO_MOVE = "new Set(progress.filter((at) => at > 0 && at < 1)).size > 2"
LARGE = {"name": "a.jpg", "type": "image/jpeg", "bytes": [0xFF, 0xD8, 0xFF, *bytes(400_000)]}


def test_filepond_shows_progress_and_can_be_canceled_and_undone(
    at_the_page: Callable[[FlakyServer, str], Any], server: FlakyServer, tmp_path: Path
) -> None:
    server.fail({})
    page = at_the_page(server, FILEPOND_PAGE.replace("PROGRAM", bundled(FILEPOND, tmp_path)))
    page.evaluate(
        """(api) => open_pond(api, null, { forget: async (key) => { window.forgotten = key; } })""",
        server.url,
    )
    with slow_line(page):
        page.evaluate("(file) => void send([file])", LARGE)
        page.wait_for_function(SEEN_TO_MOVE)
        page.locator(".filepond--action-abort-item-processing").click()
        page.wait_for_function("pond.getFiles().length === 0")
    assert server.stored == {}
    assert page.evaluate("(file) => send([file])", LARGE) == {"a.jpg": "sent"}
    assert (list(server.stored), server.issued) == (["ticket-2"], 2)
    assert page.locator("input[type=hidden][name=picture]").input_value() == "ticket-2"
    page.locator(".filepond--action-revert-item-processing").click()
    page.wait_for_function("window.forgotten === 'ticket-2' && pond.getFiles().length === 0")


def test_uppy_shows_progress_and_can_be_canceled(
    at_the_page: Callable[[FlakyServer, str], Any], server: FlakyServer, tmp_path: Path
) -> None:
    server.fail({})
    page = at_the_page(server, UPPY_PAGE.replace("PROGRAM", bundled(UPPY, tmp_path)))
    with slow_line(page):
        page.evaluate("(all) => { window.sent = send(...all); }", [server.url, None, [LARGE]])
        page.wait_for_function(SEEN_TO_MOVE)
        page.evaluate("uppy.cancelAll()")
        assert page.evaluate("sent") == {"successful": [], "failed": []}
    assert server.stored == {}


@pytest.mark.parametrize("hours", [-2, 1.1, 26])
@pytest.mark.parametrize("kind", ["page", "javascript"])
def test_the_clock_of_a_device_does_not_matter(
    kind: str, hours: float, server: FlakyServer, photo: Path, request: pytest.FixtureRequest
) -> None:
    clock = CLOCK_AHEAD.replace("HOURS", str(hours))
    if kind == "page":
        upload = request.getfixturevalue("in_page")(QUICK, clock)
    else:
        (photo.parent / "client.mjs").write_text(clock + MODULE.read_text())
        upload = in_node(photo.parent)
    server.fail({})
    assert upload(server, photo)
    assert server.issued == 1


def test_the_page_needs_nothing_that_browsers_of_2020_lack(
    in_page: Callable[..., Upload], server: FlakyServer, photo: Path
) -> None:
    server.fail({})
    assert in_page(WITHOUT_THEM)(server, photo)


def test_a_link_that_ended_is_told_by_the_storage_and_not_by_a_clock(
    chromium: Any, server: FlakyServer, photo: Path
) -> None:
    server.page = upload_page.html(["image/jpeg"], 50_000_000)
    server.fail({})
    context = chromium.new_context()
    try:
        page = context.new_page()
        answer = {"status": 403, "body": EXPIRED.decode(), "content_type": "application/xml"}
        page.route("**/status.json", lambda route: route.fulfill(**answer))
        page.goto(server.url)
        page.locator("#picker").set_input_files(str(photo))
        page.locator(".file.failed").wait_for()
        assert page.locator(".state").inner_text() == "The link to the result has expired."
    finally:
        context.close()


def test_a_file_that_is_no_picture_is_shown_by_its_name_and_type(
    at_the_page: Callable[[FlakyServer, str], Any], server: FlakyServer, photo: Path
) -> None:
    """What a kind of work of an embedder's own makes."""
    server.fail({})
    page = at_the_page(server, upload_page.html(["text/plain"], 50_000_000))
    made = {"name": "counted", "content_type": "application/json", "bytes": 90}
    made["url"] = f"{server.url}rendition"
    ended = {"state": "SUCCEEDED", "upload": {}, "renditions": [made]}
    page.route("**/status.json", lambda route: route.fulfill(json=ended))
    assert page.locator("h1").inner_text() == "Upload files"
    page.locator("#picker").set_input_files(str(photo))
    shown = page.locator(".renditions a")
    shown.wait_for()
    assert shown.inner_text().split() == ["counted", "JSON,", "90", "bytes"]
    assert shown.locator("img").count() == 0
