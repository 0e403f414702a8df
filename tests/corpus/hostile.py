"""Writes files that mean harm: bombs, loops, lies, truncations, polyglots. All made here, small.

Each says what it attacks; none needs more than a few megabytes on disk.
"""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Iterator

from PIL import Image

from tests.support.pictures import moving, saved, scene, with_orientation

MARKUP = b"<script>alert(document.domain)</script>"


def hostile_files() -> Iterator[tuple[str, bytes]]:
    """Every file with its name. The same each time."""
    yield from _png()
    yield from _bombs()
    yield from _scans()
    yield from _animations()
    yield from _tiff()
    yield from _containers()
    yield from _polyglots()
    yield from _broken()


def _chunk(kind: bytes, data: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + check


def _png_of_zeros(
    width: int, height: int, color_type: int, depth: int, *, extra: bytes = b"", interlaced: int = 0
) -> bytes:
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color_type]
    row = bytes(1 + (width * channels * depth + 7) // 8)
    squeeze = zlib.compressobj(9)
    rows = b"".join(squeeze.compress(row) for _ in range(height)) + squeeze.flush()
    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, interlaced)
    palette = _chunk(b"PLTE", bytes(768)) if color_type == 3 else b""
    body = _chunk(b"IHDR", header) + extra + palette + _chunk(b"IDAT", rows)
    return b"\x89PNG\r\n\x1a\n" + body + _chunk(b"IEND", b"")


def _png() -> Iterator[tuple[str, bytes]]:
    yield "png_400MP_of_one_bit", _png_of_zeros(20_000, 20_000, 0, 1)
    yield "png_88MP_rgba", _png_of_zeros(9400, 9400, 6, 8)
    yield "png_60MP_rgb", _png_of_zeros(10_000, 6000, 2, 8)
    yield "png_30MP_of_16_bits", _png_of_zeros(6000, 5000, 6, 16)
    text = zlib.compress(bytes(60 << 20), 9)
    yield (
        "png_with_60MB_of_text",
        _png_of_zeros(99, 99, 2, 8, extra=_chunk(b"zTXt", b"c\0\0" + text)),
    )
    yield (
        "png_with_60MB_profile",
        _png_of_zeros(99, 99, 2, 8, extra=_chunk(b"iCCP", b"c\0\0" + text)),
    )
    yield (
        "png_with_80000_texts",
        _png_of_zeros(99, 99, 2, 8, extra=_chunk(b"tEXt", b"a\0b") * 80_000),
    )
    claim = struct.pack(">IIBBBBB", 0x7FFFFFFF, 0x7FFFFFFF, 8, 2, 0, 0, 0)
    liar = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", claim) + _chunk(b"IDAT", zlib.compress(b"x"))
    yield "png_that_claims_4_exapixels", liar
    yield "png_of_no_size", liar.replace(claim, claim[8:] + bytes(8))
    small = struct.pack(">IIBBBBB", 9000, 9000, 8, 0, 0, 0, 0)
    yield "png_that_ends_after_its_claim", b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", small)
    loop = _chunk(
        b"eXIf", b"II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, 0x8769, 4, 1, 8) + b"\x08\0\0\0"
    )
    yield "png_with_exif_that_points_to_itself", _png_of_zeros(99, 99, 2, 8, extra=loop)


def _bombs() -> Iterator[tuple[str, bytes]]:
    """Flat pictures as large as each format may be: what the limits let through is what costs."""
    flat = Image.new("RGB", (9900, 9900), (10, 20, 30))

    def part(width: int, height: int) -> Image.Image:
        return flat.crop((0, 0, width, height))

    yield "jpeg_98MP", saved(flat, "JPEG", quality=10)
    yield "jpeg_60MP_progressive", saved(part(8000, 7500), "JPEG", quality=10, progressive=True)
    yield (
        "jpeg_46MP_progressive_444",
        saved(part(7600, 6000), "JPEG", quality=10, progressive=True, subsampling=0),
    )
    yield "webp_24MP", saved(part(6000, 4000), "WEBP", quality=1, method=0)
    yield "webp_20MP_lossless", saved(part(5000, 4000), "WEBP", lossless=True, method=0, quality=0)
    yield "webp_36MP", saved(part(6000, 6000), "WEBP", quality=1, method=0)
    yield "avif_27MP", saved(part(6000, 4500), "AVIF", quality=1, speed=10)
    yield "avif_36MP", saved(part(6000, 6000), "AVIF", quality=1, speed=10)
    yield "gif_45MP", saved(Image.new("P", (7500, 6000)), "GIF")
    yield "gif_98MP", saved(Image.new("P", flat.size), "GIF")
    one_strip = {"compression": "tiff_lzw", "tiffinfo": {278: 5000}}
    yield "tiff_30MP_in_one_strip", saved(part(6000, 5000), "TIFF", **one_strip)
    yield "tiff_30MP_turned", with_orientation(part(6000, 5000), 6, "TIFF", compression="tiff_lzw")
    yield "bmp_of_run_lengths_36MP", _bmp_of_run_lengths(6000, 6000)
    yield "jpeg_65000x1500", saved(Image.new("RGB", (65_000, 1500)), "JPEG")
    yield "png_1x60000", saved(Image.new("RGB", (1, 60_000)), "PNG")
    yield "jpeg_60000x1", saved(Image.new("RGB", (60_000, 1)), "JPEG")


