"""The upload API on a local AWS: one that anybody may call, and one for tokens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local import stack
from local.aws.server import LocalAws, local_aws
from tests.clients import browser as browsers
from tests.clients.foreign_page import ForeignPage, foreign_page
from tests.clients.token_issuer import AUDIENCE, TokenIssuer, token_issuer


@dataclass(frozen=True)
class Deployment:
    """An applied module. url: of its upload API, with a slash at the end."""

    aws: LocalAws
    outputs: Mapping[str, Any]

    @property
    def url(self) -> str:
        url: str = self.outputs["upload_api"]["url"]
        return url


@contextmanager
def deployed(aws: LocalAws, data: Path, **variables: object) -> Iterator[Deployment]:
    with stack.configured(aws, data, {"monitoring": None, **variables}) as root:
        root.run("apply")
        yield Deployment(aws, root.outputs()["upload_workflow"])


@pytest.fixture(scope="session")
def aws() -> Iterator[LocalAws]:
    with local_aws() as running:
        yield running


@pytest.fixture(scope="session")
def open_api(aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Anybody may upload, and there is the page."""
    data = tmp_path_factory.mktemp("open")
    api = {"authorization": "NONE", "page": True}
    remakes = {"remake": {"max_concurrency": 2}}
    with deployed(aws, data, name="open", upload_api=api, workflow=remakes) as deployment:
        yield deployment


@pytest.fixture(scope="session")
def issuer() -> Iterator[TokenIssuer]:
    with token_issuer() as running:
        yield running


@pytest.fixture(scope="session")
def other_origin() -> Iterator[ForeignPage]:
    """A page of somebody else's web server, whose origin the module lets in."""
    with foreign_page() as page:
        yield page


@pytest.fixture(scope="session")
def token_api(
    aws: LocalAws,
    issuer: TokenIssuer,
    other_origin: ForeignPage,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Deployment]:
    """Only tokens of our issuer may upload, also from a page of another origin."""
    jwt = {"issuer": issuer.url, "audiences": [AUDIENCE], "scopes": ["upload"]}
    api = {"authorization": "JWT", "jwt": jwt, "page": True}
    data = tmp_path_factory.mktemp("token")
    variables = {"upload_api": api, "allowed_origins": [other_origin.origin]}
    with deployed(aws, data, name="token", **variables) as deployment:
        yield deployment


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    with browsers.chromium() as browser:
        yield browser
