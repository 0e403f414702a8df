"""The commands of the documents, given as they stand there, in the order in which they stand.

Those that speak to AWS speak to the local one, where an upload of each kind lies. Left out are
those that need an account (`aws ...`, `terraform apply` of a real root).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import paths
from tests.clients.conftest import Deployment
from tests.contract.test_documented_commands import FOUND
from tests.local.pictures import photograph

PROGRAMS = Path(sys.executable).parent
OPERATIONS = (paths.REPOSITORY / "docs/operations.md").read_text()
OPS = list(
    dict.fromkeys(
        f"ops {rest}"
        for place, (program, rest) in FOUND.items()
        if program == "ops" and place.startswith("docs/operations.md") and "[" not in rest
    )
)


def shell(
    lines: list[str], folder: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/bash", "-c", "\n".join(lines)],
        cwd=folder,
        env={**os.environ, "PATH": f"{PROGRAMS}:{os.environ['PATH']}", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )


@pytest.fixture(scope="module")
def environment(
    open_api: Deployment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """What `make up` prints for whoever operates. At the end nothing is paused."""
    aws = open_api.aws
    place = {"AWS_ENDPOINT_URL": aws.endpoint_url, "AWS_DEFAULT_REGION": aws.region}
    settings = {**place, **aws.credentials.environment}
    yield settings
    folder = tmp_path_factory.mktemp("resumed")
    assert shell(["upload-workflow ops --name open resume"], folder, settings).returncode == 0


@pytest.fixture(scope="module")
def key(
    open_api: Deployment, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> str:
    """An upload that was sent as docs/client.md says."""
    folder = tmp_path_factory.mktemp("sent")
    (folder / "photo.jpg").write_bytes(photograph(320, 200))
    (command,) = (
        f"upload-workflow {rest}"
        for place, (_, rest) in FOUND.items()
        if place.startswith("docs/client.md") and "--api" in rest
    )
    told = command.replace("FILE...", "photo.jpg").replace("URL", open_api.url)
    done = shell([f"{told.replace('FOLDER', 'out')} --json"], folder, environment)
    assert done.returncode == 0, done.stderr
    assert len(list((folder / "out/photo.jpg").iterdir())) == 4
    found = re.search(r'"key": "([^"]+)"', done.stdout)
    assert found
    return found[1]


# Nothing was remade yet, nobody is there to be asked, and nothing runs that could be stopped: in
# tests/ops/test_remake.py they do their work.
REMAKING = {
    "ops remake status": 2,
    "ops remake status --wait 600": 2,
    "ops remake start": 1,
    "ops remake start --prefix uploads/": 1,
    "ops remake stop": 1,
    "ops remake resume": 1,
}


@pytest.mark.parametrize("command", OPS)
def test_a_command_of_operations_runs_as_it_stands(
    command: str, key: str, environment: dict[str, str], tmp_path: Path
) -> None:
    (alias,) = re.findall(r"^alias ops=.*NAME'$", OPERATIONS, re.M)
    lines = ["shopt -s expand_aliases", alias.replace("NAME", "open")]
    filled_in = re.sub(r"\bN\b", "5", command.replace("KEY", key))
    filled_in = re.sub(r"\bP\b", "uploads/", filled_in)
    (tmp_path / "FILE").write_text(key)
    done = shell([*lines, filled_in], tmp_path, environment)
    assert "Traceback" not in done.stderr
    # Alone they ask for a key; doctor finds that this deployment has no alarms.
    alone = {"ops why": 2, "ops show": 2, "ops forget": 2, "ops doctor": 1} | REMAKING
    assert done.returncode in (0, alone.get(command, 0)), done.stdout + done.stderr


def test_the_commands_of_conversion_run_as_they_stand(tmp_path: Path) -> None:
    page = (paths.REPOSITORY / "docs/conversion.md").read_text()
    (block,) = re.findall(r"^```sh\n(.*?)^```", page, re.M | re.S)
    (tmp_path / "Pictures").mkdir()
    for name in ("Pictures/a.jpg", "photo.jpg"):
        (tmp_path / name).write_bytes(photograph(320, 200))
    (tmp_path / "renditions.json").write_text('{"tiny": {"width_px": 20, "format": "webp"}}')
    (tmp_path / "limits.json").write_text('{"max_pixels": 1000000}')
    done = shell(["set -e", block], tmp_path, {"HOME": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    made = {str(file.relative_to(tmp_path / "out")) for file in tmp_path.glob("out/*/*")}
    assert {"photo.jpg/tiny.webp", "a.jpg/thumbnail.jpg"} <= made
