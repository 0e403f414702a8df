"""Makes the release archive: the module with both architectures' zips, usable as it is unpacked.

The same sources give the same bytes in any folder, time zone and year.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import re
import sys
import tarfile
import zipfile
from email.parser import HeaderParser
from pathlib import Path

from tools.package import MACHINES, build, lambda_target

ROOT = Path(__file__).resolve().parent.parent
# Of every architecture a zip without extras, and one for phones' photos. Others are a
# `make package EXTRAS=...` away, and most users would carry them for nothing.
RELEASED_EXTRAS: tuple[tuple[str, ...], ...] = ((), ("heic",))
# What a wheel holds that its own metadata does not name, by its LICENSES file.
BUNDLED = {
    "pi-heif": {"libheif": "LGPL-3.0-or-later", "libde265": "LGPL-3.0-or-later"},
    "pypdfium2": {"pdfium": "BSD-3-Clause AND Apache-2.0"},
}
# What a user of the module reads or runs; tests and the laptop stay in the repository.
SHIPPED = (
    "*.tf",
    "modules/**/*.tf",
    "statemachine/*.json",
    "examples/**/*",
    "docs/**/*.md",
    "README.md",
    "CHANGELOG.md",
    "SECURITY.md",
    "LICENSE",
)


def components(package: Path) -> list[dict[str, object]]:
    """Each distribution inside the zip, from its own metadata, as CycloneDX components."""
    found = []
    with zipfile.ZipFile(package) as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(".dist-info/METADATA"):
                about = HeaderParser().parsestr(archive.read(name).decode())
                licence = about["License-Expression"] or about["License"] or "see its files"
                found.append(
                    _component(about["Name"], licence.splitlines()[0])
                    | {
                        "version": about["Version"],
                        "purl": f"pkg:pypi/{about['Name'].lower()}@{about['Version']}",
                    }
                )
                bundled = BUNDLED.get(about["Name"].replace("_", "-").lower(), {})
                found += [_component(name, licence) for name, licence in bundled.items()]
    return found


def _component(name: str, licence: str) -> dict[str, object]:
    return {"type": "library", "name": name, "licenses": [{"license": {"name": licence}}]}


def bill_of_materials(version: str, packages: list[Path]) -> bytes:
    """CycloneDX 1.6 of everything in the zips, without a date or a random serial number."""
    parts = [
        {
            "type": "file",
            "name": package.name,
            "hashes": [{"alg": "SHA-256", "content": _sha256(package.read_bytes())}],
            "components": components(package),
        }
        for package in packages
    ]
    module = {"type": "application", "name": "upload-workflow", "version": version}
    bill = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1}
    return _text(
        json.dumps({**bill, "metadata": {"component": module}, "components": parts}, indent=2)
    )


def _text(text: str) -> bytes:
    return f"{text}\n".encode()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def contents(version: str) -> dict[str, bytes]:
    """Every file of the archive by its name inside it."""
    packages = [
        build(lambda_target(architecture, extras))[0]
        for architecture in sorted(MACHINES)
        for extras in RELEASED_EXTRAS
    ]
    files = {
        path.relative_to(ROOT).as_posix(): path.read_bytes()
        for pattern in SHIPPED
        for path in ROOT.glob(pattern)
        if path.is_file() and ".terraform" not in path.parts
    }
    files |= {f"build/{package.name}": package.read_bytes() for package in packages}
    files["sbom.cdx.json"] = bill_of_materials(version, packages)
    files["VERSION"] = _text(version)
    checksums = "\n".join(f"{_sha256(data)}  {name}" for name, data in sorted(files.items()))
    return files | {"SHA256SUMS": _text(checksums)}


def write_archive(file: Path, top: str, files: dict[str, bytes]) -> None:
    """A gzipped tar with sorted names and no date, owner or name of the building machine."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in sorted(files.items()):
            entry = tarfile.TarInfo(f"{top}/{name}")
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress(plain.getvalue(), mtime=0))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.release", description=__doc__)
    parser.add_argument("version", help="such as 1.4.0")
    parser.add_argument("--to", type=Path, default=ROOT / "build", help="folder of the archive")
    chosen = parser.parse_args()
    if not re.fullmatch(r"\d+\.\d+\.\d+(-[0-9a-z.]+)?", chosen.version):
        parser.error(f"{chosen.version!r} is no version: it has three numbers, such as 1.4.0")
    if lambda_target("x86_64").interpreter() is None:
        print(
            "This machine has no Python of the functions' version, so the zips carry no bytecode: "
            "fit to try, not to publish.",
            file=sys.stderr,
        )
    top = f"upload-workflow-{chosen.version}"
    file = chosen.to / f"{top}.tar.gz"
    write_archive(file, top, contents(chosen.version))
    print(f"{file}  {file.stat().st_size / 1e6:.1f} MB  sha256 {_sha256(file.read_bytes())}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
