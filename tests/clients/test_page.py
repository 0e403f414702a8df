"""The upload page in a real browser, against the module on the local AWS.

Screenshots go to build/screenshots. `page.evaluate` and locators pass the page's policy; whatever
would need `eval` inside the page does not.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local import client, paths
from tests.clients import npm
from tests.clients.conftest import Deployment
from tests.clients.token_issuer import TokenIssuer
from tests.local.pictures import photograph

SCREENSHOTS = paths.BUILD / "screenshots"

# Chromium tells of these on the console by itself; everything else there is a mistake of ours.
EXPECTED = re.compile(r"Failed to load resource")

DESK = {"viewport": {"width": 1100, "height": 900}}
PHONE = {"viewport": {"width": 375, "height": 812}, "device_scale_factor": 2, "is_mobile": True}

Open = Callable[..., Any]


@pytest.fixture
def open_page(chromium: Any, open_api: Deployment) -> Iterator[Open]:
    """Opens the page; at the end, the console may hold nothing that was not expected."""
    contexts: list[Any] = []
    told: list[str] = []

    def opened(url: str = open_api.url, **options: Any) -> Any:
        context = chromium.new_context(**{**DESK, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("console", lambda message: told.append(message.text))
        page.on("pageerror", lambda error: told.append(str(error)))
        page.goto(url)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert [text for text in told if not EXPECTED.search(text)] == []


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("files")
    contents = {
        "Beach.jpg": photograph(1600, 1067),
        "Portrait.jpg": photograph(800, 1200),
        "Not a picture.jpg": b"This is a text that calls itself a picture.\n" * 40,
        "Panorama.jpg": photograph(5200, 2600),
    }
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return {name: folder / name for name in contents}


def choose(page: Any, *chosen: Path) -> None:
    page.locator("#picker").set_input_files([str(file) for file in chosen])


def upload(page: Any, name: str) -> Any:
    return page.locator(".file").filter(has=page.get_by_role("heading", name=name, exact=True))


def wait(page: Any, name: str, kind: str, seconds: int = 60) -> Any:
    """The upload of this name, when it has come to this end."""
    found = page.locator(f".file.{kind}").filter(
        has=page.get_by_role("heading", name=name, exact=True)
    )
    found.wait_for(timeout=seconds * 1000)
    return found


def see_pictures(page: Any, count: int) -> None:
    """Waits until so many renditions are shown, not only named."""
    shown = """(images) => images.filter((image) => image.naturalWidth > 0
        && getComputedStyle(image).visibility === "visible").length"""
    deadline = time.monotonic() + 30
    while page.locator(".renditions img").evaluate_all(shown) < count:
        assert time.monotonic() < deadline, "The renditions do not arrive."
        page.wait_for_timeout(50)


def picture(page: Any, name: str, **options: Any) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True, **options)


def serious(page: Any) -> list[str]:
    """What axe-core finds, but for what it calls minor or moderate."""
    source = (npm.packages() / "axe-core" / "axe.min.js").read_text()
    page.evaluate(source + "; undefined")
    found = page.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")
    assert found["passes"], "axe-core looked at nothing"
    return [
        f"{each['id']}: {each['help']} ({each['nodes'][0]['html'][:120]})"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("light", {"color_scheme": "light"}),
        ("dark", {"color_scheme": "dark"}),
        ("phone", {"color_scheme": "light", **PHONE}),
    ],
)
def test_two_pictures_are_shown_and_one_file_is_refused_in_words(
    open_page: Open, files: dict[str, Path], name: str, options: dict[str, Any]
) -> None:
    page = open_page(**options)
    picture(page, f"{name}-empty")
    choose(page, files["Beach.jpg"], files["Portrait.jpg"], files["Not a picture.jpg"])
    for shown in ("Beach.jpg", "Portrait.jpg"):
        card = wait(page, shown, "ready")
        assert re.fullmatch(
            r"Ready \d+\.\d s after the upload", card.locator(".state").inner_text()
        )
        assert card.locator(".renditions li").count() == 4
    portrait = upload(page, "Portrait.jpg").locator(".renditions li")
    # In the order of the document, which is the same for every picture.
    names = [text.splitlines()[0] for text in portrait.all_inner_texts()]
    assert names == ["card", "large", "square", "thumbnail"]
    assert portrait.last.inner_text().splitlines()[:2] == ["thumbnail", "240 \u00d7 240"]
    refused = wait(page, "Not a picture.jpg", "refused")
    assert "This is not an image." in refused.locator(".state").inner_text()
    assert refused.get_by_role("button").count() == 0  # trying again is of no use
    assert page.locator("#summary").inner_text() == "2 ready, 1 not accepted"
    see_pictures(page, 8)
    picture(page, name)
    assert serious(page) == []


def test_a_file_that_is_no_picture_at_all_is_refused_before_it_is_sent(
    open_page: Open, tmp_path: Path
) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("hello")
    page = open_page()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    choose(page, notes)
    words = wait(page, "notes.txt", "refused").locator(".state").inner_text()
    assert words.startswith("Files of this type are not accepted. Accepted are JPEG, PNG,")
    assert [url for url in sent if "-uploads-" in url] == []


def test_everything_is_reached_and_told_without_a_mouse(
    open_page: Open, files: dict[str, Path]
) -> None:
    page = open_page()
    # The browser is told early to hand its file dialog over: told at the key press it may miss it.
    page.on("filechooser", lambda _: None)
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.id") == "choose"
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files([str(files["Portrait.jpg"])])
    wait(page, "Portrait.jpg", "ready")
    # What a screen reader says at the end of it.
    assert page.get_by_role("status").filter(has_text="Portrait.jpg: Ready").count() == 1
    page.keyboard.press("Tab")
    focused = page.evaluate("() => document.activeElement.innerText")
    assert focused.startswith("card")
    assert serious(page) == []


DROPPED = """async ({name, data}) => {
  const transfer = new DataTransfer();
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  transfer.items.add(new File([bytes], name, { type: "image/jpeg" }));
  return transfer;
}"""


def test_pictures_can_be_dropped_and_pasted(open_page: Open, files: dict[str, Path]) -> None:
    page = open_page()
    data = base64.b64encode(files["Portrait.jpg"].read_bytes()).decode()
    dropped = page.evaluate_handle(DROPPED, {"name": "Dropped.jpg", "data": data})
    page.dispatch_event("body", "dragover", {"dataTransfer": dropped})
    assert "dragging" in (page.locator("body").get_attribute("class") or "")
    page.dispatch_event("body", "drop", {"dataTransfer": dropped})
    pasted = page.evaluate_handle(DROPPED, {"name": "Pasted.jpg", "data": data})
    page.evaluate(
        "(files) => document.body.dispatchEvent("
        "new ClipboardEvent('paste', { clipboardData: files, bubbles: true }))",
        pasted,
    )
    wait(page, "Dropped.jpg", "ready")
    wait(page, "Pasted.jpg", "ready")
    assert "dragging" not in (page.locator("body").get_attribute("class") or "")


class Line:
    """The page's connection, slower than the machine's; one session, because two would argue."""

    def __init__(self, page: Any) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("Network.enable")

    def set(self, bytes_a_second: int = -1, *, offline: bool = False) -> None:
        conditions = {"offline": offline, "latency": 20, "downloadThroughput": bytes_a_second}
        conditions["uploadThroughput"] = bytes_a_second
        self._session.send("Network.emulateNetworkConditions", conditions)


UPLOADING = re.compile(r"Uploading, [1-9]\d? % of \d+ kB")
OFFLINE = "Offline. It goes on when the connection is back."


def test_a_slow_line_shows_how_far_an_upload_is(open_page: Open, files: dict[str, Path]) -> None:
    page = open_page()
    Line(page).set(300_000)
    choose(page, files["Panorama.jpg"])
    page.get_by_text(UPLOADING).wait_for()
    bar = page.get_by_role("progressbar", name="Progress of Panorama.jpg")
    assert 0 < float(bar.get_attribute("value")) < 1
    picture(page, "uploading")
    wait(page, "Panorama.jpg", "ready")


def test_many_pictures_take_turns_and_all_arrive(
    open_page: Open, files: dict[str, Path], tmp_path: Path
) -> None:
    many = [tmp_path / f"{number}.jpg" for number in range(5)]
    for file in many:
        file.write_bytes(files["Portrait.jpg"].read_bytes())
    page = open_page()
    line = Line(page)
    line.set(100_000)
    choose(page, *many)
    page.get_by_text("3 under way, 2 waiting", exact=True).wait_for()
    line.set()
    for file in many:
        wait(page, file.name, "ready")
    assert page.locator("#summary").inner_text() == "5 ready"


@pytest.mark.parametrize(
    ("when", "moment"),
    [
        ("before", None),
        ("while it is sent", UPLOADING),
        ("while it is converted", re.compile("Uploaded, ")),
    ],
)
def test_a_connection_that_comes_and_goes_ends_in_the_truth(
    open_page: Open, files: dict[str, Path], when: str, moment: re.Pattern[str] | None
) -> None:
    page = open_page()
    line = Line(page)
    line.set(300_000, offline=moment is None)
    choose(page, files["Panorama.jpg"])
    if moment:
        page.get_by_text(moment).wait_for()
    for slowly in (300_000, 2_000_000, -1):
        line.set(offline=True)
        page.locator("#offline").wait_for()
        page.get_by_text(OFFLINE).or_(page.locator(".ready")).wait_for()
        picture(page, f"offline {when}".replace(" ", "-"))
        line.set(slowly)
        page.locator("#offline").wait_for(state="hidden")
    wait(page, "Panorama.jpg", "ready")
    assert page.locator("#summary").inner_text() == "1 ready"
    see_pictures(page, 4)


def test_a_picture_that_arrived_without_an_answer_is_not_sent_again(
    open_page: Open, files: dict[str, Path]
) -> None:
    page = open_page()
    issued: dict[str, Any] = {}
    sent = []

    def issue(route: Any) -> None:
        answer = route.fetch()
        issued.update(answer.json())
        route.fulfill(response=answer)

    def lose_the_answer(route: Any) -> None:
        sent.append(route.request.url)
        form = issued["upload"]
        client.send(form, "a.jpg", files["Portrait.jpg"].read_bytes())
        client.follow(issued["status_url"], 60)
        route.abort()

    page.route("**/uploads", issue)
    page.route("**/open-uploads-*/**", lose_the_answer)
    choose(page, files["Portrait.jpg"])
    wait(page, "Portrait.jpg", "ready")
    assert len(sent) == 1


def test_a_busy_api_is_asked_again(open_page: Open, files: dict[str, Path]) -> None:
    page = open_page()
    answers = iter([429, 503])

    def answer(route: Any) -> None:
        status = next(answers, None)
        route.continue_() if status is None else route.fulfill(status=status, body="{}")

    page.route("**/uploads", answer)
    choose(page, files["Portrait.jpg"])
    page.get_by_text("The server is busy. Trying again.").first.wait_for()
    wait(page, "Portrait.jpg", "ready")


def test_an_api_that_is_not_there_ends_in_words_and_a_second_chance(
    open_page: Open, files: dict[str, Path]
) -> None:
    page = open_page()
    page.clock.install()
    page.route("**/uploads", lambda route: route.abort())
    choose(page, files["Portrait.jpg"])
    for _ in range(6):
        page.get_by_text("The server cannot be reached. Trying again.").wait_for()
        page.clock.run_for(9_000)
    failed = wait(page, "Portrait.jpg", "failed")
    assert failed.locator(".state").inner_text() == "The server cannot be reached."
    picture(page, "failed")
    assert serious(page) == []
    page.unroute("**/uploads")
    page.clock.resume()
    failed.get_by_role("button", name="Try again: Portrait.jpg").click()
    wait(page, "Portrait.jpg", "ready")


def test_an_upload_can_be_canceled_and_taken_up_again_by_the_keyboard(
    open_page: Open, files: dict[str, Path]
) -> None:
    page = open_page()
    line = Line(page)
    line.set(300_000)
    choose(page, files["Panorama.jpg"])
    page.get_by_text(UPLOADING).wait_for()
    page.get_by_role("button", name="Cancel: Panorama.jpg").focus()
    page.keyboard.press("Enter")
    canceled = wait(page, "Panorama.jpg", "canceled")
    assert canceled.locator(".state").inner_text() == "Canceled."
    assert page.locator("#summary").inner_text() == "1 canceled"
    # The button is gone; the place is kept, at the file's name.
    focused = "() => document.activeElement.innerText"
    assert page.evaluate(focused) == "Panorama.jpg"
    page.keyboard.press("Tab")
    assert page.evaluate(focused) == "Try again"
    line.set()
    page.keyboard.press("Enter")
    assert page.evaluate(focused) == "Panorama.jpg"
    wait(page, "Panorama.jpg", "ready")


def test_a_double_click_on_try_again_does_not_cancel(
    open_page: Open, files: dict[str, Path]
) -> None:
    page = open_page()
    Line(page).set(300_000)
    choose(page, files["Panorama.jpg"])
    page.get_by_text(UPLOADING).wait_for()
    page.get_by_role("button", name="Cancel: Panorama.jpg").click()
    page.get_by_role("button", name="Try again: Panorama.jpg").dblclick()
    page.get_by_text(UPLOADING).wait_for()


def test_the_page_says_beforehand_what_is_taken(open_page: Open) -> None:
    said = open_page().locator("#taken").inner_text()
    assert said == "JPEG, PNG, WebP, GIF, AVIF, TIFF or BMP, up to 50 MB"


def test_an_api_for_tokens_asks_for_one(
    open_page: Open, token_api: Deployment, issuer: TokenIssuer, files: dict[str, Path]
) -> None:
    page = open_page(token_api.url)
    line = Line(page)
    line.set(offline=True)
    choose(page, files["Beach.jpg"])
    page.get_by_role("button", name="Cancel: Beach.jpg").click()
    line.set()
    choose(page, files["Portrait.jpg"])
    wait(page, "Portrait.jpg", "failed")
    assert page.evaluate("() => document.activeElement.id") == "token"
    picture(page, "token")
    assert serious(page) == []
    page.keyboard.type(issuer.token(scope="upload"))
    page.keyboard.press("Enter")
    wait(page, "Portrait.jpg", "ready")
    assert not page.locator("#signin").is_visible()
    # What somebody has canceled is not sent because they signed in.
    assert page.locator("#summary").inner_text() == "1 ready, 1 canceled"


def test_the_page_fits_the_narrowest_phone(open_page: Open, files: dict[str, Path]) -> None:
    page = open_page(viewport={"width": 320, "height": 640}, is_mobile=True)
    choose(page, files["Portrait.jpg"])
    wait(page, "Portrait.jpg", "ready")
    wide = page.evaluate("() => document.documentElement.scrollWidth")
    assert wide <= 320


def test_the_page_is_one_small_request(chromium: Any, open_api: Deployment) -> None:
    context = chromium.new_context()
    page = context.new_page()
    bodies: dict[str, int] = {}
    page.on("response", lambda answer: bodies.update({answer.url: len(answer.body())}))
    page.goto(open_api.url, wait_until="networkidle")
    context.close()
    assert list(bodies) == [open_api.url]
    assert bodies[open_api.url] < 40_000
