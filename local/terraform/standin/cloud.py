"""The one door to AWS, and the guard in it: loopback endpoints only, credentials in plain sight."""

from __future__ import annotations

import ipaddress
import os
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

from local.terraform.standin.values import State, one

# The names under which `endpoints {}` knows a service, beside its name in botocore.
ALIASES = {
    "stepfunctions": ("sfn",),
    "events": ("eventbridge", "cloudwatchevents"),
    "logs": ("cloudwatchlogs", "cloudwatchlog"),
    "cloudwatch": (),
}
# Arguments that ask for less checking or another way to address a bucket: already met.
HARMLESS = {
    "insecure",
    "max_retries",
    "retry_mode",
    "s3_use_path_style",
    "skip_credentials_validation",
    "skip_metadata_api_check",
    "skip_region_validation",
    "skip_requesting_account_id",
}
UNDERSTOOD = HARMLESS | {"access_key", "default_tags", "endpoints", "region", "secret_key", "token"}

NOT_FOUND = re.compile(r"NotFound|NoSuch|NonExistent|DoesNotExist|^404$")


def not_found(error: ClientError) -> bool:
    """Whether AWS says that the thing is not there; every service has its own name for that."""
    return bool(NOT_FOUND.search(str(error.response.get("Error", {}).get("Code", ""))))


def unless_gone(call: Callable[[], Any]) -> Any:
    """The answer, or None where AWS says that there is no such thing."""
    try:
        return call()
    except ClientError as error:
        if not_found(error):
            return None
        raise


def require_loopback(url: str) -> str:
    """The endpoint itself; ValueError for any host that could be another machine."""
    host = urlsplit(url).hostname or ""
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost" or host.endswith(".localhost")
    if not local:
        raise ValueError(f"the stand-in serves only loopback endpoints, not {url}")
    return url


@dataclass(frozen=True)
class Settings:
    """A configured provider."""

    region: str
    endpoint: str | None
    endpoints: Mapping[str, str]
    access_key: str
    secret_key: str
    token: str | None
    default_tags: Mapping[str, str]

    @classmethod
    def parse(cls, config: State, environ: Mapping[str, str]) -> Settings:
        """Settings from a provider block and the environment; ValueError says what is missing.

        Reads no profile, no shared file and no metadata service: what is not given here is absent.
        """
        strange = [
            k for k, v in config.items() if v not in (None, [], False) and k not in UNDERSTOOD
        ]
        if strange:
            raise ValueError(f"the stand-in does not implement: {', '.join(sorted(strange))}")
        region = config.get("region") or environ.get("AWS_REGION")
        region = region or environ.get("AWS_DEFAULT_REGION")
        if not region:
            raise ValueError("Missing region configuration: set region or AWS_REGION")
        endpoints = {
            service: require_loopback(url)
            for block in config.get("endpoints") or []
            for service, url in block.items()
            if url
        }
        endpoint = environ.get("AWS_ENDPOINT_URL")
        if not endpoint and not endpoints:
            raise ValueError(
                "the stand-in never talks to a real account: set AWS_ENDPOINT_URL or endpoints {} "
                "to a loopback address"
            )
        access_key = config.get("access_key") or environ.get("AWS_ACCESS_KEY_ID")
        secret_key = config.get("secret_key") or environ.get("AWS_SECRET_ACCESS_KEY")
        if not access_key or not secret_key:
            raise ValueError(
                "No valid credential sources found: set AWS_ACCESS_KEY_ID and the secret"
            )
        return cls(
            region=region,
            endpoint=require_loopback(endpoint) if endpoint else None,
            endpoints=endpoints,
            access_key=access_key,
            secret_key=secret_key,
            token=config.get("token") or environ.get("AWS_SESSION_TOKEN"),
            default_tags=one(config.get("default_tags")).get("tags") or {},
        )


@dataclass
class Aws:
    """AWS in one region. `at` gives the same account in another one."""

    settings: Settings
    region: str
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def configure(cls, config: State) -> Aws:
        settings = Settings.parse(config, os.environ)
        return cls(settings, settings.region)

    def at(self, region: str | None) -> Aws:
        if region in (None, self.region):
            return self
        return Aws(self.settings, str(region), self._clients, self._lock)

    def client(self, service: str) -> Any:
        with self._lock:  # a botocore session may not build two clients at once
            key = (service, self.region)
            if key not in self._clients:
                self._clients[key] = self._build(service)
            return self._clients[key]

    def _build(self, service: str) -> Any:
        names = (service, *ALIASES.get(service, ()))
        own = (self.settings.endpoints[n] for n in names if n in self.settings.endpoints)
        endpoint = next(own, self.settings.endpoint)
        if endpoint is None:
            raise ValueError(f"no endpoint for {service}: add it to endpoints {{}}")
        return self._session.create_client(
            service,
            region_name=self.region,
            endpoint_url=endpoint,
            aws_access_key_id=self.settings.access_key,
            aws_secret_access_key=self.settings.secret_key,
            aws_session_token=self.settings.token,
            config=Config(
                s3={"addressing_style": "path"},
                proxies={},  # not None: a proxy from the environment would carry requests away
                inject_host_prefix=False,
                retries={"total_max_attempts": 1},  # loopback: an error is an answer
                parameter_validation=True,
            ),
        )

    @cached_property
    def _session(self) -> Any:
        """A session that reads nothing of the host's."""
        return botocore.session.Session(
            session_vars={
                "profile": (None, [], None, None),
                "config_file": (None, [], os.devnull, None),
                "credentials_file": (None, [], os.devnull, None),
            }
        )

    @cached_property
    def account(self) -> str:
        """The twelve digits."""
        return str(self.client("sts").get_caller_identity()["Account"])

    partition = "aws"
    dns_suffix = "amazonaws.com"

    def arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"
