"""One image, from bytes to renditions."""

from __future__ import annotations

import hashlib
import io
import struct

import pytest
from PIL import Image, ImageCms, ImageStat

from tests.support.heif import display_p3_profile, phone_photo
from tests.support.pictures import (
    QUARTERS,
    STORED,
    moving,
    near,
    opened,
    quarter_colors,
    quarters,
    saved,
    scene,
    with_orientation,
)
from upload_workflow.errors import Rejected, RejectionCode
from upload_workflow.image.convert import convert
from upload_workflow.image.limits import Limits
from upload_workflow.image.rendition import Fit, OutputFormat, Rendition

PNG = OutputFormat.PNG
SMALL = {"small": Rendition(60, 60, format=PNG)}


def small(upload: bytes, **fields: object) -> Image.Image:
    rendition = Rendition(**{"width_px": 60, "height_px": 60, "format": PNG} | fields)
    return opened(convert(upload, {"small": rendition}, Limits())["small"].data)


def refusal(upload: bytes, limits: Limits | None = None, **fields: object) -> Rejected:
    with pytest.raises(Rejected) as refused:
        convert(upload, {"small": Rendition(60, 60, **fields)}, limits or Limits())
    return refused.value


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
@pytest.mark.parametrize("fit", list(Fit))
def test_a_rotated_phone_photo_keeps_its_up_side_up(
    orientation: int, format: str, fit: Fit
) -> None:
    settings = {"quality": 95} if format in ("JPEG", "WEBP", "AVIF") else {}
    upload = with_orientation(quarters(), orientation, format, **settings)
    box, size = {
        Fit.INSIDE: ((60, 60), (60, 40)),
        Fit.COVER: ((60, 40), (60, 40)),
        Fit.CONTAIN: ((90, 40), (90, 40)),
        Fit.FILL: ((30, 60), (30, 60)),
        Fit.OUTSIDE: ((60, 20), (60, 40)),
    }[fit]

    rendition = small(upload, width_px=box[0], height_px=box[1], fit=fit)

    assert rendition.size == size
    if fit is Fit.CONTAIN:
        rendition = rendition.crop((15, 0, 75, 40))
    for found, expected in zip(quarter_colors(rendition), QUARTERS, strict=True):
        assert near(found, expected, 20)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_cover_cuts_the_same_part_however_the_pixels_are_stored(orientation: int) -> None:
    upload = with_orientation(quarters(200, 100), orientation, "PNG")
    left = small(upload, fit=Fit.COVER, width_px=50, height_px=50, position="left")
    top_right = small(upload, fit=Fit.COVER, width_px=80, height_px=20, position="top-right")
    assert near(left.getpixel((45, 10)), QUARTERS[0])
    assert near(left.getpixel((45, 40)), QUARTERS[2])
    assert near(top_right.getpixel((10, 10)), QUARTERS[0])
    assert near(top_right.getpixel((70, 10)), QUARTERS[1])


def test_several_renditions_of_one_upload_each_get_their_own_box() -> None:
    renditions = {
        "wide": Rendition(width_px=300),
        "high": Rendition(height_px=100, format=OutputFormat.WEBP),
        "square": Rendition(50, 50, fit=Fit.COVER, format=OutputFormat.AVIF),
        "padded": Rendition(90, 90, fit=Fit.CONTAIN, background="#00ff00", format=PNG),
        "twin": Rendition(width_px=300, format=PNG),
    }
    converted = convert(saved(scene(600, 400), "JPEG"), renditions, Limits())
    assert {name: (e.width, e.height, e.extension) for name, e in converted.items()} == {
        "wide": (300, 200, "jpg"),
        "high": (150, 100, "webp"),
        "square": (50, 50, "avif"),
        "padded": (90, 90, "png"),
        "twin": (300, 200, "png"),
    }
    for encoded in converted.values():
        assert opened(encoded.data).size == (encoded.width, encoded.height)
        assert encoded.content_type == opened(encoded.data).get_format_mimetype()
    assert opened(converted["padded"].data).getpixel((45, 5)) == (0, 255, 0)


def test_a_picture_smaller_than_its_box_stays_as_small_as_it_is() -> None:
    assert small(saved(quarters(40, 20), "PNG")).size == (40, 20)
    assert small(saved(quarters(40, 20), "PNG"), fit=Fit.COVER).size == (20, 20)
    assert small(saved(quarters(40, 20), "PNG"), fit=Fit.CONTAIN).size == (60, 60)
    assert small(saved(quarters(40, 20), "PNG"), enlarge=True).size == (60, 30)


