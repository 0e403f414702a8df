"""What our readers see of a picture beside what decoders see that we did not write.

A witness is libvips or Chromium. Both are asked for every frame in 8-bit sRGB.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyvips
from PIL import Image, ImageChops, ImageStat

from tests.clients.browser import chromium
from upload_workflow.image.color import to_srgb
from upload_workflow.image.decode import Picture, pillow_bounded
from upload_workflow.image.header import png_chunks
from upload_workflow.image.limits import Limits, header_within
from upload_workflow.image.orientation import upright

# Beyond this nothing is compared, so that the ring stays within about a minute.
MOST_PIXELS = 3_000_000
MOST_FRAMES = 40

# Mean difference of a channel over the worst of 8 x 8 parts of the picture, in steps of 255.
# Decoders round differently, repeat or smooth chroma, and dither nothing; a turned, negative,
# shifted or unconverted picture differs by tens.
MOST_DIFFERENCE = 16.0
MOST_ALPHA_DIFFERENCE = 2.0


@dataclass(frozen=True)
class Seen:
    """What a decoder sees: frames in RGBA, how long each is shown, how often all of them.

    durations_ms, plays: of an animation; None where the decoder does not tell.
    """

    frames: list[Image.Image]
    durations_ms: list[int] | None = None
    plays: int | None = None


def ours(upload: bytes) -> Seen:
    """Raises Rejected."""
    limits = Limits(max_pixels=MOST_PIXELS)
    with pillow_bounded(limits):
        header = header_within(upload, limits)
        picture = Picture(upload, header)
        if not header.animated:
            return Seen([_finished(picture, picture.decode())])
        frames = []
        for frame in picture.frames():
            frames.append((_finished(picture, frame.pixels), frame.duration_ms))
            if len(frames) == MOST_FRAMES:
                break
        pixels, durations = zip(*frames, strict=True)
        return Seen(list(pixels), list(durations), picture.loop)


def _finished(picture: Picture, pixels: Image.Image) -> Image.Image:
    return to_srgb(upright(pixels, picture.turn), picture.colors).convert("RGBA")


def by_libvips(upload: bytes, frames: int) -> Seen:
    """Raises pyvips.Error for what libvips does not read.

    frames: of which so many are asked for at most.
    """
    image = pyvips.Image.new_from_buffer(upload, "", fail_on="error")
    pages = image.get("n-pages") if "n-pages" in image.get_fields() else 1
    if frames > 1 and pages > 1:
        image = pyvips.Image.new_from_buffer(upload, "", n=min(frames, pages), fail_on="error")
    fields = image.get_fields()
    height = image.get("page-height") if "page-height" in fields else image.height
    durations = image.get("delay") if "delay" in fields else None
    plays = image.get("loop") if "loop" in fields else None
    if image.height == height:
        image = image.autorot()
        height = image.height
    if "icc-profile-data" in fields:
        image = image.icc_transform("srgb", embedded=True, intent="perceptual")
    elif image.interpretation == "cmyk":
        image = _by_the_simple_formula(image)
    png = image.colourspace("srgb").cast("uchar").pngsave_buffer(keep="none")
    film = Image.open(io.BytesIO(png)).convert("RGBA")
    count = film.height // height
    parts = [film.crop((0, at * height, film.width, (at + 1) * height)) for at in range(count)]
    if durations is not None:
        durations = [100 if value <= 10 else value for value in durations[:count]]
    return Seen(parts, durations if count > 1 else None, plays if count > 1 else None)


def _by_the_simple_formula(image: Any) -> Any:
    """Where a profile is missing libvips takes one of its own; the pixels are what is judged."""
    if image.format == "ushort":
        image /= 257
    inks = [255 - image[band] for band in range(4)]
    return (inks[0].bandjoin(inks[1:3]) * inks[3] / 255).copy(interpretation="srgb")


MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "AVIF": "image/avif",
    "BMP": "image/bmp",
}

# A still as a page draws it; an animation frame by frame as the browser's decoder gives it.
_SCRIPT = """
async ([data, type, most]) => {
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  const seen = [];
  const draw = (source, width, height) => {
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d", {willReadFrequently: true});
    context.drawImage(source, 0, 0);
    const pixels = new Uint8Array(context.getImageData(0, 0, width, height).data.buffer);
    let text = "";
    for (let at = 0; at < pixels.length; at += 32768)
      text += String.fromCharCode(...pixels.subarray(at, at + 32768));
    return {width, height, data: btoa(text)};
  };
  if (most > 1) {
    const decoder = new ImageDecoder({data: bytes, type});
    await decoder.tracks.ready;
    await decoder.completed;
    const track = decoder.tracks.selectedTrack;
    const frames = [];
    for (let at = 0; at < Math.min(track.frameCount, most); at++) {
      const {image} = await decoder.decode({frameIndex: at});
      frames.push({...draw(image, image.displayWidth, image.displayHeight),
                   duration: image.duration === null ? 0 : image.duration / 1000});
      image.close();
    }
    const repeats = track.repetitionCount;
    return {frames, plays: repeats === Infinity ? 0 : repeats + 1};
  }
  const image = new Image();
  image.src = URL.createObjectURL(new Blob([bytes], {type}));
  await image.decode();
  return {frames: [draw(image, image.naturalWidth, image.naturalHeight)], plays: null};
}
"""


@contextmanager
def chromium_page() -> Iterator[Any]:
    """A page of a secure origin, which the decoder of frames asks for; nothing is fetched."""
    with chromium() as browser:
        page = browser.new_context().new_page()
        page.route("**/*", lambda route: route.fulfill(body="", content_type="text/html"))
        page.goto("https://judge.invalid/")
        yield page


def by_chromium(page: Any, upload: bytes, format: str, frames: int) -> Seen:
    """Raises Playwright's Error for what Chromium does not show."""
    if format == "PNG":
        upload = _for_viewers_of_stills(upload)
    arguments = [base64.b64encode(upload).decode(), MEDIA_TYPES[format], frames]
    told = page.evaluate(_SCRIPT, arguments)
    pixels = [
        Image.frombytes("RGBA", (frame["width"], frame["height"]), base64.b64decode(frame["data"]))
        for frame in told["frames"]
    ]
    if frames == 1:
        return Seen(pixels)
    durations = [round(frame["duration"]) for frame in told["frames"]]
    return Seen(pixels, [100 if d <= 10 else d for d in durations], told["plays"])


