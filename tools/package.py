"""Builds the zip that the Lambda functions run: the same bytes from the same inputs.

Knows wheels and zips. Does not know Terraform or AWS.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from tools.slim_botocore import slim

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "lambda_src"
LOCKS = ROOT / "requirements"
# Decoders that not everybody may or wants to ship, each with a lock file of its own:
# requirements/package-<extra>.txt. Their licences are in docs/conversion.md.
EXTRAS = ("heic", "pdf")
# LGPL-3.0 wants to be handed on with the libraries under it, and with the GPL that it adds to.
LICENCES = Path(__file__).parent / "licences"
UNDER_LGPL = ("heic",)

# The newest runtime for which every wheel exists; modules/conversion names the same one.
LAMBDA_PYTHON = "3.13"
# Amazon Linux 2023 has glibc 2.34: it runs wheels for these and older ones.
GLIBC_TAGS = ("2_34", "2_28", "2_27", "2_24", "2_17")
MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}

# A zip keeps no earlier date; a fixed one makes two builds equal.
EPOCH = (1980, 1, 1, 0, 0, 0)

SOURCE_KINDS = (".py", ".html", ".json")

# Services that the functions call, and the data every client of botocore needs.
BOTOCORE_DATA = {
    "s3",
    "events",
    "endpoints.json",
    "partitions.json",
    "_retry.json",
    "sdk-default-configuration.json",
}
# Drawing text, windows and morphology are not part of a conversion, nor are the decoders that
# are never let near an upload.
UNUSED = re.compile(
    r"""
    ^PIL/_(imagingft|imagingtk|imagingmorph)\b
    | ^PIL/(?!Avif|Bmp|Gif|Jpeg|Mpo|Png|Ppm|Tiff|WebP)\w+ImagePlugin\.py$
    | ^PIL/(Image(Draw2?|Font|Grab|Qt|Show|Tk)|PdfParser|PSDraw)\.py$
    | ^urllib3/contrib/emscripten/
    | ^dateutil/zoneinfo/.*\.tar\.gz$
    | ^pillow\.libs/lib(freetype|harfbuzz|png16|brotli)
    | ^(bin|share|docs)/
    | \.dist-info/(RECORD|INSTALLER|REQUESTED|WHEEL|top_level\.txt|zip-safe)$
    | \.pyi$
    | /py\.typed$
    | ^cykooz_resizer/.*\.(rs|toml)$
    | ^pypdfium2_cli/
    """,
    re.VERBOSE,
)


@dataclass(frozen=True)
class Target:
    """Where the zip runs and what it reads beyond the usual formats.

    python: such as "3.13". machine: as in platform.machine(). extras: some of EXTRAS, in its order.
    """

    name: str
    python: str
    machine: str
    extras: tuple[str, ...] = ()

    @property
    def file(self) -> Path:
        """As surroundings.tf names it."""
        return ROOT / "build" / f"{'-'.join(['upload_workflow', self.name, *self.extras])}.zip"

    @property
    def locks(self) -> list[Path]:
        names = ["package", *(f"package-{extra}" for extra in self.extras)]
        return [LOCKS / f"{name}.txt" for name in names]

    @property
    def is_this_machine(self) -> bool:
        return self.name == "local"

    def compiler(self) -> Compiler | None:
        """What can compile for the target, or None if this machine has no such Python."""
        if self.python == f"{sys.version_info.major}.{sys.version_info.minor}":
            return Compiler(sys.executable, platform.python_version())
        found = shutil.which(f"python{self.python}")
        if found is None:
            return None
        # A version manager's shim may exist without the interpreter behind it.
        asked = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
        version = asked.stdout.split()[-1] if asked.returncode == 0 else ""
        return Compiler(found, version) if version.startswith(f"{self.python}.") else None


@dataclass(frozen=True)
class Compiler:
    """interpreter: its path. version: such as "3.13.0"; the bytecode may depend on all of it."""

    interpreter: str
    version: str

    def compile(self, folder: Path) -> None:
        """Adds bytecode that is never checked against the source.

        Always in a process of its own, which sees neither settings nor packages of the host: the
        bytes depend on what the process that writes them has imported before.
        """
        command = [self.interpreter, "-I", "-S", "-m", "compileall", "-qq", "-s", str(folder)]
        command += ["-p", "/var/task", "--invalidation-mode", "unchecked-hash", str(folder)]
        subprocess.run(command, check=True)


def lambda_target(architecture: str, extras: tuple[str, ...] = ()) -> Target:
    return Target(architecture, LAMBDA_PYTHON, MACHINES[architecture], extras)


def local_target(extras: tuple[str, ...] = ()) -> Target:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return Target("local", version, platform.machine(), extras)


def parse_extras(names: str) -> tuple[str, ...]:
    """Of "pdf,heic" the extras in their one order. Raises ValueError for any other word."""
    wanted = [name for name in names.split(",") if name]
    for name in wanted:
        if name not in EXTRAS:
            raise ValueError(f"There is no extra {name!r}; there are {', '.join(EXTRAS)}.")
    return tuple(extra for extra in EXTRAS if extra in wanted)


def requirements_for(target: Target, locked: str) -> str:
    """The locked requirements whose markers hold on the target, each once, hashes kept.

    pip would judge the markers by the machine that builds. What two lock files share they pin
    alike: the extras are locked against the package.
    """
    environment = {
        "platform_machine": target.machine,
        "sys_platform": sys.platform if target.is_this_machine else "linux",
        "python_version": target.python,
        "python_full_version": f"{target.python}.0",
    }
    entries = re.split(r"^(?=[A-Za-z])", re.sub(r"^\s*#.*\n", "", locked, flags=re.M), flags=re.M)
    kept = []
    for entry in filter(None, entries):
        requirement = Requirement(entry.split("\\")[0].split("--hash")[0].strip())
        if requirement.marker is None or requirement.marker.evaluate(environment):
            kept.append(re.sub(r"\s*;[^\\\n]*", " ", entry, count=1))
    return "".join(dict.fromkeys(kept))


def install(target: Target, folder: Path) -> None:
    """Unpacks the pinned wheels of the target into `folder`."""
    with tempfile.TemporaryDirectory() as scratch:
        wanted = Path(scratch) / "requirements.txt"
        locked = "".join(lock.read_text() for lock in target.locks)
        wanted.write_text(requirements_for(target, locked))
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        command += ["--disable-pip-version-check", "--no-compile", "--require-hashes"]
        command += ["--only-binary", ":all:", "--target", str(folder)]
        if not target.is_this_machine:
            command += ["--python-version", target.python, "--implementation", "cp"]
            command += [f"--platform=manylinux_{tag}_{target.machine}" for tag in GLIBC_TAGS]
            command += [f"--platform=manylinux2014_{target.machine}"]
        subprocess.run([*command, "--requirement", str(wanted)], check=True)


def trim(folder: Path) -> None:
    """Removes what no function reads. Licences stay."""
    for path in sorted(folder.rglob("*"), reverse=True):
        inside = path.relative_to(folder).as_posix()
        service = re.match(r"botocore/data/([^/]+)", inside)
        unused = UNUSED.search(inside) or (service and service[1] not in BOTOCORE_DATA)
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif unused:
            path.unlink()


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path


def write_zip(folder: Path, file: Path) -> None:
    """Writes sorted names, one date and one mode, so that equal contents are equal bytes."""
    file.parent.mkdir(parents=True, exist_ok=True)
    # Of its own name: two builds at a time are two whole files, and the last one stays.
    half = file.with_suffix(f".{os.getpid()}.part")
    # The highest level makes half a thousandth less of it in nearly twice the time.
    with zipfile.ZipFile(half, "w", zipfile.ZIP_DEFLATED, compresslevel=8) as archive:
        for name, path in _files(folder):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes(), compresslevel=8)
    half.replace(file)


@contextmanager
def unpacked(file: Path) -> Iterator[Path]:
    """The contents of a zip or a wheel, in a folder for the time being."""
    with tempfile.TemporaryDirectory() as scratch:
        with zipfile.ZipFile(file) as archive:
            archive.extractall(scratch)
        yield Path(scratch)


def build(target: Target) -> Path:
    """Builds the zip of `target`; with bytecode where this machine can make it.

    A function's folder is read-only, so without it every cold start compiles everything anew.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "package"
        install(target, folder)
        shutil.copytree(
            SOURCE / "upload_workflow",
            folder / "upload_workflow",
            ignore=_left_out,
        )
        if set(UNDER_LGPL) & set(target.extras):
            shutil.copytree(LICENCES, folder / "licences")
        trim(folder)
        slim(folder / "botocore" / "data")
        if compiler := target.compiler():
            compiler.compile(folder)
        write_zip(folder, target.file)
    return target.file


