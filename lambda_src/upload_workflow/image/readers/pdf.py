"""Reads PDF (ISO 32000) through PDFium, where the extra `pdf` is installed: the first page.

PDFium comes without JavaScript and without XFA, and forms are not filled in: a page is what is
drawn on it, and its annotations.
"""

from __future__ import annotations

from importlib import import_module
from math import isfinite

from PIL import Image

from ...errors import Rejected, RejectionCode
from ..header import PDF_EDGE, Header
from ..rendition import Size
from .reader import StillReader

# Plans and maps have some 100,000. PDFium holds each in memory before it draws the first.
_MOST_OBJECTS = 500_000


class PdfReader(StillReader):
    """The first page on white paper, drawn as large as it is needed."""

    def __init__(self, upload: bytes, header: Header) -> None:
        del header
        try:
            self._pdfium = import_module("pypdfium2")
        except ImportError:
            raise Rejected(
                RejectionCode.UNSUPPORTED_FORMAT,
                "PDFs are not accepted here. Send the page as a JPEG or PNG.",
            ) from None
        self._document = self._opened(upload)
        self.pages = len(self._document)
        if not self.pages:
            raise ValueError("The PDF has no pages.")
        self._page = self._document[0]
        width, height = self._page.get_size()
        if not (isfinite(width) and isfinite(height) and width > 0 and height > 0):
            raise ValueError("The first page has no size.")
        if self._pdfium.raw.FPDFPage_CountObjects(self._page) > _MOST_OBJECTS:
            raise Rejected(
                RejectionCode.TOO_COMPLEX,
                f"The first page of the PDF draws more than {_MOST_OBJECTS:,} things. Send it as a "
                "JPEG or PNG.",
            )
        scale = PDF_EDGE / max(width, height)
        self.size = self._drawn = Size(max(1, round(width * scale)), max(1, round(height * scale)))

    def scaled(self, needed: Size) -> Size:
        scale = max(needed.width / self.size.width, needed.height / self.size.height)
        # Rounded as layouts are, so that what is drawn once need not be drawn again.
        self._drawn = Size(
            max(1, round(self.size.width * scale)), max(1, round(self.size.height * scale))
        )
        return self._drawn

    def decode(self) -> Image.Image:
        raw = self._pdfium.raw
        canvas = self._pdfium.PdfBitmap.new_native(
            *self._drawn, raw.FPDFBitmap_BGR, rev_byteorder=True
        )
        canvas.fill_rect((255, 255, 255, 255), 0, 0, *self._drawn)
        flags = raw.FPDF_ANNOT | raw.FPDF_REVERSE_BYTE_ORDER
        raw.FPDF_RenderPageBitmap(canvas, self._page, 0, 0, *self._drawn, 0, flags)
        pixels = Image.frombytes(
            "RGB", self._drawn, bytes(canvas.buffer), "raw", "RGB", canvas.stride
        )
        canvas.close()
        self._document.close()
        return pixels

    def _opened(self, upload: bytes):  # type: ignore[no-untyped-def]
        try:
            return self._pdfium.PdfDocument(upload)
        except self._pdfium.PdfiumError as error:
            if error.err_code in (
                self._pdfium.raw.FPDF_ERR_PASSWORD,
                self._pdfium.raw.FPDF_ERR_SECURITY,
            ):
                raise Rejected(
                    RejectionCode.UNSUPPORTED_FORMAT,
                    "The PDF has a password. Send it without one, or its first page as a JPEG.",
                ) from error
            raise
