"""PDFs that want to take all there is, made anew: some unpack to hundreds of megabytes."""

from __future__ import annotations

from tests.support.pdf import QUARTERS, assembled, packed, pdf, stream, with_password


def _laughing(depth: int, times: int) -> bytes:
    """Forms that draw forms that draw forms, each several times."""
    extra = []
    for level in range(depth):
        inner = f"/XObject << /F {5 + level + 1} 0 R >>" if level + 1 < depth else ""
        content = "/F Do " * times if inner else "0 0 10 10 re f"
        entries = f"/Type /XObject /Subtype /Form /BBox [0 0 300 200] /Resources << {inner} >>"
        extra.append(stream(content, entries))
    return pdf("/F Do", resources="/XObject << /F 5 0 R >>", extra=extra)


def _image(width: int, height: int, data: bytes, entries: str = "") -> bytes:
    image = packed(
        data,
        f"/Type /XObject /Subtype /Image /Width {width} /Height {height} "
        f"/ColorSpace /DeviceRGB /BitsPerComponent 8 {entries}",
    )
    return pdf("300 0 0 200 0 0 cm /I Do", resources="/XObject << /I 5 0 R >>", extra=[image])


HOSTILE: dict[str, bytes] = {
    "empty": b"%PDF-1.7\n",
    "cut off": pdf(QUARTERS)[:250],
    "noise": b"%PDF-1.7\n" + bytes(range(256)) * 40,
    "no pages": pdf(),
    "pages that are their own parents": assembled(
        [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [2 0 R] /Count 1 >>"]
    ),
    "a billion pages": assembled(
        [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [] /Count 1000000000 >>"]
    ),
    "a page without a size": pdf(QUARTERS, box="0 0 0 0"),
    "a page of a size that is none": pdf(QUARTERS, box="0 0 1e38 1e38"),
    "a hair": pdf(QUARTERS, box="0 0 14400 0.01"),
    "a form that draws itself": pdf(
        "/F Do",
        resources="/XObject << /F 5 0 R >>",
        extra=[
            stream(
                "/F Do /F Do",
                "/Type /XObject /Subtype /Form /BBox [0 0 300 200] "
                "/Resources << /XObject << /F 5 0 R >> >>",
            )
        ],
    ),
    "ten to the ninth forms": _laughing(9, 10),
    "a picture that unpacks to a gigabyte": _image(18_000, 18_000, bytes(1_000_000)),
    "a picture of two billion pixels": _image(65_000, 32_000, bytes(1000)),
    "deep brackets": pdf("[" * 200_000 + "]" * 200_000 + " TJ"),
    "deep states": pdf("q " * 300_000),
    "content that unpacks to 200 megabytes": assembled(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R >>",
            packed(b"0 0 9 9 re f " * 15_000_000),
        ]
    ),
    "a million rectangles": pdf(b"0 0 300 200 re f " * 1_000_000),
    "a dash of a billion pieces": pdf("[0.00001] 0 d 0 0 m 300 200 l S"),
    "a tiling of a billion tiles": pdf(
        "/Pattern cs /P scn 0 0 300 200 re f",
        resources="/Pattern << /P 5 0 R >>",
        extra=[
            stream(
                "0 0 1 1 re f",
                "/Type /Pattern /PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 1 1] "
                "/XStep 0.001 /YStep 0.001 /Resources << >>",
            )
        ],
    ),
    "a shading by a function of programs": pdf(
        "/S sh",
        resources="/Shading << /S 5 0 R >>",
        extra=[
            "<< /ShadingType 1 /ColorSpace /DeviceGray /Function 6 0 R >>",
            stream(
                "{ " + "dup mul " * 20_000 + "}", "/FunctionType 4 /Domain [0 1 0 1] /Range [0 1]"
            ),
        ],
    ),
    "a password": with_password(),
}