def _left_out(folder: str, names: list[str]) -> set[str]:
    """What lies in the source folder and is no part of a function, tracked or not."""
    return {
        name
        for name in names
        # Operators run `ops` on their own machine.
        if name in ("__pycache__", "ops")
        or not (name.endswith(SOURCE_KINDS) or (Path(folder) / name).is_dir())
    }


def inputs_digest(target: Target) -> str:
    """A digest of all that decides the bytes of a zip: equal digests mean equal zips.

    Those are the sources, the wheels, the compiler, and the library that packs.
    """
    made_by = f"{target} {target.compiler()} {zlib.ZLIB_RUNTIME_VERSION}"
    digest = hashlib.sha256(made_by.encode())
    builders = sorted(Path(__file__).parent.glob("*.py"))
    for file in [*target.locks, *builders, *(path for _, path in _files(SOURCE))]:
        if "__pycache__" not in file.parts and ".egg-info" not in file.as_posix():
            digest.update(file.relative_to(ROOT).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()


def without_bytecode(target: Target) -> str:
    """What a zip lacks that was built on a machine like this one."""
    return (
        f"No python{target.python} on the PATH: the zip carries no bytecode, so each cold start "
        "takes about half a second longer, and its bytes differ from those that a machine with "
        f"Python {target.python} makes."
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.package", description=__doc__)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--architecture", choices=sorted(MACHINES))
    where.add_argument(
        "--for-this-machine", action="store_true", help="for the local AWS; not for Lambda"
    )
    parser.add_argument("--extras", default="", help=f"of {', '.join(EXTRAS)}, such as heic,pdf")
    chosen = parser.parse_args()
    try:
        extras = parse_extras(chosen.extras)
    except ValueError as error:
        parser.error(str(error))
    if chosen.for_this_machine:
        target = local_target(extras)
    else:
        target = lambda_target(chosen.architecture, extras)

    # Building takes seconds, and most calls find nothing changed.
    stamp = target.file.with_suffix(".inputs")
    wanted = inputs_digest(target)
    if not (target.file.exists() and stamp.exists() and stamp.read_text() == wanted):
        build(target)
        stamp.write_text(wanted)
    if target.compiler() is None:
        print(without_bytecode(target), file=sys.stderr)
    digest = hashlib.sha256(target.file.read_bytes()).hexdigest()
    size = target.file.stat().st_size / 1e6
    print(f"{target.file.relative_to(ROOT)}  {size:.1f} MB  sha256 {digest}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
