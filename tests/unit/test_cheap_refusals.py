"""What no honest file has is refused from its header, in words, before a decoder sees it."""

from __future__ import annotations

import pytest

from tests.corpus.quantities import KINDS
from tests.support.pictures import saved, scene
from upload_workflow.errors import Rejected, RejectionCode
from upload_workflow.image.convert import convert
from upload_workflow.image.header import Format, read_header
from upload_workflow.image.limits import Limits, header_within, refuse_by_head
from upload_workflow.image.profile import is_reasonable
from upload_workflow.image.rendition import Rendition

# Of each kind an amount that is refused by what the sentence says, and one that passes.
REFUSED = {
    "jpeg_fill_bytes": (200_000, 50_000, "60,000 parts"),
    "jpeg_lone_markers": (200_000, 50_000, "60,000 parts"),
    "jpeg_comments": (70_000, 50_000, "60,000 parts"),
    "jpeg_applications": (70_000, 50_000, "60,000 parts"),
    "png_texts": (70_000, 50_000, "60,000 parts"),
    "png_pieces": (70_000, 50_000, "60,000 parts"),
    "png_row": (250_001, 250_000, "250,000 pixels"),
    "png_column": (250_001, 250_000, "250,000 pixels"),
    "webp_empty_chunks": (70_000, 50_000, "60,000 parts"),
    "avif_boxes": (70_000, 50_000, "60,000 parts"),
    "tiff_tiles_that_share_data": (100_000, 256, "tiles of 16 x 100000 for 32000 x 16 pixels"),
    "tiff_large_tiles": (8192, 4096, "tiles of 8192 x 8192"),
    "tiff_strips_without_end": (100_000, 80, "cut into 100,000 parts"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_quantity_beyond_reason_is_refused_in_words(name: str) -> None:
    refused, accepted, words = REFUSED[name]
    with pytest.raises(Rejected) as told:
        header_within(KINDS[name](refused), Limits())
    assert words in told.value.message
    assert header_within(KINDS[name](accepted), Limits())


@pytest.mark.parametrize("head", [b"\xff\xd8\xff", b"\xff\xd8\xff\xe0\0\4aa"])
def test_a_jpeg_that_ends_within_its_markers_is_not_taken_for_a_flood(head: bytes) -> None:
    assert read_header(head + b"x" * 500_000) is None


@pytest.mark.parametrize("format", [format for format in Format if format is not Format.HEIF])
def test_a_decoder_can_be_switched_off(format: Format) -> None:
    others = [other.lower() for other in Format if other is not format]
    limits = Limits.from_json({"formats": others})
    upload = saved(scene(), format)
    for refuse in (
        lambda: refuse_by_head(upload, len(upload), limits),
        lambda: convert(upload, {"small": Rendition(20, 20)}, limits),
    ):
        with pytest.raises(Rejected) as told:
            refuse()
        assert told.value.code is RejectionCode.UNSUPPORTED_FORMAT
        assert f"{format} images are not accepted here" in told.value.message
    assert convert(upload, {"small": Rendition(20, 20)}, Limits())


@pytest.mark.parametrize("names", [[], ["exe"], "jpeg", [["jpeg"]], ["JPEG"]])
def test_formats_are_names_that_we_know(names: object) -> None:
    with pytest.raises(ValueError, match="list of some of avif, bmp, gif"):
        Limits.from_json({"formats": names})


def test_a_profile_of_many_stages_or_tags_or_without_an_end_is_ignored() -> None:
    from PIL import ImageCms

    from tests.corpus import quantities

    ours = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert is_reasonable(ours)
    assert is_reasonable(quantities._profile_of_stages(7))
    assert not is_reasonable(quantities._profile_of_stages(33))
    assert not is_reasonable(quantities._profile([(b"A2B0", 0, 20)] * 201, bytes(20)))
    assert not is_reasonable(ours[:200])
    assert not is_reasonable(b"")
