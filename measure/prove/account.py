"""The account that is asked: behind a profile, or the local AWS. Knows nothing of the workflow."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local.aws.server import LocalAws
from local.problems import Problem


class WrongAccount(Problem):
    """The profile leads to another account than the one that was named, or to none."""


@dataclass(frozen=True)
class Account:
    """One account and region. `environment` leads programs there."""

    number: str
    region: str
    environment: Mapping[str, str]
    session: Any
    endpoint_url: str | None = None  # None: AWS itself

    def client(self, service: str) -> Any:
        """A botocore client of whoever runs the proof."""
        config = Config(
            signature_version="s3v4" if service == "s3" else None,
            # A local endpoint has no host name for every bucket, and no proxy leads there.
            s3={"addressing_style": "path" if self.endpoint_url else "auto"},
            proxies={} if self.endpoint_url else None,
            retries={"mode": "standard"},
        )
        return self.session.create_client(
            service, region_name=self.region, endpoint_url=self.endpoint_url, config=config
        )

    def signed(self, method: str, url: str, body: bytes) -> dict[str, str]:
        """The headers of a request to the API that is signed with our credentials."""
        headers = {"content-type": "application/json"}
        request = AWSRequest(method, url, data=body, headers=headers)
        SigV4Auth(self.session.get_credentials(), "execute-api", self.region).add_auth(request)
        return dict(request.headers)


def by_profile(profile: str, region: str, number: str) -> Account:
    """The account behind a profile.

    Raises WrongAccount unless it is the one with this number: nothing is ever made in an account
    that was not named.
    """
    session: Any = botocore.session.Session(profile=profile)
    try:
        asked = session.create_client("sts", region_name=region).get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise WrongAccount(f"The profile {profile} leads to no account: {error}") from error
    if asked["Account"] != number:
        raise WrongAccount(
            f"The profile {profile} leads to account {asked['Account']}, not to {number}: nothing "
            "was made. Name the account that the proof may use, an empty one at best."
        )
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment = {**kept, "AWS_PROFILE": profile, "AWS_REGION": region}
    return Account(number, region, environment, session)


def on_this_machine(aws: LocalAws) -> Account:
    """The local AWS as an account."""
    session = botocore.session.Session(
        session_vars={
            "profile": (None, [], None, None),
            "config_file": (None, [], os.devnull, None),
            "credentials_file": (None, [], os.devnull, None),
        }
    )
    session.set_credentials(aws.credentials.access_key_id, aws.credentials.secret_access_key)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        **aws.credentials.environment,
        "AWS_ENDPOINT_URL": aws.endpoint_url,
        "AWS_REGION": aws.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": "127.0.0.1",
    }
    number = aws.client("sts").get_caller_identity()["Account"]
    return Account(number, aws.region, environment, session, aws.endpoint_url)
