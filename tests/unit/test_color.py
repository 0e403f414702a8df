"""What a file says of its colours, said in each way, against arithmetic written out here."""

from __future__ import annotations

import io
import struct
import zlib
from itertools import product

import pytest
from PIL import Image, ImageCms

from tests.support.containers import png_chunk, with_png_chunks
from tests.support.pictures import opened, saved
from upload_workflow.image.color import Colors, to_srgb
from upload_workflow.image.colorimetry import CodePoints, Gamma, is_srgb
from upload_workflow.image.convert import convert
from upload_workflow.image.limits import Limits
from upload_workflow.image.rendition import OutputFormat, Rendition

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
COLOR = (230, 30, 90)
LINEAR = (244, 96, 160)  # the same numbers, taken for light: 255 * encoded(230 / 255), ...

GAMMA_1 = struct.pack(">I", 100_000)
GAMMA_OF_SRGB = struct.pack(">I", 45_455)
SRGB_POINTS = struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
SWAPPED_POINTS = struct.pack(">8I", 31270, 32900, 30000, 60000, 64000, 33000, 15000, 6000)


def tags_of(profile: bytes) -> dict[bytes, tuple[int, int]]:
    (count,) = struct.unpack_from(">I", profile, 128)
    tags = (struct.unpack_from(">4sII", profile, 132 + 12 * at) for at in range(count))
    return {name: (offset, size) for name, offset, size in tags}


def linear_profile(space: bytes = b"RGB ") -> bytes:
    """sRGB's profile with straight curves; its text still says sRGB."""
    curve = b"curv" + bytes(8)
    profile = bytearray(SRGB)
    if space == b"GRAY":
        head = bytearray(SRGB[:128])
        head[16:20] = space
        table = struct.pack(">I4sII4sII", 2, b"wtpt", 156, 20, b"kTRC", 176, 12)
        white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
        body = bytes(head) + table + white + curve
        return struct.pack(">I", len(body)) + body[4:]
    for name in (b"rTRC", b"gTRC", b"bTRC"):
        at = 132 + 12 * list(tags_of(SRGB)).index(name)
        struct.pack_into(">II", profile, at + 4, len(SRGB), len(curve))
    return struct.pack(">I", len(SRGB) + len(curve)) + bytes(profile[4:]) + curve


def iccp(profile: bytes) -> bytes:
    return b"name\0\0" + zlib.compress(profile)


def shown(upload: bytes) -> tuple[int, ...]:
    made = convert(upload, {"x": Rendition(format=OutputFormat.PNG)}, Limits())["x"].data
    return opened(made).getpixel((2, 2))  # type: ignore[return-value]


def near(found: tuple[int, ...], wanted: tuple[int, ...], tolerance: int = 2) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(found, wanted, strict=True))


def png_of(*chunks: tuple[bytes, bytes]) -> bytes:
    flat = saved(Image.new("RGB", (8, 8), COLOR), "PNG")
    return with_png_chunks(flat, b"".join(png_chunk(kind, data) for kind, data in chunks))


def test_a_profile_is_known_by_its_tags_and_not_by_its_text() -> None:
    assert b"sRGB" in SRGB.replace(b"\0", b"")
    assert is_srgb(SRGB)
    assert not is_srgb(linear_profile())
    assert b"sRGB" in linear_profile().replace(b"\0", b"")
    silent = SRGB.replace("sRGB".encode("utf-16-be"), "none".encode("utf-16-be"))
    assert is_srgb(silent)
    # A table for the way to the connection space overrules colorants and curves.
    with_table = bytearray(SRGB)
    at = 132 + 12 * list(tags_of(SRGB)).index(b"cprt")
    with_table[at : at + 4] = b"A2B0"
    assert not is_srgb(bytes(with_table))
    assert not is_srgb(SRGB[:200])


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
def test_a_linear_profile_that_calls_itself_srgb_is_applied(format: str) -> None:
    flat = Image.new("RGB", (32, 32), COLOR)
    lossless = {"lossless": True} if format == "WEBP" else {"quality": 100}
    settings = {} if format in ("PNG", "TIFF") else lossless
    found = shown(saved(flat, format, icc_profile=linear_profile(), **settings))
    assert near(found[:3], LINEAR, 4)


