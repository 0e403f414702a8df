"""S3: the bucket and the resources that each set one side of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from local.standin.cloud import Aws, unless_gone
from local.standin.crud import Crud, choose_name, name_prefix, pairs, terraform, unique, unpairs
from local.standin.values import UNKNOWN, State, one

DELETE_AT_ONCE = 1000  # DeleteObjects takes no more


@terraform("aws_s3_bucket")
class Bucket(Crud):
    def create(self, aws: Aws, state: State) -> None:
        name = choose_name(state, "bucket")
        request: dict[str, Any] = {"Bucket": name}
        if aws.region != "us-east-1":  # which S3 knows only as the absence of a region
            request["CreateBucketConfiguration"] = {"LocationConstraint": aws.region}
        if state["object_lock_enabled"] is True:
            request["ObjectLockEnabledForBucket"] = True
        aws.client("s3").create_bucket(**request)
        state["id"] = name
        if state["tags_all"]:
            self.tag(aws, state, state["tags_all"], [])

    def read(self, aws: Aws, state: State) -> State | None:
        name, s3 = state["id"], aws.client("s3")
        s3.head_bucket(Bucket=name)
        location = s3.get_bucket_location(Bucket=name).get("LocationConstraint") or "us-east-1"
        tags = unless_gone(lambda: s3.get_bucket_tagging(Bucket=name)) or {}
        lock = unless_gone(lambda: s3.get_object_lock_configuration(Bucket=name)) or {}
        enabled = lock.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") == "Enabled"
        return {
            "id": name,
            "bucket": name,
            "bucket_prefix": name_prefix(name),
            "arn": f"arn:{aws.partition}:s3:::{name}",
            "bucket_domain_name": f"{name}.s3.{aws.dns_suffix}",
            "bucket_regional_domain_name": f"{name}.s3.{location}.{aws.dns_suffix}",
            "bucket_region": location,
            "object_lock_enabled": enabled,
            "tags_all": unpairs(tags.get("TagSet")),
        }

    def tag(self, aws: Aws, state: State, tags: Mapping[str, str], removed: list[str]) -> None:
        aws.client("s3").put_bucket_tagging(Bucket=state["id"], Tagging={"TagSet": pairs(tags)})

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
    """A resource that is one put, get and delete on a bucket; its id is the bucket's name."""

    def put(self, aws: Aws, bucket: str, state: State) -> None:
        raise NotImplementedError

    def create(self, aws: Aws, state: State) -> None:
        self.put(aws, state["bucket"], state)
        state["id"] = state["bucket"]

    def update(self, aws: Aws, prior: State, state: State) -> None:
        self.put(aws, state["bucket"], state)

    def locate(self, aws: Aws, import_id: str) -> State:
        bucket, _, owner = import_id.partition(",")
        return {"bucket": bucket, "expected_bucket_owner": owner or None}

    def seen(self, state: State, **what: Any) -> State:
        return {"id": state["id"], "bucket": state["bucket"], **what}


@terraform(
    "aws_s3_bucket_versioning",
    names={"mfa_delete": "MFADelete", "versioning_configuration.mfa_delete": "MFADelete"},
)
class Versioning(BucketSide):
    def put(self, aws: Aws, bucket: str, state: State) -> None:
        wanted = self.wire.out(state, "versioning_configuration")["VersioningConfiguration"]
        if wanted["Status"] != "Disabled":  # which is how S3 calls a bucket that never had versions
            aws.client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration=wanted)

    def read(self, aws: Aws, state: State) -> State | None:
        answer = aws.client("s3").get_bucket_versioning(Bucket=state["bucket"])
        found = {"status": answer.get("Status", "Disabled"), "mfa_delete": answer.get("MFADelete")}
        return self.seen(state, versioning_configuration=[found])

    def delete(self, aws: Aws, state: State) -> None:
        if one(state["versioning_configuration"])["status"] == "Enabled":
            aws.client("s3").put_bucket_versioning(
                Bucket=state["bucket"], VersioningConfiguration={"Status": "Suspended"}
            )

    def check_plan(self, prior: State | None, state: State, config: State) -> None:
        before = one((prior or {}).get("versioning_configuration")).get("status")
        after = one(state["versioning_configuration"]).get("status")
        if before in ("Enabled", "Suspended") and after == "Disabled":
            raise ValueError(
                f"versioning_configuration.status cannot be updated from '{before}' to 'Disabled'"
            )


