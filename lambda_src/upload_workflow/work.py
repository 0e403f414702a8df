"""What a kind of work is: files of strangers in, other files out, behind one runner and one fence.

A kind is made in the worker, which talks to AWS, and does its work in a converter, which knows
nothing else (`run/fence.py`). What passes between the two are the plain values here. Knows neither
AWS nor pixels.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

# Base32 characters: 40 bits tell apart the few recipes that one upload ever meets.
RECIPE_LENGTH = 8

# It makes a key, of which `job/keys.py` counts the length, and a rendition's name for clients.
RENDITION_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_NAME = re.compile(RENDITION_NAME.pattern + r"\.[a-z0-9]{1,4}\Z")
_CONTENT_TYPE = re.compile(r"[a-z]+/[a-z0-9][a-z0-9.+-]{0,79}\Z")
# Each is a line of the status document, which clients read again and again.
_MOST_FILES = 100


def recipe_of(facts: Mapping[str, Any]) -> str:
    """A short name for all that makes a file's bytes besides the upload; it stands in their keys.

    facts: what JSON can say. Equal ones have equal names, whatever their order.
    """
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).digest()
    return base64.b32encode(digest).decode("ascii").lower()[:RECIPE_LENGTH]


def is_content_type(value: object) -> bool:
    """In lower case and without parameters, as a file is stored."""
    return isinstance(value, str) and _CONTENT_TYPE.match(value) is not None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an upload beside its bytes. Its client stated it, and nobody checked it.

    key: in the bucket of uploads. metadata: with that of a step before the conversion.
    focus: what such a step wants kept in sight, across and down, each from 0 to 1.
    """

    key: str
    content_type: str | None = None
    original_name: str | None = None
    owner: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    focus: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class File:
    """A file made of an upload, as it is stored and served.

    name: such as "waveform.png"; what stands before the dot is the rendition's name.
    width, height: pixels of a picture, None for what is none.
    Raises ValueError with a sentence that says what would be right.
    """

    name: str
    data: bytes
    content_type: str
    width: int | None = None
    height: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.match(self.name):
            raise ValueError(
                "A file's name has 1 to 32 lower-case letters, digits, hyphens and underscores, a "
                f'dot and 1 to 4 letters and digits, such as "waveform.png", unlike {self.name!r}.'
            )
        if not isinstance(self.data, bytes) or not self.data:
            raise ValueError(f"The data of {self.name} is bytes, at least one.")
        if not is_content_type(self.content_type):
            raise ValueError(
                'A content type is one in lower case without parameters, such as "image/png", '
                f"unlike {self.content_type!r}."
            )
        sizes = (self.width, self.height)
        if sizes != (None, None) and not all(type(size) is int and size > 0 for size in sizes):
            raise ValueError(f"Width and height of {self.name} are both whole pixels or both None.")

    @property
    def rendition(self) -> str:
        return self.name.partition(".")[0]

    @property
    def extension(self) -> str:
        return self.name.partition(".")[2]


@dataclass(frozen=True, slots=True)
class Made:
    """All that was made of one upload. image: what is told of it if it is one."""

    files: tuple[File, ...]
    image: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        names = {file.rendition for file in self.files}
        if not 1 <= len(self.files) <= _MOST_FILES or len(names) != len(self.files):
            raise ValueError(f"1 to {_MOST_FILES} files are made, each of another name.")

    def __getitem__(self, rendition: str) -> File:
        return {file.rendition: file for file in self.files}[rendition]


@dataclass(frozen=True, slots=True)
class Order:
    """What goes to a converter with an upload. facts: what JSON can say. enclosed: more bytes."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    enclosed: Sequence[bytes] = ()


Work = Callable[[bytes, Order], Made]
# Reads what an operator keeps in a bucket, by bucket and key.
Fetch = Callable[[str, str], bytes]


@dataclass(frozen=True, slots=True)
class Words:
    """How refusals speak of an upload. noun: what it is. less, plainer: sentences that tell what
    would take less time and memory, and what no decoder fails on."""

    noun: str
    less: str
    plainer: str


class Bounds(Protocol):
    """What one upload may take; `image.limits.Limits` says more of it."""

    @property
    def max_bytes(self) -> int: ...
    @property
    def max_memory_mb(self) -> int: ...
    @property
    def max_seconds(self) -> float: ...


class Kind(Protocol):
    """One kind of work. `load` and what it gives run in a converter, all else in the worker."""

    @property
    def words(self) -> Words: ...

    @property
    def limits(self) -> Bounds: ...

    @property
    def recipe(self) -> str:
        """See `recipe_of`."""

    def refuse_by_head(self, head: bytes, size_bytes: int) -> None:
        """Raise Rejected if the first bytes of an upload (64 KiB) or its size decide it."""

    def order(self, facts: Facts, fetch: Fetch) -> Order: ...

    def load(self) -> Work:
        """Import whatever meets files. The work raises Rejected for whatever is wrong with an
        upload, UnusableOverlay for what was enclosed, and nothing else."""

    def check(self, made: Made) -> None:
        """Raise ValueError or its like for what was not asked for: a converter that a file has
        taken over may answer anything."""