@pytest.mark.parametrize("mode", ["L", "LA"])
@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_a_gray_profile_is_applied_with_and_without_alpha(mode: str, format: str) -> None:
    picture = Image.new(mode, (8, 8), 128 if mode == "L" else (128, 77))  # type: ignore[arg-type]
    found = shown(saved(picture, format, icc_profile=linear_profile(b"GRAY")))
    assert near(found[:3], (188, 188, 188))
    assert found[3:] == ((77,) if mode == "LA" else ())


def test_a_gray_profile_on_a_coloured_picture_is_ignored() -> None:
    flat = Image.new("RGB", (8, 8), COLOR)
    assert shown(saved(flat, "PNG", icc_profile=linear_profile(b"GRAY"))) == COLOR


def test_a_gray_jpeg_with_an_rgb_profile_is_converted_as_browsers_do() -> None:
    picture = Image.new("L", (16, 16), 128)
    found = shown(saved(picture, "JPEG", quality=100, icc_profile=linear_profile()))
    assert near(found, (188, 188, 188))


def test_of_two_profiles_in_a_jpeg_the_first_counts() -> None:
    """As in Chromium, also where the second is a part that the first does not have."""
    plain = saved(Image.new("RGB", (16, 16), COLOR), "JPEG", quality=100, subsampling=0)

    def part(number: int, count: int, data: bytes) -> bytes:
        body = b"ICC_PROFILE\0" + bytes((number, count)) + data
        return b"\xff\xe2" + struct.pack(">H", len(body) + 2) + body

    linear = linear_profile()
    halves = part(2, 2, linear[300:]) + part(1, 2, linear[:300])
    for parts in (
        part(1, 1, linear) + part(1, 1, SRGB),
        part(1, 1, linear) + part(2, 1, b"x"),
        halves,
        halves + part(1, 1, SRGB),
    ):
        assert near(shown(plain[:2] + parts + plain[2:]), LINEAR, 4)
    assert near(shown(plain[:2] + part(1, 2, linear) + plain[2:]), COLOR, 4)


# In the order of the standard (PNG, third edition, 4.3): each says another colour, and the
# first that is there counts.
SPEAKERS: list[tuple[str, list[tuple[bytes, bytes]], tuple[int, int, int]]] = [
    ("cICP", [(b"cICP", bytes((1, 8, 0, 1)))], LINEAR),
    ("iCCP", [(b"iCCP", iccp(SRGB))], COLOR),
    ("sRGB", [(b"sRGB", b"\0")], COLOR),
    ("gAMA and cHRM", [(b"gAMA", GAMMA_1), (b"cHRM", SWAPPED_POINTS)], (LINEAR[1], LINEAR[0], 160)),
]


@pytest.mark.parametrize("present", list(product([False, True], repeat=4)))
def test_of_what_a_png_says_of_its_colors_the_first_in_the_standards_order_counts(
    present: tuple[bool, ...],
) -> None:
    speaking = [speaker for speaker, there in zip(SPEAKERS, present, strict=True) if there]
    chunks = [chunk for _, said, _ in reversed(speaking) for chunk in said]  # any order in the file
    assert near(shown(png_of(*chunks)), speaking[0][2] if speaking else COLOR)


def test_a_gamma_alone_speaks_of_srgbs_primaries_and_primaries_alone_say_nothing() -> None:
    assert near(shown(png_of((b"gAMA", GAMMA_1))), LINEAR)
    assert near(shown(png_of((b"gAMA", GAMMA_1), (b"cHRM", SRGB_POINTS))), LINEAR)
    assert shown(png_of((b"cHRM", SWAPPED_POINTS))) == COLOR
    assert shown(png_of((b"gAMA", GAMMA_OF_SRGB), (b"cHRM", SRGB_POINTS))) == COLOR


