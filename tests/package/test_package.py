"""The zip that the functions run, and the release around it. Builds both for real."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.support.heif import phone_photo
from tests.support.pictures import quarters
from tools import package, release

ROOT = package.ROOT


@pytest.fixture(scope="module")
def local_zip() -> Path:
    return package.build(package.local_target())[0]


@pytest.fixture(scope="module")
def released() -> dict[str, bytes]:
    """Every file of a release, built in this folder."""
    return release.contents("0.0.0")


@pytest.fixture(scope="module")
def lambda_zips(released: dict[str, bytes]) -> dict[str, Path]:
    assert released
    return {arch: package.lambda_target(arch).file for arch in package.MACHINES}


@pytest.fixture(scope="module")
def heic_zips(released: dict[str, bytes]) -> dict[str, Path]:
    assert released
    return {arch: package.lambda_target(arch, ("heic",)).file for arch in package.MACHINES}


def test_every_handler_loads_from_the_zip_alone(local_zip: Path, tmp_path: Path) -> None:
    shutil.unpack_archive(local_zip, tmp_path)
    names = [path.stem for path in (tmp_path / "upload_workflow/handlers").glob("[a-z]*.py")]
    settings = {
        "WORKFLOW_NAME": "photos",
        "UPLOADS_BUCKET": "uploads",
        "UPLOADS_PREFIX": "uploads/",
        "RESULTS_BUCKET": "results",
        "RESULTS_PREFIX": "results/",
        "RENDITIONS": json.dumps({"small": {"width_px": 10, "format": "jpeg"}}),
        "LIMITS": "{}",
        "CONTENT_TYPES": json.dumps(["image/jpeg"]),
        "FORMS": "true",
        "MAX_BYTES": "1000",
        "URL_LIFE_SECONDS": "60",
        "FORM_LIFE_SECONDS": "60",
        "LEASE_SECONDS": "60",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "not-a-secret",
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }
    assert {"convert_image", "record_failure"} <= set(names)
    for name in names:
        # -I and -S: nothing of this environment, only what the zip carries.
        code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); "
        code += f"from upload_workflow.handlers.{name} import handler; assert callable(handler)"
        ran = subprocess.run(
            [sys.executable, "-I", "-S", "-c", code],
            env=settings,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr


def test_a_build_in_another_folder_and_time_zone_is_the_same_bytes(
    released: dict[str, bytes], tmp_path: Path
) -> None:
    here = tmp_path / "here.tar.gz"
    release.write_archive(here, "upload-workflow-0.0.0", released)
    copy = tmp_path / "somewhere else"
    ignored = shutil.ignore_patterns(".*", "build", "node_modules", "__pycache__")
    shutil.copytree(ROOT, copy, ignore=ignored)
    ran = subprocess.run(
        [sys.executable, "-m", "tools.release", "0.0.0"],
        cwd=copy,
        env={**os.environ, "TZ": "Pacific/Auckland", "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split()[-1] == hashlib.sha256(here.read_bytes()).hexdigest()


def test_the_release_can_be_used_without_a_build_step(
    released: dict[str, bytes], tmp_path: Path
) -> None:
    release.write_archive(tmp_path / "module.tar.gz", "module", released)
    with tarfile.open(tmp_path / "module.tar.gz") as archive:
        names = {name.removeprefix("module/") for name in archive.getnames()}
    assert {"main.tf", "README.md", "LICENSE", "sbom.cdx.json", "SHA256SUMS"} <= names
    for extras in release.RELEASED_EXTRAS:
        targets = [package.lambda_target(arch, extras) for arch in package.MACHINES]
        assert {f"build/{target.file.name}" for target in targets} <= names
    assert not [name for name in names if name.startswith(("tests/", "local/", ".venv"))]


def test_the_bill_of_materials_names_what_is_in_the_zip(lambda_zips: dict[str, Path]) -> None:
    inside = {part["name"].lower() for part in release.components(lambda_zips["x86_64"])}
    assert {"pillow", "botocore", "cykooz-resizer", "urllib3"} <= inside
    with zipfile.ZipFile(lambda_zips["x86_64"]) as archive:
        top = {name.split("/")[0].lower() for name in archive.namelist()}
    folders = {name for name in top if not name.endswith((".dist-info", ".libs", ".py"))}
    known = {"pil", "dateutil", "upload_workflow", "__pycache__"}
    assert folders - known <= {name.replace("-", "_") for name in inside}


@pytest.mark.parametrize("architecture", package.MACHINES)
def test_the_zip_holds_only_its_own_architecture(
    architecture: str, lambda_zips: dict[str, Path]
) -> None:
    elf_machine = {"x86_64": 62, "arm64": 183}[architecture]
    with zipfile.ZipFile(lambda_zips[architecture]) as archive:
        libraries = [name for name in archive.namelist() if re.search(r"\.so(\.|$)", name)]
        machines = {int.from_bytes(archive.read(name)[18:20], "little") for name in libraries}
    assert machines == {elf_machine}


@pytest.mark.parametrize("architecture", package.MACHINES)
def test_the_zip_is_at_most_ten_megabytes(architecture: str, lambda_zips: dict[str, Path]) -> None:
    assert lambda_zips[architecture].stat().st_size <= 10_000_000


@pytest.mark.parametrize("architecture", package.MACHINES)
def test_the_zip_that_reads_heic_is_at_most_twelve_megabytes(
    architecture: str, heic_zips: dict[str, Path]
) -> None:
    assert heic_zips[architecture].stat().st_size <= 12_000_000


@pytest.mark.parametrize("architecture", package.MACHINES)
def test_the_zip_that_reads_heic_decodes_it_and_carries_no_encoder(
    architecture: str, heic_zips: dict[str, Path], lambda_zips: dict[str, Path]
) -> None:
    with zipfile.ZipFile(heic_zips[architecture]) as archive:
        names = archive.namelist()
    added = set(names) - set(zipfile.ZipFile(lambda_zips[architecture]).namelist())
    libraries = {Path(name).name.split("-")[0] for name in added if ".libs/" in name}
    assert libraries == {"libheif", "libde265"}
    assert "x265" not in " ".join(names)
    assert any(name.startswith("pi_heif") and "LICENSES_bundled" in name for name in added)


def test_the_bill_of_materials_names_the_libraries_of_heic_and_their_licence(
    heic_zips: dict[str, Path],
) -> None:
    licences = {
        part["name"]: part["licenses"][0]["license"]["name"]
        for part in release.components(heic_zips["x86_64"])
    }
    assert licences["libheif"] == licences["libde265"] == "LGPL-3.0-or-later"


def test_a_zip_with_extras_reads_what_they_say(tmp_path: Path) -> None:
    built, _ = package.build(package.local_target(("heic",)))
    shutil.unpack_archive(built, tmp_path / "zip")
    photo = tmp_path / "photo.heic"
    photo.write_bytes(phone_photo(quarters()))
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'zip')!r})\n"
        "from pathlib import Path; from upload_workflow.image.convert import *\n"
        f"upload = Path({str(photo)!r}).read_bytes()\n"
        "print(convert(upload, {'all': Rendition()}, Limits()).image.format)"
    )
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout.strip() == "HEIF", ran.stderr


def test_an_extra_that_does_not_exist_is_refused_in_one_sentence() -> None:
    assert package.parse_extras("pdf,heic") == ("heic", "pdf")
    assert package.parse_extras("") == ()
    with pytest.raises(ValueError, match=r"There is no extra 'heif'; there are heic, pdf\."):
        package.parse_extras("heif")


def test_the_resampler_comes_along_only_where_it_has_a_wheel() -> None:
    locked = (package.LOCKS / "package.txt").read_text()
    for architecture, there in {"x86_64": True, "arm64": False}.items():
        wanted = package.requirements_for(package.lambda_target(architecture), locked)
        assert ("cykooz-resizer==" in wanted) is there
        assert "pillow==" in wanted
        assert "--hash=sha256:" in wanted
