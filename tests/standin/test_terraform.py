"""Terraform's own core against the stand-in: what it says about mistakes, and what it may do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.aws.server import LocalAws, make_user
from local.terraform.standin import schema
from local.terraform.standin.cloud import Aws
from tests.standin.conftest import Workspace

HEAD = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 6.0" }
  }
}
"""

MISTAKES = {
    "unknown type": ('resource "aws_sqs_kew" "x" {}', "Invalid resource type"),
    "unknown attribute": (
        'resource "aws_s3_bucket_notification" "x" {\n bucket = "b"\n eventbrige = true\n}',
        'Did you mean "eventbridge"?',
    ),
    "wrong kind of value": (
        'resource "aws_sqs_queue" "x" { delay_seconds = "soon" }',
        "Incorrect attribute value type",
    ),
    "missing argument": ('resource "aws_s3_bucket_policy" "x" {}', "Missing required argument"),
    "unknown block": (
        'resource "aws_sqs_queue" "x" {\n dead_letter {}\n}',
        "Unsupported block type",
    ),
    "too many blocks": (
        'resource "aws_s3_bucket_versioning" "x" {\n bucket = "b"\n'
        ' versioning_configuration {\n status = "Enabled"\n }\n'
        ' versioning_configuration {\n status = "Enabled"\n }\n}',
        "Too many versioning_configuration blocks",
    ),
    "what AWS decides": (
        'resource "aws_sqs_queue" "x" { url = "http://example.com" }',
        "Value for unconfigurable attribute",
    ),
    "a value out of range": (
        'resource "aws_sqs_queue" "x" { delay_seconds = 901 }',
        "expected delay_seconds to be in the range (0 - 900), got 901",
    ),
    "a value that is not one of them": (
        'resource "aws_cloudwatch_log_group" "x" { retention_in_days = 8 }',
        "expected retention_in_days to be one of [",
    ),
    "a document that is none": (
        'resource "aws_s3_bucket_policy" "x" {\n bucket = "b"\n policy = "{"\n}',
        '"policy" contains an invalid JSON',
    ),
    "two that exclude each other": (
        'resource "aws_sqs_queue" "x" {\n name = "a"\n name_prefix = "b"\n}',
        '"name": conflicts with name_prefix',
    ),
    "unknown data source": ('data "aws_regions" "x" {}', "Invalid data source"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_before_anything_is_made(mistake: str, unapplied: Workspace) -> None:
    configuration, sentence = MISTAKES[mistake]
    said = unapplied.write(HEAD + configuration).terraform("validate", "-json")
    found = json.loads(said.text)["diagnostics"]
    texts = [f"{d['summary']} {d.get('detail', '')}" for d in found if d["severity"] == "error"]
    assert [text for text in texts if sentence in text], texts


def test_terraform_sees_the_schemas_as_they_are_committed(unapplied: Workspace) -> None:
    shown = unapplied.write(HEAD).init().terraform("providers", "schema", "-json").must()
    served = json.loads(shown.text)["provider_schemas"][schema.PROVIDER]
    committed = json.loads(schema.SCHEMA_FILE.read_bytes())["provider_schemas"][schema.PROVIDER]
    assert _plain(served["provider"]) == _plain(committed["provider"])
    for part in ("resource_schemas", "data_source_schemas"):
        assert _plain(served[part]) == _plain(committed[part])


def _plain(node: Any) -> Any:
    """Without what Terraform adds for descriptions, of which we have none."""
    if isinstance(node, dict):
        children = {k: _plain(v) for k, v in node.items() if k != "description_kind"}
        return {k: v for k, v in children.items() if v != {}}
    return [_plain(child) for child in node] if isinstance(node, list) else node


MOCKED = """
mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
}
run "a_queue_is_named_after_the_account" {
  assert {
    condition     = aws_sqs_queue.x.name == "q-111122223333"
    error_message = "It is called ${aws_sqs_queue.x.name}."
  }
}
run "a_failure_shows_what_was_found" {
  command = plan
  assert {
    condition     = aws_sqs_queue.x.delay_seconds == 7
    error_message = "It waits ${aws_sqs_queue.x.delay_seconds} s."
  }
}
"""


def test_mocked_tests_run_without_aws(unapplied: Workspace) -> None:
    unapplied.write(
        HEAD
        + 'data "aws_caller_identity" "me" {}\n'
        + 'resource "aws_sqs_queue" "x" {\n delay_seconds = 5\n'
        + ' name = "q-${data.aws_caller_identity.me.account_id}"\n}\n'
    ).write(MOCKED, "main.tftest.hcl").init()
    said = unapplied.terraform("test", "-no-color").must(1)
    assert '"a_queue_is_named_after_the_account"... pass' in said.text
    assert "It waits 5 s." in said.text
    assert "1 passed, 1 failed" in said.text


def test_schema_only_plans_nothing(unapplied: Workspace) -> None:
    unapplied.write(HEAD + 'resource "aws_sqs_queue" "x" {}').init()
    assert "--schema-only" in unapplied.plan().must(1).text


@pytest.mark.parametrize(
    "configuration",
    [
        'resource "aws_sqs_queue" "x" {}',
        'data "aws_region" "x" {}\noutput "x" { value = data.aws_region.x.region }',
    ],
    ids=["resource", "data source"],
)
def test_a_real_account_is_out_of_reach(configuration: str, workspace: Workspace) -> None:
    block = 'provider "aws" {\n endpoints {\n sqs = "https://sqs.us-east-1.amazonaws.com"\n }\n}\n'
    said = workspace.write(HEAD + block + configuration).init().plan().must(1)
    assert "only loopback endpoints" in said.text


def test_a_proxy_or_endpoint_of_the_environment_leads_nowhere(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")  # where nobody listens
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    keys = aws.credentials
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint_url)
    there = Aws.configure(
        {
            "region": aws.region,
            "access_key": keys.access_key_id,
            "secret_key": keys.secret_access_key,
        }
    )
    assert len(there.account) == 12
    there.client("s3").list_buckets()


@pytest.mark.parametrize(
    ("configuration", "sentence"),
    [
        (
            'resource "aws_s3_bucket" "x" {\n website {\n index_document = "i"\n }\n}',
            'aws_s3_bucket: the stand-in for hashicorp/aws does not implement "website"',
        ),
    ],
)
def test_what_it_cannot_do_it_refuses_to_plan(
    configuration: str, sentence: str, workspace: Workspace
) -> None:
    text = workspace.write(HEAD + configuration).init().plan().must(1).text
    assert sentence in " ".join(text.split())


def test_tags_and_regions_are_honored(workspace: Workspace) -> None:
    workspace.write(
        HEAD
        + 'variable "owner" { default = "me" }\n'
        + 'provider "aws" {\n default_tags {\n'
        + ' tags = { owner = var.owner, side = "default" }\n }\n}\n'
        + 'resource "aws_sqs_queue" "far" {\n name = "standin-far"\n region = "us-east-1"\n'
        + ' tags = { side = "mine" }\n}\n'
        + 'output "arn" { value = aws_sqs_queue.far.arn }\n'
        + 'output "tags" { value = aws_sqs_queue.far.tags_all }\n'
    ).init().apply().must()
    outputs = json.loads(workspace.terraform("output", "-json").must().text)
    assert outputs["arn"]["value"].startswith("arn:aws:sqs:us-east-1:")
    assert outputs["tags"]["value"] == {"owner": "me", "side": "mine"}
    workspace.plan().must(0)
    said = workspace.plan(owner="you").must(2).text
    assert "1 to change" in said and '"me" -> "you"' in said
    workspace.destroy().must()


BUCKET = 'resource "aws_s3_bucket" "x" {\n bucket = "standin-full"\n force_destroy = %s\n}\n'


def test_a_full_bucket_is_destroyed_only_by_force(workspace: Workspace, aws: LocalAws) -> None:
    versioned = (
        'resource "aws_s3_bucket_versioning" "x" {\n bucket = aws_s3_bucket.x.id\n'
        ' versioning_configuration {\n status = "Enabled"\n }\n}\n'
    )
    workspace.write(HEAD + BUCKET % "false" + versioned).init().apply().must()
    s3 = aws.client("s3")
    for body in (b"one", b"two"):
        s3.put_object(Bucket="standin-full", Key="folder/ä b", Body=body)
    s3.put_object(Bucket="standin-full", Key="hidden", Body=b"three")
    s3.delete_object(Bucket="standin-full", Key="hidden")  # leaves a marker
    s3.create_multipart_upload(Bucket="standin-full", Key="unfinished")

    assert "BucketNotEmpty" in workspace.destroy().must(1).text
    workspace.write(HEAD + BUCKET % "true").apply().must()
    workspace.destroy().must()
    assert "standin-full" not in [b["Name"] for b in s3.list_buckets()["Buckets"]]


def test_another_name_is_another_queue(workspace: Workspace, aws: LocalAws) -> None:
    queue = 'variable "n" {}\nresource "aws_sqs_queue" "x" { name = "standin-${var.n}" }\n'
    workspace.write(HEAD + queue).init().apply(n="old").must()
    said = workspace.apply(n="new").must().text
    assert "forces replacement" in said
    urls = aws.client("sqs").list_queues(QueueNamePrefix="standin-").get("QueueUrls", [])
    names = [url.rpartition("/")[2] for url in urls]
    assert "standin-new" in names and "standin-old" not in names
    workspace.destroy(n="new").must()


def test_what_vanished_is_made_again(workspace: Workspace, aws: LocalAws) -> None:
    queue = 'resource "aws_sqs_queue" "x" { name = "standin-vanishing" }\n'
    workspace.write(HEAD + queue).init().apply().must()
    sqs = aws.client("sqs")
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName="standin-vanishing")["QueueUrl"])
    assert "1 to add" in workspace.plan().must(2).text
    workspace.apply().must()
    workspace.destroy().must()


def test_what_was_made_before_a_failure_is_in_the_state(
    workspace: Workspace, aws: LocalAws
) -> None:
    """The bucket is there when its tags are denied, so a destroy must find it."""
    allow, deny = ({"Effect": effect, "Resource": "*"} for effect in ("Allow", "Deny"))
    statements = [{**allow, "Action": "*"}, {**deny, "Action": "s3:PutBucketTagging"}]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    keys = make_user(aws.client("iam"), "tagless", policy)
    workspace.write(
        HEAD
        + f'provider "aws" {{\n access_key = "{keys.access_key_id}"\n'
        + f' secret_key = "{keys.secret_access_key}"\n}}\n'
        + 'resource "aws_s3_bucket" "x" {\n bucket = "standin-half"\n tags = { a = "b" }\n}\n'
    ).init()
    assert "PutBucketTagging" in workspace.apply().must(1).text
    assert "tainted" in workspace.terraform("show", "-no-color").must().text
    workspace.destroy().must()
