"""Makes the SDK's clients for the functions: region, time-outs, retries, signature.

Knows how to reach AWS. Does not know what is asked of it.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, cast

import botocore.session
from botocore.config import Config
from botocore.exceptions import NoCredentialsError

if TYPE_CHECKING:
    from botocore.credentials import Credentials
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_s3 import S3Client

# connect: S3 answers within milliseconds from the same region; a longer wait is a lost packet,
#   and the next attempt takes another connection.
# read: the time between two packets, not of the whole body.
# attempts: with waits of up to 1, 2, 4, 8 and 16 s between them six fit into a function's time;
#   where three of ten requests fail, one in 1,400 fails six times.
# mode: "standard" shares an allowance of about 35 retries between all jobs of a worker, so that
#   the misfortune of one would fail the next. Here a request is bounded by its attempts, and a
#   job by its requests and the state machine's retries.
_PATIENCE = Config(
    connect_timeout=2,
    read_timeout=10,
    retries={"mode": "legacy", "total_max_attempts": 6},
)


@cache
def session() -> botocore.session.Session:
    """The SDK's session, with the region of the environment.

    Raises KeyError where no region is known: botocore would sign for us-east-1 in silence.
    """
    made = botocore.session.Session()
    if made.get_config_variable("region") is None:
        # Set by Lambda, ECS and many hosts; botocore reads only AWS_DEFAULT_REGION.
        made.set_config_variable("region", os.environ["AWS_REGION"])
    return made


def credentials() -> Credentials:
    """The credentials that the clients sign with. Raises NoCredentialsError."""
    found = session().get_credentials()
    if found is None:
        raise NoCredentialsError
    return found


def s3_client() -> S3Client:
    """A client of S3 that signs with SigV4 everywhere and names the bucket's regional host.

    The SDK's own default for signed URLs is SigV2 in some regions.
    """
    config = _PATIENCE.merge(
        Config(
            signature_version="s3v4",
            # "virtual" makes signed URLs name the regional host, too. The default is the global
            # one, which redirects until DNS knows a new bucket. An endpoint that is an IP
            # address still gets its bucket in the path.
            s3={"us_east_1_regional_endpoint": "regional", "addressing_style": "virtual"},
            # We state our own checksums where they matter; others would cost a trailer each.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
    )
    return cast("S3Client", session().create_client("s3", config=config))


@cache
def events_client() -> EventBridgeClient:
    """The client of EventBridge, made when first needed: functions announce only failures."""
    return cast("EventBridgeClient", session().create_client("events", config=_PATIENCE))