def test_enlarging_a_sliver_to_cover_a_square_draws_only_the_square() -> None:
    sliver = saved(Image.new("RGB", (20_000, 1), "#102030"), "PNG")
    assert small(sliver, fit=Fit.COVER, enlarge=True, width_px=100, height_px=100).size == (
        100,
        100,
    )


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "I;16", "I", "F"]
)
def test_every_mode_that_a_file_can_have_is_converted_to_every_format(mode: str) -> None:
    gray = Image.linear_gradient("L").resize((120, 80))
    if mode == "I;16":
        picture = Image.frombytes(mode, gray.size, bytes(b for v in gray.tobytes() for b in (v, v)))
    elif mode == "PA":
        picture = gray.convert("LA").convert("PA")
    else:
        picture = gray.convert(mode)
    format = "PNG" if mode not in ("CMYK", "F", "I", "PA") else "TIFF"
    renditions = {str(f): Rendition(60, 60, format=f, quality=90) for f in OutputFormat}
    converted = convert(saved(picture, format), renditions, Limits())
    for name, encoded in converted.items():
        result = opened(encoded.data).convert("L")
        # A picture of one bit has the ramp as dots: the mean of a row is its brightness.
        top, bottom = (ImageStat.Stat(result.crop((0, y, 60, y + 4))).mean[0] for y in (3, 33))
        assert abs(top - 32) < 14, name
        assert abs(bottom - 224) < 14, name


@pytest.mark.parametrize("byte_order", ["<", ">"])
def test_16_bits_are_scaled_and_not_clipped(byte_order: str) -> None:
    ramp = b"".join(struct.pack(f"{byte_order}H", value * 257) for value in range(256)) * 256
    mode = "I;16" if byte_order == "<" else "I;16B"
    picture = Image.frombytes(mode, (256, 256), ramp)
    rendition = small(saved(picture, "TIFF"), width_px=256, height_px=256)
    assert [rendition.getpixel((value, 9)) for value in range(256)] == list(range(256))


