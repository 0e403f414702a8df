"""TIFF of every layout of samples: a scene of four quarters comes out as it was."""

from __future__ import annotations

import ctypes
import struct
import zlib
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import PIL
import pytest
from PIL import Image

from tests.support.containers import TiffPage, tiff, tiff_with_pixels_last
from tests.support.pictures import opened, saved, scene, with_orientation
from tests.unit.test_color import linear_profile
from upload_workflow.errors import Rejected, RejectionCode
from upload_workflow.image.convert import convert
from upload_workflow.image.header import read_header
from upload_workflow.image.limits import Limits
from upload_workflow.image.readers.tiff import _COMPRESSIONS, TiffReader
from upload_workflow.image.rendition import OutputFormat, Rendition
from upload_workflow.image.tiff_directory import directory_of_picture

WIDTH, HEIGHT = 6, 4
# The colours of the quarters, of which every layout holds as many channels as it has.
SCENE = ((230, 30, 30), (30, 200, 40), (40, 60, 220), (128, 128, 128))
GRAYS = (90, 200, 30, 128)
ALPHA = (255, 128, 255, 77)

UNSIGNED, SIGNED, FLOAT = 1, 2, 3
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, CMYK, LAB = 0, 1, 2, 5, 8


def still(upload: bytes) -> Image.Image:
    made = convert(upload, {"x": Rendition(format=OutputFormat.PNG)}, Limits())["x"].data
    return opened(made).convert("RGBA")


def quarter_pixels(picture: Image.Image) -> list[tuple[int, ...]]:
    places = [(0, 0), (WIDTH - 1, 0), (0, HEIGHT - 1), (WIDTH - 1, HEIGHT - 1)]
    return [picture.getpixel(place) for place in places]  # type: ignore[misc]


def check(upload: bytes, wanted: Sequence[Sequence[int]], tolerance: int = 2) -> None:
    made = still(upload)
    assert made.size == (WIDTH, HEIGHT)
    for found, expected in zip(quarter_pixels(made), wanted, strict=True):
        assert all(abs(a - b) <= tolerance for a, b in zip(found, expected, strict=False)), (
            found,
            expected,
        )


def coded(value: int, bits: int, format: int) -> float:
    """A sample of 0 to 255 in other bits."""
    if format == FLOAT:
        return value / 255
    scaled = round(value * ((1 << bits) - 1) / 255)
    return scaled - (1 << bits - 1) if format == SIGNED else scaled


