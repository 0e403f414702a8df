"""The zip that the functions run, built for real."""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from local.stack import package as package_for_this_machine
from tests.package.conftest import Release
from tests.support.heif import phone_photo
from tests.support.pdf import QUARTERS, pdf
from tests.support.pictures import quarters
from tools import package
from tools.bill_of_materials import components

ROOT = package.ROOT


@pytest.fixture(scope="module")
def local_zip() -> Path:
    """For this machine, with every extra: built anew only if anything in it has changed."""
    return package_for_this_machine()


@pytest.fixture(scope="module")
def lambda_zips(released: Release) -> dict[str, Path]:
    return {
        arch: released.folder / package.lambda_target(arch).file.name for arch in package.MACHINES
    }


@pytest.fixture(scope="module")
def heic_zips(released: Release) -> dict[str, Path]:
    return {
        arch: released.folder / package.lambda_target(arch, ("heic",)).file.name
        for arch in package.MACHINES
    }


def test_every_handler_loads_from_the_zip_alone(local_zip: Path, tmp_path: Path) -> None:
    shutil.unpack_archive(local_zip, tmp_path)
    files = (tmp_path / "upload_workflow/handlers").glob("[a-z]*.py")
    names = {path.stem for path in files} - {"job"}  # of which embedders make a handler
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
        "SERVED_FROM": "",
        "FORM_LIFE_SECONDS": "60",
        "LEASE_SECONDS": "60",
        "SCANNED_ONLY": "false",
        "DELETE_ON_SUCCESS": "false",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "not-a-secret",
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }
    assert {"convert_image", "record_failure"} <= names
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


def test_bytecode_does_not_depend_on_what_was_imported_before(tmp_path: Path) -> None:
    made = []
    # One process has imported nothing, the other all of ours, and so holds texts of its modules.
    for imports in ("", "import boto3, tools.release, upload_workflow.image.convert"):
        folder = tmp_path / str(len(made))
        shutil.copytree(ROOT / "lambda_src/upload_workflow/image", folder / "image")
        code = f"{imports}\nfrom pathlib import Path; from tools.package import local_target\n"
        code += f"local_target().compiler().compile(Path({str(folder)!r}))"
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
        made.append({path.name: path.read_bytes() for path in folder.rglob("*.pyc")})
    assert made[0] == made[1] != {}


