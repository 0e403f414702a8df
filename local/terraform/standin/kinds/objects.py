"""S3: the bucket and the resources that each set one side of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from local.terraform.standin.cloud import Aws, unless_gone
from local.terraform.standin.crud import Crud, Tags, choose_name, terraform, unique
from local.terraform.standin.values import UNKNOWN, State, one
from local.terraform.standin.wire import Document, pairs, unpairs

DELETE_AT_ONCE = 1000  # DeleteObjects takes no more


class BucketTags(Tags):
    """S3 replaces all tags of a bucket at once."""

    def read(self, aws: Aws, state: State) -> dict[str, str]:
        s3, name = aws.client("s3"), state["id"]
        return unpairs(
            (unless_gone(lambda: s3.get_bucket_tagging(Bucket=name)) or {}).get("TagSet")
        )

    def write(self, aws: Aws, state: State, tags: Mapping[str, str], removed: list[str]) -> None:
        aws.client("s3").put_bucket_tagging(Bucket=state["id"], Tagging={"TagSet": pairs(tags)})


@terraform("aws_s3_bucket")
class Bucket(Crud):
    tags = BucketTags("s3", "Bucket", of="id")

    def create(self, aws: Aws, state: State) -> None:
        request: Document = {"Bucket": choose_name(state, "bucket")}
        if aws.region != "us-east-1":  # which S3 knows only as the absence of a region
            request["CreateBucketConfiguration"] = {"LocationConstraint": aws.region}
        if state["object_lock_enabled"] is True:
            request["ObjectLockEnabledForBucket"] = True
        aws.client("s3").create_bucket(**request)
        state["id"] = state["bucket"]

    def update(self, aws: Aws, prior: State, state: State) -> None:
        """Tags and force_destroy are all that can change."""

    def read(self, aws: Aws, state: State) -> State | None:
        name, s3 = state["id"], aws.client("s3")
        s3.head_bucket(Bucket=name)
        location = s3.get_bucket_location(Bucket=name).get("LocationConstraint") or "us-east-1"
        lock = unless_gone(lambda: s3.get_object_lock_configuration(Bucket=name)) or {}
        enabled = lock.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") == "Enabled"
        return {
            "bucket": name,
            "arn": f"arn:{aws.partition}:s3:::{name}",
            "bucket_domain_name": f"{name}.s3.{aws.dns_suffix}",
            "bucket_regional_domain_name": f"{name}.s3.{location}.{aws.dns_suffix}",
            "bucket_region": location,
            "object_lock_enabled": enabled,
        }

    def delete(self, aws: Aws, state: State) -> None:
        if state["force_destroy"]:
            _empty(aws.client("s3"), state["id"])
        aws.client("s3").delete_bucket(Bucket=state["id"])


def _empty(s3: Any, bucket: str) -> None:
    """Deletes every version, delete marker and unfinished upload."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = page.get("Versions", []) + page.get("DeleteMarkers", [])
        doomed = [{"Key": o["Key"], "VersionId": o["VersionId"]} for o in found]
        for start in range(0, len(doomed), DELETE_AT_ONCE):
            objects = doomed[start : start + DELETE_AT_ONCE]
            answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
            if errors := answer.get("Errors"):
                raise ValueError(f"{bucket} cannot be emptied: {errors[0]}")
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        for upload in page.get("Uploads", []):
            s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])


class BucketSide(Crud):
    """A put, a get and a delete on a bucket, whose name is the id.

    `body` is the parameter that the put takes, and unless the answer is `bare`, the get gives.
    """

    identity = "{bucket}"
    noun: ClassVar[str]
    body: ClassVar[str]
    bare: ClassVar[bool] = False

    def call(self, aws: Aws, verb: str, state: State, **more: Any) -> Document:
        method = getattr(aws.client("s3"), f"{verb}_{self.noun}")
        return dict(method(Bucket=state["bucket"], **more))

    def wanted(self, state: State) -> Document:
        names = [name for name in self.wire.arguments if name != "bucket"]
        return self.wire.out(state, *names)

    def put(self, aws: Aws, state: State) -> None:
        self.call(aws, "put", state, **{self.body: self.wanted(state)})

    def read(self, aws: Aws, state: State) -> State | None:
        answer = self.call(aws, "get", state)
        if not self.bare and self.body not in answer:
            return None
        found = self.wire.back(answer if self.bare else answer[self.body])
        return {**found, "bucket": state["bucket"]}

    def delete(self, aws: Aws, state: State) -> None:
        self.call(aws, "delete", state)

    def locate(self, aws: Aws, import_id: str) -> State:
        bucket, _, owner = import_id.partition(",")
        return {"bucket": bucket, "expected_bucket_owner": owner or None}


@terraform("aws_s3_bucket_policy")
class BucketPolicy(BucketSide):
    noun, body, bare = "bucket_policy", "Policy", True

    def put(self, aws: Aws, state: State) -> None:
        self.call(aws, "put", state, Policy=state["policy"])


@terraform(
    "aws_s3_bucket_cors_configuration", names={"cors_rule": "CORSRules", "cors_rule.id": "ID"}
)
class Cors(BucketSide):
    noun, body, bare = "bucket_cors", "CORSConfiguration", True


@terraform("aws_s3_bucket_ownership_controls", names={"rule": "Rules[]"})
class Ownership(BucketSide):
    noun, body = "bucket_ownership_controls", "OwnershipControls"


