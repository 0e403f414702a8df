"""The guard in the door to AWS: it opens to this machine only."""

from __future__ import annotations

from typing import Any

import pytest

from local.terraform.standin.cloud import Settings

KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
HERE = {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "AWS_REGION": "eu-central-1", **KEYS}


def endpoints(**urls: str) -> dict[str, Any]:
    return {"endpoints": [urls]}


def test_without_an_endpoint_it_refuses_to_be_configured() -> None:
    environ = {name: value for name, value in HERE.items() if name != "AWS_ENDPOINT_URL"}
    with pytest.raises(ValueError, match="set AWS_ENDPOINT_URL or endpoints"):
        Settings.parse({}, environ)


@pytest.mark.parametrize(
    "url",
    [
        "https://s3.eu-central-1.amazonaws.com",
        "http://10.0.0.1:4566",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com:4566",
        "http://127.0.0.1@example.com",
        "http://0.0.0.0:4566",
        "127.0.0.1:4566",
    ],
)
def test_an_endpoint_elsewhere_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="only loopback endpoints"):
        Settings.parse({}, {**HERE, "AWS_ENDPOINT_URL": url})
    with pytest.raises(ValueError, match="only loopback endpoints"):
        Settings.parse(endpoints(s3=url), HERE)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:4566", "http://localhost:4566", "http://[::1]:4566"]
)
def test_an_endpoint_on_this_machine_is_served(url: str) -> None:
    assert Settings.parse({}, {**HERE, "AWS_ENDPOINT_URL": url}).endpoint == url
    assert Settings.parse(endpoints(s3=url), HERE).endpoints == {"s3": url}


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ValueError, match="Missing region"):
        Settings.parse({}, {name: value for name, value in HERE.items() if name != "AWS_REGION"})
    with pytest.raises(ValueError, match="No valid credential sources"):
        Settings.parse({}, {name: value for name, value in HERE.items() if name not in KEYS})


def test_the_provider_block_goes_before_the_environment() -> None:
    config = {"region": "us-east-1", "access_key": "mine", "secret_key": "mine too"}
    settings = Settings.parse({**config, "default_tags": [{"tags": {"a": "b"}}]}, HERE)
    assert (settings.region, settings.access_key) == ("us-east-1", "mine")
    assert settings.default_tags == {"a": "b"}


def test_an_argument_that_would_lead_elsewhere_is_refused() -> None:
    with pytest.raises(ValueError, match="does not implement: assume_role, profile"):
        Settings.parse({"profile": "work", "assume_role": [{"role_arn": "arn"}]}, HERE)
    assert Settings.parse({"skip_credentials_validation": True}, HERE).region == "eu-central-1"
