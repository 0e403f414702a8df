"""The function behind the throwaway issuer of the proof: two documents, and nothing else."""

from __future__ import annotations

import json
import os
from typing import Any


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answers API Gateway with the discovery document or the keys of the issuer at this address."""
    here = f"https://{event['requestContext']['domainName']}"
    discovery = json.dumps({"issuer": here, "jwks_uri": f"{here}/keys"})
    body = os.environ["KEYS"] if event["rawPath"].endswith("/keys") else discovery
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": body}
