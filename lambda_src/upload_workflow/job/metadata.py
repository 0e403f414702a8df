"""A client's own facts about an upload: at most ten texts by name, and their spelling with S3.

S3 keeps texts of ASCII with an object; ours travel as one of them, a JSON object. Knows neither
who states them nor where they are shown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

Metadata = Mapping[str, str]

MAX_PAIRS = 10
MAX_BYTES = 1024  # as they travel

# Fit for a field of any language, and for a pattern of EventBridge.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")

RULE = (
    f"Metadata is an object with at most {MAX_PAIRS} texts and {MAX_BYTES} bytes as JSON in ASCII. "
    "A name has up to 64 letters, digits, hyphens and underscores and begins with a letter."
)


def is_metadata(value: object) -> bool:
    """Whether the value keeps the rule."""
    return (
        isinstance(value, dict)
        and len(value) <= MAX_PAIRS
        and all(isinstance(name, str) and _NAME.fullmatch(name) for name in value)
        and all(isinstance(text, str) and _can_be_stored(text) for text in value.values())
        and len(to_header(value)) <= MAX_BYTES
    )


def to_header(metadata: Metadata) -> str:
    """One line of printable ASCII without spaces and dollars; equal metadata are equal lines."""
    text = json.dumps(metadata, sort_keys=True, separators=(",", ":"))
    # A signature does not tell several spaces of a header from one. DEL is ASCII to JSON. In the
    # fields of a form S3 puts the file's name for "${filename}".
    for character in " \x7f$":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def from_header(text: str | None) -> Metadata | None:
    """What `to_header` spelled; None for anything else, which somebody else may have stored."""
    try:
        value = json.loads(text or "null")
    except (ValueError, RecursionError):
        return None
    return value if value and is_metadata(value) else None


def _can_be_stored(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair: JSON can hold it, UTF-8 cannot
        return False
    return True
