"""Sends real photographs through the whole workflow on this machine and shows what became of them.

Knows the order of things: start, apply, upload, wait, save, destroy, stop.
"""

from __future__ import annotations

import queue
import shutil
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from local import client, contact_sheet, paths, samples
from local.aws.launcher import EXPECTED_MINISTACK
from local.aws.server import local_aws
from local.contact_sheet import Outcome, readable
from local.issuing import issuer
from local.progress import Progress
from local.samples import Sample
from local.stack import Stack, apply, configured, set_up
from upload_workflow.issue.issue import Issued
from upload_workflow.issue.request import UploadRequest

OUTPUT = paths.BUILD / "demo"

# A cold start and seven conversions on two cores take three seconds; a retry after a crash four.
_PATIENCE_SECONDS = 60.0

_DRAW_SECONDS = 0.1


@dataclass(frozen=True)
class News:
    """What one upload is doing; with an outcome it is over."""

    sample: Sample
    text: str
    outcome: Outcome | None = None


def demo() -> int:
    """The exit code: 0 when every upload reached the state that it should."""
    set_up()
    photographs = samples.fetch()
    progress = Progress(sys.stdout)
    with ExitStack() as resources:
        progress.show("Photographs", f"{len(photographs)} files", "done")
        with progress.step("Local AWS", "starting") as say:
            aws = resources.enter_context(local_aws())
            say(f"MiniStack {EXPECTED_MINISTACK} at {aws.endpoint_url}")
        with progress.step("Module", "preparing") as say:
            root = resources.enter_context(configured(aws, aws.folder / "stack"))
            progress.show("Module", f"applying with {root.terraform.description} ...")
            stack = apply(aws, root)
            say(f"applied with {root.terraform.description}")
        progress.show("Provider", root.provider.name, "done")
        outcomes = send_all(photographs, stack, progress)
        with progress.step("Contact sheet", "drawing") as say:
            say(str(save(outcomes, stack)))
        with progress.step("Destroy", "destroying") as say:
            root.run("destroy")
            say("destroyed")
    print(f"\n{root.provider.shows}\n")
    return told(photographs, outcomes)


def told(photographs: Sequence[Sample], outcomes: Sequence[Outcome]) -> int:
    """Says how it went, the summary last; the exit code."""
    wrong = [
        outcome
        for sample, outcome in zip(photographs, outcomes, strict=True)
        if outcome.state != ("REJECTED" if sample.rejected else "SUCCEEDED")
    ]
    for outcome in wrong:
        print(f"{outcome.file_name} should not be {outcome.state}: {outcome.message}")
    if wrong:
        print(f"What the functions said is in {OUTPUT / 'log.txt'}.\n")
    print(summary(outcomes))
    return 1 if wrong else 0


def summary(outcomes: Sequence[Outcome]) -> str:
    """The last line, for people and programs."""
    states = Counter(outcome.state for outcome in outcomes)
    middle = median(outcome.seconds for outcome in outcomes)
    return (
        f"demo: {len(outcomes)} uploads, {states['SUCCEEDED']} SUCCEEDED, "
        f"{states['REJECTED']} REJECTED, median {middle:.2f} s"
    )


def send_all(photographs: Sequence[Sample], stack: Stack, progress: Progress) -> list[Outcome]:
    """Uploads all at once, as many clients would, and waits for every one of them."""
    news: queue.Queue[News] = queue.Queue()
    issue = issuer(stack)
    progress.expect([sample.file_name for sample in photographs])
    for sample in photographs:
        # Daemons: when we are interrupted, the stack goes and their connections end with it.
        threading.Thread(target=send, args=(sample, issue, news), daemon=True).start()
    outcomes: dict[Sample, Outcome] = {}
    while len(outcomes) < len(photographs):
        try:
            latest = news.get(timeout=_DRAW_SECONDS)
        except queue.Empty:
            progress.draw()
            continue
        if latest.outcome is None:
            progress.show(latest.sample.file_name, latest.text)
        else:
            outcomes[latest.sample] = latest.outcome
            mood = {"SUCCEEDED": "done", "REJECTED": "refused"}.get(latest.outcome.state, "wrong")
            progress.show(latest.sample.file_name, latest.text, mood)
    return [outcomes[sample] for sample in photographs]


def send(sample: Sample, issue: Callable[[UploadRequest], Issued], news: queue.Queue[News]) -> None:
    """The whole of what one client does; tells the news as it goes."""
    data = sample.path.read_bytes()
    started = time.monotonic()
    sent_seconds = 0.0
    state, code, message = "UNANSWERED", None, None
    image: dict[str, int] = {}
    renditions: tuple[client.Rendition, ...] = ()
    try:
        issued = issue(UploadRequest(sample.content_type, len(data), sample.file_name))
        started = time.monotonic()
        news.put(News(sample, f"sending {readable(len(data))}"))
        client.send(issued.upload.to_json(), sample.file_name, data)
        sent_seconds = time.monotonic() - started
        document = client.follow(
            issued.status.url, _PATIENCE_SECONDS, lambda seen: news.put(News(sample, seen))
        )
        state = document["state"]
        seconds = time.monotonic() - started
        image = document.get("image") or {}
        listed = sorted(document.get("renditions") or [], key=lambda r: r["width"] * r["height"])
        renditions = tuple(client.fetch(rendition) for rendition in listed)
        error = document.get("error") or {}
        code, message = error.get("code"), error.get("message")
    except Exception as problem:  # noqa: BLE001  whatever it is, the outcome is waited for
        seconds = time.monotonic() - started
        message = str(problem)
    outcome = Outcome(
        sample.title,
        sample.credit,
        sample.file_name,
        sample.content_type,
        data,
        state,
        seconds,
        sent_seconds,
        image.get("width"),
        image.get("height"),
        renditions,
        code,
        message,
    )
    told = code or f"{len(renditions)} renditions" if state in client.TERMINAL else message
    news.put(News(sample, f"{state} after {seconds:.2f} s: {told}", outcome))


def save(outcomes: Sequence[Outcome], stack: Stack) -> Path:
    """Writes renditions, the functions' logs and the contact sheet; the sheet's path."""
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir(parents=True)  # also when there is nothing but a log to write
    for outcome in outcomes:
        folder = OUTPUT / Path(outcome.file_name).stem
        for rendition in outcome.renditions:
            folder.mkdir(parents=True, exist_ok=True)
            extension = rendition.content_type.removeprefix("image/")
            (folder / f"{rendition.name}.{extension}").write_bytes(rendition.data)
    (OUTPUT / "log.txt").write_text("".join(logged(stack)))
    sheet = OUTPUT / "index.html"
    root = stack.root
    made_with = (
        f"Made with {root.terraform.description}, {root.provider.name} and "
        f"MiniStack {EXPECTED_MINISTACK}."
    )
    sheet.write_text(contact_sheet.render(outcomes, [made_with, root.provider.shows]))
    return sheet


def logged(stack: Stack) -> Iterator[str]:
    """All lines that the stack's functions have logged."""
    logs = stack.aws.client("logs")
    for function in stack.outputs["functions"].values():
        yield f"{function['name']}\n"
        pages = logs.get_paginator("filter_log_events")
        for page in pages.paginate(logGroupName=f"/aws/lambda/{function['name']}"):
            yield from (f"  {event['message'].rstrip()}\n" for event in page["events"])
