"""What is published, made for real, and used as somebody would who has nothing else."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
from collections.abc import Mapping
from pathlib import Path

import pytest

from local.terraform.core import find
from tests.package.conftest import Release, git, released_from, repository, run_release
from tests.terraform.roots import REGION, Cloud, imaginary_aws
from tools import package
from tools.release import RELEASED_EXTRAS, sign
from upload_workflow import __version__


@pytest.fixture(scope="module")
def unpacked(released: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a user of the archive sees, in a folder that belongs to no repository."""
    folder = tmp_path_factory.mktemp("empty")
    with tarfile.open(released.archive) as archive:
        archive.extractall(folder, filter="data")
    (top,) = folder.iterdir()
    return top


def run(command: list[str], folder: Path, env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_same_commit_in_another_folder_and_time_zone_is_the_same_bytes(
    released: Release, tmp_path: Path
) -> None:
    there = tmp_path / "somewhere else"
    git(tmp_path, "clone", "--quiet", str(released.repository), str(there))
    umask = os.umask(0o077)
    try:
        other = released_from(there, TZ="Pacific/Auckland", PYTHONHASHSEED="5", LC_ALL="C")
    finally:
        os.umask(umask)
    sums = [(made.folder / "SHA256SUMS").read_text() for made in (released, other)]
    assert sums[0] == sums[1]
    assert len(sums[0].splitlines()) == 8


def test_a_release_holds_what_git_tracks_and_nothing_that_lies_beside_it(
    released: Release,
) -> None:
    tracked = set(git(released.repository, "ls-files").splitlines())
    with tarfile.open(released.archive) as archive:
        files = {name.partition("/")[2] for name in archive.getnames()}
        assert archive.getmember(f"upload-workflow-{__version__}/.ci/run").mode == 0o755
    packages = {
        f"build/{package.lambda_target(architecture, extras).file.name}"
        for architecture in package.MACHINES
        for extras in RELEASED_EXTRAS
    }
    assert files == tracked | packages | {"VERSION", "SHA256SUMS", "sbom.cdx.json"}


def test_an_unpacked_release_can_be_kept_in_a_repository_of_ones_own(
    unpacked: Path, tmp_path: Path
) -> None:
    """Seen: its own .gitignore kept the functions' packages out, and the pipeline had none."""
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "--work-tree", str(unpacked), "add", ".")
    kept = git(tmp_path, "ls-files").splitlines()
    assert [name for name in kept if name.startswith("build/")] == sorted(
        f"build/{file.name}" for file in (unpacked / "build").iterdir()
    )


OBJECTIONS = {
    "a changed file": ("main.tf", "Commit or put away what differs from the last commit: main.tf."),
    "a file that git does not know": ("examples/minimal/secret.auto.tfvars", "Commit or put away"),
    "another version": (
        "lambda_src/upload_workflow/__init__.py",
        "__init__.py is '9.9.9': make it",
    ),
    "another heading": ("CHANGELOG.md", "CHANGELOG.md begins with 'Unreleased': its first heading"),
}


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return repository(tmp_path_factory.mktemp("clone"))


@pytest.mark.parametrize("fault", OBJECTIONS)
def test_a_release_is_refused_for(fault: str, clone: Path) -> None:
    name, sentence = OBJECTIONS[fault]
    git(clone, "checkout", "--quiet", "--detach")
    file = clone / name
    before = file.read_text() if file.exists() else ""
    now = before.replace(__version__, "9.9.9") if "version" in fault else f"## Unreleased\n{before}"
    try:
        file.write_text(now)
        if name in ("CHANGELOG.md", "lambda_src/upload_workflow/__init__.py"):
            git(clone, "commit", "--quiet", "--all", "--message", "A fault")
        done = run_release(clone, __version__)
    finally:
        git(clone, "checkout", "--quiet", "--force", "-")
        git(clone, "clean", "--quiet", "--force")
    assert (done.returncode, done.stdout) == (1, "")
    assert sentence in done.stderr
    assert not (clone / "dist").exists()


def test_an_unpacked_archive_makes_no_release_of_its_own(unpacked: Path) -> None:
    done = run_release(unpacked, __version__)
    assert done.returncode == 1
    assert done.stderr.endswith(
        "A release is made in a clone: git says which files belong to it.\n"
    )


def test_the_checksums_are_those_that_sha256sum_reads(released: Release, unpacked: Path) -> None:
    for folder in (released.folder, unpacked):
        run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], folder)


