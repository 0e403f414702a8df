"""Draws the contact sheet: one HTML file in which each upload lies beside its renditions.

Pure: outcomes in, text out. Pictures are in the file itself, so it can be moved and mailed.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from statistics import median

from local.client import Rendition

_STYLE = Path(__file__).with_suffix(".css")

_ENLARGE = """
const dialog = document.querySelector("dialog"), large = dialog.querySelector("img");
document.addEventListener("click", event => {
  const button = event.target.closest("figure button");
  if (button) {
    const image = button.querySelector("img");
    large.src = image.src; large.alt = image.alt; dialog.showModal();
  } else if (event.target.closest("dialog")) dialog.close();
});
"""

_FORMATS = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WebP",
    "image/avif": "AVIF",
}


@dataclass(frozen=True)
class Outcome:
    """What became of one upload, and how long its client waited.

    `sent_seconds` is the part of `seconds` that the upload itself took; `width` and `height` are
    the original's, None when it turned out to be no image.
    """

    title: str
    credit: str
    file_name: str
    content_type: str
    data: bytes
    state: str
    seconds: float
    sent_seconds: float
    width: int | None = None
    height: int | None = None
    renditions: tuple[Rendition, ...] = ()
    code: str | None = None
    message: str | None = None


def render(outcomes: Sequence[Outcome], footer: Sequence[str]) -> str:
    """The whole page. `footer` says on what it was made, in sentences."""
    slowest = max((outcome.seconds for outcome in outcomes), default=1.0)
    made = sum(len(outcome.renditions) for outcome in outcomes)
    figures = {
        "uploads": str(len(outcomes)),
        "succeeded": str(sum(outcome.state == "SUCCEEDED" for outcome in outcomes)),
        "rejected": str(sum(outcome.state == "REJECTED" for outcome in outcomes)),
        "renditions": str(made),
        "median, upload to result": f"{median(o.seconds for o in outcomes):.2f} s",
    }
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Contact sheet</title><style>{_STYLE.read_text()}</style></head><body>",
            "<h1>Contact sheet</h1>",
            '<p class="lead">Each file went to S3 by a pre-signed form; EventBridge started the '
            "workflow, one Lambda function made all renditions, and the client found them at the "
            "status URL it polled. All of it on this machine.</p>",
            '<ul class="figures">',
            *(f"<li><b>{value}</b><span>{name}</span></li>" for name, value in figures.items()),
            "</ul>",
            *(_job(outcome, slowest) for outcome in outcomes),
            f"<footer>{' '.join(escape(line) for line in footer)}</footer>",
            '<dialog aria-label="Enlarged picture"><img alt=""></dialog>',
            f"<script>{_ENLARGE}</script></body></html>",
        ]
    )


def _job(outcome: Outcome, slowest: float) -> str:
    kind = outcome.state if outcome.state in ("SUCCEEDED", "REJECTED", "FAILED") else "unfinished"
    body = _pictures(outcome) if outcome.state == "SUCCEEDED" else _reason(outcome)
    return (
        f'<article class="job {kind}"><header><h2>{escape(outcome.title)}</h2>'
        f'<span class="small credit">{escape(outcome.credit)}</span>'
        f'<span class="state">{escape(outcome.state)}</span></header>'
        f"{body}{_time(outcome, slowest)}</article>"
    )


def _pictures(outcome: Outcome) -> str:
    original = _figure(
        outcome.file_name,
        f"{_size(outcome.width, outcome.height)} · {_format(outcome.content_type)} · "
        f"{readable(len(outcome.data))}",
        outcome.content_type,
        outcome.data,
    )
    renditions = "".join(
        _figure(
            rendition.name,
            f"{_size(rendition.width, rendition.height)} · {_format(rendition.content_type)} · "
            f"{readable(len(rendition.data))}",
            rendition.content_type,
            rendition.data,
        )
        for rendition in outcome.renditions
    )
    return (
        f'<div class="pictures"><div class="original">{original}</div>'
        f'<div class="renditions">{renditions}</div></div>'
    )


def _reason(outcome: Outcome) -> str:
    text = outcome.data[:600].decode("utf-8", errors="replace")
    excerpt = f"<pre>{escape(text)}</pre>" if text.isprintable() or "\n" in text else ""
    return (
        f'<div class="pictures"><figure class="original">{excerpt}<figcaption>'
        f"<b>{escape(outcome.file_name)}</b><span>sent as {escape(outcome.content_type)} · "
        f"{readable(len(outcome.data))}</span></figcaption></figure>"
        f'<p class="reason"><b>{escape(outcome.code or outcome.state)}</b>'
        f"{escape(outcome.message or 'No reason was given.')}</p></div>"
    )


def _figure(name: str, facts: str, content_type: str, data: bytes) -> str:
    source = f"data:{escape(content_type)};base64,{base64.b64encode(data).decode()}"
    return (
        f'<figure><button type="button" title="Enlarge"><img alt="{escape(name)}" src="{source}">'
        f"</button><figcaption><b>{escape(name)}</b><span>{facts}</span></figcaption></figure>"
    )


def _time(outcome: Outcome, slowest: float) -> str:
    sent = 100 * outcome.sent_seconds / slowest
    rest = 100 * (outcome.seconds - outcome.sent_seconds) / slowest
    return (
        '<div class="time"><div class="bar" title="upload, then everything else">'
        f'<i style="width:{sent:.1f}%"></i><i style="width:{rest:.1f}%"></i></div>'
        f"<span>{outcome.sent_seconds:.2f} s upload, {outcome.seconds:.2f} s to the result</span>"
        "</div>"
    )


def _size(width: int | None, height: int | None) -> str:
    return f"{width} × {height}" if width and height else "?"  # noqa: RUF001


def _format(content_type: str) -> str:
    return _FORMATS.get(content_type) or escape(content_type)


def readable(size_bytes: int) -> str:
    """A size such as "471 kB" or "2.3 MB", in powers of ten as file managers show it."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    if size_bytes < 1_000_000:
        return f"{size_bytes / 1000:.0f} kB"
    return f"{size_bytes / 1_000_000:.1f} MB"
