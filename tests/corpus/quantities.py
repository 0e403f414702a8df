"""Uploads whose cost or shape their header does not tell, one kind for each quantity of a format.

A kind makes a file for any amount of what it is about: how many, how long, how large, how deep,
how often. Most of the file is honest. `KINDS` names them all; `LARGEST` says how far each goes
in an upload of 50 MB. What holds for a kind holds for its amounts, so a fuzzer draws them.
"""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import cache

from PIL import Image

from tests.corpus.hostile import _chunk, _jpeg_of_scans, _segment
from tests.support.pictures import moving, saved, scene

Kind = Callable[[int], bytes]

KINDS: dict[str, Kind] = {}
LARGEST: dict[str, int] = {}

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def kind(largest: int) -> Callable[[Kind], Kind]:
    """Registers what makes a file; largest: the amount that an upload of 50 MB may have."""

    def registered(make: Kind) -> Kind:
        name = make.__name__.removeprefix("_")
        KINDS[name], LARGEST[name] = make, largest
        return make

    return registered


def draw(seed: int) -> Iterator[tuple[str, bytes]]:
    """Endless, the same for the same seed: a kind, an amount of any order of magnitude."""
    chance = random.Random(seed)
    while True:
        name = chance.choice(sorted(KINDS))
        amount = round(LARGEST[name] ** chance.random())
        yield f"{name} {amount}", KINDS[name](amount)


# --- what several formats share


@cache
def _deflated_zeros(count: int) -> bytes:
    packer, parts, left = zlib.compressobj(9), [], count
    while left:
        taken = min(left, 1 << 22)
        parts.append(packer.compress(bytes(taken)))
        left -= taken
    return b"".join(parts) + packer.flush()


def _profile(tags: list[tuple[bytes, int, int]], data: bytes, channels: bytes = b"RGB ") -> bytes:
    """An ICC profile. tags: name, offset into `data`, length."""
    base = 128 + 4 + 12 * len(tags)
    head = (
        struct.pack(">I", base + len(data))
        + b"lcms"
        + struct.pack(">I", 0x04400000)
        + b"mntr"
        + channels
        + b"XYZ "
        + bytes(12)
        + b"acspAPPL"
        + bytes(24)
        + struct.pack(">III", 0xF6D6, 0x10000, 0xD32D)
        + b"lcms"
        + bytes(44)
    )
    table = b"".join(struct.pack(">4sII", name, base + at, size) for name, at, size in tags)
    return head + struct.pack(">I", len(tags)) + table + data


def _profile_of_stages(count: int) -> bytes:
    """Whose entries all name one matrix."""
    unit = struct.pack(">12f", 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0)
    matrix = b"matf" + bytes(4) + struct.pack(">HH", 3, 3) + unit
    place = struct.pack(">II", 16 + 8 * count, len(matrix))
    tag = b"mpet" + bytes(4) + struct.pack(">HHI", 3, 3, count) + place * count + matrix
    return _profile([(b"D2B0", 0, len(tag))], tag)


def _profile_of_grid(points: int) -> bytes:
    """With a lookup table of points ** 3 colours."""
    curve = b"curv" + bytes(8)
    table = struct.pack(">16sB3x", bytes([points]) * 3 + bytes(13), 1)
    table += bytes(points**3 * 3)
    head = b"mAB " + bytes(4) + bytes([3, 3, 0, 0])
    offsets = [32, 0, 0, 32 + 36, 32 + 36 + len(table)]
    data = head + struct.pack(">5I", *offsets) + curve * 3 + table + curve * 3
    return _profile([(b"A2B0", 0, len(data))], data)


def _exif(entries: list[tuple[int, int, int, int]], more: bytes = b"") -> bytes:
    packed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + packed + bytes(4) + more


@cache
def _jpeg(**settings: object) -> bytes:
    return saved(scene(64, 64), "JPEG", **settings)


def _with_segments(segments: bytes) -> bytes:
    jpeg = _jpeg()
    return jpeg[:2] + segments + jpeg[2:]


def _png(
    extra: bytes = b"",
    *,
    size: tuple[int, int] = (64, 64),
    color_type: int = 2,
    depth: int = 8,
    interlaced: int = 0,
    data: bytes | None = None,
    after: bytes = b"",
) -> bytes:
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color_type]
    width, height = size
    row_bytes = 1 + (width * channels * depth + 7) // 8
    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, interlaced)
    packed = _deflated_zeros(row_bytes * height + 9999) if data is None else data
    return (
        _SIGNATURE
        + _chunk(b"IHDR", header)
        + extra
        + (_chunk(b"IDAT", packed) if packed else b"")
        + after
        + _chunk(b"IEND", b"")
    )


