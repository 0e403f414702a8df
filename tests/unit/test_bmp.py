"""BMP of every depth, mask and run length."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.support.containers import bmp, bmp_row
from tests.support.pictures import opened, saved, scene
from upload_workflow.errors import Rejected, RejectionCode
from upload_workflow.image.convert import convert
from upload_workflow.image.limits import Limits
from upload_workflow.image.rendition import OutputFormat, Rendition

PIXELS = [(230, 30, 90, 255), (30, 200, 40, 128), (40, 60, 220, 0), (128, 128, 128, 255)]
RUN_LENGTH_8, RUN_LENGTH_4, MASKS, MASKS_WITH_ALPHA = 1, 2, 3, 6
PALETTE = b"".join(bytes((i, 255 - i, i * 7 % 256, 0)) for i in range(256))  # blue, green, red


def still(upload: bytes) -> Image.Image:
    made = convert(upload, {"x": Rendition(format=OutputFormat.PNG)}, Limits())["x"].data
    return opened(made).convert("RGBA")


def row_of(picture: Image.Image, y: int = 0) -> list[tuple[int, ...]]:
    return [picture.getpixel((x, y)) for x in range(picture.width)]  # type: ignore[misc]


def color(index: int) -> tuple[int, int, int, int]:
    blue, green, red, _ = PALETTE[4 * index : 4 * index + 4]
    return red, green, blue, 255


@settings(max_examples=60, deadline=None)
@given(st.permutations("rgba"), st.data(), st.sampled_from([16, 32]), st.booleans())
def test_every_mask_is_read(
    order: list[str], data: st.DataObject, bits: int, with_alpha: bool
) -> None:
    """Channels of any width in any order, with unused bits between them."""
    names = order if with_alpha else [name for name in order if name != "a"]
    masks, shift = dict.fromkeys("rgba", 0), 0
    for name in names:
        left = bits - shift - sum(1 for other in names if not masks[other] and other != name)
        width = data.draw(st.integers(1, min(left, 12)))
        masks[name] = ((1 << width) - 1) << shift
        shift += width
    stored, wanted = [], []
    for pixel in PIXELS:
        word, seen = 0, []
        for name, value in zip("rgba", pixel, strict=True):
            mask = masks[name]
            if not mask:
                seen.append(255)
                continue
            low = (mask & -mask).bit_length() - 1
            most = mask >> low
            sample = round(value * most / 255)
            word |= sample << low
            seen.append(round(sample * 255 / most))
        stored.append(word)
        wanted.append(seen)
    upload = bmp(
        (4, 1), bits, bmp_row(stored, bits), compression=MASKS,
        masks=[masks[name] for name in "rgba"], header_bytes=56,
    )  # fmt: skip
    if all(pixel[3] == 0 for pixel in wanted):
        wanted = [[*pixel[:3], 255] for pixel in wanted]  # alpha that hides everything is none
    for found, expected in zip(row_of(still(upload)), wanted, strict=True):
        if expected[3] == 0:
            assert found[3] == 0
        else:  # Pillow's own unpacking of 5 and 6 bits rounds down
            assert all(abs(a - b) <= 4 for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("bits", [16, 32])
@pytest.mark.parametrize("header_bytes", [40, 52, 56, 64, 108, 124])
def test_alpha_has_a_mask_where_the_header_has_room_for_one(header_bytes: int, bits: int) -> None:
    """Also where the colours have none, as in Chromium."""
    top = 1 << 15 if bits == 16 else 0xFF000000
    row = bmp_row([top, 0x1F, 0x1F | top], bits)
    picture = bmp((3, 1), bits, row, masks=(0, 0, 0, top), header_bytes=max(header_bytes, 56))
    if header_bytes < 56:
        picture = bmp((3, 1), bits, row, header_bytes=header_bytes)
    alphas = [pixel[3] for pixel in row_of(still(picture))]
    assert alphas == ([255, 0, 255] if header_bytes in (56, 108, 124) else [255] * 3)


@pytest.mark.parametrize("mask", [0x81000000, 0x000000FF, 0x00FFFF00])
def test_a_mask_that_alpha_cannot_have_is_ignored(mask: int) -> None:
    """One with holes, and one that lies over a colour's."""
    masks = (0xFF0000, 0xFF00, 0xFF, mask)
    for compression in (0, MASKS):
        picture = bmp(
            (1, 1), 32, bmp_row([0x40C83C14], 32),
            compression=compression, masks=masks, header_bytes=124,
        )  # fmt: skip
        assert row_of(still(picture)) == [(200, 60, 20, 255)]


