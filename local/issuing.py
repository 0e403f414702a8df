"""Issues uploads as a backend would: the pre-signed form and the status URL, in one call."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from local.stack import Stack


@dataclass(frozen=True)
class Issued:
    url: str
    fields: Mapping[str, str]
    status_url: str


class Issuer:
    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.s3 = stack.aws.client("s3", stack.signer)

    def issue(self, content_type: str, file_name: str) -> Issued:
        u, r = self.stack.outputs["uploads"], self.stack.outputs["results"]
        key = f"{u['prefix']}{uuid.uuid4()}/original"
        form = self.s3.generate_presigned_post(
            u["bucket"], key, {"Content-Type": content_type}, [{"Content-Type": content_type}], 600
        )
        status = self.s3.generate_presigned_url(
            "get_object", {"Bucket": r["bucket"], "Key": f"{r['prefix']}{key}/status.json"}, 3600
        )
        return Issued(form["url"], form["fields"], status)
