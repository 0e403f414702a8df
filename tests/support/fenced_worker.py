"""A worker with a fence, as a process: `python -m tests.support.fenced_worker [REFUSED]`.

Converts the file that each line of its input names and answers with one JSON object a line. A
file whose text begins with "do" is no picture: what follows is done by the converter instead.
REFUSED is a call that the kernel is to refuse: memfd_create or fork.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from upload_workflow.errors import Rejected
from upload_workflow.image import convert as convert_module
from upload_workflow.image.convert import Converted, convert
from upload_workflow.image.limits import Limits
from upload_workflow.image.pictures import Pictures
from upload_workflow.image.rendition import NO_MARKS, Marks, Rendition
from upload_workflow.run.fence import Fence

RENDITIONS = {"large": Rendition(60, 60), "small": Rendition(20, 20)}
# Short: the time that a test has to wait for the end of a loop.
LIMITS = Limits(max_seconds=1, max_memory_mb=100)
ORDER = b"do "


def obedient(
    upload: bytes,
    renditions: Mapping[str, Rendition],
    limits: Limits,
    marks: Marks = NO_MARKS,
    focus: tuple[float, float] | None = None,
) -> Converted:
    if not upload.startswith(ORDER):
        return convert(upload, renditions, limits, marks, focus)
    told: dict[str, Any] = {}
    exec(upload.removeprefix(ORDER).decode(), told)  # noqa: S102, the test's own words
    return convert(told["upload"], renditions, limits, marks, focus)


def refuse(call: str) -> None:
    def refused(*_: object) -> None:
        raise OSError(f"{call} is refused")

    setattr(os, call, refused)


def main() -> None:
    convert_module.convert = obedient  # type: ignore[assignment]  # inherited by the converters
    for call in sys.argv[1:]:
        refuse(call)
    fence = Fence(Pictures(RENDITIONS, LIMITS))
    print(json.dumps({"way": fence.way, "bounded": fence.bounded}), flush=True)
    for line in sys.stdin:
        try:
            made = fence.convert([Path(line.rstrip("\n")).read_bytes()])
            answer: dict[str, Any] = {file.rendition: len(file.data) for file in made.files}
        except Rejected as rejected:
            answer = {"code": rejected.code, "message": rejected.message, "cause": rejected.cause}
        print(json.dumps(answer | {"way": fence.way}), flush=True)


if __name__ == "__main__":
    main()
