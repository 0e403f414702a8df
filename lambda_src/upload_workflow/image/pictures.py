"""Pictures as a kind of work: every rendition from one decode.

Knows what may come back from a converter. Loads no decoder before `load`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property

from ..work import RENDITION_NAME, Facts, Fetch, Made, Order, Words, Work
from .converted import EXTENSIONS, ImageFacts
from .header import known_formats
from .limits import Limits, refuse_by_head
from .rendition import Rendition, overlay_sources

_COLOR = re.compile(r"#[0-9a-f]{6}\Z")
_THUMB_HASH = re.compile(r"[A-Za-z0-9+/=]{1,40}\Z")


class Pictures:
    """Makes these renditions of what keeps within these limits; a `work.Kind`.

    Raises ValueError for a name that no file could have.
    """

    words = Words(
        "image",
        less="Send fewer pixels or frames, or save it again with another program.",
        plainer="Save it again with another program, as a plain JPEG or PNG.",
    )

    def __init__(self, renditions: Mapping[str, Rendition], limits: Limits) -> None:
        for name in renditions:
            if not RENDITION_NAME.fullmatch(name):
                raise ValueError(
                    "The name of a rendition has 1 to 32 lower-case letters, digits, hyphens and "
                    f"underscores, unlike {name!r}."
                )
        self.limits = limits
        self._renditions = renditions
        self._marks: list[bytes] | None = None

    @cached_property
    def recipe(self) -> str:
        # Behind the fork of the warden: a cold start has less to wait for.
        from .recipe import recipe  # noqa: PLC0415

        return recipe(self._renditions)

    def refuse_by_head(self, head: bytes, size_bytes: int) -> None:
        refuse_by_head(head, size_bytes, self.limits)

    def order(self, facts: Facts, fetch: Fetch) -> Order:
        """Reads the marks of overlays once, with the first upload: a fault is then that job's."""
        if self._marks is None:
            self._marks = [fetch(*source) for source in overlay_sources(self._renditions)]
        return Order({"focus": facts.focus}, self._marks)

    def load(self) -> Work:
        from .convert import convert  # noqa: PLC0415, the worker has no decoder in it

        sources = overlay_sources(self._renditions)

        def work(upload: bytes, order: Order) -> Made:
            marks = dict(zip(sources, order.enclosed, strict=True))
            focus = order.facts.get("focus")
            return convert(upload, self._renditions, self.limits, marks, focus).made

        return work

    def check(self, made: Made) -> None:
        image = ImageFacts(**(made.image or {}))
        sizes: list[int | None] = [image.width, image.height, image.frames]
        for file in made.files:
            if file.extension != EXTENSIONS.get(file.content_type):
                raise ValueError(f"a rendition of type {file.content_type!r}")
            sizes += [file.width, file.height]
        if (
            {file.rendition for file in made.files} != self._renditions.keys()
            or not all(isinstance(size, int) and size > 0 for size in sizes)
            or not _COLOR.match(image.dominant_color)
            or not _THUMB_HASH.match(image.placeholder)
            or image.format not in known_formats()
        ):
            raise ValueError("other facts than those asked for")
