"""PDFs for tests, written object by object: honest ones, and some that no honest program writes."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence


def pdf(
    *contents: str | bytes,
    box: str = "0 0 300 200",
    resources: str = "",
    extra: Sequence[str | bytes] = (),
    page: str = "",
    trailer: str = "",
) -> bytes:
    """A document with a page for each content stream.

    box: of each page, in points. extra: further objects, numbered from 3 + 2 x pages on.
    page, trailer: further entries of the pages' and the trailer's dictionaries.
    """
    first = 3
    kids = " ".join(f"{first + 2 * index} 0 R" for index in range(len(contents)))
    objects: list[bytes] = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(contents)} >>".encode(),
    ]
    for index, content in enumerate(contents):
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [{box}] /Resources << {resources} >> "
            f"/Contents {first + 2 * index + 1} 0 R {page} >>".encode()
        )
        objects.append(stream(content))
    objects += [each.encode() if isinstance(each, str) else each for each in extra]
    return assembled(objects, trailer)


def assembled(objects: Sequence[bytes], trailer: str = "") -> bytes:
    """Numbered from 1 on, the catalog first."""
    data, offsets = b"%PDF-1.7\n", []
    for number, each in enumerate(objects, 1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    start = len(data)
    data += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    data += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    data += b"trailer\n<< /Size %d /Root 1 0 R %s >>\n" % (len(objects) + 1, trailer.encode())
    return data + b"startxref\n%d\n%%%%EOF\n" % start


def stream(content: str | bytes, entries: str = "") -> bytes:
    data = content.encode() if isinstance(content, str) else content
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(data), entries.encode(), data)


def packed(content: bytes, entries: str = "") -> bytes:
    return stream(zlib.compress(content, 9), f"/Filter /FlateDecode {entries}")


# The four quarters of tests.support.pictures, on 300 x 200 points; PDF counts from the bottom.
QUARTERS = (
    "1 0 0 rg 0 100 150 100 re f 0 0.502 0 rg 150 100 150 100 re f "
    "0 0 1 rg 0 0 150 100 re f 1 1 1 rg 150 0 150 100 re f"
)


def with_password() -> bytes:
    """Encrypted with a user's password that nobody tells (algorithms 2 to 5 of ISO 32000-1)."""
    padding = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")
    password, identity, permissions = b"secret", bytes(16), (-4).to_bytes(4, "little", signed=True)
    padded = (password + padding)[:32]
    owner = _rc4(hashlib.md5(padded, usedforsecurity=False).digest()[:5], padded)
    seed = padded + owner + permissions + identity
    key = hashlib.md5(seed, usedforsecurity=False).digest()[:5]
    user = _rc4(key, padding)
    encryption = f"<< /Filter /Standard /V 1 /R 2 /O <{owner.hex()}> /U <{user.hex()}> /P -4 >>"
    return pdf(
        QUARTERS,
        extra=[encryption],
        trailer=f"/Encrypt 5 0 R /ID [<{identity.hex()}> <{identity.hex()}>]",
    )


def _rc4(key: bytes, data: bytes) -> bytes:
    box, j = list(range(256)), 0
    for i in range(256):
        j = (j + box[i] + key[i % len(key)]) % 256
        box[i], box[j] = box[j], box[i]
    i = j = 0
    out = bytearray()
    for byte in data:
        i = (i + 1) % 256
        j = (j + box[i]) % 256
        box[i], box[j] = box[j], box[i]
        out.append(byte ^ box[(box[i] + box[j]) % 256])
    return bytes(out)
