"""A reader of your own beside ours: files of one format in, pictures out, and the rest stays.

    plug("FARBFELD", b"farbfeld", header, Farbfeld)
    from upload_workflow.handlers.convert_image import handler

Such a module goes into the functions' zip and its handler into `conversion.handler`. To be plugged
before the handler is imported: with it the fence is made. docs/extending.md has a whole one.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from .errors import Rejected
from .image.header import PLUGS, SNIFF_BYTES, Format, Header, Plug, ReadHeader, sniff
from .image.readers.reader import Frame, Reader, StillReader
from .image.rendition import Size

__all__ = ["Frame", "Header", "Size", "StillReader", "plug"]


def plug(
    name: str,
    magic: bytes,
    read: ReadHeader,
    open_: Callable[[bytes, Header], Reader],
    *,
    version: int = 1,
) -> None:
    """Read files that begin with `magic`.

    name: what `image.format` of the status document says, such as "FARBFELD".
    read: the header of a file or of its first 64 KiB, in the worker: plain arithmetic on bytes,
        which may be anybody's. IndexError or struct.error says that it lies further on.
    open_: the reader, in a converter, such as a subclass of StillReader. Whatever it raises says
        that the file is broken.
    version: part of the renditions' keys; change it whenever the same file becomes other pixels.
    magic: 1 to 64 bytes, and none by which a file would be taken for one of another format.
    Raises ValueError for a name of ours and for such a magic.
    """
    if name in Format.__members__:
        raise ValueError(f"{name} is read already.")
    if not isinstance(magic, bytes) or not 0 < len(magic) <= SNIFF_BYTES:
        raise ValueError(f"Files of one format begin with 1 to {SNIFF_BYTES} bytes, not {magic!r}.")
    with suppress(Rejected):
        if (taken := sniff(magic)) != name:
            raise ValueError(f"Files that begin with {magic!r} are read as {taken}.")
    PLUGS[name] = Plug(magic, read, open_, version)