def test_another_compiler_is_another_input_and_its_absence_is_said_each_time(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target = package.lambda_target("arm64")
    digests = set()
    for compiler in (
        None,
        package.Compiler("python", "3.13.0"),
        package.Compiler("python", "3.13.1"),
    ):
        monkeypatch.setattr(package.Target, "compiler", lambda target, found=compiler: found)
        digests.add(package.inputs_digest(target))
    assert len(digests) == 3
    monkeypatch.setattr(package.Target, "compiler", lambda target: None)
    monkeypatch.setattr(package, "build", lambda target: target.file.write_bytes(b"") and None)
    monkeypatch.setattr(sys, "argv", ["package", "--architecture", "arm64"])
    monkeypatch.setattr(package.Target, "file", tmp_file := package.ROOT / "build" / "unused.zip")
    tmp_file.parent.mkdir(exist_ok=True)
    try:
        for _ in range(2):
            assert package.main() == 0
            assert "No python3.13 on the PATH" in capsys.readouterr().err
    finally:
        tmp_file.unlink()
        tmp_file.with_suffix(".inputs").unlink()


def test_what_lies_in_the_source_folder_by_chance_is_not_packed(tmp_path: Path) -> None:
    names = ["keys.py", "page.html", "keys.py~", "terraform.tfstate", ".env", "ops", "__pycache__"]
    for name in names:
        (tmp_path / name).touch()
    left_out = package._left_out(str(tmp_path), names)
    assert set(names) - left_out == {"keys.py", "page.html"}


def test_the_bill_of_materials_names_what_is_in_the_zip(lambda_zips: dict[str, Path]) -> None:
    parts = list(components(lambda_zips["x86_64"]))
    inside = {part["name"].lower() for part in parts if part["type"] == "library"}
    assert {"pillow", "botocore", "cykooz-resizer", "urllib3"} <= inside
    with zipfile.ZipFile(lambda_zips["x86_64"]) as archive:
        names = archive.namelist()
        libraries = {name for name in names if ".libs/" in name}
    folders = {name.split("/")[0].lower() for name in names}
    folders = {name for name in folders if not name.endswith((".dist-info", ".libs", ".py"))}
    known = {"pil", "dateutil", "upload_workflow", "__pycache__"}
    assert folders - known <= {name.replace("-", "_") for name in inside}
    assert libraries == {part["name"] for part in parts if part["type"] == "file"} != set()


@pytest.mark.parametrize("architecture", package.MACHINES)
def test_the_bill_of_materials_names_c_and_rust_and_not_what_was_left_out(
    architecture: str, lambda_zips: dict[str, Path]
) -> None:
    inside = {
        part["name"]: {inner["name"]: inner.get("version") for inner in part.get("components", [])}
        for part in components(lambda_zips[architecture])
    }
    pillow = inside["pillow"]
    assert {"libwebp", "libavif", "libtiff", "libjpeg / libjpeg-turbo", "zlib"} <= set(pillow)
    assert all(pillow[name] for name in ("libwebp", "libavif", "libtiff"))
    # Text is never drawn; the zip holds neither the module nor its libraries.
    assert not {"FreeType", "HarfBuzz", "FriBiDi", "raqm", "PIL._imagingft"} & set(pillow)
    if architecture == "x86_64":
        assert "fast_image_resize" in inside["cykooz-resizer"]


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
    (parts,) = (
        part["components"]
        for part in components(heic_zips["x86_64"])
        if part["name"].replace("_", "-") == "pi-heif"
    )
    licences = {part["name"]: part["licenses"][0]["license"]["name"] for part in parts}
    assert licences["libheif"] == licences["libde265"] == "LGPL-3.0-or-later"


def test_a_zip_with_extras_reads_what_they_say(local_zip: Path, tmp_path: Path) -> None:
    shutil.unpack_archive(local_zip, tmp_path / "zip")
    (tmp_path / "1").write_bytes(phone_photo(quarters()))
    (tmp_path / "2").write_bytes(pdf(QUARTERS))
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'zip')!r})\n"
        "from pathlib import Path; from upload_workflow.image.convert import *\n"
        "for name in '12':\n"
        f"    upload = (Path({str(tmp_path)!r}) / name).read_bytes()\n"
        "    print(convert(upload, {'all': Rendition(99)}, Limits()).image.format)"
    )
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout.split() == ["HEIF", "PDF"], ran.stderr


@pytest.mark.parametrize("architecture", package.MACHINES)
def test_extras_combine_for_both_architectures(architecture: str, local_zip: Path) -> None:
    """Both in one zip, each for the one machine, and with their licences."""
    target = package.lambda_target(architecture, package.EXTRAS)
    assert target.file.name == f"upload_workflow-{architecture}-heic-pdf.zip"
    built = local_zip if target.machine == platform.machine() else package.build(target)
    assert built.stat().st_size <= 16_000_000
    elf_machine = {"x86_64": 62, "arm64": 183}[architecture]
    with zipfile.ZipFile(built) as archive:
        names = archive.namelist()
        libraries = [name for name in names if re.search(r"\.so(\.|$)", name)]
        machines = {int.from_bytes(archive.read(name)[18:20], "little") for name in libraries}
    assert machines == {elf_machine}
    assert "pypdfium2_raw/libpdfium.so" in names
    assert any("BUILD_LICENSES/pdfium.txt" in name for name in names)
    assert {"licences/LGPL-3.0.txt", "licences/GPL-3.0.txt"} <= set(names)


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
