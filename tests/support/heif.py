"""HEIC files as phones write them: a grid of tiles, turned by a property, with a thumbnail, Exif,
a depth map and a gain map beside the picture. Encoders make only the plainest of these.

Boxes: ISO/IEC 14496-12 and 23008-12. The pixels are coded by pillow-heif, which the product does
not carry.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, field

import pillow_heif
from PIL import Image, ImageCms

DEPTH = b"urn:mpeg:hevc:2015:auxid:2\0"
GAIN_MAP = b"urn:com:apple:photo:2020:aux:hdrgainmap\0"

# From stored to upright, by Exif orientation: quarter turns against the clock, then a mirror
# (0 exchanges top and bottom, 1 left and right).
_TURNS: dict[int, tuple[int, int | None]] = {
    1: (0, None),
    2: (0, 1),
    3: (2, None),
    4: (0, 0),
    5: (1, 0),
    6: (3, None),
    7: (1, 1),
    8: (1, None),
}


# Colorants of Display P3 under D50, in the s15Fixed16 numbers of a profile.
_DISPLAY_P3 = {
    b"rXYZ": (0.51512, 0.24120, -0.00105),
    b"gXYZ": (0.29198, 0.69225, 0.04189),
    b"bXYZ": (0.15710, 0.06657, 0.78407),
}


def display_p3_profile() -> bytes:
    """What phones embed: the curve of sRGB, other primaries."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for index in range(struct.unpack_from(">I", profile, 128)[0]):
        name, offset, _ = struct.unpack_from(">4sII", profile, 132 + 12 * index)
        if name in _DISPLAY_P3:
            numbers = (round(value * 65536) for value in _DISPLAY_P3[name])
            struct.pack_into(">iii", profile, offset + 8, *numbers)
    return bytes(profile).replace("sRGB".encode("utf-16-be"), "P3  ".encode("utf-16-be"))


def box(kind: bytes, *parts: bytes, version: int | None = None, flags: int = 0) -> bytes:
    full = b"" if version is None else struct.pack(">I", version << 24 | flags)
    body = full + b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


@dataclass(frozen=True)
class Coded:
    """One HEVC picture: its decoder configuration and its data."""

    configuration: bytes
    data: bytes
    size: tuple[int, int]


def coded(picture: Image.Image, bits: int = 8, quality: int = 90) -> Coded:
    """Codes an L or RGB picture. bits: 8, or 10 in which the 8 are spread out."""
    if bits == 8:
        image = pillow_heif.from_pillow(picture)
    else:
        wide = bytes(byte for byte in picture.tobytes() for _ in range(2))
        image = pillow_heif.from_bytes(f"{picture.mode};16", picture.size, wide)
    buffer = io.BytesIO()
    image.save(buffer, quality=quality)
    data = buffer.getvalue()
    configuration = _payload(data, b"hvcC")
    media = data.index(b"mdat") + 4
    # The encoder writes the picture's data first; Exif and the like would follow it.
    return Coded(configuration, data[media:], picture.size)


def _payload(data: bytes, kind: bytes) -> bytes:
    at = data.index(kind)
    (size,) = struct.unpack_from(">I", data, at - 4)
    return data[at + 4 : at - 4 + size]


