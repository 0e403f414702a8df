"""The bill of materials of a release, in CycloneDX: Python, and what wheels carry inside.

Knows wheels' metadata and CycloneDX. Reads the finished zips, so that it tells what is in them.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

Component = dict[str, Any]

# Facts about a part that a wheel's own bill states and ours repeats; patches and links stay there.
_REPEATED = ("type", "name", "version", "purl", "licenses")

# What a wheel holds that neither its metadata nor a bill of its own names, by its LICENSES file.
_BUNDLED_WITHOUT_A_BILL = {
    "pi-heif": {"libheif": "LGPL-3.0-or-later", "libde265": "LGPL-3.0-or-later"},
    "pypdfium2": {"pdfium": "BSD-3-Clause AND Apache-2.0"},
}

# "libjpeg-6dc8d115.so.62.4.0", as wheels name the shared libraries that they bring along.
_BUNDLED = re.compile(r"^[^/]+\.libs/(?P<name>[^/]+?)(-[0-9a-f]{8})?\.so[.0-9]*$")


def bill_of_materials(version: str, packages: Sequence[Path], own: Sequence[Path]) -> bytes:
    """CycloneDX 1.6 of everything in the zips, without a date or a random serial number.

    own: files of the release that hold nothing of anybody else's.
    """
    parts = [
        {
            "type": "file",
            "name": package.name,
            "hashes": _hashes(package.read_bytes()),
            "components": list(components(package)),
        }
        for package in packages
    ]
    parts += [
        {"type": "file", "name": file.name, "hashes": _hashes(file.read_bytes())} for file in own
    ]
    module = {"type": "application", "name": "upload-workflow", "version": version}
    bill = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1}
    whole = {**bill, "metadata": {"component": module}, "components": parts}
    return f"{json.dumps(whole, indent=2)}\n".encode()


def components(package: Path) -> Iterator[Component]:
    """Each distribution in the zip, from its own metadata, and then each shared library."""
    with zipfile.ZipFile(package) as archive:
        names = sorted(archive.namelist())
        for name in names:
            if name.endswith(".dist-info/METADATA"):
                yield _distribution(archive, names, name)
        for name in names:
            if bundled := _BUNDLED.match(name):
                hashes = _hashes(archive.read(name))
                yield {
                    "type": "file",
                    "name": name,
                    "hashes": hashes,
                    "description": bundled["name"],
                }


def _distribution(archive: zipfile.ZipFile, names: Sequence[str], metadata: str) -> Component:
    about = HeaderParser().parsestr(archive.read(metadata).decode())
    licence = about["License-Expression"] or about["License"] or "see its files"
    found: Component = {
        "type": "library",
        "name": about["Name"],
        "version": about["Version"],
        "purl": f"pkg:pypi/{about['Name'].lower()}@{about['Version']}",
        "licenses": [{"license": {"name": licence.splitlines()[0]}}],
    }
    folder = metadata.removesuffix("METADATA") + "sboms/"
    bills = [json.loads(archive.read(name)) for name in names if name.startswith(folder)]
    parts = [part for bill in bills for part in compiled_in(bill, names)]
    bundled = _BUNDLED_WITHOUT_A_BILL.get(about["Name"].replace("_", "-").lower(), {})
    for name, licence in bundled.items():
        if name not in [part["name"] for part in parts]:
            licences = [{"license": {"name": licence}}]
            parts.append({"type": "library", "name": name, "licenses": licences})
    if parts:
        found["components"] = parts
    return found


def compiled_in(bill: Mapping[str, Any], names: Sequence[str]) -> list[Component]:
    """What a wheel's own bill names, less what serves only modules that our zip leaves out."""
    whole = bill["metadata"]["component"]["bom-ref"]
    needs = {each["ref"]: each.get("dependsOn", []) for each in bill["dependencies"]}
    modules = {name.split(".")[0].replace("/", ".") for name in names if ".so" in name}
    absent = {
        part["bom-ref"]
        for part in bill["components"]
        if "#c-ext/" in part["bom-ref"] and part["name"] not in modules
    }
    left_out = _reached(absent, needs) - _reached(set(needs[whole]) - absent, needs)
    return [
        {fact: part[fact] for fact in _REPEATED if fact in part}
        for part in bill["components"]
        if part["bom-ref"] not in left_out | {whole}
    ]


def _reached(start: set[str], needs: Mapping[str, Sequence[str]]) -> set[str]:
    reached: set[str] = set()
    waiting = list(start)
    while waiting:
        part = waiting.pop()
        if part not in reached:
            reached.add(part)
            waiting += needs.get(part, [])
    return reached


def _hashes(data: bytes) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": hashlib.sha256(data).hexdigest()}]
