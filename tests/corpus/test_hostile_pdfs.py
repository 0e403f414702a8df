"""Whatever a PDF is, its job ends in words, and the next one on that worker is right."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.corpus.hostile_pdfs import HOSTILE
from tests.support.pdf import QUARTERS, pdf
from upload_workflow.errors import Rejected, RejectionCode
from upload_workflow.image.limits import Limits
from upload_workflow.image.pictures import Pictures
from upload_workflow.image.rendition import Rendition
from upload_workflow.run.fence import Fence

HONEST = pdf(QUARTERS)
# What a client may be told; nothing here is a failure of ours.
TOLD = {
    RejectionCode.CORRUPT,
    RejectionCode.UNSUPPORTED_FORMAT,
    RejectionCode.TOO_COMPLEX,
    RejectionCode.TOO_MUCH_MEMORY,
    RejectionCode.TOO_MUCH_TIME,
}
# These end the converter, or would draw for hours.
REFUSED = {
    "a form that draws itself",
    "ten to the ninth forms",
    "a million rectangles",
    "content that unpacks to 200 megabytes",
    "a tiling of a billion tiles",
    "a password",
    "no pages",
    "a billion pages",
    "cut off",
}


@pytest.fixture(scope="module")
def fence() -> Iterator[Fence]:
    made = Fence(Pictures({"small": Rendition(200, 200)}, Limits(max_seconds=2)))
    assert made.bounded
    yield made
    made.close()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_pdf_ends_in_words(name: str, fence: Fence) -> None:
    right = fence.convert([HONEST])
    try:
        assert (fence.convert([HOSTILE[name]]).image or {})["format"] == "PDF"
        assert name not in REFUSED
    except Rejected as refused:
        assert refused.code in TOLD
        assert refused.message.endswith(".")
    assert fence.convert([HONEST]) == right
