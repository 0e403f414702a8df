"""Whether an ICC profile is one that a colour engine can be given, by its own table of contents.

Knows ICC.1 and ICC.2 (tag table, multiProcessElements). Does not know colours.
"""

from __future__ import annotations

import struct

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
