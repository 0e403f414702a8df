"""What no optional part of a file can change, and what its frames show."""

from __future__ import annotations

import io
import re
import struct
import zlib
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from tests.support.containers import (
    GifFrame,
    clap,
    gif,
    png,
    png_chunk,
    with_avif_property,
    with_png_chunks,
)
from tests.support.pictures import moving, opened, quarters, saved, scene, with_orientation
from upload_workflow.errors import Rejected, RejectionCode
from upload_workflow.image.convert import convert
from upload_workflow.image.decode import Picture
from upload_workflow.image.header import read_header
from upload_workflow.image.limits import Limits, header_within
from upload_workflow.image.orientation import orientation_in
from upload_workflow.image.readers.png import PngReader
from upload_workflow.image.rendition import OutputFormat, Rendition

WHOLE = {"x": Rendition(format=OutputFormat.PNG)}
MOVING = {"x": Rendition(format=OutputFormat.WEBP, animated=True, quality=100)}
STILLS = ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "GIF", "BMP"]


def still(upload: bytes) -> Image.Image:
    return opened(convert(upload, WHOLE, Limits())["x"].data)


def refusal(upload: bytes) -> Rejected:
    with pytest.raises(Rejected) as refused:
        convert(upload, WHOLE, Limits())
    return refused.value


def same(one: Image.Image, other: Image.Image) -> bool:
    return (one.size, one.mode, one.tobytes()) == (other.size, other.mode, other.tobytes())


# --- orientation ---


def xmp(orientation: int) -> bytes:
    return (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="%d"/>'
        b"</x:xmpmeta>" % orientation
    )


def with_xmp(picture: Image.Image, format: str, packet: bytes, **also: Any) -> bytes:
    if format == "PNG":
        texts = PngImagePlugin.PngInfo()
        texts.add_itxt("XML:com.adobe.xmp", packet.decode())
        return saved(picture, format, pnginfo=texts, **also)
    if format == "TIFF":
        return saved(picture, format, tiffinfo={700: packet, **dict(also.get("exif", {}))})
    return saved(picture, format, xmp=packet, **also)


