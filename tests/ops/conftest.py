from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.aws.server import LocalAws, local_aws
from local.stack import Stack, apply, configured

NAME = "watched"


@pytest.fixture(scope="session")
def aws() -> Iterator[LocalAws]:
    with local_aws() as running:
        yield running


@pytest.fixture(scope="session")
def stack(aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The module with everything that can be watched."""
    variables = {
        "name": NAME,
        "upload_api": {"authorization": "NONE"},
        "workflow": {"remake": {"max_concurrency": 4}},
        "monitoring": {"runbook_url": "https://example.com/operations.md"},
    }
    with configured(aws, tmp_path_factory.mktemp("stack"), variables) as root:
        yield apply(aws, root)
