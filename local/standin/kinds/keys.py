"""KMS: keys and the names they go by."""

from __future__ import annotations

from collections.abc import Mapping

from local.standin.cloud import Aws, unless_gone
from local.standin.crud import Crud, choose_name, name_prefix, pairs, terraform, unpairs
from local.standin.values import State, known

DELETION_WINDOW_DAYS = 30  # KMS's own when nobody says


@terraform("aws_kms_key", names={"customer_master_key_spec": "KeySpec", "is_enabled": "Enabled"})
class Key(Crud):
    def create(self, aws: Aws, state: State) -> None:
        names = ("customer_master_key_spec", "description", "key_usage", "multi_region", "policy")
        wanted = self.wire.out(state, *names)
        tags = pairs(state["tags_all"], "TagKey", "TagValue")
        state["id"] = aws.client("kms").create_key(**wanted, Tags=tags)["KeyMetadata"]["KeyId"]
        self._rotate(aws, state)
        if not state["is_enabled"]:
            aws.client("kms").disable_key(KeyId=state["id"])

    def _rotate(self, aws: Aws, state: State) -> None:
        kms, key = aws.client("kms"), state["id"]
        if state["enable_key_rotation"]:
            period = known(state["rotation_period_in_days"])
            more = {"RotationPeriodInDays": period} if period else {}
            kms.enable_key_rotation(KeyId=key, **more)
        else:
            unless_gone(lambda: kms.disable_key_rotation(KeyId=key))

    def read(self, aws: Aws, state: State) -> State | None:
        kms, key = aws.client("kms"), state["id"]
        found = kms.describe_key(KeyId=key)["KeyMetadata"]
        if found["KeyState"] == "PendingDeletion":
            return None
        rotation = kms.get_key_rotation_status(KeyId=key)
        tags = kms.list_resource_tags(KeyId=key).get("Tags")
        names = ("arn", "customer_master_key_spec", "description", "is_enabled", "key_id")
        return {
            **self.wire.back(found, *names, "key_usage", "multi_region"),
            "id": found["KeyId"],
            "enable_key_rotation": rotation["KeyRotationEnabled"],
            "rotation_period_in_days": rotation.get("RotationPeriodInDays"),
            "policy": kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"],
            "tags_all": unpairs(tags, "TagKey", "TagValue"),
        }

    def update(self, aws: Aws, prior: State, state: State) -> None:
        kms, key = aws.client("kms"), state["id"]
        if state["is_enabled"] and not prior["is_enabled"]:  # first: a disabled key changes nothing
            kms.enable_key(KeyId=key)
        rotation = ("enable_key_rotation", "rotation_period_in_days")
        if any(state[name] != prior[name] for name in rotation):
            self._rotate(aws, state)
        if state["description"] != prior["description"]:
            kms.update_key_description(KeyId=key, Description=state["description"] or "")
        if state["policy"] != prior["policy"]:
            kms.put_key_policy(KeyId=key, PolicyName="default", Policy=state["policy"])
        if prior["is_enabled"] and not state["is_enabled"]:
            kms.disable_key(KeyId=key)

    def tag(self, aws: Aws, state: State, tags: Mapping[str, str], removed: list[str]) -> None:
        kms, key = aws.client("kms"), state["id"]
        if removed:
            kms.untag_resource(KeyId=key, TagKeys=removed)
        if tags:
            kms.tag_resource(KeyId=key, Tags=pairs(tags, "TagKey", "TagValue"))

    def delete(self, aws: Aws, state: State) -> None:
        days = state["deletion_window_in_days"] or DELETION_WINDOW_DAYS
        aws.client("kms").schedule_key_deletion(KeyId=state["id"], PendingWindowInDays=days)


@terraform("aws_kms_alias")
class Alias(Crud):
    def create(self, aws: Aws, state: State) -> None:
        name = choose_name(state, made_of="alias/")
        aws.client("kms").create_alias(AliasName=name, TargetKeyId=state["target_key_id"])
        state["id"] = name

    def read(self, aws: Aws, state: State) -> State | None:
        kms, name = aws.client("kms"), state["id"]
        pages = kms.get_paginator("list_aliases").paginate()
        aliases = [alias for page in pages for alias in page["Aliases"]]
        found = next((alias for alias in aliases if alias["AliasName"] == name), None)
        if found is None:
            return None
        key = found["TargetKeyId"]
        arn = kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"]
        return {
            "id": name,
            "arn": found["AliasArn"],
            "name": name,
            "name_prefix": name_prefix(name),
            "target_key_arn": arn,
            "target_key_id": key,
        }

    def update(self, aws: Aws, prior: State, state: State) -> None:
        aws.client("kms").update_alias(AliasName=state["id"], TargetKeyId=state["target_key_id"])

    def delete(self, aws: Aws, state: State) -> None:
        aws.client("kms").delete_alias(AliasName=state["id"])

    def check_plan(self, prior: State | None, state: State, config: State) -> None:
        """A key's id and its ARN name the same key."""
        before, after = (prior or {}).get("target_key_id"), known(state["target_key_id"])
        if before and after and before.rpartition("/")[2] == after.rpartition("/")[2]:
            state["target_key_id"] = before