@pytest.mark.parametrize("orientation", range(1, 10))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_an_orientation_in_xmp_turns_nothing(format: str, orientation: int) -> None:
    picture = quarters(60, 40)
    plain = still(saved(picture, format))
    assert same(still(with_xmp(picture, format, xmp(orientation))), plain)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_an_orientation_in_exif_turns_whatever_xmp_says(format: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = quarters(60, 40).transpose(Image.Transpose.ROTATE_90)
    made = still(with_xmp(stored, format, xmp(3), exif=exif))
    assert same(made, still(with_orientation(quarters(60, 40), 6, format)))
    assert made.size == (60, 40)


def test_the_exif_of_an_avif_turns_nothing_as_only_irot_and_imir_do() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = saved(quarters(60, 40), "AVIF", exif=exif)  # Pillow writes irot for it
    assert still(turned).size == (40, 60)
    angle = turned.index(b"irot") + 4
    straight = turned[:angle] + b"\0" + turned[angle + 1 :]
    assert still(straight).size == (60, 40)


def exif_segment(orientation: int | None) -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "maker"
    if orientation is not None:
        exif[0x0112] = orientation
    data = exif.tobytes()
    return b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data


@pytest.mark.parametrize("first", [None, 1, 6])
def test_of_two_exif_segments_the_first_counts(first: int | None) -> None:
    """As in Chromium and libvips, also where it turns nothing."""
    plain = saved(quarters(60, 40), "JPEG")
    one, two = plain[:2] + exif_segment(first), exif_segment(3)
    assert same(still(one + two + plain[2:]), still(one + plain[2:]))


@given(st.binary(max_size=60))
def test_exif_of_any_bytes_has_an_orientation(rest: bytes) -> None:
    for head in (b"", b"Exif\0\0", b"II*\0", b"MM\0*", b"II*\0\x08\0\0\0\x05\0"):
        assert orientation_in(head + rest) in range(1, 9)


# --- optional parts ---

DAMAGED_EXIF = [b"", b"E", b"garbage" * 9, b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff"]


@pytest.mark.parametrize("broken", DAMAGED_EXIF)
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_broken_exif_changes_no_pixel(format: str, broken: bytes) -> None:
    right = b"II*\0\x08\0\0\0" + bytes(80)
    upload = bytearray(saved(scene(60, 40), format, exif=b"Exif\0\0" + right))
    at = upload.index(right)
    upload[at : at + len(right)] = broken.ljust(len(right), b"\1")
    if format == "PNG":
        data = bytes(upload[at : at + len(right)])
        upload[at - 8 : at + len(right) + 4] = png_chunk(b"eXIf", data)
    assert same(still(bytes(upload)), still(saved(scene(60, 40), format)))


PAYLOADS = [
    b"", b"\0", b"JFIF", b"Exif\0\0", b"ICC_PROFILE\0", b"ICC_PROFILE\0\1", b"Adobe", b"MPF\0",
    b"Photoshop 3.0\0008BIM", b"FPXR\0", b"http://ns.adobe.com/xap/1.0/\0", b"x" * 65_000,
]  # fmt: skip


@pytest.mark.parametrize("marker", [*range(0xE0, 0xF0), 0xFE])
def test_no_segment_of_a_jpeg_changes_a_pixel(marker: int) -> None:
    plain = saved(quarters(32, 24), "JPEG")
    shown = still(plain)
    for payload in PAYLOADS:
        segment = bytes((0xFF, marker)) + struct.pack(">H", len(payload) + 2) + payload
        assert same(still(plain[:20] + segment + plain[20:]), shown), payload[:30]


# All ancillary chunks of the standard, and the private ones of others.
ANCILLARY = (
    b"cHRM cICP gAMA iCCP mDCV cLLI sBIT sRGB bKGD hIST pHYs sPLT eXIf tIME tEXt zTXt iTXt "
    b"acTL fcTL fdAT oFFs vpAg iDOT prVW"
).split()
LARGE = zlib.compress(bytes(3 << 20), 9)


# By damage: the data, and a checksum that is not theirs.
DAMAGED_CHUNKS: dict[str, tuple[bytes, int | None]] = {
    "empty": (b"", None),
    "short": (b"\0", None),
    "wrong checksum": (bytes(range(40)), 12345),
    "large": (b"Raw profile type exif\0\0" + LARGE, None),
    "bad text": (b"Raw profile type exif\0no hexadecimal \xff\xfe", None),
}


@pytest.mark.parametrize("kind", ANCILLARY)
def test_no_ancillary_chunk_of_a_png_can_refuse_or_change_it(kind: bytes) -> None:
    plain = saved(quarters(32, 24), "PNG")
    shown = still(plain)
    for damage, at_end in product(DAMAGED_CHUNKS, (False, True)):
        chunk = png_chunk(kind, *DAMAGED_CHUNKS[damage])
        assert same(still(with_png_chunks(plain, chunk, at_end)), shown), (damage, at_end)


@pytest.mark.parametrize("name", ["ICCP", "EXIF", "XMP "])
def test_no_chunk_of_a_webp_besides_its_pixels_can_refuse_it(name: str) -> None:
    extras: dict[str, Any] = {"icc_profile": b"a" * 99, "exif": b"Exif\0\0" + b"b" * 99}
    upload = saved(quarters(32, 24), "WEBP", lossless=True, xmp=b"c" * 99, **extras)
    at = upload.index(name.encode())
    broken = upload[: at + 8] + b"\xff" * 40 + upload[at + 48 :]
    assert same(still(broken), still(saved(quarters(32, 24), "WEBP", lossless=True)))


@pytest.mark.parametrize("lossless", [True, False])
def test_a_webp_that_is_cut_off_behind_its_pixels_is_whole(lossless: bool) -> None:
    """As where a transfer ended within EXIF or XMP, which writers put last."""
    picture = quarters(32, 24).convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    whole = saved(picture, "WEBP", lossless=lossless, xmp=b"c" * 99)
    for missing in (1, 50, 99, 103):
        assert same(still(whole[:-missing]), still(whole))
    with pytest.raises(Rejected):
        still(whole[: whole.index(b"XMP ") - 10])


def test_opening_decodes_no_pixel() -> None:
    """Also of a PNG without eXIf, whose pixels Pillow would decode to look for one behind them."""
    header = struct.pack(">IIBBBBB", 6000, 5000, 8, 2, 0, 0, 0)
    no_pixels = (
        png_chunk(b"IHDR", header) + png_chunk(b"IDAT", b"no deflate") + png_chunk(b"IEND", b"")
    )
    upload = b"\x89PNG\r\n\x1a\n" + no_pixels
    picture = Picture(upload, header_within(upload, Limits()))
    assert picture.size == (6000, 5000)
    with pytest.raises(Rejected):
        picture.decode()


# --- pixels that are all there, and pixels that are not ---


def coded_rows(size: tuple[int, int], interlaced: bool) -> bytes:
    """Of an 8-bit gray PNG: each row behind its filter, all of one gray."""
    width, height = size
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2)]
    passes = [*passes, (0, 1, 1, 2)] if interlaced else [(0, 0, 1, 1)]
    row_lengths = [
        len(range(left, width, across))
        for left, top, across, down in passes
        for _ in range(top, height, down)
    ]
    return b"".join(b"\0" + b"\x77" * length for length in row_lengths if length)