@dataclass
class _File:
    """Items, what is true of each, and how they refer to each other."""

    entries: list[bytes] = field(default_factory=list)
    data: list[bytes] = field(default_factory=list)
    properties: list[bytes] = field(default_factory=list)
    owned: dict[int, list[int]] = field(default_factory=dict)
    references: list[bytes] = field(default_factory=list)

    def item(self, kind: bytes, data: bytes, *properties: bytes, hidden: bool = False) -> int:
        number = len(self.entries) + 1
        entry = struct.pack(">HH4s", number, 0, kind) + b"\0"
        self.entries.append(box(b"infe", entry, version=2, flags=int(hidden)))
        self.data.append(data)
        for known in properties:
            if known not in self.properties:
                self.properties.append(known)
            self.owned.setdefault(number, []).append(self.properties.index(known) + 1)
        return number

    def refers(self, kind: bytes, origin: int, *targets: int) -> None:
        numbers = struct.pack(f">HH{len(targets)}H", origin, len(targets), *targets)
        self.references.append(box(kind, numbers))

    def to_bytes(self, primary: int) -> bytes:
        head = box(b"ftyp", b"heic", b"\0\0\0\0", b"mif1", b"heic")
        owned = [
            struct.pack(f">HB{len(of)}B", number, len(of), *of) for number, of in self.owned.items()
        ]

        def meta(start: int) -> bytes:
            locations = b""
            for number, data in enumerate(self.data, 1):
                locations += struct.pack(">HHHII", number, 0, 1, start, len(data))
                start += len(data)
            return box(
                b"meta",
                box(b"hdlr", struct.pack(">I4s12x", 0, b"pict"), b"\0", version=0),
                box(b"pitm", struct.pack(">H", primary), version=0),
                box(b"iinf", struct.pack(">H", len(self.entries)), *self.entries, version=0),
                box(b"iref", *self.references, version=0) if self.references else b"",
                box(
                    b"iprp",
                    box(b"ipco", *self.properties),
                    box(b"ipma", struct.pack(">I", len(owned)), *owned, version=0),
                ),
                box(b"iloc", struct.pack(">HH", 0x4400, len(self.data)), locations, version=0),
                version=0,
            )

        start = len(head) + len(meta(0)) + 8
        return head + meta(start) + box(b"mdat", *self.data)


def phone_photo(
    stored: Image.Image,
    *,
    orientation: int = 1,
    bits: int = 8,
    icc_profile: bytes | None = None,
    tile: int = 512,
    depth: Image.Image | None = None,
    gain_map: Image.Image | None = None,
    thumbnail: Image.Image | None = None,
) -> bytes:
    """A HEIC of these stored pixels, which `orientation` turns upright.

    tile: edge of a tile in pixels. Exif repeats the orientation, as phones do: who applies both
    turns twice.
    """
    made = _File()
    across, down = -(-stored.width // tile), -(-stored.height // tile)
    depths = struct.pack(">BBBB", 3, *[bits] * 3)
    turns, mirror = _TURNS[orientation]
    turned = [box(b"irot", bytes([turns]))] if turns else []
    turned += [] if mirror is None else [box(b"imir", bytes([mirror]))]

    tiles = []
    for row in range(down):
        for column in range(across):
            left, top = column * tile, row * tile
            pixels = Image.new(stored.mode, (tile, tile))
            pixels.paste(stored.crop((left, top, left + tile, top + tile)))
            part = coded(pixels, bits)
            properties = _looks(part.size), box(b"hvcC", part.configuration)
            tiles.append(made.item(b"hvc1", part.data, *properties, hidden=True))
    profile = [box(b"colr", b"prof", icc_profile)] if icc_profile else []
    grid = made.item(
        b"grid",
        struct.pack(">BBBBHH", 0, 0, down - 1, across - 1, *stored.size),
        _looks(stored.size),
        box(b"pixi", depths, version=0),
        *profile,
        *turned,
    )
    made.refers(b"dimg", grid, *tiles)
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "A phone"
    number = made.item(b"Exif", struct.pack(">I", 0) + exif.tobytes().removeprefix(b"Exif\0\0"))
    made.refers(b"cdsc", number, grid)
    if thumbnail:
        small = coded(thumbnail)
        properties = _looks(small.size), box(b"hvcC", small.configuration)
        made.refers(b"thmb", made.item(b"hvc1", small.data, *properties, *turned), grid)
    for kind, map in ((DEPTH, depth), (GAIN_MAP, gain_map)):
        if map:
            part = coded(map)
            properties = (
                _looks(part.size),
                box(b"hvcC", part.configuration),
                box(b"auxC", kind, version=0),
            )
            made.refers(b"auxl", made.item(b"hvc1", part.data, *properties, *turned), grid)
    return made.to_bytes(grid)


def _looks(size: tuple[int, int]) -> bytes:
    return box(b"ispe", struct.pack(">II", *size), version=0)