@pytest.mark.parametrize("edge", [100, 60])  # as it is, and resampled
@pytest.mark.parametrize("fit", list(Fit))
def test_hidden_colors_stay_hidden_when_alpha_is_flattened(fit: Fit, edge: int) -> None:
    secret = Image.new("RGBA", (100, 100), (255, 0, 0, 0))
    secret.paste((0, 0, 255, 255), (50, 0, 100, 100))
    fields = {"background": "#00ff00", "fit": fit, "width_px": edge, "height_px": edge}
    formats = [OutputFormat.JPEG, *([PNG] if fit is Fit.CONTAIN else [])]
    for format in formats:
        rendition = small(saved(secret, "PNG"), format=format, **fields).convert("RGB")
        assert near(rendition.getpixel((edge // 5, 30)), "#00ff00", 6)
        assert near(rendition.getpixel((edge * 4 // 5, 30)), "#0000ff", 6)


def test_alpha_is_kept_where_the_format_has_it() -> None:
    picture = quarters().convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    for format in (PNG, OutputFormat.WEBP, OutputFormat.AVIF, OutputFormat.AUTO):
        alpha = small(saved(picture, "PNG"), format=format).getchannel("A")
        top, bottom = alpha.getpixel((30, 2)), alpha.getpixel((30, 37))
        assert top < 30, format
        assert bottom > 220, format


def test_a_transparent_palette_entry_is_transparent() -> None:
    picture = quarters().quantize(4)
    red = picture.getpixel((10, 10))
    for format in ("PNG", "GIF"):
        rendition = small(saved(picture, format, transparency=red))
        assert rendition.mode == "RGBA"
        assert rendition.getpixel((10, 10))[3] == 0
        assert rendition.getpixel((50, 10))[3] == 255


def wide_gamut_profile() -> bytes:
    """A profile whose red is sRGB's green, so that an ignored profile cannot be overlooked."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    tags = {}
    for index in range(struct.unpack_from(">I", profile, 128)[0]):
        name, offset, size = struct.unpack_from(">4sII", profile, 132 + 12 * index)
        tags[name] = (132 + 12 * index, offset, size)
    red, green = tags[b"rXYZ"], tags[b"gXYZ"]
    profile[red[0] + 4 : red[0] + 12] = struct.pack(">II", green[1], green[2])
    profile[green[0] + 4 : green[0] + 12] = struct.pack(">II", red[1], red[2])
    return bytes(profile).replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be"))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_colors_are_converted_from_the_embedded_profile_to_srgb(format: str) -> None:
    upload = saved(Image.new("RGB", (80, 80), "#e02020"), format, icc_profile=wide_gamut_profile())
    found = small(upload).convert("RGB").getpixel((30, 30))
    assert near(found, "#20e020", 8)
    assert "icc_profile" not in small(upload).info


def test_a_broken_profile_is_ignored_as_browsers_do() -> None:
    upload = saved(Image.new("RGB", (80, 80), "#e02020"), "PNG", icc_profile=b"not a profile" * 20)
    assert near(small(upload).getpixel((30, 30)), "#e02020", 0)


@pytest.mark.parametrize("format", list(OutputFormat))
def test_no_metadata_reaches_a_rendition(format: OutputFormat) -> None:
    exif = Image.Exif()
    exif[0x010F] = "SECRET camera"
    exif[0x8825] = {1: "N", 2: (51.0, 30.0, 0.0)}
    uploads = [
        saved(
            scene(),
            "JPEG",
            exif=exif,
            xmp=b"<x>SECRET</x>",
            comment=b"SECRET",
            icc_profile=wide_gamut_profile(),
            dpi=(300, 300),
        ),
        saved(scene(), "PNG", exif=exif, icc_profile=wide_gamut_profile()),
        saved(scene(), "WEBP", exif=exif, xmp=b"<x>SECRET</x>"),
        saved(scene().quantize(), "GIF", comment=b"SECRET"),
        saved(scene(), "TIFF", description="SECRET"),
    ]
    for upload in uploads:
        data = convert(upload, {"x": Rendition(60, 60, format=format)}, Limits())["x"].data
        info = opened(data).info
        assert b"SECRET" not in data
        assert not {"exif", "icc_profile", "xmp", "comment", "photoshop"} & set(info), info
        assert not opened(data).getexif()


@pytest.mark.parametrize("format", list(OutputFormat))
def test_the_same_upload_gives_the_same_bytes(format: OutputFormat) -> None:
    upload = saved(scene(), "JPEG")
    made = [
        convert(upload, {"x": Rendition(90, 90, format=format)}, Limits())["x"].data
        for _ in range(2)
    ]
    assert hashlib.sha256(made[0]).digest() == hashlib.sha256(made[1]).digest()


@pytest.mark.parametrize("format", ["GIF", "WEBP"])
def test_an_animation_stays_animated_when_a_rendition_asks_for_it(format: str) -> None:
    upload = moving(5, format, duration=[70, 80, 90, 100, 110], loop=0)
    renditions = {
        "moving": Rendition(32, 32, format=OutputFormat.WEBP, animated=True),
        "auto": Rendition(32, 32, format=OutputFormat.AUTO, animated=True),
        "still": Rendition(32, 32, format=OutputFormat.WEBP),
        "jpeg": Rendition(32, 32, animated=True),
    }
    converted = convert(upload, renditions, Limits())
    assert converted.image.frames == 5
    for name in ("moving", "auto"):
        animation = Image.open(io.BytesIO(converted[name].data))
        assert (animation.format, animation.size) == ("WEBP", (32, 24))
        shown = []
        for at in range(animation.n_frames):
            animation.seek(at)
            animation.load()
            shown.append((animation.info["duration"], animation.convert("RGB").getpixel((9, 9))))
        assert [duration for duration, _ in shown] == [70, 80, 90, 100, 110]
        assert all(abs(red - 255 * at // 4) < 12 for at, (_, (red, _, _)) in enumerate(shown))
        assert [red for _, (red, _, _) in shown] == sorted(red for _, (red, _, _) in shown)
    for name in ("still", "jpeg"):
        assert getattr(opened(converted[name].data), "n_frames", 1) == 1


def test_an_animated_png_gives_its_first_frame() -> None:
    upload = moving(3, "PNG")
    converted = convert(
        upload, {"x": Rendition(32, 32, format=OutputFormat.WEBP, animated=True)}, Limits()
    )
    assert getattr(opened(converted["x"].data), "n_frames", 1) == 1
    assert near(opened(converted["x"].data).convert("RGB").getpixel((9, 9)), "#000000")


def test_only_an_animation_that_is_kept_is_held_to_the_frame_budget() -> None:
    upload, tight = moving(9, "GIF", (64, 64)), Limits(max_frame_pixels=64 * 64 * 8)
    refused = refusal(upload, tight, format=OutputFormat.WEBP, animated=True)
    assert refused.code is RejectionCode.TOO_MANY_FRAMES
    assert "at most 8 are accepted" in refused.message
    assert convert(upload, SMALL, tight).image.frames == 9


def test_the_facts_of_the_image_are_those_of_the_upright_picture() -> None:
    converted = convert(with_orientation(quarters(120, 80), 6, "JPEG"), SMALL, Limits())
    facts = converted.image.to_json()
    assert (facts["format"], facts["width"], facts["height"], facts["frames"]) == (
        "JPEG",
        120,
        80,
        1,
    )
    assert set(facts) == {"format", "width", "height", "frames", "dominant_color", "placeholder"}


@pytest.mark.parametrize(
    ("upload", "code"),
    [
        (b"", RejectionCode.EMPTY),
        (b"hello", RejectionCode.NOT_AN_IMAGE),
        (b"%!PS-Adobe-3.0 and so on", RejectionCode.UNSUPPORTED_FORMAT),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', RejectionCode.UNSUPPORTED_FORMAT),
        (saved(scene(), "JPEG")[:3000], RejectionCode.CORRUPT),
        (saved(scene(), "PNG")[:900], RejectionCode.CORRUPT),
        (saved(scene(), "WEBP")[:900], RejectionCode.CORRUPT),
        (saved(scene(), "GIF")[:900], RejectionCode.CORRUPT),
        (saved(scene(), "AVIF")[:900], RejectionCode.CORRUPT),
        (saved(scene(), "TIFF")[:900], RejectionCode.CORRUPT),
        (saved(scene(), "BMP")[:900], RejectionCode.CORRUPT),
        (b"\xff\xd8\xff", RejectionCode.CORRUPT),
    ],
)
def test_a_refusal_has_its_own_code(upload: bytes, code: RejectionCode) -> None:
    assert refusal(upload).code is code


def test_a_conversion_that_takes_too_long_ends_between_two_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = iter(range(0, 1000, 20))
    monkeypatch.setattr("upload_workflow.image.limits.process_time", lambda: next(clock))
    refused = refusal(saved(scene(), "JPEG"))
    assert refused.code is RejectionCode.TOO_MUCH_TIME
    assert "30 seconds" in refused.message


def test_heic_is_read_where_the_extra_is_installed() -> None:
    rendition = small(phone_photo(quarters()))
    for found, expected in zip(quarter_colors(rendition), QUARTERS, strict=True):
        assert near(found, expected, 20)


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_phones_heic_is_upright_and_is_the_picture_not_what_lies_beside_it(
    orientation: int, bits: int
) -> None:
    upright = quarters(300, 200)
    turn = STORED.get(orientation)
    upload = phone_photo(
        upright if turn is None else upright.transpose(turn),
        orientation=orientation,
        bits=bits,
        tile=128,
        depth=Image.new("L", (64, 48), 90),
        gain_map=Image.new("L", (600, 400), 180),  # larger than the picture
        thumbnail=Image.new("RGB", (60, 40), "black"),
    )
    converted = convert(upload, {"whole": Rendition(format=PNG)}, Limits())
    assert (converted.image.width, converted.image.height) == (300, 200)
    rendition = opened(converted["whole"].data)
    assert rendition.size == (300, 200)
    for found, expected in zip(quarter_colors(rendition), QUARTERS, strict=True):
        assert near(found, expected, 6)


def test_a_phones_heic_in_display_p3_comes_out_in_srgb() -> None:
    # Red of sRGB in the coordinates of Display P3, in gamma: (234, 51, 35).
    picture = Image.new("RGB", (64, 64), (234, 51, 35))
    upload = phone_photo(picture, icc_profile=display_p3_profile())
    assert near(small(upload).getpixel((30, 30)), "#ff0000", 6)


def test_heic_without_the_extra_is_refused_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pi_heif", None)
    box = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
    ispe = struct.pack(">I4sIII", 20, b"ispe", 0, 64, 48)
    ipco = struct.pack(">I4s", 8 + len(ispe), b"ipco") + ispe
    iprp = struct.pack(">I4s", 8 + len(ipco), b"iprp") + ipco
    meta = struct.pack(">I4sI", 12 + len(iprp), b"meta", 0) + iprp
    refused = refusal(box + meta)
    assert refused.code is RejectionCode.UNSUPPORTED_FORMAT
    assert "JPEG" in refused.message


def test_pillow_is_left_as_it_was_for_whoever_else_uses_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 12_345_678)
    convert(saved(scene(), "PNG"), SMALL, Limits())
    assert Image.MAX_IMAGE_PIXELS == 12_345_678
