"""Writes client/upload.js and its types from client/upload.ts, and packs them for npm.

Knows npm and TypeScript's compiler. What the compiler writes is committed, so that a release needs
neither; a test compares.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from local import environments, paths

CLIENT = paths.REPOSITORY / "client"
COMPILED = ("upload.js", "upload.d.ts")
_LOCK = paths.REPOSITORY / "tests" / "npm" / "package-lock.json"

# Nothing that browsers of 2020 lack, and no complaint that a user's own strict compiler could have.
_OPTIONS = (
    *("--strict", "--noUncheckedIndexedAccess", "--exactOptionalPropertyTypes"),
    *("--target", "es2020", "--lib", "es2020,dom", "--module", "nodenext", "--types", ""),
    *("--noImplicitOverride", "--declaration", "--newLine", "lf"),
)


def node_modules() -> Path:
    """What tests/npm/package-lock.json names, installed; raises LookupError without npm."""
    npm = shutil.which("npm")
    if npm is None:
        raise LookupError("This needs npm: apt-get install nodejs npm.")
    folder = paths.ENVIRONMENTS / "npm"
    stamp = folder.with_suffix(".ready")
    with environments.once(stamp, _LOCK, "Setting up what comes from npm") as stale:
        if stale:
            folder.mkdir(exist_ok=True)
            for name in ("package.json", "package-lock.json"):
                shutil.copy(_LOCK.with_name(name), folder)
            command = [npm, "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
            subprocess.run(command, cwd=folder, check=True)
    return folder / "node_modules"


def compile_client() -> Mapping[str, str]:
    """What the strictest compiler makes of the source; raises ValueError with its complaints."""
    with tempfile.TemporaryDirectory() as scratch:
        for name in ("package.json", "upload.ts"):
            shutil.copy(CLIENT / name, scratch)
        compiler = node_modules() / ".bin" / "tsc"
        done = subprocess.run(
            [str(compiler), *_OPTIONS, "upload.ts"],
            cwd=scratch,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ValueError(done.stdout + done.stderr)
        return {name: (Path(scratch) / name).read_text("utf-8") for name in COMPILED}


def manifest(version: str) -> bytes:
    """package.json with the version of a release."""
    told = json.loads((CLIENT / "package.json").read_text("utf-8"))
    return f"{json.dumps({'name': told['name'], 'version': version, **told}, indent=2)}\n".encode()


def main() -> int:
    try:
        compiled = compile_client()
    except (LookupError, ValueError) as problem:
        sys.exit(str(problem))
    for name, text in compiled.items():
        (CLIENT / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