@pytest.mark.parametrize(
    "nonsense",
    [
        (b"gAMA", bytes(4)),
        (b"gAMA", b"\0"),
        (b"cICP", b"\x09\x10"),
        (b"cICP", b"\x09\x10\x09\x01"),  # a matrix: PNG holds RGB
        (b"cICP", b"\x09\x10\0\0"),  # of narrow range, which browsers do not read
        (b"iCCP", b"name\0\0no deflate"),
        (b"iCCP", b"name"),
        (b"iCCP", iccp(b"no profile" * 30)),
    ],
)
def test_nonsense_about_colors_is_ignored(nonsense: tuple[bytes, bytes]) -> None:
    assert shown(png_of(nonsense)) == COLOR


CODE_POINTS_OF_NO_DISPLAY = [(2, 2), (2, 13), (12, 2), (12, 0), (3, 13), (12, 9), (12, 19)]
BROKEN_PROFILES = [
    b"junk" * 99,
    SRGB[:200],
    SRGB.replace(b"acsp", b"pcsa"),
    SRGB.replace(b"RGB XYZ ", b"CMYKXYZ "),
    SRGB.replace(b"RGB XYZ ", b"RGB Luv "),
    SRGB.replace(b"mntrRGB", b"abstRGB"),
    SRGB.replace(b"rTRC", b"xTRC"),
    SRGB.replace(b"para", b"arap"),
    linear_profile(b"GRAY").replace(b"kTRC", b"xTRC"),
]


@pytest.mark.parametrize(
    "unusable",
    [(b"cICP", bytes((*points, 0, 1))) for points in CODE_POINTS_OF_NO_DISPLAY]
    + [(b"iCCP", iccp(broken)) for broken in BROKEN_PROFILES]
    + [(b"iCCP", name + iccp(SRGB)[4:]) for name in (b"", b"n" * 80)]
    + [(b"sRGB", b"\4"), (b"sRGB", b"\0\0")],
)
def test_what_a_png_cannot_mean_does_not_stand_before_what_it_says_next(
    unusable: tuple[bytes, bytes],
) -> None:
    assert near(shown(png_of(unusable, (b"gAMA", GAMMA_1))), LINEAR)
    if unusable[0] == b"cICP":
        assert near(shown(png_of(unusable, (b"iCCP", iccp(linear_profile())))), LINEAR)
    assert shown(png_of(unusable)) == COLOR


def test_a_profile_that_a_png_ignores_because_it_is_gray_still_stands_before_its_gamma() -> None:
    """As in Chromium and libvips."""
    assert shown(png_of((b"iCCP", iccp(linear_profile(b"GRAY"))), (b"gAMA", GAMMA_1))) == COLOR


def test_primaries_on_one_line_are_ignored() -> None:
    line = struct.pack(">8I", 31270, 32900, *[30000, 30000] * 3)
    assert shown(png_of((b"gAMA", GAMMA_1), (b"cHRM", line))) == COLOR


def converted(color: tuple[int, int, int], colors: Colors) -> tuple[int, ...]:
    return to_srgb(Image.new("RGB", (1, 1), color), colors).getpixel((0, 0))  # type: ignore[return-value]


@pytest.mark.parametrize("transfer", [1, 2, 6, 13, 14, 15])
@pytest.mark.parametrize("primaries", [1, 2])
def test_code_points_of_ordinary_pictures_change_nothing(primaries: int, transfer: int) -> None:
    assert converted(COLOR, CodePoints(primaries, transfer)) == COLOR


@pytest.mark.parametrize("primaries", [1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 22])
@pytest.mark.parametrize("transfer", [4, 5, 8, 13, 16, 17, 18])
def test_gray_stays_gray_and_brightness_keeps_its_order(primaries: int, transfer: int) -> None:
    gray = Image.new("RGB", (18, 1))
    gray.putdata([(v, v, v) for v in range(0, 256, 15)])
    shown = to_srgb(gray, CodePoints(primaries, transfer))
    ramp = [shown.getpixel((x, 0)) for x in range(gray.width)]
    assert all(max(color) - min(color) <= 2 for color in ramp)
    assert ramp == sorted(ramp)
    assert max(ramp[0]) == 0
    assert min(ramp[-1]) >= 254


