"""`python -m tools.asl FILE...`: one finding a line; exit 1 if there is one."""

from __future__ import annotations

import sys
from pathlib import Path

from tools.asl.check import findings


def main() -> int:
    failed = False
    for name in sys.argv[1:]:
        for finding in findings(Path(name).read_text(encoding="utf-8")):
            print(f"{name}: {finding}")
            failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
