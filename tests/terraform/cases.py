"""The ways in which the module is embedded that its promises are checked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.terraform.roots import REGION

KEY = f"arn:aws:kms:{REGION}:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"
NETWORK = {"subnet_ids": ["subnet-1", "subnet-2"], "security_group_ids": ["sg-1"]}
JWT = {"issuer": "https://issuer.example/", "audiences": ["uploads"]}


# Alarms, dashboard and queries are more than a third of the resources: on where they matter.
QUIET: Mapping[str, Any] = {"monitoring": None}


@dataclass(frozen=True)
class Case:
    """The module's variables, and the region of the provider that is handed to it."""

    variables: Mapping[str, Any] = field(default_factory=dict)
    region: str = REGION


CASES: Mapping[str, Case] = {
    "default": Case(),
    "express": Case({"workflow": {"type": "EXPRESS"}}),
    "malware_scan": Case({"workflow": {"trigger": "malware_scan"}}),
    "paused": Case({"workflow": {"paused": True}, **QUIET}),
    "no_monitoring": Case(QUIET),
    "own_topic": Case(
        {"monitoring": {"topic": {"arn": f"arn:aws:sns:{REGION}:123456789012:on-call"}}}
    ),
    "upload_api": Case({"upload_api": {"authorization": "JWT", "jwt": JWT, "page": True}, **QUIET}),
    "remake": Case({"workflow": {"remake": {"inventory_bucket": "inventories"}}}),
    "deleting": Case({"uploads": {"delete_on_success": True}}),
    "served": Case({"results": {"served_from": "https://img.example.com"}, **QUIET}),
    "own_buckets": Case(
        {
            "uploads": {"bucket": {"name": "media"}, "prefix": "in/"},
            "results": {"bucket": {"name": "media"}, "prefix": "out/"},
            **QUIET,
        }
    ),
    "surrounded": Case(
        {
            "allowed_origins": ["https://example.com"],
            "upload_api": {"authorization": "IAM"},
            "surroundings": {
                "kms_key_arn": KEY,
                "role_path": "/media/",
                "permissions_boundary_arn": BOUNDARY,
                "network": NETWORK,
                "tracing": True,
            },
            "monitoring": {"email_addresses": ["on-call@photos.example"]},
            "tags": {"team": "media"},
        }
    ),
    "china": Case({"upload_api": {"authorization": "IAM"}, **QUIET}, region="cn-north-1"),
    # A partition with a console of its own, and one that our table of consoles does not know.
    "europe": Case(region="eusc-de-east-1"),
    "iso": Case(region="us-iso-east-1"),
    "other_region": Case({"region": "us-west-2", **QUIET}),
}