def test_a_header_of_three_masks_has_none_for_alpha() -> None:
    """What follows are pixels, whatever its compression says; Chromium shows them."""
    row = bmp_row([0x00C83C14, 0x00010203], 32)
    picture = bmp(
        (2, 1), 32, row, compression=MASKS_WITH_ALPHA, masks=(0xFF0000, 0xFF00, 0xFF),
        header_bytes=52,
    )  # fmt: skip
    assert row_of(still(picture)) == [(200, 60, 20, 255), (1, 2, 3, 255)]


@pytest.mark.parametrize("header_bytes", [40, 52])
def test_a_fourth_mask_where_the_header_has_none_is_no_alpha(header_bytes: int) -> None:
    masks = (0xFF0000, 0xFF00, 0xFF)
    upload = bmp((2, 1), 32, bmp_row([0x00E61E5A, 0x001EC828], 32), compression=MASKS,
                 masks=masks, header_bytes=header_bytes)  # fmt: skip
    assert row_of(still(upload)) == [(230, 30, 90, 255), (30, 200, 40, 255)]


def test_alpha_masks_of_windows_ce_are_read_behind_a_short_header() -> None:
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    upload = bmp((2, 1), 32, bmp_row([0x80E61E5A, 0xFF1EC828], 32), compression=MASKS_WITH_ALPHA,
                 masks=masks)  # fmt: skip
    assert row_of(still(upload)) == [(230, 30, 90, 128), (30, 200, 40, 255)]


def test_masks_with_holes_are_broken() -> None:
    for masks in ((0xF0F000, 0xF00, 0xFF), (0xFF0000, 0xF0F0, 0xFF)):
        with pytest.raises(Rejected) as refused:
            still(bmp((1, 1), 32, bytes(4), compression=MASKS, masks=masks))
        assert refused.value.code is RejectionCode.CORRUPT


