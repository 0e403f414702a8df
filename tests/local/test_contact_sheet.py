"""The contact sheet as text: what it says, and that nothing in a file can become part of it."""

from __future__ import annotations

import re

from local.client import Rendition
from local.contact_sheet import Outcome, readable, render


def outcome(**changes: object) -> Outcome:
    facts: dict[str, object] = {
        "title": "A cat",
        "credit": "somebody, CC0",
        "file_name": "cat.jpg",
        "content_type": "image/jpeg",
        "data": b"original",
        "state": "SUCCEEDED",
        "seconds": 0.5,
        "sent_seconds": 0.1,
        "width": 800,
        "height": 600,
        "renditions": (Rendition("thumbnail", "image/webp", 240, 180, b"small"),),
        **changes,
    }
    return Outcome(**facts)


def test_an_original_lies_beside_its_renditions_with_sizes_formats_and_time() -> None:
    page = render([outcome()], [])
    assert "data:image/jpeg;base64,b3JpZ2luYWw=" in page
    assert "data:image/webp;base64,c21hbGw=" in page
    assert "800 \u00d7 600 · JPEG · 8 B" in page
    assert "240 \u00d7 180 · WebP · 5 B" in page
    assert "0.10 s upload, 0.50 s to the result" in page


def test_a_rejected_file_is_shown_with_its_reason_and_what_it_holds() -> None:
    refused = outcome(
        state="REJECTED",
        data=b"Dear <diary>",
        code="NotAnImage",
        message="Send a picture.",
        renditions=(),
    )
    page = render([outcome(), refused], [])
    assert "NotAnImage" in page and "Send a picture." in page
    assert "Dear &lt;diary&gt;" in page
    assert "<b>2</b><span>uploads" in page and "<b>1</b><span>rejected" in page


def test_an_upload_without_an_end_is_shown_as_such() -> None:
    page = render([outcome(state="RUNNING", renditions=(), message=None)], [])
    assert 'class="job unfinished"' in page
    assert "No reason was given." in page


def test_names_and_messages_are_text_not_markup() -> None:
    nasty = '"><script>alert(1)</script>'
    page = render(
        [
            outcome(title=nasty, credit=nasty, file_name=nasty, content_type=nasty),
            outcome(state="REJECTED", data=nasty.encode(), code=nasty, message=nasty),
        ],
        [nasty],
    )
    assert page.count("<script>") == 1  # our own


def test_bytes_are_written_as_file_managers_write_them() -> None:
    assert [readable(n) for n in (0, 999, 1000, 470_706, 2_311_548)] == [
        "0 B",
        "999 B",
        "1 kB",
        "471 kB",
        "2.3 MB",
    ]


def test_the_page_needs_nothing_but_itself() -> None:
    page = render([outcome()], [])
    assert not re.search(r'(src|href)="(?!data:)|url\(|@import', page)
