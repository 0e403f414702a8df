"""Renditions behind something that serves them, on the local AWS."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from botocore.exceptions import ClientError

from local import client
from local.aws.server import LocalAws
from local.issuing import issuer
from local.stack import Stack, apply, configured
from tests.local.pictures import photograph
from upload_workflow.issue.request import UploadRequest


@pytest.fixture(scope="module")
def served(aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack, and a server before its results bucket that stands for a CDN."""

    class Cdn(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            key = unquote(urlsplit(self.path).path.removeprefix("/"))
            try:
                found = aws.client("s3").get_object(Bucket=bucket(), Key=key)
            except ClientError:
                self.send_error(403)
                return
            self.send_response(200)
            self.send_header("content-type", found["ContentType"])
            self.end_headers()
            self.wfile.write(found["Body"].read())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Cdn)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    results = {
        "served_from": f"http://127.0.0.1:{server.server_port}",
        "retention_days": "forever",
    }
    variables = {"name": "served", "results": results, "monitoring": None}
    found: list[Stack] = []

    def bucket() -> str:
        name: str = found[0].outputs["results"]["bucket"]
        return name

    data: Path = tmp_path_factory.mktemp("served")
    with configured(aws, data, variables) as root:
        found.append(apply(aws, root))
        yield found[0]
    server.shutdown()


def upload(stack: Stack, name: str) -> dict[str, Any]:
    """The status document of an upload at its end."""
    issued = issuer(stack)(UploadRequest("image/jpeg", original_name=name))
    client.send(issued.upload.to_json(), name, photograph(320, 240))
    return client.follow(issued.status.url, 60)


def test_renditions_are_read_by_urls_without_signature_and_end(served: Stack) -> None:
    status = upload(served, "a.jpg")
    base = served.outputs["results"]["served_from"]
    assert status["state"] == "SUCCEEDED" and status["renditions"]
    for made in status["renditions"]:
        assert made["url"] == f"{base}/{made['key']}"  # nothing in an issued key needs encoding
        assert made["url_expires_at"] is None
        assert len(client.fetch(made).data) == made["bytes"]
        stored = served.aws.client("s3").head_object(
            Bucket=served.outputs["results"]["bucket"], Key=made["key"]
        )
        assert "private" not in stored["CacheControl"]  # a CDN would ask for each reader


def test_results_that_are_kept_for_ever_are_under_no_rule_that_deletes_them(served: Stack) -> None:
    s3 = served.aws.client("s3")
    days = {}
    for kind in ("uploads", "results"):
        bucket = served.outputs[kind]["bucket"]
        rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
        days[kind] = [rule["Expiration"].get("Days") for rule in rules if "Expiration" in rule]
        assert {"DaysAfterInitiation": 1} in [
            rule.get("AbortIncompleteMultipartUpload") for rule in rules
        ]
    assert days["results"] == []
    assert 7 in days["uploads"]


def test_the_bucket_lets_a_cdn_of_the_account_in_and_keeps_documents_from_it(served: Stack) -> None:
    answer = served.aws.client("s3").get_bucket_policy(Bucket=served.outputs["results"]["bucket"])
    statements = {each["Sid"]: each for each in json.loads(answer["Policy"])["Statement"]}
    let_in = statements["LetTheCdnReadRenditions"]
    assert let_in["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert statements["KeepDocumentsFromTheCdn"]["Effect"] == "Deny"