@terraform("aws_s3_bucket_public_access_block")
class PublicAccessBlock(BucketSide):
    arguments = (
        "block_public_acls",
        "block_public_policy",
        "ignore_public_acls",
        "restrict_public_buckets",
    )

    def put(self, aws: Aws, bucket: str, state: State) -> None:
        aws.client("s3").put_public_access_block(
            Bucket=bucket, PublicAccessBlockConfiguration=self.wire.out(state, *self.arguments)
        )

    def read(self, aws: Aws, state: State) -> State | None:
        answer = aws.client("s3").get_public_access_block(Bucket=state["bucket"])
        found = answer["PublicAccessBlockConfiguration"]
        return self.seen(state, **self.wire.back(found, *self.arguments))

    def delete(self, aws: Aws, state: State) -> None:
        if not state["skip_destroy"]:
            aws.client("s3").delete_public_access_block(Bucket=state["bucket"])


@terraform(
    "aws_s3_bucket_server_side_encryption_configuration",
    names={
        "rule": "Rules",
        "rule.apply_server_side_encryption_by_default": "ApplyServerSideEncryptionByDefault",
        "rule.apply_server_side_encryption_by_default.sse_algorithm": "SSEAlgorithm",
        "rule.apply_server_side_encryption_by_default.kms_master_key_id": "KMSMasterKeyID",
        "rule.blocked_encryption_types": None,
    },
)
class Encryption(BucketSide):
    def put(self, aws: Aws, bucket: str, state: State) -> None:
        rules = self.wire.out(state, "rule")
        for rule, wanted in zip(rules["Rules"], state["rule"], strict=True):
            if wanted["blocked_encryption_types"] not in (None, UNKNOWN):
                blocked = {"EncryptionType": wanted["blocked_encryption_types"]}
                rule["BlockedEncryptionTypes"] = blocked
        aws.client("s3").put_bucket_encryption(
            Bucket=bucket, ServerSideEncryptionConfiguration=rules
        )

    def read(self, aws: Aws, state: State) -> State | None:
        answer = aws.client("s3").get_bucket_encryption(Bucket=state["bucket"])
        found = answer["ServerSideEncryptionConfiguration"]
        rules = self.wire.back(found, "rule")["rule"]
        for rule, document in zip(rules, found["Rules"], strict=True):
            blocked = document.get("BlockedEncryptionTypes") or {}
            rule["blocked_encryption_types"] = blocked.get("EncryptionType")
        return self.seen(state, rule=rules)

    def delete(self, aws: Aws, state: State) -> None:
        aws.client("s3").delete_bucket_encryption(Bucket=state["bucket"])


@terraform(
    "aws_s3_bucket_lifecycle_configuration",
    names={
        "rule": "Rules",
        "rule.id": "ID",
        "rule.transition": "Transitions",
        "rule.noncurrent_version_transition": "NoncurrentVersionTransitions",
        "rule.filter.and.tags": "Tags",
    },
    structures=frozenset(
        {
            "rule.abort_incomplete_multipart_upload",
            "rule.expiration",
            "rule.filter",
            "rule.filter.and",
            "rule.filter.tag",
            "rule.noncurrent_version_expiration",
        }
    ),
)
class Lifecycle(BucketSide):
    def put(self, aws: Aws, bucket: str, state: State) -> None:
        wanted = self.wire.out(state, "rule")
        for rule in wanted["Rules"]:
            both = rule.get("Filter", {}).get("And", {})
            if "Tags" in both:
                both["Tags"] = pairs(both["Tags"])
        aws.client("s3").put_bucket_lifecycle_configuration(
            Bucket=bucket, LifecycleConfiguration=wanted, **self._minimum(state)
        )

    def _minimum(self, state: State) -> State:
        return self.wire.out(state, "transition_default_minimum_object_size")

    def read(self, aws: Aws, state: State) -> State | None:
        s3 = aws.client("s3")
        answer = s3.get_bucket_lifecycle_configuration(Bucket=state["bucket"])
        for rule in answer["Rules"]:
            both = rule.get("Filter", {}).get("And", {})
            if "Tags" in both:
                both["Tags"] = unpairs(both["Tags"])
        found = self.wire.back(answer, "rule", "transition_default_minimum_object_size")
        return self.seen(state, **found)

    def delete(self, aws: Aws, state: State) -> None:
        aws.client("s3").delete_bucket_lifecycle(Bucket=state["bucket"])


@terraform(
    "aws_s3_bucket_cors_configuration", names={"cors_rule": "CORSRules", "cors_rule.id": "ID"}
)
class Cors(BucketSide):
    def put(self, aws: Aws, bucket: str, state: State) -> None:
        wanted = self.wire.out(state, "cors_rule")
        aws.client("s3").put_bucket_cors(Bucket=bucket, CORSConfiguration=wanted)

    def read(self, aws: Aws, state: State) -> State | None:
        answer = aws.client("s3").get_bucket_cors(Bucket=state["bucket"])
        return self.seen(state, **self.wire.back(answer, "cors_rule"))

    def delete(self, aws: Aws, state: State) -> None:
        aws.client("s3").delete_bucket_cors(Bucket=state["bucket"])


