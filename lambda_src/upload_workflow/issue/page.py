"""The upload page and the headers that keep everything else out of it.

Knows the file `page.html`. Does not know where it is served or what it talks to.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Collection
from html import escape
from pathlib import Path

from .request import each_once, size

_FILE = Path(__file__).with_name("page.html")


def html(content_types: Collection[str], max_bytes: int) -> str:
    """The page; it says beforehand that files of these types, to this size, are taken.

    content_types: such as "image/jpeg"; the file dialog offers them.
    """
    content_types = each_once(content_types)
    pictures = all(name.startswith("image/") for name in content_types)
    page = _FILE.read_text(encoding="utf-8")
    page = page.replace("THINGS", "pictures" if pictures else "files")
    page = page.replace("CONTENT_TYPES", escape(",".join(content_types)), 1)
    return page.replace("TAKEN", escape(f"{_formats(content_types)}, up to {size(max_bytes)}"), 1)


def _formats(content_types: Collection[str]) -> str:
    """As people call them: "JPEG, PNG or WebP"."""
    names = [name.rpartition("/")[2] for name in content_types]
    *others, last = ["WebP" if name == "webp" else name.upper() for name in names]
    return f"{', '.join(others)} or {last}" if others else last


def headers(
    page: str, *, uploads_origin: str, results_origin: str, pictures_origin: str
) -> dict[str, str]:
    """For this page: it may run its own script and style, talk to its API and two buckets, and
    show pictures.

    uploads_origin, results_origin: as in "https://bucket.s3.eu-central-1.amazonaws.com".
    pictures_origin: where renditions are served from; it may be the results' own.
    """
    storage = " ".join(sorted({uploads_origin, results_origin}))
    policy = {
        "default-src": "'none'",
        "script-src": _hashes("script", page),
        "style-src": _hashes("style", page),
        # blob: pictures that were chosen, before they are anywhere else. data: the icon.
        "img-src": f"blob: data: {' '.join(sorted({results_origin, pictures_origin}))}",
        "connect-src": f"'self' {storage}",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    return {
        "content-security-policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "cross-origin-opener-policy": "same-origin",
        "referrer-policy": "no-referrer",
        # The page and the policy made for it change together.
        "cache-control": "no-cache",
    }


def _hashes(tag: str, page: str) -> str:
    contents: Collection[str] = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
    digests = (hashlib.sha256(content.encode()).digest() for content in contents)
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
