"""What is uploaded, and what must become of it. Pure: the same seed loads the same cargo."""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageFilter

from measure.load import step
from upload_workflow.image.convert import convert
from upload_workflow.image.limits import Limits
from upload_workflow.image.rendition import Rendition

# As in the prototypes that set the goals: three JPEGs, from photos of about 225 kB.
RENDITIONS: dict[str, dict[str, int | str]] = {
    "large": {"width_px": 1024, "height_px": 1024, "format": "jpeg"},
    "preview": {"width_px": 480, "height_px": 480, "format": "jpeg"},
    "thumbnail": {"width_px": 160, "height_px": 160, "format": "jpeg"},
}
PICTURES = 16  # different ones; more would only cost time to make

BAD = (
    b"this is no image",
    b"%PDF-1.7 neither is this",
    b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    b"\xff\xd8\xff\xe0 a beginning and no end",
    b"\0" * 5000,
)


@dataclass(frozen=True)
class File:
    """What is sent. renditions: SHA-256 by name; None: to be rejected.

    stepped: whether `step` is asked about it before it is converted.
    """

    data: bytes
    renditions: Mapping[str, str] | None
    stepped: bool = False

    @property
    def step(self) -> str:
        return step.behaviour(self.etag) if self.stepped else "pass"

    def ends_as(self, state: str, code: str | None) -> bool:
        """Whether this is its right end. code: of the status document's error."""
        if self.step != "pass":
            return (state, code) == step.ENDS[self.step]
        return state == ("REJECTED" if self.renditions is None else "SUCCEEDED")

    @property
    def etag(self) -> str:
        return hashlib.md5(self.data, usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Parcel:
    """One upload. sends: the files posted with its form, one after the other; one of them counts,
    the one whose event is heard first. extra_deliveries: how often its events are sent again.
    deleted: whether its client takes it back right after sending it.
    """

    number: int
    sends: tuple[File, ...]
    extra_deliveries: int
    deleted: bool = False


@dataclass(frozen=True)
class Shares:
    bad: float = 0.10
    repeated: float = 0.20
    sent_twice: float = 0.03
    deleted: float = 0.02
    stepped: bool = False  # whether there is a step, which goes by shares of its own


def make_parcels(count: int, shares: Shares, seed: int) -> Sequence[Parcel]:
    """As many parcels as `count` says, each file with bytes of its own."""
    dice = random.Random(seed)
    parcels = []
    for number in range(count):
        extra = dice.randint(1, 4) if dice.random() < shares.repeated else 0
        sends = [_file(dice, f"{number} first", shares)]
        if dice.random() < shares.sent_twice:
            sends.append(_file(dice, f"{number} second", shares))
        deleted = dice.random() < shares.deleted
        parcels.append(Parcel(number, tuple(sends), extra, deleted))
    return parcels


def _file(dice: random.Random, mark: str, shares: Shares) -> File:
    if dice.random() < shares.bad:
        return File(dice.choice(BAD) + mark.encode(), None, shares.stepped)
    shade = dice.randrange(PICTURES)
    return File(marked(picture(shade), mark), expected_renditions(shade), shares.stepped)


def marked(jpeg: bytes, mark: str) -> bytes:
    """The same picture in other bytes: a comment behind the first marker."""
    comment = mark.encode()
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]


@cache
def picture(shade: int, width: int = 600, height: int = 450, bytes_wanted: int = 225_000) -> bytes:
    """A JPEG that is about as hard as a photo of this size: soft shapes under some noise."""
    soft = Image.linear_gradient("L").resize((width, height)).rotate(shade * 7)
    noise = Image.effect_noise((width, height), 60 + shade).filter(ImageFilter.GaussianBlur(0.6))
    bands = [Image.blend(soft, noise, share) for share in (0.25, 0.35, 0.45)]
    image = Image.merge("RGB", bands)
    for quality in range(98, 30, -3):
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality, subsampling=0)
        if buffer.tell() <= bytes_wanted:
            break
    return buffer.getvalue()


@cache
def expected_renditions(shade: int) -> Mapping[str, str]:
    """What this machine's converter makes of the picture: the functions must make the same."""
    renditions = {name: Rendition.from_json(fields) for name, fields in RENDITIONS.items()}
    made = convert(picture(shade), renditions, Limits())
    return {name: hashlib.sha256(encoded.data).hexdigest() for name, encoded in made.items()}
