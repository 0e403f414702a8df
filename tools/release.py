"""Makes a release: the repository at one commit, with everything that would have to be built.

Knows git, archives and checksums. The same commit gives the same bytes in any folder and time zone,
under any Python that can run this.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tools import client
from tools.bill_of_materials import bill_of_materials
from tools.package import (
    MACHINES,
    ROOT,
    build,
    lambda_target,
    unpacked,
    without_bytecode,
    write_zip,
)

# What the signature is for, so that none made for something else passes for it.
NAMESPACE = "upload-workflow"

# Of every architecture a zip without extras, and one for phones' photos. Others are a
# `make package EXTRAS=...` away, and most users would carry them for nothing.
RELEASED_EXTRAS: tuple[tuple[str, ...], ...] = ((), ("heic",))

_VERSION_FILE = "lambda_src/upload_workflow/__init__.py"
# Whoever keeps an unpacked release in a repository of their own keeps its packages there, too.
_IGNORED = (b"/build/\n", b"/build/*\n!/build/*.zip\n")

_EXECUTABLE = "100755"  # as git writes the mode of a file


@dataclass(frozen=True)
class Entry:
    """One file of the archive."""

    data: bytes
    mode: int = 0o644


def objections(version: str) -> Iterator[str]:
    """Why this commit cannot be released under this name, a sentence for each reason."""
    top = _git("rev-parse", "--show-toplevel").strip()
    if not top or Path(top) != ROOT:
        yield "A release is made in a clone: git says which files belong to it."
        return
    if changed := [line[3:] for line in _git("status", "--porcelain").splitlines()]:
        yield f"Commit or put away what differs from the last commit: {', '.join(changed)}."
    called = re.search(r'^__version__ = "(.*)"$', (ROOT / _VERSION_FILE).read_text(), re.M)
    if called is None or called[1] != version:
        is_called = f"{called[1]!r}" if called else "missing"
        yield f"__version__ in {_VERSION_FILE} is {is_called}: make it {version!r}."
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.M)
    if newest is None or newest[1] != version:
        begins = f"begins with {newest[1]!r}" if newest else "has no heading"
        yield f"CHANGELOG.md {begins}: its first heading names the release, {version!r}."


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout


def tracked() -> dict[str, Entry]:
    """Every file that belongs to the commit, and no other that lies beside it."""
    files = {}
    for line in filter(None, _git("ls-files", "--stage", "-z").split("\0")):
        about, _, name = line.partition("\t")
        mode = 0o755 if about.split()[0] == _EXECUTABLE else 0o644
        files[name] = Entry((ROOT / name).read_bytes(), mode)
    return files


def write_wheel(folder: Path) -> Path:
    """The Python package for operators, backends and clients: commands and the signing library."""
    with tempfile.TemporaryDirectory() as scratch:
        # In a copy: setuptools leaves folders of its own in the one that it builds from.
        sources = Path(scratch) / "sources"
        for name, entry in tracked().items():
            if name in ("pyproject.toml", "LICENSE") or name.startswith("lambda_src/"):
                (sources / name).parent.mkdir(parents=True, exist_ok=True)
                (sources / name).write_bytes(entry.data)
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps", "--no-build-isolation", "--wheel-dir", scratch, str(sources)]
        subprocess.run(command, check=True)
        (built,) = Path(scratch).glob("*.whl")
        with unpacked(built) as contents:
            write_zip(contents, folder / built.name)
    return folder / built.name


def write_npm_file(folder: Path, version: str) -> Path:
    """The client for browsers and Node.js, as `npm install ./FILE` takes it."""
    names = ("README.md", *client.COMPILED)
    files = {name: Entry((client.CLIENT / name).read_bytes()) for name in names}
    files |= {"LICENSE": Entry((ROOT / "LICENSE").read_bytes())}
    files |= {"package.json": Entry(client.manifest(version))}
    file = folder / f"upload-workflow-{version}.tgz"
    write_archive(file, "package", files)  # npm drops the first folder, whatever its name
    return file


def write_archive(file: Path, top: str, files: Mapping[str, Entry]) -> None:
    """A gzipped tar with sorted names and no date, owner or name of the building machine."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, file_ in sorted(files.items()):
            entry = tarfile.TarInfo(f"{top}/{name}")
            entry.size, entry.mode = len(file_.data), file_.mode
            archive.addfile(entry, io.BytesIO(file_.data))
    # gzip.compress() writes other header bytes under other Pythons.
    with file.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        packed.write(plain.getvalue())


def checksums(files: Mapping[str, bytes]) -> bytes:
    """As `sha256sum --check` reads them."""
    return "".join(f"{_sha256(data)}  {name}\n" for name, data in sorted(files.items())).encode()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def make(version: str, folder: Path) -> Path:
    """Writes every file of the release into the folder; the archive's path."""
    folder.mkdir(parents=True, exist_ok=True)
    packages = [
        build(lambda_target(architecture, extras))
        for architecture in sorted(MACHINES)
        for extras in RELEASED_EXTRAS
    ]
    clients = [write_wheel(folder), write_npm_file(folder, version)]
    bill = bill_of_materials(version, packages, clients)
    files = tracked()
    files |= {f"build/{package.name}": Entry(package.read_bytes()) for package in packages}
    files |= {"sbom.cdx.json": Entry(bill), "VERSION": Entry(f"{version}\n".encode())}
    files[".gitignore"] = Entry(files[".gitignore"].data.replace(*_IGNORED))
    files["SHA256SUMS"] = Entry(checksums({name: file.data for name, file in files.items()}))
    archive = folder / f"upload-workflow-{version}.tar.gz"
    write_archive(archive, f"upload-workflow-{version}", files)
    beside = {package.name: package.read_bytes() for package in packages}
    beside |= {path.name: path.read_bytes() for path in (archive, *clients)}
    beside["sbom.cdx.json"] = bill
    for name, data in {**beside, "SHA256SUMS": checksums(beside)}.items():
        (folder / name).write_bytes(data)
    return archive


def sign(checksums: Path, key: Path) -> None:
    """Writes the signature beside the checksums, by an SSH key; `ssh-keygen -Y verify` reads it."""
    checksums.with_name(f"{checksums.name}.sig").unlink(missing_ok=True)
    command = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", NAMESPACE, str(checksums)]
    subprocess.run(command, check=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.release", description=__doc__)
    parser.add_argument("version", help="such as 1.4.0")
    parser.add_argument("--to", type=Path, default=ROOT / "dist", metavar="FOLDER")
    parser.add_argument("--key", type=Path, help="private SSH key that signs the checksums")
    chosen = parser.parse_args()
    if not re.fullmatch(r"\d+\.\d+\.\d+(-[0-9a-z.]+)?", chosen.version):
        parser.error(f"{chosen.version!r} is no version: it has three numbers, such as 1.4.0")
    target = lambda_target("x86_64")
    wrong = list(objections(chosen.version))
    if target.compiler() is None:
        if chosen.key:
            wrong.append(f"{without_bytecode(target)} That is fit to try, not to sign.")
        else:
            print(f"{without_bytecode(target)} Fit to try, not to publish.", file=sys.stderr)
    if wrong:
        print("\n".join(wrong), file=sys.stderr)
        return 1
    archive = make(chosen.version, chosen.to)
    if chosen.key:
        sign(chosen.to / "SHA256SUMS", chosen.key)
    data = archive.read_bytes()
    print(f"{archive}  {len(data) / 1e6:.1f} MB  sha256 {_sha256(data)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
