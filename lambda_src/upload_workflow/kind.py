"""Your own kind of work in this workflow: one function, and everything around it is ours.

    from upload_workflow.kind import Facts, File, Refused, handler_of

    def waveform(upload: bytes, facts: Facts) -> Iterable[File]: ...

    handler = handler_of(waveform, recipe="waveform-1")

The module goes into the functions' zip and its handler into `conversion.handler`. The function runs
behind the fence: in a process of its own, without credentials and within `limits`. What it makes,
raises or does not survive ends the job as a picture's would. docs/extending.md tells the rest.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from .errors import Refused, Rejected, RejectionCode, Unforeseen
from .image.converted import EXTENSIONS
from .image.limits import Limits, refuse_bytes
from .run.fence import Fence
from .settings import ConvertImageSettings
from .work import Facts, Fetch, File, Made, Order, Words, Work, is_content_type, recipe_of

__all__ = ["Facts", "File", "Refused", "handler_of"]

Convert = Callable[[bytes, Facts], Iterable[File]]
Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


@dataclass(frozen=True)
class OwnKind:
    """A function of the embedder's as a `work.Kind`.

    content_types: of the files that it may make.
    """

    convert: Convert
    recipe: str
    content_types: frozenset[str]
    limits: Limits

    words = Words(
        "file",
        less="Send a smaller one, or save it again with another program.",
        plainer="Save it again with another program.",
    )

    def refuse_by_head(self, head: bytes, size_bytes: int) -> None:
        refuse_bytes(size_bytes, self.limits)
        if not head:
            raise Rejected(RejectionCode.EMPTY, "The file is empty. Upload it again.")

    def order(self, facts: Facts, fetch: Fetch) -> Order:
        del fetch
        return Order(asdict(facts))

    def load(self) -> Work:
        def work(upload: bytes, order: Order) -> Made:
            try:
                made = Made(tuple(self.convert(upload, _facts(order))))
                self.check(made)
            except Rejected:
                raise
            except MemoryError as error:
                raise Rejected(
                    RejectionCode.TOO_MUCH_MEMORY,
                    f"The file takes more memory to convert than is allowed. {self.words.less}",
                ) from error
            except Exception as error:
                raise Unforeseen(traceback.format_exc(), self.words.noun) from error
            return made

        return work

    def check(self, made: Made) -> None:
        if made.image is not None:
            raise ValueError("facts of an image that nobody looked at")
        for file in made.files:
            if file.content_type not in self.content_types:
                raise ValueError(
                    f"{file.name} is {file.content_type}; handler_of was told of "
                    f"{', '.join(sorted(self.content_types))}."
                )


def handler_of(
    convert: Convert, *, recipe: str, content_types: Collection[str] = frozenset(EXTENSIONS)
) -> Handler:
    """The handler for `conversion.handler`, to be made while the module is imported.

    convert: takes the whole upload and what is known of it, and gives 1 to 100 files. It raises
        Refused with a sentence for the client; whatever else it raises is told as Corrupt, and
        operators read the traceback.
    recipe: a name of yours, such as "waveform-1". It stands in the files' keys, which never change
        their content: change it whenever the same upload would become other bytes.
    content_types: of what may be made; a converter that a file has taken over can make no other.

    Outside of the workflow's function, as in tests of yours, the handler can only be made.
    Raises ValueError for a recipe or content types that are none.
    """
    if not isinstance(recipe, str) or not recipe:
        raise ValueError(f'A recipe is a name such as "waveform-1", unlike {recipe!r}.')
    if isinstance(content_types, str) or not all(map(is_content_type, content_types)):
        raise ValueError(
            f'Content types are several such as {{"image/png"}}, unlike {content_types!r}.'
        )
    if "RESULTS_BUCKET" not in os.environ:
        return _homeless
    settings = ConvertImageSettings.from_env(os.environ)
    kind = OwnKind(convert, recipe_of({"own": recipe}), frozenset(content_types), settings.limits)
    # As in handlers/convert_image.py: first the fence, then AWS.
    fence = Fence(kind)
    from .handlers.job import job_handler  # noqa: PLC0415

    return job_handler(kind, fence, settings)


def _homeless(payload: dict[str, Any], context: Any) -> dict[str, Any]:
    del payload, context
    raise RuntimeError("This handler runs as the function convert-image of an upload workflow.")


def _facts(order: Order) -> Facts:
    focus = order.facts["focus"]
    return Facts(**{**order.facts, "focus": focus and tuple(focus)})