def _for_viewers_of_stills(png: bytes) -> bytes:
    """Without what makes it move: then a browser, too, shows the default image."""
    moving = (b"acTL", b"fcTL", b"fdAT")
    kept = [png[at - 8 : end + 4] for kind, at, end in png_chunks(png) if kind not in moving]
    return png[:8] + b"".join(kept)


def differences(one: Seen, other: Seen) -> Iterator[str]:
    """In what two decoders differ: size, frames, timing, plays, alpha, colour."""
    if one.frames[0].size != other.frames[0].size:
        yield f"size {one.frames[0].size} and {other.frames[0].size}"
        return
    if len(one.frames) != len(other.frames):
        yield f"frames {len(one.frames)} and {len(other.frames)}"
    if one.durations_ms and other.durations_ms and len(one.frames) > 1:
        pairs = zip(one.durations_ms, other.durations_ms, strict=False)
        if any(abs(a - b) > 1 for a, b in pairs):
            yield f"timing {one.durations_ms[:4]} and {other.durations_ms[:4]}"
    if None not in (one.plays, other.plays) and len(one.frames) > 1 and one.plays != other.plays:
        yield f"plays {one.plays} and {other.plays}"
    for at, (mine, theirs) in enumerate(zip(one.frames, other.frames, strict=False)):
        alphas = [frame.getchannel("A") for frame in (mine, theirs)]
        alpha = _worst(*alphas)
        if alpha > MOST_ALPHA_DIFFERENCE:
            yield f"alpha by {alpha:.0f} in frame {at}"
            return
        gray = Image.new("RGBA", mine.size, "#808080")
        shown = [Image.alpha_composite(gray, frame).convert("RGB") for frame in (mine, theirs)]
        color = _worst(*shown)
        if color > MOST_DIFFERENCE:
            yield f"colour by {color:.0f} in frame {at}"
            return


def _worst(one: Image.Image, other: Image.Image) -> float:
    """The mean difference of the part that differs most."""
    difference = ImageChops.difference(one, other)
    if difference.getbbox() is None:
        return 0.0
    width, height = (min(8, side) for side in difference.size)
    parts = difference.resize((width, height), Image.Resampling.BOX)
    return max(max(ImageStat.Stat(parts).extrema, key=lambda pair: pair[1]))
