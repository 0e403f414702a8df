"""Every example and every block of Terraform in the documentation is applied, twice."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import paths
from tests.terraform.conftest import PACKAGE
from tests.terraform.roots import REGION, Cloud, unpacked

# What an example asks its reader for.
ANSWERS = {
    "minimal": {},
    "scanned": {},
    "events": {
        "consumer_package": str(PACKAGE),
        "backend": {"url": "https://backend.example.com/uploads", "key": "secret"},
    },
    "own-kind": {"kind_package": str(PACKAGE)},
    "own-step": {"step_package": str(PACKAGE)},
    "cdn": {
        "domain": "img.example.com",
        "certificate_arn": "arn:aws:acm:us-east-1:123456789012:certificate/1234abcd",
    },
    "embedded": {
        "network": {"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]},
        "permissions_boundary_arn": "arn:aws:iam::123456789012:policy/boundary",
        "identity": {"issuer": "https://issuer.example/", "audiences": ["uploads"]},
    },
    "ci": {
        "repository": "example/photos",
        "provider_arn": "arn:aws:iam::123456789012:oidc-provider/"
        "token.actions.githubusercontent.com",
    },
}
# Beginnings of a configuration; a block that begins otherwise shows arguments of the module.
WHOLE = re.compile(
    r"^(module|resource|data|provider|terraform|locals|output|variable) ", re.MULTILINE
)


def blocks() -> Iterator[tuple[str, str]]:
    """Every block of Terraform in the documentation, with the place where it begins."""
    root = paths.REPOSITORY
    for file in sorted([*root.glob("*.md"), *root.glob("docs/**/*.md"), *root.glob("*/*/*.md")]):
        # The reference shows types, as variables.tf has them; tests/contract compares the two.
        if file.relative_to(root).parts[0] in ("build", "dist") or file.name == "reference.md":
            continue
        text = file.read_text(encoding="utf-8")
        for block in re.finditer(r"^```(?:hcl|terraform)\n(.*?)^```", text, re.M | re.S):
            line = text[: block.start()].count("\n") + 1
            yield f"{file.relative_to(root)}:{line}", block[1]


BLOCKS = dict(blocks())


def applied_twice(cloud: Cloud, folder: Path) -> None:
    cloud.run(folder, "init", "-input=false")
    cloud.run(folder, "apply", "-auto-approve", "-input=false")
    second = cloud.attempt(folder, "plan", "-input=false", "-detailed-exitcode")
    assert second.returncode == 0, second.stdout


def test_every_example_is_known() -> None:
    folders = {folder.name for folder in (paths.REPOSITORY / "examples").iterdir()}
    assert folders == ANSWERS.keys()


@pytest.mark.parametrize("example", ANSWERS)
def test_an_example_says_how_it_is_used_and_what_it_asks_for(example: str) -> None:
    folder = paths.REPOSITORY / "examples" / example
    said = (folder / "README.md").read_text(encoding="utf-8")
    assert "apply" in said
    for name in ANSWERS[example]:
        assert f"`{name}`" in said, f"{example} asks for {name}, and its README does not say so"


@pytest.mark.parametrize("example", ANSWERS)
def test_an_example_applies_and_stays_as_it_is(cloud: Cloud, tmp_path: Path, example: str) -> None:
    unpacked(tmp_path, PACKAGE)
    folder = tmp_path / "examples" / example
    shutil.copytree(paths.REPOSITORY / "examples" / example, folder)
    answers = json.dumps(ANSWERS[example])
    (folder / "answers.auto.tfvars.json").write_text(answers, encoding="utf-8")
    if not any("provider " in file.read_text(encoding="utf-8") for file in folder.glob("*.tf")):
        (folder / "provider.tf").write_text(f'provider "aws" {{\n  region = "{REGION}"\n}}\n')
    applied_twice(cloud, folder)


@pytest.mark.parametrize("place", BLOCKS)
def test_a_block_in_the_documentation_applies(cloud: Cloud, tmp_path: Path, place: str) -> None:
    unpacked(tmp_path / "upload-workflow", PACKAGE)
    block = re.sub(r'"\./upload-workflow-\d[\d.]*"', '"./upload-workflow"', BLOCKS[place])
    block = re.sub(r'(package_file\s+= )"[^"]+"', rf'\1"{PACKAGE}"', block)
    if not WHOLE.search(block):
        source = '  source = "./upload-workflow"\n'
        block = f'module "upload_workflow" {{\n{source}{block}}}\n'
    if "provider " not in block:
        block += f'provider "aws" {{\n  region = "{REGION}"\n}}\n'
    (tmp_path / "main.tf").write_text(block, encoding="utf-8")
    applied_twice(cloud, tmp_path)


def test_the_documentation_shows_the_module_in_use() -> None:
    assert any(place.startswith("README.md:") for place in BLOCKS)


def test_the_pipeline_knows_no_long_lived_keys() -> None:
    pipeline = (paths.REPOSITORY / "examples" / "ci" / "deploy.yml").read_text(encoding="utf-8")
    assert "secrets." not in pipeline and "access-key" not in pipeline
    assert pipeline.count("id-token: write") == pipeline.count("role-to-assume: ") == 2
