"""Draws a picture of what an audio file (WAV) sounds like."""

import io
import wave

from PIL import Image

from upload_workflow.kind import File, Refused, handler_of

WIDTH, HEIGHT = 800, 160


def waveform(upload, facts):
    try:
        with wave.open(io.BytesIO(upload)) as sound:
            sample_bytes, data = sound.getsampwidth(), sound.readframes(sound.getnframes())
    except (wave.Error, EOFError) as error:
        raise Refused("This is no WAV file, or it is broken. Save it again as WAV.") from error
    if sample_bytes != 2:
        raise Refused(f"The sound has {8 * sample_bytes} bits. Save it with 16.")
    samples = memoryview(data[: len(data) // 2 * 2]).cast("h")
    if not samples:
        raise Refused("There is no sound in the file.")
    picture = Image.new("RGB", (WIDTH, HEIGHT), "#ffffff")
    for x in range(WIDTH):
        start = x * len(samples) // WIDTH
        part = samples[start : max((x + 1) * len(samples) // WIDTH, start + 1)]
        low, high = min(part), max(part)
        half = max(1, -low * HEIGHT // 65536, high * HEIGHT // 65536)
        picture.paste("#4a6cd4", (x, HEIGHT // 2 - half, x + 1, HEIGHT // 2 + half))
    png = io.BytesIO()
    picture.save(png, "PNG")
    yield File("waveform.png", png.getvalue(), "image/png", WIDTH, HEIGHT)


handler = handler_of(waveform, recipe="waveform-1")
