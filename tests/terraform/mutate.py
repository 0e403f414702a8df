"""`python -m tests.terraform.mutate [PART OF A SENTENCE]`: breaks the module, one way at a time.

Each mutation is made in a copy; the checks that `make test` runs over the module must fail. Prints
killed/total and exits 1 if one survived. Knows how to run the checks; what is broken is in
mutations.py.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local import paths
from local.terraform.core import find, of_the_host, standin
from tests.terraform.mutations import (
    ACCESS,
    CONTRACT,
    MUTATIONS,
    PLANS,
    SWITCHES,
    VARIABLES,
    Mutation,
    without_validations,
)
from tests.terraform.roots import Cloud

# What the checks read; the packages stay where they are.
COPIED = ("modules", "statemachine", "tests", "tools", "local", "lambda_src", "docs")
COPIED += ("requirements", "measure")  # for the checks that apply to a local AWS
PROMISES = "promises"
ALL = (PROMISES, CONTRACT, ACCESS, SWITCHES, PLANS)


class Bench:
    """A copy of the repository that can be broken and repaired, and the checks over it."""

    def __init__(self, folder: Path, cloud: Cloud) -> None:
        self._folder = folder
        self._cloud = cloud
        for name in COPIED:
            ignored = shutil.ignore_patterns("__pycache__", ".terraform")
            shutil.copytree(paths.REPOSITORY / name, folder / name, symlinks=True, ignore=ignored)
        for file in [*paths.REPOSITORY.glob("*.tf"), paths.REPOSITORY / "pyproject.toml"]:
            shutil.copy(file, folder)
        (folder / ".venv").symlink_to(paths.REPOSITORY / ".venv")
        cloud.run(folder, "init", "-input=false")

    @contextmanager
    def broken(self, mutation: Mutation) -> Iterator[None]:
        file = self._folder / mutation.file
        sound = file.read_text(encoding="utf-8")
        file.write_text(mutation.applied(sound), encoding="utf-8")
        try:
            yield
        finally:
            file.write_text(sound, encoding="utf-8")

    def noticing(self, first: str) -> str | None:
        """The check that fails, the likely one asked first; None if all pass."""
        for check in (first, *ALL):
            if not self.passes(check):
                return check
        return None

    def passes(self, check: str) -> bool:
        if check.startswith(PROMISES):
            _, _, file = check.partition(":")
            chosen = [f"-filter=tests/{file}.tftest.hcl"] if file else []
            return self._cloud.attempt(self._folder, "test", *chosen).returncode == 0
        command = [
            sys.executable,
            "-m",
            "pytest",
            *check.split(" ", 2),
            "-q",
            "-x",
            "-p",
            "no:cacheprovider",
        ]
        done = subprocess.run(command, cwd=self._folder, capture_output=True, check=False)
        # 1: a test failed; 2: not even collected, which is a failure too.
        if done.returncode not in (0, 1, 2):
            sys.exit(f"{check} could not run:\n{done.stdout.decode()}{done.stderr.decode()}")
        return done.returncode == 0


def main() -> int:
    wanted = " ".join(sys.argv[1:])
    variables = (paths.REPOSITORY / VARIABLES).read_text(encoding="utf-8")
    mutations = [m for m in [*MUTATIONS, *without_validations(variables)] if wanted in m.sentence]
    survivors = []
    with tempfile.TemporaryDirectory(prefix="mu") as name:
        folder = Path(name)
        (folder / "copy").mkdir()
        with standin(folder / "copy", folder, of_the_host(), "--schema-only") as reattach:
            bench = Bench(folder / "copy", Cloud(find(), reattach))
            for check in sorted({mutation.noticed_by for mutation in mutations}):
                if not bench.passes(check):
                    sys.exit(f"{check} fails before anything is broken")
            for mutation in mutations:
                begun = time.monotonic()
                with bench.broken(mutation):
                    by = bench.noticing(mutation.noticed_by)
                if by is None:
                    survivors.append(mutation.sentence)
                seconds = time.monotonic() - begun
                print(f"{seconds:5.1f} s  {by or 'SURVIVED':50} {mutation.sentence}", flush=True)
    killed = len(mutations) - len(survivors)
    print(f"mutations: {killed}/{len(mutations)} killed")
    return int(bool(survivors))


if __name__ == "__main__":
    sys.exit(main())
