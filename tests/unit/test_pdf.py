"""The first page of a PDF becomes the picture."""

from __future__ import annotations

import sys

import pytest
from PIL import Image

from tests.support.pdf import QUARTERS, pdf, stream, with_password
from tests.support.pictures import QUARTERS as COLORS
from tests.support.pictures import near, opened, quarter_colors
from upload_workflow.errors import Rejected, RejectionCode
from upload_workflow.image.convert import Converted, convert
from upload_workflow.image.decode import Picture
from upload_workflow.image.header import PDF_EDGE, sniff
from upload_workflow.image.limits import Limits, header_within, refuse_by_head
from upload_workflow.image.rendition import Fit, OutputFormat, Rendition, Size

SMALL = {"small": Rendition(60, 60, format=OutputFormat.PNG)}


def made(upload: bytes) -> Converted:
    return convert(upload, SMALL, Limits())


def small(upload: bytes) -> Image.Image:
    return opened(made(upload)["small"].data)


def refusal(upload: bytes) -> Rejected:
    with pytest.raises(Rejected) as refused:
        made(upload)
    return refused.value


def test_the_first_page_is_the_picture_and_all_are_counted() -> None:
    converted = made(pdf(QUARTERS, "", ""))
    picture = opened(converted["small"].data)
    assert picture.size == (60, 40)
    for found, expected in zip(quarter_colors(picture), COLORS, strict=True):
        assert near(found, expected, 4)
    assert (converted.image.format, converted.image.frames) == ("PDF", 3)
    assert (converted.image.width, converted.image.height) == (PDF_EDGE, round(PDF_EDGE * 2 / 3))


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_page_that_is_turned_is_shown_turned(turn: int) -> None:
    picture = small(pdf(QUARTERS, page=f"/Rotate {turn}"))
    upright = picture.rotate(turn, expand=True)
    assert upright.size == (60, 40)
    for found, expected in zip(quarter_colors(upright), COLORS, strict=True):
        assert near(found, expected, 4)


def test_only_what_the_crop_box_shows_is_shown() -> None:
    picture = small(pdf(QUARTERS, page="/CropBox [150 100 300 200]"))
    assert picture.size == (60, 40)
    assert picture.getcolors() == [(60 * 40, (0, 128, 0))]


def test_a_page_is_drawn_at_the_size_that_is_needed_and_stays_sharp() -> None:
    line = "0 0 0 rg 149.9 0 0.2 200 re f"
    renditions = {
        "large": Rendition(3000, 3000, format=OutputFormat.PNG),
        "cut": Rendition(30, 60, fit=Fit.COVER, format=OutputFormat.PNG),
    }
    converted = convert(pdf(line), renditions, Limits())
    large = opened(converted["large"].data).convert("L")
    assert large.size == (3000, 2000)
    row = large.crop((0, 1000, 3000, 1001)).tobytes()
    assert sum(value < 128 for value in row) == 2
    assert opened(converted["cut"].data).size == (30, 60)


def test_no_more_of_a_page_is_drawn_than_is_needed() -> None:
    upload = pdf(QUARTERS)
    picture = Picture(upload, header_within(upload, Limits()))
    assert picture.decoded_pixels(Size(60, 40)) == 60 * 40
    assert picture.decode().size == (60, 40)


def test_paper_is_white_and_annotations_are_part_of_the_page() -> None:
    stamp = stream("0 0 1 rg 0 0 300 200 re f", "/Type /XObject /Subtype /Form /BBox [0 0 300 200]")
    annotation = "<< /Type /Annot /Subtype /Stamp /Rect [0 0 150 200] /F 4 /AP << /N 6 0 R >> >>"
    picture = small(pdf("", page="/Annots [5 0 R]", extra=[annotation, stamp]))
    assert near(picture.getpixel((15, 20)), "#0000ff", 4)
    assert near(picture.getpixel((45, 20)), "#ffffff", 0)


def test_the_same_pdf_gives_the_same_bytes() -> None:
    upload = pdf(
        QUARTERS + " BT /F1 24 Tf 0 g 20 20 Td (Hello) Tj ET",
        resources=("/Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >>"),
    )
    assert made(upload) == made(upload)


def test_a_password_is_told_in_words() -> None:
    refused = refusal(with_password())
    assert refused.code is RejectionCode.UNSUPPORTED_FORMAT
    assert "password" in refused.message


@pytest.mark.parametrize("upload", [b"%PDF-1.7", pdf(QUARTERS)[:200], pdf()])
def test_a_broken_pdf_is_corrupt(upload: bytes) -> None:
    assert refusal(upload).code in (RejectionCode.CORRUPT, RejectionCode.TOO_COMPLEX)


def test_a_page_of_too_many_things_is_refused_before_it_is_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("upload_workflow.image.readers.pdf._MOST_OBJECTS", 100)
    assert made(pdf("0 0 1 1 re f " * 100))
    refused = refusal(pdf("0 0 1 1 re f " * 101))
    assert refused.code is RejectionCode.TOO_COMPLEX
    assert "100" in refused.message


def test_without_the_extra_a_pdf_is_refused_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    refused = refusal(pdf(QUARTERS))
    assert refused.code is RejectionCode.UNSUPPORTED_FORMAT
    assert "JPEG" in refused.message


def test_no_decoder_is_asked_before_the_fence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    whole = pdf(QUARTERS)
    refuse_by_head(whole, len(whole), Limits())  # type: ignore[func-returns-value]


def test_pdf_can_be_switched_off() -> None:
    with pytest.raises(Rejected) as refused:
        convert(pdf(QUARTERS), SMALL, Limits.from_json({"formats": ["jpeg"]}))
    assert refused.value.code is RejectionCode.UNSUPPORTED_FORMAT


def test_a_pdf_is_told_from_a_picture_by_its_media_type() -> None:
    assert sniff(pdf(QUARTERS)[:64]).media_type == "application/pdf"
    assert sniff(b"\xff\xd8\xff").media_type == "image/jpeg"
