"""Which processes of this machine belong to something, told by their environment and arguments."""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.parse import urlsplit


def mentioning(text: str) -> set[int]:
    """Processes, ended but unreaped ones aside, whose arguments or environment hold the text."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                known = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:  # gone meanwhile, or another user's
                continue
            if text.encode() in known:
                found.add(int(entry.name))
    return found


def is_open(endpoint_url: str) -> bool:
    """Does anything listen there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", urlsplit(endpoint_url).port or 80)) == 0