@terraform("aws_s3_bucket_ownership_controls")
class Ownership(BucketSide):
    def put(self, aws: Aws, bucket: str, state: State) -> None:
        wanted = {"Rules": [self.wire.out(state, "rule")["Rule"]]}
        aws.client("s3").put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=wanted)

    def read(self, aws: Aws, state: State) -> State | None:
        answer = aws.client("s3").get_bucket_ownership_controls(Bucket=state["bucket"])
        rule = answer["OwnershipControls"]["Rules"][0]
        return self.seen(state, **self.wire.back({"Rule": rule}, "rule"))

    def delete(self, aws: Aws, state: State) -> None:
        aws.client("s3").delete_bucket_ownership_controls(Bucket=state["bucket"])


@terraform("aws_s3_bucket_policy")
class BucketPolicy(BucketSide):
    def put(self, aws: Aws, bucket: str, state: State) -> None:
        aws.client("s3").put_bucket_policy(Bucket=bucket, Policy=state["policy"])

    def read(self, aws: Aws, state: State) -> State | None:
        answer = aws.client("s3").get_bucket_policy(Bucket=state["bucket"])
        return self.seen(state, policy=answer["Policy"])

    def delete(self, aws: Aws, state: State) -> None:
        aws.client("s3").delete_bucket_policy(Bucket=state["bucket"])


@terraform(
    "aws_s3_bucket_logging", names={"target_object_key_format.simple_prefix": "SimplePrefix"}
)
class AccessLog(BucketSide):
    arguments = ("target_bucket", "target_prefix", "target_object_key_format")

    def put(self, aws: Aws, bucket: str, state: State) -> None:
        wanted = {"LoggingEnabled": self.wire.out(state, *self.arguments)}
        aws.client("s3").put_bucket_logging(Bucket=bucket, BucketLoggingStatus=wanted)

    def read(self, aws: Aws, state: State) -> State | None:
        answer = aws.client("s3").get_bucket_logging(Bucket=state["bucket"])
        if "LoggingEnabled" not in answer:
            return None
        return self.seen(state, **self.wire.back(answer["LoggingEnabled"], *self.arguments))

    def delete(self, aws: Aws, state: State) -> None:
        aws.client("s3").put_bucket_logging(Bucket=state["bucket"], BucketLoggingStatus={})


@terraform("aws_s3_bucket_notification")
class Notification(BucketSide):
    blocks: ClassVar[Mapping[str, tuple[str, str]]] = {
        "lambda_function": ("LambdaFunctionConfigurations", "LambdaFunctionArn"),
        "queue": ("QueueConfigurations", "QueueArn"),
        "topic": ("TopicConfigurations", "TopicArn"),
    }

    def put(self, aws: Aws, bucket: str, state: State) -> None:
        wanted: dict[str, Any] = {"EventBridgeConfiguration": {}} if state["eventbridge"] else {}
        for name, (listed, target) in self.blocks.items():
            for block in state[name]:
                if block["id"] in (None, UNKNOWN):
                    block["id"] = unique(f"tf-s3-{name.partition('_')[0]}-")
                rules = list(self._filter(block))
                wanted.setdefault(listed, []).append(
                    {
                        "Id": block["id"],
                        "Events": block["events"],
                        target: block[f"{name}_arn"],
                        **({"Filter": {"Key": {"FilterRules": rules}}} if rules else {}),
                    }
                )
        aws.client("s3").put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration=wanted
        )

    @staticmethod
    def _filter(block: State) -> Iterator[dict[str, str]]:
        for side in ("prefix", "suffix"):
            if block[f"filter_{side}"]:
                yield {"Name": side, "Value": block[f"filter_{side}"]}

    def read(self, aws: Aws, state: State) -> State | None:
        bucket = state["bucket"]
        answer = aws.client("s3").get_bucket_notification_configuration(Bucket=bucket)
        found: State = {"eventbridge": "EventBridgeConfiguration" in answer}
        for name, (listed, target) in self.blocks.items():
            found[name] = [
                {
                    "id": entry["Id"],
                    "events": entry["Events"],
                    f"{name}_arn": entry[target],
                    **{
                        f"filter_{rule['Name'].lower()}": rule["Value"]
                        for rule in entry.get("Filter", {}).get("Key", {}).get("FilterRules", [])
                    },
                }
                for entry in answer.get(listed, [])
            ]
        return self.seen(state, **found)

    def delete(self, aws: Aws, state: State) -> None:
        aws.client("s3").put_bucket_notification_configuration(
            Bucket=state["bucket"], NotificationConfiguration={}
        )
