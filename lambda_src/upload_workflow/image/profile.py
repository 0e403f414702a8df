"""Whether an ICC profile is one that a colour engine can be given, by its own table of contents.

Knows ICC.1 and ICC.2 (tag table, multiProcessElements). Does not know colours.
"""

from __future__ import annotations

import struct

# The device classes whose profiles speak of pictures (ICC.1, 7.2.5).
PICTURE_CLASSES = (b"mntr", b"scnr", b"prtr", b"spac")
_CONNECTIONS = (b"XYZ ", b"Lab ")
# What the way to the connection space is made of where no table describes it (ICC.1, 8.3 and 8.4):
# tags, and the types that they may have.
_COLORANT, _CURVE = (b"XYZ ",), (b"curv", b"para")
_WAYS: dict[bytes, dict[bytes, tuple[bytes, ...]]] = {
    b"GRAY": {b"kTRC": _CURVE},
    b"RGB ": {
        **dict.fromkeys((b"rXYZ", b"gXYZ", b"bXYZ"), _COLORANT),
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _CURVE),
    },
}
_TABLES = {b"A2B0", b"A2B1", b"D2B0", b"D2B1"}

# Tags of a profile; the richest of printers' have about forty.
_MOST_TAGS = 200
# Stages of one transform. Real ones have at most seven; each is computed for each colour.
_MOST_STAGES = 32


def is_reasonable(profile: bytes) -> bool:
    """False for a profile that would cost a colour engine what no real one does."""
    try:
        (tags,) = struct.unpack_from(">I", profile, 128)
        if tags > _MOST_TAGS:
            return False
        for at in range(132, 132 + 12 * tags, 12):
            (offset,) = struct.unpack_from(">I", profile, at + 4)
            if profile[offset : offset + 4] == b"mpet":
                (stages,) = struct.unpack_from(">I", profile, offset + 12)
                if stages > _MOST_STAGES:
                    return False
    except struct.error:
        return False  # cut off
    return True


def is_usable(profile: bytes) -> bool:
    """True for a profile of pictures, in RGB or in gray, that holds what a conversion needs."""
    way = _WAYS.get(profile[16:20])
    named = profile[36:40] == b"acsp" and profile[12:16] in PICTURE_CLASSES
    if way is None or not named or profile[20:24] not in _CONNECTIONS or not is_reasonable(profile):
        return False
    types = {}
    (tags,) = struct.unpack_from(">I", profile, 128)
    for at in range(132, 132 + 12 * tags, 12):
        name, offset = struct.unpack_from(">4sI", profile, at)
        types[name] = profile[offset : offset + 4]
    return not _TABLES.isdisjoint(types) or all(types.get(tag) in way[tag] for tag in way)
