"""Writes requirements/*.txt from *.in: every dependency pinned with hashes, for every Python.

Needs uv, which it installs beside the environment; nothing else does.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST_PYTHON = "3.11"


def main() -> int:
    home = ROOT / ".venv" / "uv"
    if not (home / "bin" / "uv").exists():
        venv.create(home, with_pip=True)
        subprocess.run([home / "bin" / "pip", "install", "--quiet", "uv"], check=True)
    for wanted in sorted((ROOT / "requirements").glob("*.in")):
        locked = wanted.with_suffix(".txt")
        command = [str(home / "bin" / "uv"), "pip", "compile", "--quiet", "--universal"]
        command += ["--python-version", OLDEST_PYTHON, "--generate-hashes", "--no-header"]
        command += ["--output-file", str(locked.relative_to(ROOT)), str(wanted.relative_to(ROOT))]
        subprocess.run([*command, *sys.argv[1:]], check=True, cwd=ROOT)
        print(f"{locked.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
