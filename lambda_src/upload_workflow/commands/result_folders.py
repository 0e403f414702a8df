"""Where the commands put what became of each file. Knows names and folders, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, count
from pathlib import Path


def result_folders(out: Path, files: Sequence[Path]) -> list[Path]:
    """A folder of its own for each file, in their order; none is made yet.

    It has the file's name, or with a number behind it where a file has that name (as when `out` is
    the folder of the files themselves) or an earlier file got it.
    """
    taken: set[str] = set()
    folders = []
    for file in files:
        names = chain([file.name], (f"{file.name}-{number}" for number in count(2)))
        free = next(
            name
            for name in names
            # Some file systems take Photo.jpg and photo.JPG for the same name.
            if name.casefold() not in taken and ((out / name).is_dir() or not _exists(out / name))
        )
        taken.add(free.casefold())
        folders.append(out / free)
    return folders


def _exists(path: Path) -> bool:
    return path.exists() or path.is_symlink()
