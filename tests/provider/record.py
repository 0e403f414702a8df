"""What the real provider said, kept for machines that do not have it.

`python -m tests.provider.record` asks the real provider and writes recorded.json anew. Knows what
is kept; the tests compare.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local import paths
from local.aws.server import LocalAws, local_aws
from local.terraform import core, real
from tests.provider import agreement, verdicts
from tests.provider.narrowed import narrowed
from tests.terraform.cases import CASES
from tests.terraform.roots import Cloud, calling, imaginary_aws
from tests.terraform.test_examples import ANSWERS

FILE = Path(__file__).with_name("recorded.json")

# The example of the pipeline does not call the module.
EXAMPLES = tuple(name for name in ANSWERS if name != "ci")

Told = Mapping[str, Any]


def planned(cloud: Cloud, module: Path, name: str) -> Told:
    """What a first plan of a case of tests/terraform, or of an example, says."""
    if name in CASES:
        given = {"package_file": str(paths.REPOSITORY / "versions.tf"), **CASES[name].variables}
        # The region goes to the provider: version 5 has no other way.
        region = given.pop("region", CASES[name].region)
        folder = calling(module, module / "roots" / name, given, region)
    else:
        folder = module / "examples" / name
        answers = folder / "answers.auto.tfvars.json"
        answers.write_text(json.dumps(ANSWERS[name]), encoding="utf-8")
    cloud.run(folder, "init", "-input=false")
    cloud.run(folder, "plan", "-input=false", "-out=plan")
    return agreement.told(json.loads(cloud.run(folder, "show", "-json", "plan")))


def copied(folder: Path, provider: real.RealProvider | None) -> Path:
    """The module with its examples and a package, in the words of a provider; its own if None."""
    if provider is not None and provider.is_older:
        real.in_words_of_version_5(paths.REPOSITORY, folder)
    else:
        for part in ("modules", "statemachine", "examples"):
            shutil.copytree(paths.REPOSITORY / part, folder / part)
        for file in paths.REPOSITORY.glob("*.tf"):
            shutil.copy(file, folder)
    (folder / "build").mkdir()
    shutil.copy(paths.REPOSITORY / "versions.tf", folder / "build/upload_workflow-x86_64.zip")
    return folder


def undecided(plans: list[Told]) -> dict[str, list[Any]]:
    """What plans say of each attribute that the module does not set, by type and path."""
    names: dict[str, dict[str, Any]] = {}
    for kind, _, set_there in verdicts.written():
        names.setdefault(kind, {}).update(set_there)
    found: dict[str, list[Any]] = {}
    for plan in plans:
        for resource in plan.values():
            kind = resource["type"]
            for path, value in _leaves(kind, resource["values"], names.get(kind, {})):
                if value not in found.setdefault(path, []):
                    found[path].append(value)
    return {path: sorted(found[path], key=repr) for path in sorted(found)}


def _leaves(path: str, values: Any, named: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if name not in named:
            yield f"{path}.{name}", value
        elif isinstance(named[name], dict) and isinstance(value, list):
            for child in value:
                yield from _leaves(f"{path}.{name}", child, named[name])


def said(cloud: Cloud, module: Path, folder: Path, questions: list[verdicts.Question]) -> Told:
    """Everything that is kept of a provider."""
    asked = folder / "questions"
    asked.mkdir()
    schemas = verdicts.versions(cloud.terraform, cloud.reattach, asked)
    return {
        "verdicts": verdicts.judge(questions, cloud.terraform, cloud.reattach, asked, schemas),
        "undecided": undecided([planned(cloud, module, name) for name in CASES if name in KEPT]),
    }


# Together they make every resource that the module can make.
KEPT = ("default", "surrounded", "upload_api", "malware_scan", "remake")


@contextmanager
def serving(provider: real.RealProvider, aws: LocalAws, folder: Path) -> Iterator[Cloud]:
    """Terraform with the real provider, which talks to the local AWS."""
    folder.mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GOGC": "400",  # as local/terraform/core.py has it
        "AWS_ENDPOINT_URL": aws.endpoint_url,
        "AWS_REGION": aws.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        **aws.credentials.environment,
    }
    with (
        real.serving(provider, folder, environment) as whole,
        narrowed(whole, folder / "n") as reattach,
    ):
        yield Cloud(core.find(), reattach)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="tf") as temporary, local_aws() as aws:
        scratch = Path(temporary)
        (scratch / "i").mkdir()
        provider = core.installed(scratch / "i")
        if provider is None:
            sys.exit(real.HOW_TO_GET_IT)
        (scratch / "m").mkdir()
        module = copied(scratch / "m", provider)
        with imaginary_aws(scratch) as reattach:
            questions = verdicts.questions(verdicts.imagined(Cloud(core.find(), reattach), scratch))
        with serving(provider, aws, scratch / "p") as cloud:
            kept = {"version": list(provider.version), **said(cloud, module, scratch, questions)}
    FILE.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