def pq(light: float) -> int:
    """The 8-bit PQ code of so many cd/m2 (BT.2100)."""
    power = (light / 10_000) ** 0.1593017578125
    return round(255 * ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375)


def hlg(scene: float) -> int:
    """The 8-bit HLG code of scene light below 1/12 (BT.2100)."""
    return round(255 * (3 * scene) ** 0.5)


def test_a_wide_gamut_red_becomes_the_nearest_red_of_srgb() -> None:
    assert near(converted((234, 51, 35), CodePoints(12, 13)), (255, 0, 0), 4)  # Display P3
    assert near(converted((255, 0, 0), CodePoints(12, 13)), (255, 0, 0), 0)


def test_pq_keeps_middle_tones_and_bends_what_is_bright_below_white() -> None:
    # Middle gray of sRGB (0.2140 of white) at reference white of 203 cd/m2 lies below the knee.
    dark = converted((pq(0.05 * 203),) * 3, CodePoints(9, 16))
    assert abs(dark[0] - 63) <= 4  # sRGB's code for 0.05
    white = converted((pq(203),) * 3, CodePoints(9, 16))
    peak = converted((pq(1000),) * 3, CodePoints(9, 16))
    beyond = converted((pq(4000),) * 3, CodePoints(9, 16))
    assert 215 <= white[0] <= 240
    assert white[0] < peak[0] == beyond[0] == 255


def test_hlg_shows_what_pq_shows_for_the_same_light() -> None:
    scene = 0.06
    light = 1000 * scene**1.2
    by_hlg = converted((hlg(scene),) * 3, CodePoints(9, 18))
    by_pq = converted((pq(light),) * 3, CodePoints(9, 16))
    assert near(by_hlg, by_pq, 4)


@pytest.mark.parametrize("transfer", [16, 18])
@pytest.mark.parametrize("channel", range(3))
def test_tone_mapping_does_not_turn_a_color_into_another(transfer: int, channel: int) -> None:
    color = [60, 60, 60]
    color[channel] = 170
    found = converted(tuple(color), CodePoints(9, transfer))  # type: ignore[arg-type]
    assert max(found) == found[channel]
    assert sorted(found)[1] < found[channel] - 60


@pytest.mark.parametrize("encoding", [0.3, 0.5, 0.6, 0.8, 1.0])
def test_a_gamma_is_the_power_of_light_that_the_samples_are(encoding: float) -> None:
    for code in (40, 128, 200):
        light = (code / 255) ** (1 / encoding)
        wanted = 255 * (12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055)
        assert abs(converted((code, code, code), Gamma(encoding))[0] - wanted) <= 1.5


@pytest.mark.parametrize(("nclx", "wanted"), [((12, 13), (255, 0, 0)), ((1, 13), (234, 51, 35))])
def test_the_code_points_of_an_avif_are_applied(
    nclx: tuple[int, int], wanted: tuple[int, int, int]
) -> None:
    avif = bytearray(saved(Image.new("RGB", (32, 32), (234, 51, 35)), "AVIF", quality=100, speed=9))
    at = avif.index(b"colrnclx") + 8
    struct.pack_into(">HH", avif, at, *nclx)
    assert near(shown(bytes(avif)), wanted, 6)


@pytest.mark.parametrize(("primaries", "wanted"), [(12, (255, 0, 0)), (1, (234, 51, 35))])
def test_the_code_points_of_a_heic_are_applied(
    primaries: int, wanted: tuple[int, int, int]
) -> None:
    pytest.importorskip("pi_heif", reason="the extra `heic` is opt-in")
    encoder = pytest.importorskip("pillow_heif", reason="only tests encode HEIC")
    heic, file = encoder.from_pillow(Image.new("RGB", (64, 64), (234, 51, 35))), io.BytesIO()
    settings = {"color_primaries": primaries, "transfer_characteristics": 13}
    heic.save(file, quality=100, chroma=444, **settings)
    assert near(shown(file.getvalue()), wanted, 6)