def gray_png(size: tuple[int, int], stream: bytes, interlaced: bool = False) -> bytes:
    header = struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, interlaced)
    parts = [(b"IHDR", header), (b"IDAT", stream[:1]), (b"IDAT", stream[1:]), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(kind, data) for kind, data in parts)


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("size", [(20, 16), (20, 15), (1, 9), (9, 1), (1, 1)])
def test_a_png_with_fewer_rows_than_its_header_says_misses_pixels(
    size: tuple[int, int], interlaced: bool
) -> None:
    """Its stream is whole: it ends, with its checksum, between two rows or within one."""
    rows = coded_rows(size, interlaced)
    whole = gray_png(size, zlib.compress(rows), interlaced)
    assert set(still(whole).tobytes()) == {0x77}
    for count in range(len(rows)):
        refused = refusal(gray_png(size, zlib.compress(rows[:count]), interlaced))
        assert refused.code is RejectionCode.CORRUPT, count


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "I;16"])
def test_whatever_the_last_row_of_a_png_shows_it_is_there(mode: str) -> None:
    """Also what a reader might take for a row that nobody has written."""
    for content in (b"\0", b"\xff", b"\x5a\x93\x2d\x61\xc6"):
        picture = Image.new(mode, (40, 3))
        length = len(picture.tobytes())
        picture.frombytes((content * length)[-length // 3 :].rjust(length, b"\x31"))
        row = Image.new(mode, (40, 1))
        row.frombytes((content * length)[: len(row.tobytes())])
        picture.paste(row, (0, 2))
        if mode == "P":
            picture.putpalette(bytes(range(256)) * 3)
        assert same(still(saved(picture, "PNG")), still(saved(picture, "TIFF")))


def test_an_ordinary_png_is_unpacked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def twice(*_: object) -> None:
        pytest.fail("unpacked again")

    monkeypatch.setattr(PngReader, "_endless_pieces", twice)
    for color in ("black", "white", "#5a5a5a", "#00000000"):
        mode = "RGBA" if len(color) == 9 else "RGB"
        still(saved(Image.new(mode, (50, 40), color), "PNG"))


@pytest.mark.parametrize("interlaced", [False, True])
def test_a_wrong_checksum_behind_the_pixels_of_a_png_takes_none_away(interlaced: bool) -> None:
    rows = coded_rows((20, 16), interlaced)
    stream = zlib.compress(rows)
    for checksum in (b"", b"\0", b"\1\2\3\4", stream[-4:]):
        made = still(gray_png((20, 16), stream[:-4] + checksum, interlaced))
        assert set(made.tobytes()) == {0x77}
    missing = zlib.compress(rows[:-1])[:-4] + b"\1\2\3\4"
    assert refusal(gray_png((20, 16), missing, interlaced)).code is RejectionCode.CORRUPT
    assert refusal(gray_png((20, 16), b"\x78\x9d" + stream[2:])).code is RejectionCode.CORRUPT


JPEGS = {
    "baseline": saved(scene(90, 70), "JPEG", quality=90),
    "4:4:4": saved(scene(90, 70), "JPEG", subsampling=0),
    "gray": saved(scene(90, 70).convert("L"), "JPEG"),
    "cmyk": saved(scene(90, 70).convert("CMYK"), "JPEG"),
    "progressive": saved(scene(90, 70), "JPEG", progressive=True),
    "restarts": saved(scene(90, 70), "JPEG", restart_marker_blocks=3),
    "of one block": saved(scene(8, 8), "JPEG"),
}
TRAILERS = [b"", b"\xff", b"SEFH\0\0ftyp" + bytes(range(256)) * 9, b"\xff\xd8\xff\xe0trailer"]


@pytest.mark.parametrize("trailer", TRAILERS)
@pytest.mark.parametrize("name", JPEGS)
def test_a_jpeg_whose_end_marker_is_missing_is_whole(name: str, trailer: bytes) -> None:
    whole = JPEGS[name]
    assert whole.endswith(b"\xff\xd9")
    if name == "progressive" and trailer[:1] == b"S":
        trailer = trailer.replace(b"\xff", b"")  # nothing in it looks like a further scan
    assert same(still(whole[:-2] + trailer), still(whole))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([name for name in JPEGS if name != "progressive"]), st.data())
def test_a_jpeg_that_is_cut_anywhere_is_refused_or_whole(name: str, data: st.DataObject) -> None:
    whole = JPEGS[name]
    cut = whole[: data.draw(st.integers(20, len(whole) - 1))]
    try:
        made = still(cut)
    except Rejected as refused:
        assert refused.code is RejectionCode.CORRUPT
    else:
        assert same(made, still(whole))


def test_a_jpeg_that_is_cut_between_two_restarts_misses_pixels() -> None:
    whole = JPEGS["restarts"]
    restarts = [found.start() for found in re.finditer(rb"\xff[\xd0-\xd7]", whole)]
    assert len(restarts) > 5
    for at in restarts:
        for end in (at, at + 2):  # before the marker, and behind it
            assert refusal(whole[:end]).code is RejectionCode.CORRUPT


def test_most_of_a_jpeg_is_not_a_jpeg() -> None:
    for name, whole in JPEGS.items():
        if name != "of one block":
            assert refusal(whole[: len(whole) * 9 // 10]).code is RejectionCode.CORRUPT, name


@pytest.mark.parametrize("format", ["GIF", "WEBP"])
def test_an_animation_ends_before_the_frame_that_is_cut_off(format: str) -> None:
    noise = {} if format == "GIF" else {"lossless": True}
    whole = moving(5, format, duration=80, **noise)
    header = read_header(whole)
    assert header is not None
    frame_bytes = len(whole) // 6
    for lost in range(1, 4):
        cut = whole[: len(whole) - lost * frame_bytes]
        converted = convert(cut, MOVING | {"still": WHOLE["x"]}, Limits())
        animation = Image.open(io.BytesIO(converted["x"].data))
        assert 1 <= getattr(animation, "n_frames", 1) < 5
        assert same(opened(converted["still"].data), still(whole))


@pytest.mark.parametrize("part", ["its header", "its pixels"])
@pytest.mark.parametrize("broken", [1, 3, 4])
def test_an_animated_webp_ends_before_its_first_broken_frame(broken: int, part: str) -> None:
    """Whose bytes are all there, and are no picture."""
    whole = moving(5, "WEBP", duration=80, lossless=True)
    at = [found.end() + 4 for found in re.finditer(b"VP8L", whole)][broken]
    at += 0 if part == "its header" else 5  # its mark and its size
    upload = whole[:at] + b"\xff" * 5 + whole[at + 5 :]
    converted = convert(upload, MOVING | {"still": WHOLE["x"]}, Limits())
    made = Image.open(io.BytesIO(converted["x"].data))
    assert getattr(made, "n_frames", 1) == broken
    assert same(opened(converted["still"].data), still(whole))


# --- animations ---

COLORS = [(255, 0, 0), (0, 160, 0), (0, 0, 255), (255, 255, 255)]


@pytest.mark.parametrize(
    ("repeats", "plays"),
    [(None, 1), (0, 0), (1, 2), (2, 3), (99, 100), (65_534, 65_535), (65_535, 65_535)],
)
def test_repeats_of_a_gif_become_plays_of_a_webp(repeats: int | None, plays: int) -> None:
    frames = [GifFrame([bytes((color,)) * 4] * 4) for color in (0, 1)]
    converted = convert(gif((4, 4), COLORS, frames, repeats), MOVING, Limits())
    assert Image.open(io.BytesIO(converted["x"].data)).info["loop"] == plays


LOOPER, OTHER_LOOPER = b"\x21\xff\x0bNETSCAPE2.0", b"\x21\xff\x0bANIMEXTS1.0"
FOUR_TIMES, SEVEN_TIMES = b"\x03\x01\x04\0\0", b"\x03\x01\x07\0\0"
A_BUFFER = b"\x05\x02\0\x10\0\0\0"


@pytest.mark.parametrize(
    ("before", "behind", "plays"),
    [
        (LOOPER + FOUR_TIMES + LOOPER + A_BUFFER, b"", 5),
        (LOOPER + FOUR_TIMES[:-1] + A_BUFFER, b"", 5),
        (LOOPER + A_BUFFER, b"", 1),
        (LOOPER + FOUR_TIMES + OTHER_LOOPER + SEVEN_TIMES, b"", 8),
        (b"\x21\xfe\x13" + LOOPER + FOUR_TIMES + b"\0", b"", 1),
        (LOOPER + FOUR_TIMES + b"\x21\xfe\x13" + LOOPER + SEVEN_TIMES + b"\0", b"", 5),
        (b"", LOOPER + FOUR_TIMES, 1),
        (LOOPER + FOUR_TIMES, LOOPER + SEVEN_TIMES, 5),
    ],
)
def test_repeats_of_a_gif_are_read_in_the_blocks_that_state_them(
    before: bytes, behind: bytes, plays: int
) -> None:
    """Not in a comment, not behind the trailer, and no buffer takes them back."""
    frames = [GifFrame([bytes((color,)) * 4] * 4) for color in (0, 1)]
    file = gif((4, 4), COLORS, frames)
    converted = convert(file[:25] + before + file[25:] + behind, MOVING, Limits())
    assert Image.open(io.BytesIO(converted["x"].data)).info["loop"] == plays


@pytest.mark.parametrize("background", range(4))
def test_the_background_of_a_gif_is_nothing(background: int) -> None:
    frame = GifFrame([b"\2\2"] * 2, place=(2, 2))
    made = still(gif((4, 4), COLORS, [frame], background=background))
    assert [made.getpixel(at) for at in ((0, 0), (3, 1), (1, 3))] == [(0, 0, 0, 0)] * 3
    assert made.getpixel((3, 3)) == (0, 0, 255, 255)
    jpeg = {"x": Rendition(background="#ffff00")}
    flat = opened(
        convert(gif((4, 4), COLORS, [frame], background=background), jpeg, Limits())["x"].data
    )
    assert flat.getpixel((0, 0))[2] < 90  # type: ignore[index]


SIDE = 6


@st.composite
def gif_frames(draw: st.DrawFn) -> GifFrame:
    left, top = draw(st.integers(0, SIDE - 1)), draw(st.integers(0, SIDE - 1))
    width, height = draw(st.integers(1, SIDE - left)), draw(st.integers(1, SIDE - top))
    row = st.binary(min_size=width, max_size=width).map(lambda data: bytes(v & 3 for v in data))
    return GifFrame(
        draw(st.lists(row, min_size=height, max_size=height)),
        (left, top),
        draw(st.integers(0, 4)),
        draw(st.sampled_from([None, 0, 1, 2, 3])),
        draw(st.integers(0, 30)),
    )


def as_browsers_compose(frames: list[GifFrame]) -> list[list[tuple[int, ...]]]:
    """Pixel by pixel: empty at first; 2 empties the frame's box, 3 and 4 bring back what was."""
    nothing = (0, 0, 0, 0)
    canvas = [nothing] * (SIDE * SIDE)
    shown = []
    for frame in frames:
        before = list(canvas)
        box = []
        for y, row in enumerate(frame.indexes):
            for x, index in enumerate(row):
                at = (frame.place[1] + y) * SIDE + frame.place[0] + x
                box.append(at)
                if index != frame.hole:
                    canvas[at] = (*COLORS[index], 255)
        shown.append(list(canvas))
        if frame.disposal == 2:
            for at in box:
                canvas[at] = nothing
        elif frame.disposal in (3, 4):
            canvas = before
    return shown


def pixels_of(picture: Image.Image) -> list[tuple[int, ...]]:
    data = picture.convert("RGBA").tobytes()
    colors = [tuple(data[at : at + 4]) for at in range(0, len(data), 4)]
    return [color if color[3] else (0, 0, 0, 0) for color in colors]


@settings(max_examples=120, deadline=None)
@given(st.lists(gif_frames(), min_size=1, max_size=5))
def test_frames_of_a_gif_are_composed_as_browsers_compose_them(frames: list[GifFrame]) -> None:
    upload = gif((SIDE, SIDE), COLORS, frames)
    header = read_header(upload)
    assert header is not None
    shown = list(Picture(upload, header).frames())
    expected = as_browsers_compose(frames)
    assert [pixels_of(frame.pixels) for frame in shown] == expected
    delays = [frame.delay * 10 if frame.delay > 1 else 100 for frame in frames]
    assert [frame.duration_ms for frame in shown] == delays
    assert pixels_of(Picture(upload, header).decode()) == expected[0]


def test_a_frame_of_no_size_only_waits() -> None:
    frames = [GifFrame([b"\0\0"] * 2), GifFrame([]), GifFrame([b"\1\1"] * 2)]
    upload = gif((2, 2), COLORS, frames)
    header = read_header(upload)
    assert header is not None
    shown = [pixels_of(frame.pixels)[0] for frame in Picture(upload, header).frames()]
    assert shown == [(255, 0, 0, 255), (255, 0, 0, 255), (0, 160, 0, 255)]


def test_a_webp_without_the_alpha_flag_shows_through_where_frames_were_disposed_of() -> None:
    frames = [GifFrame([b"\0" * 8] * 8, disposal=2), GifFrame([b"\1" * 4] * 4, (4, 4))]
    made = convert(gif((8, 8), COLORS, frames), MOVING, Limits())["x"].data
    flagless = made[:20] + bytes((made[20] & ~0x10,)) + made[21:]
    for upload in (made, flagless):
        header = read_header(upload)
        assert header is not None
        _, second = (frame.pixels for frame in Picture(upload, header).frames())
        assert second.getpixel((1, 1))[3] == 0  # type: ignore[index]
        assert second.getpixel((6, 6))[3] == 255  # type: ignore[index]


def test_an_animated_webp_of_one_frame_shows_through_without_the_alpha_flag() -> None:
    seen = Image.new("RGBA", (8, 8), (200, 30, 40, 255))
    seen.paste((0, 0, 0, 0), (0, 0, 4, 8))
    frames = saved(seen, "WEBP", save_all=True, append_images=[seen.rotate(90)], lossless=True)
    second = frames.rindex(b"ANMF")
    alone = frames[:4] + struct.pack("<I", second - 8) + frames[8:second]
    for upload in (alone, alone[:20] + bytes((alone[20] & ~0x10,)) + alone[21:]):
        header = read_header(upload)
        assert header is not None
        assert header.frames == 1
        made = Picture(upload, header).decode()
        assert [made.getpixel((x, 4)) for x in (1, 6)] == [(0, 0, 0, 0), (200, 30, 40, 255)]


def test_an_opaque_animation_stays_one_without_alpha() -> None:
    for format in ("GIF", "WEBP"):
        upload = moving(3, format)
        header = read_header(upload)
        assert header is not None
        assert {frame.pixels.mode for frame in Picture(upload, header).frames()} == {"RGB"}


def test_an_animated_png_shows_the_image_that_it_has_for_stills() -> None:
    """Also when that is none of its frames (PNG, third edition, 4.9)."""
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "lime")]
    for default, wanted in ((False, (255, 0, 0)), (True, (0, 0, 255))):
        first = Image.new("RGB", (8, 8), "blue") if default else frames[0]
        others = frames if default else frames[1:]
        upload = saved(first, "PNG", save_all=True, append_images=others, default_image=default)
        assert still(upload).getpixel((3, 3)) == wanted


# --- transparency of PNG ---


@pytest.mark.parametrize(
    "wrong",
    [
        png_chunk(b"tRNS", b"\0") + png_chunk(b"PLTE", bytes(range(6))),
        png_chunk(b"PLTE", bytes(range(6))) + png_chunk(b"tRNS", bytes(257)),
    ],
    ids=["before the palette", "of more colours than there are"],
)
def test_transparency_that_a_palette_cannot_have_is_ignored(wrong: bytes) -> None:
    """As Chromium and libvips ignore it."""
    made = still(png((2, 1), 8, 3, b"\0\1", before=wrong)).convert("RGBA")
    assert [made.getpixel((x, 0)) for x in (0, 1)] == [(0, 1, 2, 255), (3, 4, 5, 255)]


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_exactly_the_gray_that_a_png_names_is_transparent(depth: int) -> None:
    values = range(1 << depth) if depth < 16 else (0, 1, 255, 256, 257, 32_768, 65_534, 65_535)
    for key in (values[0], values[1], values[-1]):
        row = b"".join(struct.pack(">H" if depth == 16 else "B", v) for v in values)
        if depth < 8:
            bits = "".join(f"{v:0{depth}b}" for v in values)
            row = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(
                -(-len(bits) // 8), "big"
            )
        trns = png_chunk(b"tRNS", struct.pack(">H", key))
        made = still(png((len(values), 1), depth, 0, row, before=trns)).convert("RGBA")
        alpha = [made.getpixel((x, 0))[3] for x in range(len(values))]  # type: ignore[index]
        assert alpha == [0 if v == key else 255 for v in values], key


@pytest.mark.parametrize("depth", [8, 16])
def test_exactly_the_color_that_a_png_names_is_transparent(depth: int) -> None:
    most = (1 << depth) - 1
    colors = [(5, 6, 7), (5, 6, 8), (most, 6, 7), (5, most, 7), (7, 6, 5), (5, 6, 7)]
    letter = ">3H" if depth == 16 else "3B"
    row = b"".join(struct.pack(letter, *color) for color in colors)
    trns = png_chunk(b"tRNS", struct.pack(">3H", 5, 6, 7))
    made = still(png((len(colors), 1), depth, 2, row, before=trns))
    assert [made.getpixel((x, 0))[3] for x in range(6)] == [0, 255, 255, 255, 255, 0]  # type: ignore[index]


# --- what was cropped away ---


@pytest.mark.parametrize(
    ("aperture", "box"),
    [
        (clap(60, 40, (-30, 1), (-20, 1)), (0, 0, 60, 40)),
        (clap(60, 40, (0, 1), (0, 1)), (30, 20, 90, 60)),
        (clap(60, 40, (30, 1), (20, 1)), (60, 40, 120, 80)),
        (clap(59, 39, (1, 2), (-1, 2)), (31, 20, 90, 59)),
        (clap(120, 80, (0, 1), (0, 1)), (0, 0, 120, 80)),
        (clap(121, 80, (0, 1), (0, 1)), (0, 0, 120, 80)),  # more than there is: no aperture
        (clap(60, 40, (31, 1), (0, 1)), (0, 0, 120, 80)),
        (clap(60, 40, (0, 0), (0, 1)), (0, 0, 120, 80)),
    ],
)
def test_what_the_clean_aperture_of_an_avif_leaves_out_is_not_seen(
    aperture: bytes, box: tuple[int, int, int, int]
) -> None:
    avif = saved(scene(120, 80), "AVIF", quality=90, speed=10, subsampling="4:4:4")
    whole = still(avif)
    converted = convert(with_avif_property(avif, aperture), WHOLE, Limits())
    made = opened(converted["x"].data)
    assert same(made, whole.crop(box))
    assert (converted.image.width, converted.image.height) == made.size


# --- JPEG that is valid and not read ---


@pytest.mark.parametrize(
    ("marker", "precision", "components", "says"),
    [
        (0xC1, 12, 3, "12 bits"),
        (0xC2, 12, 1, "12 bits"),
        (0xC3, 8, 3, "lossless"),
        (0xC7, 8, 3, "hierarchical"),
        (0xC0, 8, 2, "2 channels"),
    ],
)
def test_a_valid_jpeg_that_is_not_read_is_no_broken_one(
    marker: int, precision: int, components: int, says: str
) -> None:
    frame = struct.pack(">HBHHB", 8 + 3 * components, precision, 60, 90, components)
    frame += b"".join(bytes((i, 0x11, 0)) for i in range(components))
    refused = refusal(b"\xff\xd8\xff" + bytes((marker,)) + frame + b"\xff\xda\0\x08\1\1\0\0\x3f\0")
    assert refused.code is RejectionCode.UNSUPPORTED_FORMAT
    assert says in refused.message


def test_cmyk_means_the_same_with_and_without_the_marker_of_adobe() -> None:
    """As in browsers: Photoshop stores the inverse, and everybody followed it."""
    upload = saved(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=100)
    at = upload.index(b"\xff\xee")
    without = upload[:at] + upload[at + 2 + int.from_bytes(upload[at + 2 : at + 4], "big") :]
    assert b"Adobe" not in without
    assert same(still(without), still(upload))
