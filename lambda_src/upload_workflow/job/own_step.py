"""What a step of the embedder's own answers before the conversion. Pure.

Knows the answer's form, which `schemas/own_step.schema.json` describes for those who write such a
step. Does not know what the step looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from ..errors import OwnStepBroken, Refused
from .metadata import RULE, Metadata, is_metadata

_FIELDS = {"refuse", "focus", "metadata"}


@dataclass(frozen=True, slots=True)
class OwnStep:
    """refusal: the sentence that the client reads, if the step refuses the upload.

    focus: where crops keep the picture, across and down, each from 0 to 1.
    metadata: facts that are told with the client's own, and go before them. Each keeps the rule by
    itself: what a client states takes no room from what the step says.
    """

    refusal: str | None = None
    focus: tuple[float, float] | None = None
    metadata: Metadata | None = None

    @classmethod
    def parse(cls, answer: object) -> Self:
        """None, or no answer at all, is the answer of a workflow without such a step.

        Raises OwnStepBroken with a sentence that says what the answer should be.
        """
        if answer is None:
            return cls()
        if not isinstance(answer, Mapping):
            raise OwnStepBroken('The step answers with an object such as {} or {"focus": {...}}.')
        if unknown := sorted(map(str, answer.keys() - _FIELDS)):
            raise OwnStepBroken(
                f"The step answers with refuse, focus or metadata, not {', '.join(unknown)}."
            )
        return cls(
            _refusal(answer.get("refuse")),
            _focus(answer.get("focus")),
            _metadata(answer.get("metadata")),
        )


NO_STEP = OwnStep()


def _refusal(value: Any) -> str | None:
    if value is None:
        return None
    message = value.get("message") if isinstance(value, Mapping) else None
    if not isinstance(message, str) or not 0 < len(message) <= Refused.LONGEST:
        raise OwnStepBroken(
            f'A refusal is {{"message": "..."}} with 1 to {Refused.LONGEST} characters for the '
            "client's eyes."
        )
    return message


def _focus(value: Any) -> tuple[float, float] | None:
    if value is None:
        return None
    match value:
        case {"x": int() | float() as x, "y": int() | float() as y} if not (
            isinstance(x, bool) or isinstance(y, bool) or not (0 <= x <= 1 and 0 <= y <= 1)
        ):
            return float(x), float(y)
    raise OwnStepBroken('A focus is {"x": ..., "y": ...}, each a number from 0 to 1.')


def _metadata(value: Any) -> Metadata | None:
    if value is None or is_metadata(value):
        return value or None
    raise OwnStepBroken(RULE)