def _bmp_of_run_lengths(width: int, height: int) -> bytes:
    row = b"\xff\x01" * (width // 255) + bytes([width % 255, 1]) + b"\0\0"
    pixels = row * height + b"\0\1"
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(pixels), 0, 0, 256, 0)
    offset = 14 + len(info) + 1024
    return (
        struct.pack("<2sIHHI", b"BM", offset + len(pixels), 0, 0, offset)
        + info
        + bytes(1024)
        + pixels
    )


def _segment(marker: int, data: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def _jpeg_of_scans(width: int, height: int, scans: int) -> bytes:
    """A grey progressive JPEG whose scans say 'nothing here' in as few bits as there are."""
    blocks = -(-width // 8) * -(-height // 8)
    huffman = bytes([1] + [0] * 15)
    head = b"\xff\xd8" + _segment(0xDB, b"\0" + bytes([1] * 64))
    head += _segment(0xC2, struct.pack(">BHHB", 8, height, width, 1) + bytes([1, 0x11, 0]))
    head += _segment(0xC4, b"\x00" + huffman + b"\x00") + _segment(
        0xC4, b"\x10" + huffman + b"\xe0"
    )
    first = _segment(0xDA, bytes([1, 1, 0x00, 0, 0, 0])) + bytes(-(-blocks // 8))
    bits, left = "", blocks
    while left > 0:
        run = min(left, 32_767) if left >= 16_384 else 16_384
        bits += "0" + format(run - 16_384, "014b")
        left -= run
    bits += "1" * (-len(bits) % 8)
    packed = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    scan = _segment(0xDA, bytes([1, 1, 0x00, 1, 63, 0])) + packed
    return head + first + scan * scans + b"\xff\xd9"


def _scans() -> Iterator[tuple[str, bytes]]:
    yield "jpeg_of_2000_scans_64MP", _jpeg_of_scans(8000, 8000, 2000)
    yield "jpeg_of_30_scans_64MP", _jpeg_of_scans(8000, 8000, 30)
    yield "jpeg_of_50000_scans_64px", _jpeg_of_scans(64, 64, 50_000)
    yield "jpeg_of_scans_in_a_tiff", _tiff_around(_jpeg_of_scans(4500, 4500, 5000), 4500, 4500)
    plain = saved(scene(), "JPEG")
    yield "jpeg_of_1MB_of_fill_bytes", plain[:2] + b"\xff" * (1 << 20) + plain[2:]
    yield "jpeg_with_40000_comments", plain[:2] + _segment(0xFE, b"x") * 40_000 + plain[2:]
    yield (
        "jpeg_with_60000_profile_parts",
        (plain[:2] + _segment(0xE2, b"ICC_PROFILE\0\1\xff" + b"x" * 20) * 60_000 + plain[2:]),
    )
    yield "jpeg_without_end", plain[:2] + b"\xff\xe0" + bytes(1 << 20)


def _animations() -> Iterator[tuple[str, bytes]]:
    def gif(frames: int, width: int, height: int) -> bytes:
        frame = b"\x21\xf9\x04\x04\x01\0\0\0\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0)
        pixel = b"\x02\x02\x44\x01\0"
        canvas = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
        return canvas + (frame + pixel) * frames + b";"

    yield "gif_100000_frames_of_1_pixel", gif(100_000, 1, 1)
    yield "gif_20000_frames_of_81MP", gif(20_000, 9000, 9000)
    yield "gif_that_claims_4295MP", gif(1, 65_535, 65_535)
    yield (
        "gif_with_a_comment_in_900000_blocks",
        gif(1, 9, 9)[:-1] + b"\x21\xfe" + b"\1a" * 900_000 + b"\0;",
    )
    yield "apng_1500_frames", moving(1500, "PNG", (2, 2))
    yield "webp_1500_frames", moving(1500, "WEBP", (2, 2))


def _tiff_entries(entries: list[tuple[int, int, int, int]], following: int) -> bytes:
    packed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return (
        b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + packed + struct.pack("<I", following)
    )


def _tiff_around(jpeg: bytes, width: int, height: int) -> bytes:
    entries = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, 8),
        (259, 3, 1, 7),
        (262, 3, 1, 1),
        (273, 4, 1, 200),
        (277, 3, 1, 1),
        (278, 4, 1, height),
        (279, 4, 1, len(jpeg)),
    ]
    return _tiff_entries(entries, 0).ljust(200, b"\0") + jpeg


def _tiff() -> Iterator[tuple[str, bytes]]:
    grey = [(256, 3, 1, 10), (257, 3, 1, 10), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    strips = [(273, 4, 1, 200), (277, 3, 1, 1), (278, 3, 1, 10), (279, 4, 1, 100)]
    yield "tiff_whose_pages_loop", _tiff_entries(grey + strips, 8).ljust(300, b"\0")
    endless = [(273, 4, 0xFFFFFFFF, 200), (279, 4, 0xFFFFFFFF, 200)]
    yield "tiff_of_4_billion_strips", _tiff_entries(grey + endless, 0).ljust(300, b"\0")
    wide = [(256, 4, 1, 0x7FFFFFFF), (257, 4, 1, 0x7FFFFFFF), *grey[2:], *strips]
    yield "tiff_that_claims_4_exapixels", _tiff_entries(wide, 0).ljust(300, b"\0")
    samples = [*grey, (277, 3, 1, 65_535), *strips[:1], *strips[2:]]
    yield "tiff_of_65535_samples", _tiff_entries(samples, 0).ljust(300, b"\0")
    pages = [Image.new("L", (2, 2)) for _ in range(400)]
    yield "tiff_of_400_pages", saved(pages[0], "TIFF", save_all=True, append_images=pages[1:])


def _containers() -> Iterator[tuple[str, bytes]]:
    avif = saved(scene(64, 64), "AVIF", speed=10)
    size = avif.index(b"ispe") + 8
    yield "avif_that_claims_more", avif[:size] + struct.pack(">II", 9000, 9000) + avif[size + 8 :]
    yield "avif_that_claims_4_exapixels", avif[:size] + b"\x7f" * 8 + avif[size + 8 :]
    yield "avif_of_4000_nested_boxes", avif[:32] + struct.pack(">I4s", 0, b"moov") * 4000
    webp = saved(scene(64, 64).convert("RGBA"), "WEBP", exif=b"Exif\0\0" + bytes(40))
    canvas = webp.index(b"VP8X") + 12
    yield "webp_that_claims_more", webp[:canvas] + b"\xff\x3f\0" * 2 + webp[canvas + 6 :]
    yield "webp_of_empty_chunks", webp[:30] + b"JUNK\0\0\0\0" * 100_000


def _polyglots() -> Iterator[tuple[str, bytes]]:
    jpeg, gif, png = saved(scene(), "JPEG"), saved(scene().quantize(), "GIF"), saved(scene(), "PNG")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as archived:
        archived.writestr("a.class", MARKUP)
    yield "jpeg_and_zip", jpeg + archive.getvalue()
    yield "gif_and_script", gif + b"=1;" + MARKUP
    yield "png_and_page", png + MARKUP
    yield "jpeg_with_markup", saved(scene(), "JPEG", comment=MARKUP, xmp=MARKUP)
    yield "gif_with_markup", saved(scene().quantize(), "GIF", comment=MARKUP)
    yield "png_named_jpg", png
    yield "svg_script", b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
    yield (
        "postscript",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%id) (r) file\nshowpage\n",
    )
    yield "page", b"<!DOCTYPE html>" + MARKUP
    yield "zip", archive.getvalue()


def _broken() -> Iterator[tuple[str, bytes]]:
    yield "nothing", b""
    yield "one_byte", b"\x89"
    yield "a_megabyte_of_ff", b"\xff" * (1 << 20)
    alpha = scene(200, 150).convert("RGBA")
    alpha.putalpha(Image.linear_gradient("L").resize(alpha.size))
    whole = {
        "jpeg": with_orientation(scene(200, 150), 6, "JPEG"),
        "progressive": saved(scene(200, 150), "JPEG", progressive=True),
        "png": saved(alpha, "PNG"),
        "webp": saved(alpha, "WEBP"),
        "gif": moving(4, "GIF"),
        "tiff": saved(alpha, "TIFF", compression="tiff_lzw"),
        "avif": saved(alpha, "AVIF", speed=10),
        "bmp": saved(scene(200, 150), "BMP"),
    }
    chance = random.Random(7)
    for name, data in whole.items():
        for percent in (5, 50, 99):
            yield f"{name}_cut_at_{percent}_percent", data[: len(data) * percent // 100]
        for index in range(6):
            bent = bytearray(data)
            for _ in range(1 + index * 2):
                bent[chance.randrange(len(bent))] = chance.randrange(256)
            yield f"{name}_bent_{index}", bytes(bent)