def packed(values: Sequence[float], bits: int, format: int, order: str) -> bytes:
    if bits in (8, 16, 32):
        letter = (
            {8: "b", 16: "h", 32: "i"}[bits]
            if format == SIGNED
            else {8: "B", 16: "H", 32: "I"}[bits]
        )
        return struct.pack(f"{order}{len(values)}{'f' if format == FLOAT else letter}", *values)
    text = "".join(f"{int(value):0{bits}b}" for value in values)
    text = text.ljust(-(-len(text) // 8) * 8, "0")
    return int(text, 2).to_bytes(len(text) // 8, "big")


def layout(
    photometric: int,
    quarters: Sequence[Sequence[int]],
    *,
    bits: int = 8,
    format: int = UNSIGNED,
    order: str = "<",
    planar: bool = False,
    deflate: bool = False,
    big: bool = False,
    extra: Sequence[int] = (),
    more: dict[int, tuple[str, Sequence[int] | bytes]] | None = None,
) -> bytes:
    """quarters: the samples of each quarter, 0 to 255."""
    count = len(quarters[0])
    rows = []
    for y in range(HEIGHT):
        sides = quarters[2:] if y >= HEIGHT // 2 else quarters[:2]
        rows.append([sides[x >= WIDTH // 2] for x in range(WIDTH)])
    planes = [range(channel, channel + 1) for channel in range(count)] if planar else [range(count)]
    strips = [
        b"".join(
            packed(
                [coded(pixel[c], bits, format) for pixel in row for c in channels],
                bits,
                format,
                order,
            )
            for row in rows
        )
        for channels in planes
    ]
    tags: dict[int, tuple[str, Sequence[int] | bytes]] = {
        258: ("H", [bits] * count),
        259: ("H", [8 if deflate else 1]),
        262: ("H", [photometric]),
        277: ("H", [count]),
        284: ("H", [2 if planar else 1]),
        339: ("H", [format] * count),
    }
    if extra:
        tags[338] = ("H", extra)
    strips = [zlib.compress(strip) for strip in strips] if deflate else strips
    return tiff([TiffPage(WIDTH, HEIGHT, strips, tags | (more or {}))], order, big)


CONTAINERS = [
    {"order": order, "deflate": deflate, "big": big}
    for order, deflate, big in product("<>", (False, True), (False, True))
]

GRAY_SAMPLES = [
    (UNSIGNED, 1), (UNSIGNED, 2), (UNSIGNED, 4), (UNSIGNED, 8), (UNSIGNED, 12), (UNSIGNED, 16),
    (UNSIGNED, 32), (SIGNED, 8), (SIGNED, 16), (SIGNED, 32), (FLOAT, 32),
]  # fmt: skip


@pytest.mark.parametrize("photometric", [WHITE_IS_ZERO, BLACK_IS_ZERO])
@pytest.mark.parametrize(("format", "bits"), GRAY_SAMPLES)
def test_gray_of_every_kind_is_neither_negative_nor_scrambled_nor_black(
    format: int, bits: int, photometric: int
) -> None:
    values = (
        GRAYS
        if bits > 4
        else [round(v * ((1 << bits) - 1) / 255) * 255 // ((1 << bits) - 1) for v in GRAYS]
    )
    if bits == 32 or (format, bits) == (SIGNED, 16):
        values = (0, 255, 51, 102)  # which are stretched from the least to the greatest
    stored = [[255 - v if photometric == WHITE_IS_ZERO else v] for v in values]
    wanted = [(v, v, v, 255) for v in values]
    for container, planar in product(CONTAINERS, (False, True)):  # one plane is no planes
        check(
            layout(photometric, stored, bits=bits, format=format, planar=planar, **container),
            wanted,
        )


@pytest.mark.parametrize(
    ("format", "bits"), [(UNSIGNED, 8), (UNSIGNED, 12), (UNSIGNED, 16), (SIGNED, 8), (FLOAT, 32)]
)
@pytest.mark.parametrize(
    "name", ["RGB", "RGB with alpha", "CMYK", "CMYK with alpha", "gray with alpha", "RGB and more"]
)
def test_channels_of_every_kind_side_by_side_and_in_planes(
    name: str, format: int, bits: int
) -> None:
    alpha = [[a] for a in ALPHA]
    quarters, photometric, extra = {
        "RGB": (SCENE, RGB, ()),
        "RGB with alpha": ([[*c, *a] for c, a in zip(SCENE, alpha, strict=True)], RGB, (2,)),
        "RGB and more": ([[*c, 9, 99] for c in SCENE], RGB, (0, 0)),
        "CMYK": ([[*(255 - v for v in c), 0] for c in SCENE], CMYK, ()),
        "CMYK with alpha": (
            [[*(255 - v for v in c), 0, *a] for c, a in zip(SCENE, alpha, strict=True)],
            CMYK,
            (2,),
        ),
        "gray with alpha": (
            [[g, *a] for g, a in zip(GRAYS, alpha, strict=True)],
            BLACK_IS_ZERO,
            (2,),
        ),
    }[name]
    grays = [(g - 30) * 255 // 170 for g in GRAYS] if format == FLOAT else GRAYS  # stretched
    colors = [(g, g, g) for g in grays] if "gray" in name else SCENE
    wanted = [
        (*c, *a) if "alpha" in name else (*c, 255) for c, a in zip(colors, alpha, strict=True)
    ]
    samples = {"bits": bits, "format": format, "extra": extra}
    for container, planar in product(CONTAINERS, (False, True)):
        check(layout(photometric, quarters, planar=planar, **samples, **container), wanted)


@pytest.mark.parametrize("bits", [8, 16])
def test_colours_that_were_multiplied_by_alpha_are_divided_again(bits: int) -> None:
    half = [[c * 128 // 255 for c in color] + [128] for color in SCENE]
    check(layout(RGB, half, bits=bits, extra=(1,)), [(*c, 128) for c in SCENE], 3)
    gray = [[g * 128 // 255, 128] for g in GRAYS]
    check(layout(BLACK_IS_ZERO, gray, bits=bits, extra=(1,)), [(g, g, g, 128) for g in GRAYS], 3)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("bits", [8, 16])
def test_lab_of_every_layout_is_that_of_8_bits_side_by_side(
    bits: int, order: str, planar: bool
) -> None:
    lab = [(200, 20, 236), (90, 0, 0), (30, 246, 30), (128, 60, 10)]  # a and b are signed bytes
    eight = quarter_pixels(still(layout(LAB, lab, bits=8)))
    check(layout(LAB, lab, bits=bits, order=order, planar=planar), eight, 2)


@pytest.mark.parametrize("scale", [1, 257])
@pytest.mark.parametrize("order", "<>")
def test_a_colour_map_of_bytes_is_read_as_one_of_16_bits(scale: int, order: str) -> None:
    channels = zip(*SCENE, strict=True)
    color_map = [v * scale for channel in channels for v in (*channel, *[0] * 252)]
    indexes = layout(3, [[0], [1], [2], [3]], order=order, more={320: ("H", color_map)})
    check(indexes, [(*c, 255) for c in SCENE])


NOT_FINITE = [float("nan"), float("inf"), float("-inf"), 3e38, -3.4028235e38]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("nothing", NOT_FINITE)
@pytest.mark.parametrize("first", [False, True])
def test_what_is_no_number_does_not_change_the_others(
    nothing: float, first: bool, order: str
) -> None:
    plain = layout(BLACK_IS_ZERO, [[0], [255], [51], [102]], bits=32, format=FLOAT, order=order)
    at = plain.index(struct.pack(order + "f", 1.0)) - 3 * 4 + (0 if first else 4)
    upload = plain[:at] + struct.pack(order + "f", nothing) + plain[at + 4 :]
    found = quarter_pixels(still(upload))
    assert [v for v, *_ in found][1:] == [255, 51, 102]


def test_the_value_that_a_map_has_for_nothing_does_not_count() -> None:
    stored = [[0], [255], [51], [102]]
    plain = layout(BLACK_IS_ZERO, stored, bits=32, format=FLOAT, more={42113: ("s", b"-9999\0")})
    at = plain.index(struct.pack("<f", 1.0)) - 3 * 4
    upload = plain[: at + 4] + struct.pack("<f", -9999) + plain[at + 8 :]
    assert [v for v, *_ in quarter_pixels(still(upload))] == [0, 255, 51, 102]


# --- what the samples mean ---


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("order", "<>")
def test_cmyk_that_was_multiplied_by_alpha_is_divided_before_it_is_converted(
    bits: int, planar: bool, order: str
) -> None:
    half = [[(255 - c) * 128 // 255 for c in color] + [0, 128] for color in SCENE]
    upload = layout(CMYK, half, bits=bits, extra=(1,), planar=planar, order=order)
    check(upload, [(*c, 128) for c in SCENE], 3)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("extra", [(0, 2), (0, 0, 2), (0, 1)])
def test_alpha_is_the_first_extra_sample_that_says_so(extra: tuple[int, ...], bits: int) -> None:
    quarters = [[*c, *[9] * (len(extra) - 1), 255] for c in SCENE]
    quarters[1] = [0] * (len(extra) + 3)
    for container, planar in product(CONTAINERS, (False, True)):
        upload = layout(RGB, quarters, bits=bits, extra=extra, planar=planar, **container)
        assert [pixel[3] for pixel in quarter_pixels(still(upload))] == [255, 0, 255, 255]


def without_photometric(upload: bytes) -> bytes:
    """Under another tag's number, which nobody reads."""
    return upload.replace(struct.pack("<HHI", 262, 3, 1), struct.pack("<HHI", 260, 3, 1))


@pytest.mark.parametrize("planar", [False, True])
def test_what_does_not_say_what_its_samples_mean_is_taken_by_their_number(planar: bool) -> None:
    gray = layout(BLACK_IS_ZERO, [[g] for g in GRAYS])
    check(without_photometric(gray), [(g, g, g) for g in GRAYS])
    check(without_photometric(layout(RGB, SCENE, planar=planar)), SCENE)
    with pytest.raises(Rejected) as refused:
        still(without_photometric(layout(RGB, [[*c, 0] for c in SCENE], planar=planar)))
    assert refused.value.code is RejectionCode.UNSUPPORTED_FORMAT


@pytest.mark.parametrize("photometric", [LAB, 9])
def test_a_profile_beside_lab_is_ignored(photometric: int) -> None:
    lab = [(200, 20, 236), (90, 0, 0), (30, 246, 30), (128, 60, 10)]
    plain = still(layout(photometric, lab))
    profiled = still(layout(photometric, lab, more={34675: ("x", linear_profile())}))
    assert profiled.tobytes() == plain.tobytes()


def test_a_profile_that_would_cost_too_much_is_ignored_beside_alpha_too() -> None:
    quarters = [[*(255 - v for v in c), 0, 255] for c in SCENE]
    many = bytearray(linear_profile())
    struct.pack_into(">I", many, 128, 201)
    upload = layout(CMYK, quarters, extra=(2,), more={34675: ("x", bytes(many))})
    reader = TiffReader(upload, read_header(upload))  # type: ignore[arg-type]
    assert reader._profile is None


YCBCR_MEANINGS = {
    "Rec. 709": ({529: ("R", [2126, 10000, 7152, 10000, 722, 10000])}, (0.2126, 0.0722), 0, 1),
    "narrow range": (
        {532: ("R", [16, 1, 235, 1, 128, 1, 240, 1, 128, 1, 240, 1])},
        (0.299, 0.114),
        16,
        219 / 255,
    ),
}


@pytest.mark.parametrize("name", YCBCR_MEANINGS)
@pytest.mark.parametrize("planar", [False, True])
def test_ycbcr_is_read_by_its_own_coefficients_and_range(name: str, planar: bool) -> None:
    tags, (of_red, of_blue), black, light = YCBCR_MEANINGS[name]
    narrow = 112 / 127 if black else 1
    quarters = []
    for red, green, blue in SCENE:
        y = of_red * red + (1 - of_red - of_blue) * green + of_blue * blue
        cb, cr = (blue - y) / (2 - 2 * of_blue), (red - y) / (2 - 2 * of_red)
        quarters.append(
            [round(v) for v in (black + y * light, 128 + cb * narrow, 128 + cr * narrow)]
        )
    more = {530: ("H", [1, 1])} | tags
    for container in CONTAINERS:
        check(layout(6, quarters, planar=planar, more=more, **container), SCENE, 3)


def test_ycbcr_with_more_samples_is_refused_and_not_scrambled() -> None:
    for deflate, planar in product((False, True), (False, True)):
        with pytest.raises(Rejected) as refused:
            quarters = [[*c, 9] for c in SCENE]
            still(layout(6, quarters, extra=(2,), deflate=deflate, planar=planar))
        assert refused.value.code is RejectionCode.UNSUPPORTED_FORMAT


def test_a_predictor_that_the_compression_does_not_know_changes_nothing() -> None:
    quarters = [[*(255 - v for v in c), 0, 255] for c in SCENE]
    check(layout(CMYK, quarters, extra=(2,), more={317: ("H", [2])}), SCENE)


# --- what is not there ---

PACKED = {
    1: bytes,
    8: zlib.compress,
    32773: lambda row: bytes([len(row) - 1]) + row,
}


@pytest.mark.parametrize("compression", PACKED)
@pytest.mark.parametrize(
    ("photometric", "count"), [(BLACK_IS_ZERO, 1), (RGB, 3), (CMYK, 5), (6, 3)]
)
def test_a_file_that_ends_before_its_last_pixels_is_refused(
    compression: int, photometric: int, count: int
) -> None:
    rows = [bytes((y * 37 + x * 11) % 251 for x in range(8 * count)) for y in range(100)]
    tags: dict[int, tuple[str, Sequence[int] | bytes]] = {
        258: ("H", [8] * count),
        259: ("H", [compression]),
        262: ("H", [photometric]),
        277: ("H", [count]),
        278: ("I", [1]),
        530: ("H", [1, 1]),
    }
    for order, big in product("<>", (False, True)):
        picture = TiffPage(8, 100, [PACKED[compression](row) for row in rows], tags)
        whole = tiff_with_pixels_last(picture, order, big)
        assert still(whole).size == (8, 100)
        for missing in (1, 10, 100):
            refuse_as_corrupt(whole[:-missing])


def refuse_as_corrupt(upload: bytes) -> None:
    with pytest.raises(Rejected) as refused:
        still(upload)
    assert refused.value.code is RejectionCode.CORRUPT


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt", "jpeg", "old jpeg"])
@pytest.mark.parametrize("order", "<>")
def test_a_whole_file_whose_coded_pixels_are_too_few_is_refused(
    compression: str, order: str
) -> None:
    picture = scene(160, 120)
    if compression == "old jpeg":
        coded, of_old_jpeg = saved(picture, "JPEG"), {513: ("I", [0]), 514: ("I", [0])}
        page = TiffPage(160, 120, [coded], {258: ("H", [8] * 3), 259: ("H", [6]), 262: ("H", [6])})
        page.tags.update({277: ("H", [3]), 530: ("H", [2, 2])})
        place = len(tiff_with_pixels_last(TiffPage(160, 120, [], page.tags | of_old_jpeg), order))
        page.tags.update({513: ("I", [place]), 514: ("I", [len(coded)])})
        whole = tiff_with_pixels_last(page, order)
        assert still(whole).size == (160, 120)
        refuse_as_corrupt(whole[: -len(coded) // 2])
        return
    mode = "L" if compression == "jpeg" else "1"
    made = opened(saved(picture.convert(mode), "TIFF", compression=compression))
    tags = {
        tag: ("H", [made.tag_v2[tag]])  # type: ignore[attr-defined]
        for tag in (259, 262, 266)
        if tag in made.tag_v2  # type: ignore[attr-defined]
    }
    source = saved(picture.convert(mode), "TIFF", compression=compression, tiffinfo={278: 120})
    (directory,) = [directory_of_picture(source)]
    (at,), (size,) = directory.numbers(273), directory.numbers(279)
    strip = source[at : at + size]
    if 347 in directory:
        tags[347] = ("x", directory.raw(347))  # type: ignore[assignment]
    tags |= {258: ("H", [8 if mode == "L" else 1]), 277: ("H", [1])}
    assert still(tiff([TiffPage(160, 120, [strip], tags)], order)).size == (160, 120)
    refuse_as_corrupt(tiff([TiffPage(160, 120, [strip[: size // 3]], tags)], order))


def test_the_end_of_a_jpeg_strip_may_be_missing() -> None:
    coded = saved(scene(160, 120).convert("L"), "JPEG")
    tags = {258: ("H", [8]), 259: ("H", [7]), 262: ("H", [1]), 277: ("H", [1])}
    whole = still(tiff([TiffPage(160, 120, [coded], tags)]))  # type: ignore[arg-type]
    endless = still(tiff([TiffPage(160, 120, [coded[:-2]], tags)]))  # type: ignore[arg-type]
    assert endless.tobytes() == whole.tobytes()


def test_every_compression_that_is_accepted_is_in_libtiff() -> None:
    libraries = list((Path(PIL.__file__).parents[1] / "pillow.libs").glob("libtiff*"))
    if not libraries:
        pytest.skip("This Pillow is no wheel with a libtiff of its own.")
    libtiff = ctypes.CDLL(str(libraries[0]))
    assert [code for code in _COMPRESSIONS if not libtiff.TIFFIsCODECConfigured(code)] == []


# --- which picture ---


def page(size: tuple[int, int], value: int, **tags: tuple[str, Sequence[int]]) -> TiffPage:
    numbers: dict[int, tuple[str, Sequence[int] | bytes]] = {258: ("H", [8]), 262: ("H", [1])}
    numbers |= {int(tag[1:]): values for tag, values in tags.items()}
    return TiffPage(*size, [bytes([value]) * (size[0] * size[1])], numbers)


@pytest.mark.parametrize("tags", [{"t254": ("I", [1])}, {"t255": ("H", [2])}, {"t254": ("I", [4])}])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("big", [False, True])
def test_a_thumbnail_or_a_mask_is_not_the_picture(tags: dict, order: str, big: bool) -> None:
    upload = tiff([page((4, 3), 9, **tags), page((40, 30), 200), page((50, 30), 77)], order, big)
    converted = convert(upload, {"x": Rendition(format=OutputFormat.PNG)}, Limits())
    assert (converted.image.width, converted.image.height) == (40, 30)
    assert opened(converted["x"].data).getpixel((5, 5)) == 200


def test_of_several_pages_the_first_is_the_picture() -> None:
    assert still(tiff([page((9, 7), 9), page((40, 30), 200)])).size == (9, 7)
    assert still(tiff([page((9, 7), 9, t254=("I", [1]))])).size == (9, 7)  # for want of another


@pytest.mark.parametrize(
    "pages",
    [
        [page((16, 12), 9, t50706=("B", [1, 4, 0, 0]))],
        [page((16, 12), 9, t262=("H", [32803]))],
        [page((16, 12), 9, t254=("I", [1])), page((160, 120), 9, t262=("H", [34892]))],
    ],
    ids=["DNG", "CFA", "linear, behind a preview"],
)
def test_the_thumbnail_of_a_raw_file_is_not_taken_for_the_photo(pages: list[TiffPage]) -> None:
    with pytest.raises(Rejected) as refused:
        still(tiff(pages))
    assert refused.value.code is RejectionCode.UNSUPPORTED_FORMAT
    assert "raw" in refused.value.message


def test_the_thumbnail_of_a_canon_raw_file_is_not_taken_for_the_photo() -> None:
    upload = saved(scene(60, 40), "TIFF")
    (directory,) = struct.unpack_from("<I", upload, 4)
    cr2 = upload[:4] + struct.pack("<I", directory + 8) + b"CR\2\0" + bytes(4) + upload[8:]
    with pytest.raises(Rejected) as refused:
        still(cr2)
    assert "raw" in refused.value.message


def test_raw_data_in_an_inner_directory_is_found() -> None:
    preview = page((16, 12), 9, t254=("I", [1]))
    sensor = tiff([page((160, 120), 9, t262=("H", [32803]))])
    (inner,) = struct.unpack_from("<I", sensor, 4)
    file = tiff([TiffPage(16, 12, preview.strips, {**preview.tags, 330: ("I", [0])})])
    place = file.index(struct.pack("<HHII", 330, 4, 1, 0)) + 8
    moved = bytearray(file + sensor)
    struct.pack_into("<I", moved, place, len(file) + inner)
    with pytest.raises(Rejected) as refused:
        still(bytes(moved))
    assert "raw" in refused.value.message


# --- what is valid and not read ---


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({258: ("H", [10])}, "10 bits"),
        ({258: ("H", [64]), 339: ("H", [3])}, "float samples of 64 bits"),
        ({262: ("H", [32845])}, "photometric interpretation 32845"),
        ({259: ("H", [34712])}, "compression 34712"),
        ({259: ("H", [50001])}, "compression 50001"),
        ({259: ("H", [7]), 258: ("H", [12])}, "JPEG of 12 bits"),
        ({259: ("H", [7]), 258: ("H", [12] * 3), 262: ("H", [2]), 277: ("H", [3])}, "12 bits"),
        ({258: ("H", [5, 6, 5]), 262: ("H", [2]), 277: ("H", [3])}, "5 and 6 bits"),
        ({262: ("H", [5]), 277: ("H", [4]), 258: ("H", [8] * 4), 332: ("H", [2])}, "inks"),
        ({258: ("H", [32] * 3), 262: ("H", [2]), 277: ("H", [3])}, "32-bit integers"),
        (
            {
                258: ("H", [32] * 3),
                262: ("H", [2]),
                277: ("H", [3]),
                339: ("H", [3] * 3),
                259: ("H", [8]),
                317: ("H", [3]),
            },
            "predictor",
        ),
    ],
)
def test_a_valid_tiff_that_is_not_read_is_no_broken_one(changes: dict, says: str) -> None:
    tags: dict[int, tuple[str, Sequence[int] | bytes]] = {
        258: ("H", [8]),
        262: ("H", [1]),
    } | changes
    with pytest.raises(Rejected) as refused:
        still(tiff([TiffPage(8, 8, [bytes(8 * 8 * 32)], tags)]))
    assert refused.value.code is RejectionCode.UNSUPPORTED_FORMAT
    assert says in refused.value.message
    assert "Save it" in refused.value.message


@pytest.mark.parametrize("subsampling", [(1, 1), (2, 1), (2, 2)])
@pytest.mark.parametrize("order", "<>")
def test_ycbcr_without_compression_is_read(subsampling: tuple[int, int], order: str) -> None:
    across, down = subsampling
    size = (7, 5)  # no multiple of a unit
    color = Image.new("RGB", (1, 1), (200, 60, 90)).convert("YCbCr").getpixel((0, 0))
    units = -(-size[0] // across) * -(-size[1] // down)
    unit = bytes([color[0]] * (across * down) + list(color[1:]))  # type: ignore[index]
    tags: dict[int, tuple[str, Sequence[int] | bytes]] = {
        258: ("H", [8] * 3),
        259: ("H", [1]),
        262: ("H", [6]),
        277: ("H", [3]),
        530: ("H", subsampling),
    }
    made = still(tiff([TiffPage(*size, [unit * units], tags)], order))
    assert made.size == size
    assert all(
        abs(a - b) <= 2
        for place in ((0, 0), (6, 0), (0, 4), (6, 4))
        for a, b in zip(made.getpixel(place), (200, 60, 90, 255), strict=True)  # type: ignore[arg-type]
    )


# --- what stays right ---


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_tiff_is_turned_by_its_own_tag(orientation: int) -> None:
    upright = scene(60, 40)
    made = still(with_orientation(upright, orientation, "TIFF", compression="tiff_lzw"))
    assert made.size == (60, 40)
    assert made.convert("RGB").tobytes() == upright.tobytes()


COMPRESSIONS = [
    "raw",
    "tiff_lzw",
    "tiff_adobe_deflate",
    "tiff_deflate",
    "packbits",
    "zstd",
    "lzma",
    "jpeg",
]
MODES = ["L", "LA", "RGB", "RGBA", "CMYK"]


@pytest.mark.parametrize(
    ("compression", "mode"),
    # JPEG has no alpha.
    [(c, m) for c, m in product(COMPRESSIONS, MODES) if c != "jpeg" or m not in ("LA", "RGBA")],
)
def test_every_compression_gives_the_same_picture(compression: str, mode: str) -> None:
    picture = scene(60, 40).convert(mode)
    settings = {"quality": 98} if compression == "jpeg" else {}
    made = still(saved(picture, "TIFF", compression=compression, **settings))
    expected = opened(saved(picture, "TIFF")).convert("RGBA")
    difference = max(abs(a - b) for a, b in zip(made.tobytes(), expected.tobytes(), strict=True))
    assert difference <= (0 if compression != "jpeg" else 60)


@pytest.mark.parametrize("tag", [34675, 700, 33723, 34377, 34665, 305])
def test_a_broken_profile_or_text_changes_nothing(tag: int) -> None:
    upload = layout(RGB, SCENE, more={tag: ("x", b"nonsense" * 9)})
    check(upload, [(*c, 255) for c in SCENE])
    lying = upload.replace(struct.pack("<HHI", tag, 7, 72), struct.pack("<HHI", tag, 7, 1 << 30))
    assert lying != upload
    check(lying, [(*c, 255) for c in SCENE])
