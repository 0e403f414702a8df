from __future__ import annotations

import os

import pytest

from upload_workflow.aws import clients


@pytest.fixture(autouse=True)
def no_region(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_the_region_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "eu-south-1")
    assert clients.session.__wrapped__().get_config_variable("region") == "eu-south-1"


def test_without_a_region_nothing_is_signed() -> None:
    with pytest.raises(KeyError, match="AWS_REGION"):
        clients.session.__wrapped__()
