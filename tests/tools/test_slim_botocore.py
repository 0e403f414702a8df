"""The cut-down SDK of the package can do what the functions do, and is what is cut down."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import botocore
import pytest
from botocore.loaders import Loader
from botocore.session import Session

from tests.support.upload_world import RESULTS, UPLOADS, World, picture
from tests.support.wire_s3 import Wire
from tools.slim_botocore import OPERATIONS, slim
from upload_workflow.job.upload import Upload

PACKAGE = Path(__file__).resolve().parents[2] / "lambda_src/upload_workflow"
NEEDED = ("endpoints.json", "partitions.json", "_retry.json", "sdk-default-configuration.json")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    whole, folder = Path(botocore.__file__).parent / "data", tmp_path_factory.mktemp("data")
    for service in OPERATIONS:
        shutil.copytree(whole / service, folder / service)
    for name in NEEDED:
        shutil.copy2(whole / name, folder)
    slim(folder)
    return folder


@pytest.fixture
def session(data: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_DATA_PATH"):
        monkeypatch.delenv(name, raising=False)
    slimmed = Session()
    loader = Loader(extra_search_paths=[str(data)], include_default_search_paths=False)
    slimmed.register_component("data_loader", loader)
    slimmed.set_credentials("AKIDEXAMPLE", "secret")
    slimmed.set_config_variable("region", "eu-west-1")
    return slimmed


def test_every_operation_that_the_functions_call_is_kept() -> None:
    calls = re.compile(r"\b(?:self\.)?(s3|_S3|events_client\(\))\.(\w+)\(")
    called = {
        method
        for file in PACKAGE.rglob("*.py")
        if "ops" not in file.parts
        for _, method in calls.findall(file.read_text("utf-8"))
    }
    # Signing sends nothing and needs the model of what it signs.
    called -= {"generate_presigned_url", "generate_presigned_post"}
    kept = {
        re.sub(r"(?<!^)([A-Z])", r"_\1", operation).lower()
        for operations in OPERATIONS.values()
        for operation in operations
    }
    assert called == kept - {"create_bucket"}


def test_a_job_runs_on_the_cut_down_sdk(session: Session) -> None:
    wire = Wire(session)
    client: Any = session.create_client("s3", endpoint_url="http://127.0.0.1:9")
    world = World(s3=wire.s3)
    event = world.put("uploads/a", picture())
    store = world._store()
    slimmed = type(store)(client, RESULTS, pause=lambda seconds: None)
    opened = slimmed.open_upload(Upload.parse(event))
    assert opened.read() == picture()
    assert slimmed.is_newest(Upload.parse(event))
    assert slimmed.read_status("results/none").document is None
    assert wire.s3.calls[-1] == ("GetObject", "results/none")
    assert UPLOADS in client.generate_presigned_post(UPLOADS, "k")["url"]


def test_an_event_is_put_by_the_cut_down_sdk(session: Session) -> None:
    wire = Wire(session)
    client: Any = session.create_client("events")
    entry = {"Source": "upload-workflow", "DetailType": "Upload Failed", "Detail": "{}"}
    assert client.put_events(Entries=[entry])["FailedEntryCount"] == 0
    assert wire.events == [entry]


@pytest.mark.parametrize("region", ["eu-west-1", "cn-north-1", "us-gov-west-1"])
def test_every_partition_is_still_known(session: Session, region: str) -> None:
    client: Any = session.create_client("s3", region_name=region)
    whole: Any = Session().create_client("s3", region_name=region)
    assert client.meta.endpoint_url == whole.meta.endpoint_url


def test_most_of_the_data_is_gone(data: Path) -> None:
    size = sum(file.stat().st_size for file in data.rglob("*") if file.is_file())
    assert size < 300_000