@pytest.mark.parametrize("height", [3, -3])
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_indexes_of_every_depth_are_read_both_ways_up(bits: int, height: int) -> None:
    width, colors = 9, 1 << bits
    rows = [[(x + 3 * y) % colors for x in range(width)] for y in range(3)]
    packed = b""
    for row in rows if height < 0 else reversed(rows):
        text = "".join(f"{index:0{bits}b}" for index in row)
        text = text.ljust(-(-len(text) // 32) * 32, "0")
        packed += int(text, 2).to_bytes(len(text) // 8, "big")
    made = still(bmp((width, height), bits, packed, palette=PALETTE[: 4 * colors]))
    assert [row_of(made, y) for y in range(3)] == [[color(i) for i in row] for row in rows]


def test_colours_that_a_palette_lacks_are_black() -> None:
    made = still(bmp((4, 1), 8, bytes((0, 1, 2, 200)), palette=PALETTE[:8]))
    assert row_of(made) == [color(0), color(1), (0, 0, 0, 255), (0, 0, 0, 255)]


NOTHING = (0, 0, 0, 0)


def run_lengths(runs: Sequence[Sequence[int]], bits: int, size: tuple[int, int]) -> Image.Image:
    data = bytes(value for run in runs for value in run)
    compression = RUN_LENGTH_8 if bits == 8 else RUN_LENGTH_4
    return still(bmp(size, bits, data, compression=compression, palette=PALETTE[: 4 << bits]))


def shown(picture: Image.Image) -> list[list[tuple[int, ...]]]:
    """Rows from the lowest up, as they are stored."""
    rows = [row_of(picture, y) for y in range(picture.height)]
    return [[pixel if pixel[3] else NOTHING for pixel in row] for row in reversed(rows)]


(
    END_OF_LINE,
    END,
) = (0, 0), (0, 1)


def test_runs_of_bytes_are_read() -> None:
    made = run_lengths([(3, 7), (1, 9), END_OF_LINE, (0, 3, 1, 2, 3, 0), (1, 4), END], 8, (4, 2))
    assert shown(made) == [[color(i) for i in (7, 7, 7, 9)], [color(i) for i in (1, 2, 3, 4)]]


def test_runs_of_nibbles_are_read() -> None:
    made = run_lengths([(5, 0x12), END_OF_LINE, (0, 5, 0x34, 0x56, 0x70, 0), END], 4, (5, 2))
    assert shown(made) == [[color(i) for i in (1, 2, 1, 2, 1)], [color(i) for i in (3, 4, 5, 6, 7)]]


def test_pixels_that_are_jumped_over_or_come_after_the_end_are_transparent() -> None:
    made = run_lengths([(1, 7), (0, 2, 1, 1), (1, 9), END], 8, (4, 3))
    assert shown(made) == [
        [color(7), NOTHING, NOTHING, NOTHING],
        [NOTHING, NOTHING, color(9), NOTHING],
        [NOTHING] * 4,
    ]


def test_runs_that_end_without_their_marker_are_whole_only_with_every_pixel() -> None:
    assert shown(run_lengths([(2, 7), END_OF_LINE, (2, 9)], 8, (2, 2)))[1] == [color(9)] * 2
    with pytest.raises(Rejected) as refused:
        run_lengths([(2, 7), END_OF_LINE, (1, 9)], 8, (2, 2))
    assert refused.value.code is RejectionCode.CORRUPT


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=80), st.sampled_from([4, 8]))
def test_runs_of_any_bytes_stay_within_the_picture(data: bytes, bits: int) -> None:
    try:
        made = run_lengths([data], bits, (5, 4))
    except Rejected as refused:
        assert refused.code is RejectionCode.CORRUPT
    else:
        assert made.size == (5, 4)


@pytest.mark.parametrize(
    ("compression", "header_bytes"), [(4, 40), (5, 40), (3, 64), (4, 64), (7, 40)]
)
def test_a_compression_that_is_not_read_is_no_broken_file(
    compression: int, header_bytes: int
) -> None:
    with pytest.raises(Rejected) as refused:
        still(bmp((4, 4), 24, bytes(99), compression=compression, header_bytes=header_bytes))
    assert refused.value.code is RejectionCode.UNSUPPORTED_FORMAT
    assert "PNG" in refused.value.message


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_what_pillow_writes_is_read(mode: str) -> None:
    picture = scene(61, 40).quantize(40) if mode == "P" else scene(61, 40).convert(mode)
    assert still(saved(picture, "BMP")).tobytes() == picture.convert("RGBA").tobytes()


def test_the_header_of_os2_is_read() -> None:
    palette = b"".join(PALETTE[4 * i : 4 * i + 3] for i in range(4)).ljust(3 * 16, b"\0")
    pixels = bytes((0x01, 0x23, 0, 0))
    header = struct.pack("<IHHHH", 12, 4, 1, 1, 4)
    start = 14 + len(header) + len(palette)
    upload = b"BM" + struct.pack("<IHHI", start + 4, 0, 0, start) + header + palette + pixels
    assert row_of(still(upload)) == [color(i) for i in range(4)]


@pytest.mark.parametrize("bits", [16, 32])
def test_a_colour_without_a_mask_is_absent_as_in_browsers(bits: int) -> None:
    """Chromium shows them so."""
    masks = (0xFF00, 0xFF, 0)
    picture = bmp((1, 1), bits, bmp_row([0xC83C], bits), compression=MASKS, masks=masks)
    assert row_of(still(picture)) == [(200, 60, 0, 255)]


def test_a_header_of_os2_may_end_after_its_depth() -> None:
    """What it lacks is 0; what stands there already are pixels."""
    row = b"\x0a\x14\x1e\x28\x32\x3c\0\0"
    head = struct.pack("<IiiHH", 16, 2, 1, 1, 24)
    picture = b"BM" + struct.pack("<IHHI", 14 + 16 + 8, 0, 0, 14 + 16) + head + row + bytes(16)
    assert row_of(still(picture)) == [(30, 20, 10, 255), (60, 50, 40, 255)]
