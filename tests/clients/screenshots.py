"""The screenshots of the documentation: `make screenshots`, with Chromium and the local stack.

Each is taken in the light and in the dark. Knows what is shown and where it lies.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from local import demo, paths, samples, stack
from local.aws.server import local_aws
from tests.clients import browser

FOLDER = paths.REPOSITORY / "docs" / "pictures"
SCHEMES = ("light", "dark")

# A file of the documentation stays below, so that a clone stays quick.
MAX_BYTES = 200_000

# On the page: a photograph, and a text that is refused. Narrow, so that two fit side by side.
SENT = ("chelsea.png", "holiday.jpg")
PAGE_PX, SHEET_PX = 760, 1200


def save(name: str, scheme: str, taken: bytes) -> None:
    """As the best JPEG that is small enough: text stays sharp without subsampled colours."""
    picture = Image.open(io.BytesIO(taken)).convert("RGB")
    for quality in range(92, 60, -4):
        packed = io.BytesIO()
        picture.save(packed, "JPEG", quality=quality, subsampling=0, optimize=True)
        if len(packed.getvalue()) <= MAX_BYTES:
            break
    (FOLDER / f"{name}-{scheme}.jpg").write_bytes(packed.getvalue())


def take_page(chromium: Any, url: str, files: Sequence[Path]) -> None:
    for scheme in SCHEMES:
        page = chromium.new_page(
            viewport={"width": PAGE_PX, "height": 400},
            color_scheme=scheme,
            device_scale_factor=1.5,
        )
        page.goto(url)
        page.locator("#picker").set_input_files([str(file) for file in files])
        for _ in files:
            page.locator(".file.ready, .file.refused").nth(len(files) - 1).wait_for()
        page.wait_for_function(
            "[...document.querySelectorAll('.renditions img')].every((one) => one.naturalWidth)"
        )
        page.wait_for_timeout(500)  # pictures fade in
        save("page", scheme, page.screenshot(full_page=True))
        page.close()


def take_contact_sheet(chromium: Any, sheet: Path) -> None:
    for scheme in SCHEMES:
        page = chromium.new_page(viewport={"width": SHEET_PX, "height": 900}, color_scheme=scheme)
        page.goto(sheet.as_uri())
        second = page.locator(".job").nth(1).bounding_box()
        clip = {"x": 0, "y": 0, "width": SHEET_PX, "height": second["y"] + second["height"] + 24}
        save("contact-sheet", scheme, page.screenshot(full_page=True, clip=clip))
        page.close()


def main() -> int:
    if browser.installed() is None:
        sys.exit("This needs Chromium: apt-get install chromium, or Chrome.")
    if demo.demo():
        return 1
    with browser.chromium() as chromium, local_aws() as aws:
        take_contact_sheet(chromium, demo.OUTPUT / "index.html")
        api = {"authorization": "NONE", "page": True}
        with stack.configured(aws, aws.folder / "page", {"upload_api": api}) as root:
            root.run("apply")
            url = root.outputs()["upload_workflow"]["upload_api"]["url"]
            chosen = [one.path for one in samples.fetch() if one.file_name in SENT]
            take_page(chromium, url, chosen)
    return 0


if __name__ == "__main__":
    sys.exit(main())