def test_the_signature_beside_the_checksums_is_of_the_key_that_was_given(
    released: Release, tmp_path: Path
) -> None:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("This needs ssh-keygen: apt-get install openssh-client.")
    key = tmp_path / "key"
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], tmp_path)
    sums = Path(shutil.copy(released.folder / "SHA256SUMS", tmp_path))
    sign(sums, key)
    signers = tmp_path / "allowed_signers"
    signers.write_text(f"releases@example.com {key.with_suffix('.pub').read_text()}")
    # As docs/compatibility says, and without anything of ours.
    verify = "ssh-keygen -Y verify -f allowed_signers -I releases@example.com "
    verify += "-n upload-workflow -s SHA256SUMS.sig < SHA256SUMS"
    assert "Good" in run(["sh", "-c", verify], tmp_path)
    sums.write_text(sums.read_text().replace("a", "b"))
    with pytest.raises(AssertionError):
        run(["sh", "-c", verify], tmp_path)


def test_a_release_without_bytecode_is_not_signed(clone: Path, tmp_path: Path) -> None:
    # Nothing but git on the PATH, so that there is no Python to compile with, whatever this runs.
    (tmp_path / "git").symlink_to(str(shutil.which("git")))
    if package.lambda_target("x86_64").python == f"3.{sys.version_info.minor}":
        pytest.skip("This Python is that of the functions, and always compiles.")
    done = run_release(clone, __version__, "--key", "key", PATH=str(tmp_path))
    assert done.returncode == 1
    assert "No python3.13 on the PATH" in done.stderr and "not to sign" in done.stderr


def test_the_archive_is_a_module_without_a_build_step(unpacked: Path) -> None:
    for architecture in package.MACHINES:
        for extras in RELEASED_EXTRAS:
            # Where surroundings.tf looks for it unless package_file says otherwise.
            file = unpacked / "build" / package.lambda_target(architecture, extras).file.name
            assert file.stat().st_size > 1_000_000


def test_the_roots_that_are_shown_apply_beside_the_unpacked_archive(
    unpacked: Path, tmp_path: Path
) -> None:
    roots = {"minimal": (unpacked / "examples/minimal/main.tf").read_text()}
    for page in ("README.md", "docs/first-steps.md"):
        (roots[page],) = re.findall(
            r"^```hcl\n(.*?)^```", (unpacked / page).read_text(), re.M | re.S
        )
    with tempfile.TemporaryDirectory(prefix="tf") as short, imaginary_aws(Path(short)) as reattach:
        cloud = Cloud(find(), reattach)
        for name, root in roots.items():
            folder = tmp_path / Path(name).stem
            folder.mkdir()
            (folder / unpacked.name).symlink_to(unpacked)
            source = f'"./{unpacked.name}"'
            # In the archive the example names what lies two folders above it.
            (folder / "main.tf").write_text(root.replace('"../.."', source))
            if "provider " not in root:
                (folder / "provider.tf").write_text(
                    f'provider "aws" {{\n  region = "{REGION}"\n}}\n'
                )
            applied = cloud.apply(folder)
            assert applied.of("aws_sfn_state_machine")


@pytest.fixture(scope="module")
def installed(released: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder `bin` of an environment that holds the wheel and what it asks for."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, symlinks=True)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin/python")]
    run([*pip, "install", "--quiet", str(released.wheel)], folder)
    return folder / "bin"


def test_the_wheel_brings_the_commands_and_the_signing_library_without_pillow(
    installed: Path, tmp_path: Path
) -> None:
    environment = {"PATH": os.defpath, "HOME": str(tmp_path)}
    program = str(installed / "upload-workflow")
    assert run([program, "--version"], tmp_path, environment) == f"{__version__}\n"
    for command in ("upload", "ops"):
        said = run([program, command, "--help"], tmp_path, environment)
        assert said.startswith("usage: ")
    signing = "import upload_workflow.issue, sys; assert 'PIL' not in sys.modules"
    run([str(installed / "python"), "-c", signing], tmp_path, environment)
    figures = "from upload_workflow.ops.rates import PRICES, Facts; Facts.committed()"
    run([str(installed / "python"), "-c", figures], tmp_path, environment)
    done = subprocess.run(
        [program, "convert", "a.jpg", "--out", "."],
        env=environment,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert f"upload_workflow-{__version__}-py3-none-any.whl[convert]" in done.stderr.decode()


def test_the_archive_itself_can_be_installed_as_the_documents_say(
    unpacked: Path, tmp_path: Path
) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    run([*pip, "--target", str(tmp_path / "there"), "."], unpacked)
    assert (tmp_path / "there/upload_workflow/schemas/status.schema.json").exists()
    assert (tmp_path / "there/upload_workflow/issue/page.html").exists()
    assert (tmp_path / "there/bin/upload-workflow").exists()