# --- PNG


@kind(3_300_000)
def _png_texts(count: int) -> bytes:
    return _png(_chunk(b"tEXt", b"a\0b") * count)


@kind(300_000_000)
def _png_text_that_inflates(size: int) -> bytes:
    return _png(_chunk(b"zTXt", b"c\0\0" + _deflated_zeros(size)))


@kind(47_000)
def _png_profiles(count: int) -> bytes:
    return _png(_chunk(b"iCCP", b"c\0\0" + _deflated_zeros(1 << 20)) * count)


@kind(130_000)
def _png_profile_of_stages(count: int) -> bytes:
    return _png(_chunk(b"iCCP", b"c\0\0" + zlib.compress(_profile_of_stages(count), 9)))


@kind(255)
def _png_profile_of_grid(points: int) -> bytes:
    points = max(points, 2)
    packed = zlib.compress(_profile_of_grid(points), 9)
    return _png(_chunk(b"iCCP", b"c\0\0" + packed), size=(2000, 2000))


@kind(80_000)
def _png_profile_of_tags(count: int) -> bytes:
    profile = _profile([(b"A2B0", 0, 20)] * count, b"curv" + bytes(16))
    return _png(_chunk(b"iCCP", b"c\0\0" + zlib.compress(profile, 9)))


@kind(65_535)
def _png_exif_entries(count: int) -> bytes:
    return _png(_chunk(b"eXIf", _exif([(tag, 7, 0xFFFFFFF0, 8) for tag in range(count)])))


@kind(65_535)
def _png_exif_pointers(count: int) -> bytes:
    """Each entry a directory, which is this one."""
    places = [(0x8769, 4, 1, 8), (0x8825, 4, 1, 8), (0xA005, 4, 1, 8)]
    return _png(_chunk(b"eXIf", _exif((places * count)[:count])))


@kind(2_000_000)
def _png_raw_exif(count: int) -> bytes:
    text = b"\nexif\n" + b"%8d\n" % count + b"41" * count
    return _png(_chunk(b"tEXt", b"Raw profile type exif\0" + text))


@kind(70_000_000)
def _png_row(width: int) -> bytes:
    return _png(size=(width, 1), color_type=0)


@kind(70_000_000)
def _png_column(height: int) -> bytes:
    return _png(size=(1, height), color_type=0)


@kind(9900)
def _png_interlaced(side: int) -> bytes:
    return _png(size=(side, side), color_type=0, depth=1, interlaced=1)


@kind(4_000_000)
def _png_pieces(count: int) -> bytes:
    """The pixels in chunks of one byte, and empty ones."""
    packed = _deflated_zeros(193 * 64)
    pieces = b"".join(_chunk(b"IDAT", packed[at : at + 1]) for at in range(len(packed)))
    empty = _chunk(b"IDAT", b"") * max(0, count - len(packed))
    return _png(data=b"", after=empty + pieces)


@kind(4_000_000)
def _png_unknown_chunks(count: int) -> bytes:
    return _png(_chunk(b"juNk", b"") * count)


@kind(1_000_000_000)
def _png_more_pixels_than_said(count: int) -> bytes:
    return _png(data=_deflated_zeros(count))


