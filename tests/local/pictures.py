"""Uploads for tests, made here."""

import io
import random

from PIL import Image


def photograph(width: int, height: int) -> bytes:
    """A JPEG with soft areas and some grain, as cameras make them."""
    small = Image.frombytes("RGB", (32, 24), random.Random(7).randbytes(32 * 24 * 3))
    file = io.BytesIO()
    small.resize((width, height), Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
    return file.getvalue()