@terraform("aws_s3_bucket_public_access_block")
class PublicAccessBlock(BucketSide):
    noun, body = "public_access_block", "PublicAccessBlockConfiguration"

    def delete(self, aws: Aws, state: State) -> None:
        if not state["skip_destroy"]:
            super().delete(aws, state)


BY_DEFAULT = "rule.apply_server_side_encryption_by_default"


@terraform(
    "aws_s3_bucket_server_side_encryption_configuration",
    names={
        "rule": "Rules",
        f"{BY_DEFAULT}.sse_algorithm": "SSEAlgorithm",
        f"{BY_DEFAULT}.kms_master_key_id": "KMSMasterKeyID",
        "rule.blocked_encryption_types": "BlockedEncryptionTypes.EncryptionType",
    },
)
class Encryption(BucketSide):
    noun, body = "bucket_encryption", "ServerSideEncryptionConfiguration"


@terraform(
    "aws_s3_bucket_lifecycle_configuration",
    names={
        "rule": "Rules",
        "rule.id": "ID",
        "rule.abort_incomplete_multipart_upload": "AbortIncompleteMultipartUpload{}",
        "rule.expiration": "Expiration{}",
        "rule.filter": "Filter{}",
        "rule.filter.and": "And{}",
        "rule.filter.and.tags": "Tags<Key>",
        "rule.filter.tag": "Tag{}",
        "rule.noncurrent_version_expiration": "NoncurrentVersionExpiration{}",
        "rule.noncurrent_version_transition": "NoncurrentVersionTransitions",
        "rule.transition": "Transitions",
    },
)
class Lifecycle(BucketSide):
    noun, body, bare = "bucket_lifecycle_configuration", "LifecycleConfiguration", True

    def put(self, aws: Aws, state: State) -> None:
        least = self.wire.out(state, "transition_default_minimum_object_size")
        rules = self.wire.out(state, "rule")
        self.call(aws, "put", state, LifecycleConfiguration=rules, **least)

    def delete(self, aws: Aws, state: State) -> None:
        aws.client("s3").delete_bucket_lifecycle(Bucket=state["bucket"])


@terraform("aws_s3_bucket_versioning", names={"versioning_configuration.mfa_delete": "MFADelete"})
class Versioning(BucketSide):
    noun, body = "bucket_versioning", "VersioningConfiguration"

    def put(self, aws: Aws, state: State) -> None:
        wanted = self.wanted(state)[self.body]
        if wanted["Status"] != "Disabled":  # which is how S3 calls a bucket that never had versions
            self.call(aws, "put", state, VersioningConfiguration=wanted)

    def read(self, aws: Aws, state: State) -> State | None:
        found = {"Status": "Disabled", **self.call(aws, "get", state)}
        return {**self.wire.back({self.body: found}), "bucket": state["bucket"]}

    def delete(self, aws: Aws, state: State) -> None:
        if one(state["versioning_configuration"])["status"] == "Enabled":
            self.call(aws, "put", state, VersioningConfiguration={"Status": "Suspended"})

    def check_plan(self, prior: State | None, state: State, config: State) -> None:
        before = one((prior or {}).get("versioning_configuration")).get("status")
        after = one(state["versioning_configuration"]).get("status")
        if before in ("Enabled", "Suspended") and after == "Disabled":
            raise ValueError(
                f"versioning_configuration.status cannot be updated from '{before}' to 'Disabled'"
            )


@terraform("aws_s3_bucket_notification")
class Notification(BucketSide):
    noun, body = "bucket_notification_configuration", "NotificationConfiguration"
    targets: ClassVar[Mapping[str, str]] = {
        "lambda_function": "LambdaFunction",
        "queue": "Queue",
        "topic": "Topic",
    }

    def wanted(self, state: State) -> Document:
        wanted: Document = {"EventBridgeConfiguration": {}} if state["eventbridge"] else {}
        for name, spelled in self.targets.items():
            for block in state[name]:
                if block["id"] in (None, UNKNOWN):
                    block["id"] = unique(f"tf-s3-{name.partition('_')[0]}-")
                sides = {side: block[f"filter_{side}"] for side in ("prefix", "suffix")}
                rules = pairs({side: text for side, text in sides.items() if text}, "Name")
                entry = {"Id": block["id"], "Events": block["events"]}
                entry[f"{spelled}Arn"] = block[f"{name}_arn"]
                if rules:
                    entry["Filter"] = {"Key": {"FilterRules": rules}}
                wanted.setdefault(f"{spelled}Configurations", []).append(entry)
        return wanted

    def read(self, aws: Aws, state: State) -> State | None:
        answer = self.call(aws, "get", state)
        found: State = {"eventbridge": "EventBridgeConfiguration" in answer}
        for name, spelled in self.targets.items():
            found[name] = []
            for entry in answer.get(f"{spelled}Configurations", []):
                block = {"id": entry["Id"], "events": entry["Events"]}
                block[f"{name}_arn"] = entry[f"{spelled}Arn"]
                rules = entry.get("Filter", {}).get("Key", {}).get("FilterRules")
                for side, text in unpairs(rules, "Name").items():
                    block[f"filter_{side.lower()}"] = text
                found[name].append(block)
        return {**found, "bucket": state["bucket"]}

    def delete(self, aws: Aws, state: State) -> None:
        self.call(aws, "put", state, NotificationConfiguration={})