@kind(300_000)
def _png_frames(count: int) -> bytes:
    control = struct.pack(">IIIIIHHBB", 0, 64, 64, 0, 0, 1, 10, 0, 0)
    frames = b"".join(
        _chunk(b"fcTL", control) + _chunk(b"fdAT", struct.pack(">I", 1) + _deflated_zeros(193 * 64))
        for _ in range(2)
    )
    return _png(
        _chunk(b"acTL", struct.pack(">II", count, 0)) + _chunk(b"fcTL", control),
        after=frames * (count // 2),
    )


# --- JPEG


@kind(49_900_000)
def _jpeg_fill_bytes(count: int) -> bytes:
    return _with_segments(b"\xff" * count)


@kind(49_900_000)
def _jpeg_lone_markers(count: int) -> bytes:
    return _with_segments(b"\xff\x01" * (count // 2))


@kind(12_400_000)
def _jpeg_comments(count: int) -> bytes:
    return _with_segments(_segment(0xFE, b"") * count)


@kind(12_400_000)
def _jpeg_applications(count: int) -> bytes:
    return _with_segments(
        b"".join(_segment(0xE0 + at % 16, b"") for at in range(16)) * (count // 16)
    )


@kind(95_000)
def _jpeg_exif_in_pieces(count: int) -> bytes:
    large = _segment(0xE1, b"Exif\0\0" + b"A" * 65_000) * min(80, count)
    return _with_segments(large + _segment(0xE1, b"Exif\0\0A") * count)


@kind(760)
def _jpeg_exif_of_size(pieces: int) -> bytes:
    return _with_segments(_segment(0xE1, b"Exif\0\0" + b"A" * 65_000) * pieces)


@kind(255)
def _jpeg_profile_in_pieces(count: int) -> bytes:
    pieces = b"".join(
        _segment(0xE2, b"ICC_PROFILE\0" + bytes([at + 1, count]) + b"x" * 60_000)
        for at in range(count)
    )
    return _with_segments(pieces)


@kind(1_500_000)
def _jpeg_profile_pieces_all_one(count: int) -> bytes:
    return _with_segments(_segment(0xE2, b"ICC_PROFILE\0\1\xff" + b"x" * 14) * count)


@kind(700_000)
def _jpeg_tables(count: int) -> bytes:
    return _with_segments(_segment(0xDB, b"\0" + bytes([1] * 64)) * count)


@kind(2_000_000)
def _jpeg_huffman_tables(count: int) -> bytes:
    return _with_segments(_segment(0xC4, b"\0" + bytes([1] + [0] * 15) + b"\0") * count)


@kind(100_000)
def _jpeg_scans(count: int) -> bytes:
    return _jpeg_of_scans(256, 256, count)


@kind(3000)
def _jpeg_scans_of_a_large_picture(count: int) -> bytes:
    return _jpeg_of_scans(6000, 6000, count)


@kind(65_500)
def _jpeg_row(width: int) -> bytes:
    return saved(Image.new("RGB", (width, 1)), "JPEG")


@kind(65_500)
def _jpeg_of_nothing(side: int) -> bytes:
    """As large as it says, without one coefficient: decoders fill it up."""
    jpeg = bytearray(_jpeg(progressive=True))
    at = jpeg.index(b"\xff\xc2") + 5
    jpeg[at : at + 4] = struct.pack(">HH", min(side, 60_000), max(1, min(side, 1600)))
    return bytes(jpeg)


@kind(16)
def _jpeg_sampling(factor: int) -> bytes:
    jpeg = bytearray(_jpeg())
    at = jpeg.index(b"\xff\xc0") + 11
    jpeg[at] = (factor & 15) << 4 | (factor & 15)
    return bytes(jpeg)


@kind(3000)
def _jpeg_thumbnails(count: int) -> bytes:
    """A multi-picture file whose directory names one picture often."""
    entries = [(0xB000, 7, 4, 0x30303130), (0xB001, 4, 1, count), (0xB002, 7, 16 * count, 50)]
    body = struct.pack("<IIIHH", 0x30000, 100, 0, 0, 0) * count
    return _with_segments(_segment(0xE2, b"MPF\0" + _exif(entries, body))[:65_000])


# --- GIF


def _gif(body: bytes, size: tuple[int, int] = (9, 9)) -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", *size, 0x80, 0, 0) + bytes(6) + body + b";"


def _gif_frame(size: tuple[int, int] = (1, 1), pixels: bytes = b"\x02\x02\x44\x01\0") -> bytes:
    return b"\x2c" + struct.pack("<HHHHB", 0, 0, *size, 0) + pixels


@kind(2_000_000)
def _gif_frames(count: int) -> bytes:
    return _gif(_gif_frame() * count)


@kind(2_000_000)
def _gif_frames_of_a_large_canvas(count: int) -> bytes:
    return _gif(_gif_frame() * count, (9000, 9000))


@kind(20_000_000)
def _gif_comment_blocks(count: int) -> bytes:
    return _gif(b"\x21\xfe" + b"\1a" * count + b"\0" + _gif_frame())


@kind(12_000_000)
def _gif_comments(count: int) -> bytes:
    return _gif(b"\x21\xfe\1a\0"[:4] * count + b"\0" + _gif_frame())


@kind(49_000_000)
def _gif_filler(count: int) -> bytes:
    return _gif(b"\0" * count + _gif_frame())


@kind(49_000_000)
def _gif_pixels_without_end(count: int) -> bytes:
    blocks = b"\xff" + b"\x44" * 255
    return _gif(_gif_frame((9000, 9000), b"\x02" + blocks * (count // 256) + b"\0"), (9000, 9000))


# --- WebP


def _riff(chunks: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WEBP" + chunks


def _riff_chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) & 1)


@cache
def _webp_pixels() -> bytes:
    return saved(scene(64, 64), "WEBP")[12:]


def _webp(flags: int, chunks: bytes, size: tuple[int, int] = (64, 64), after: bytes = b"") -> bytes:
    side = b"".join(struct.pack("<I", length - 1)[:3] for length in size)
    canvas = _riff_chunk(b"VP8X", bytes([flags, 0, 0, 0]) + side)
    return _riff(canvas + chunks + _webp_pixels() + after)


@kind(6_000_000)
def _webp_empty_chunks(count: int) -> bytes:
    return _webp(0, b"JUNK\0\0\0\0" * count)


@kind(6_000_000)
def _webp_chunks_after_the_pixels(count: int) -> bytes:
    return _webp(0, b"", after=b"JUNK\0\0\0\0" * count)


@kind(1_000_000)
def _webp_profile_of_stages(count: int) -> bytes:
    return _webp(0x20, _riff_chunk(b"ICCP", _profile_of_stages(count)))


@kind(45_000_000)
def _webp_exif_of_size(size: int) -> bytes:
    return _webp(8, b"", after=_riff_chunk(b"EXIF", b"Exif\0\0" + b"A" * size))


@kind(16_383)
def _webp_canvas(side: int) -> bytes:
    return _webp(0, b"", (side, side))


@kind(20_000)
def _webp_frames(count: int) -> bytes:
    animation = moving(2, "WEBP", (8, 8))
    first = animation.index(b"ANMF")
    return animation[:first] + animation[first:] * count


# --- TIFF


def _tiff(entries: list[tuple[int, int, int, int]], data: bytes, at: int) -> bytes:
    head = b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries))
    head += b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries)) + bytes(4)
    return head.ljust(at, b"\0") + data


def _grey(width: int, height: int, compression: int = 1) -> list[tuple[int, int, int, int]]:
    return [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, 8),
        (259, 3, 1, compression),
        (262, 3, 1, 1),
        (277, 3, 1, 1),
    ]


@kind(13_000_000)
def _tiff_tiles_that_share_data(length: int) -> bytes:
    count, length = 2000, max(16, length // 16 * 16)
    packed = _deflated_zeros(16 * length)
    entries = [
        *_grey(16 * count, 16, 8),
        (322, 4, 1, 16),
        (323, 4, 1, length),
        (324, 4, count, 400),
        (325, 4, count, 400 + 4 * count),
    ]
    places = struct.pack("<I", 400 + 8 * count) * count
    return _tiff(entries, places + struct.pack("<I", len(packed)) * count + packed, 400)


@kind(60_000)
def _tiff_large_tiles(side: int) -> bytes:
    """One tile, far larger than the picture."""
    side = max(16, side // 16 * 16)
    packed = _deflated_zeros(min(side * side, 1_000_000_000))
    tile = [(322, 4, 1, side), (323, 4, 1, side), (324, 4, 1, 400), (325, 4, 1, len(packed))]
    return _tiff([*_grey(16, 16, 8), *tile], packed, 400)


@kind(11_000_000)
def _tiff_strips_without_end(count: int) -> bytes:
    strips = [(273, 4, count, 400), (278, 3, 1, 1), (279, 4, 1, 10)]
    return _tiff(_grey(10, 10) + strips, struct.pack("<I", 300) * count, 400)


@kind(5_000_000)
def _tiff_rows_as_strips(height: int) -> bytes:
    strips = [(273, 4, height, 400), (278, 3, 1, 1), (279, 4, height, 400 + 4 * height)]
    places = struct.pack("<I", 200) * height + struct.pack("<I", 9) * height
    return _tiff(_grey(9, height) + strips, places, 400)


@kind(4_000)
def _tiff_tags(count: int) -> bytes:
    strips = [(273, 4, 1, 60_000), (278, 3, 1, 10), (279, 4, 1, 100)]
    more = [(40_000 + at, 1, 1, 0) for at in range(count)]
    return _tiff(_grey(10, 10) + strips + more, bytes(200), 60_000)


@kind(49_000_000)
def _tiff_long_tag(size: int) -> bytes:
    strips = [(273, 4, 1, 400), (278, 3, 1, 10), (279, 4, 1, 100), (34_675, 7, size, 400)]
    return _tiff(_grey(10, 10) + strips, bytes(size + 200), 400)


@kind(1_000_000)
def _tiff_profile_of_stages(count: int) -> bytes:
    profile = _profile_of_stages(count)
    strips = [(273, 4, 1, 300), (278, 3, 1, 10), (279, 4, 1, 100), (34_675, 7, len(profile), 400)]
    rgb = [entry for entry in _grey(5, 6) if entry[0] not in (258, 262, 277)]
    rgb += [(258, 3, 1, 8), (262, 3, 1, 2), (277, 3, 1, 3)]
    return _tiff(rgb + strips, profile, 400)


@kind(1_000_000_000)
def _tiff_strip_that_inflates(size: int) -> bytes:
    packed = _deflated_zeros(size)
    strips = [(273, 4, 1, 400), (278, 3, 1, 10), (279, 4, 1, len(packed))]
    return _tiff(_grey(10, 10, 8) + strips, packed, 400)


@kind(65_535)
def _tiff_samples(count: int) -> bytes:
    entries = [entry for entry in _grey(64, 64) if entry[0] != 277]
    strips = [(273, 4, 1, 400), (277, 3, 1, count), (278, 3, 1, 64), (279, 4, 1, 4096)]
    return _tiff(entries + strips, bytes(64 * 64 * min(count, 100)), 400)


@kind(2000)
def _tiff_jpeg_scans(count: int) -> bytes:
    jpeg = _jpeg_of_scans(2000, 2000, count)
    strips = [(273, 4, 1, 400), (278, 4, 1, 2000), (279, 4, 1, len(jpeg))]
    return _tiff(_grey(2000, 2000, 7) + strips, jpeg, 400)


@kind(9900)
def _tiff_fax(side: int) -> bytes:
    packed = bytes(side * 4)
    strips = [(273, 4, 1, 400), (278, 4, 1, side), (279, 4, 1, len(packed))]
    entries = [entry for entry in _grey(side, side, 4) if entry[0] != 258]
    return _tiff([*entries, (258, 3, 1, 1), *strips], packed, 400)


@kind(200_000)
def _tiff_pages(count: int) -> bytes:
    """A directory that names the next one, and so on; only the first is of use."""
    strips = [(273, 4, 1, 100), (278, 3, 1, 10), (279, 4, 1, 100)]
    entries = sorted(_grey(10, 10) + strips)
    packed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    length = 2 + len(packed) + 4
    return b"II*\0\x08\0\0\0" + b"".join(
        struct.pack("<H", len(entries)) + packed + struct.pack("<I", 8 + (at + 1) * length)
        for at in range(count)
    )


# --- BMP


def _bmp(size: tuple[int, int], bits: int, compression: int, colors: int, pixels: bytes) -> bytes:
    offset = 54 + 4 * min(colors, 256)
    info = struct.pack(
        "<IiiHHIIiiII", 40, *size, 1, bits, compression, len(pixels), 0, 0, colors, 0
    )
    head = struct.pack("<2sIHHI", b"BM", offset + len(pixels), 0, 0, offset)
    return head + info + bytes(4 * min(colors, 256)) + pixels


@kind(12_000_000)
def _bmp_moves(count: int) -> bytes:
    """Run lengths that only move on."""
    return _bmp((5000, 5000), 8, 1, 256, b"\0\2\0\0" * count + b"\0\1")


@kind(9900)
def _bmp_runs(side: int) -> bytes:
    rows = (b"\xff\1" * (side // 255) + bytes([side % 255, 1]) + b"\0\0") * side
    return _bmp((side, side), 8, 1, 256, rows + b"\0\1")


@kind(70_000_000)
def _bmp_row(width: int) -> bytes:
    return _bmp((width, 1), 1, 0, 2, bytes(width // 8 + 8))


@kind(2_000_000_000)
def _bmp_colors(count: int) -> bytes:
    return _bmp((9, 9), 8, 0, count, bytes(200))


# --- AVIF


@cache
def _avif(side: int, alpha: bool = False) -> bytes:
    picture = Image.new("RGBA" if alpha else "RGB", (side, side), (10, 20, 30))
    return saved(picture, "AVIF", quality=1, speed=10, max_threads=1)


@kind(8000)
def _avif_coded_larger_than_said(side: int) -> bytes:
    avif, at = bytearray(_avif(max(64, side // 500 * 500))), 0
    while (at := avif.find(b"ispe", at)) >= 0:
        avif[at + 8 : at + 16] = struct.pack(">II", 100, 100)
        at += 4
    return bytes(avif)


@kind(4_000_000)
def _avif_boxes(count: int) -> bytes:
    avif = _avif(64)
    first = struct.unpack(">I", avif[:4])[0]
    return avif[:first] + struct.pack(">I4s", 8, b"free") * count + avif[first:]


@kind(1_000_000)
def _avif_nested_boxes(count: int) -> bytes:
    return _avif(64)[:32] + struct.pack(">I4s", 0, b"moov") * count


@kind(2_000_000_000)
def _avif_frames(count: int) -> bytes:
    animation = bytearray(moving(2, "AVIF", speed=10))
    at = animation.index(b"stsz") + 12
    animation[at : at + 4] = struct.pack(">I", count)
    return bytes(animation)
