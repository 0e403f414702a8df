"""KMS: keys and the names they go by."""

from __future__ import annotations

from local.terraform.standin.cloud import Aws, unless_gone
from local.terraform.standin.crud import Crud, Tags, terraform
from local.terraform.standin.values import State, known

DELETION_WINDOW_DAYS = 30  # KMS's own when nobody says


@terraform(
    "aws_kms_key",
    names={
        "customer_master_key_spec": "KeySpec",
        "enable_key_rotation": None,
        "is_enabled": "Enabled",
        "rotation_period_in_days": None,
    },
)
class Key(Crud):
    tags = Tags("kms", "KeyId", "id", listed_by="list_resource_tags", pair=("TagKey", "TagValue"))

    def create(self, aws: Aws, state: State) -> None:
        wanted = self.wire.out(state)
        wanted.pop("Enabled")
        state["id"] = aws.client("kms").create_key(**wanted)["KeyMetadata"]["KeyId"]
        self._rotate(aws, state)
        if not state["is_enabled"]:
            aws.client("kms").disable_key(KeyId=state["id"])

    @staticmethod
    def _rotate(aws: Aws, state: State) -> None:
        kms, key = aws.client("kms"), state["id"]
        if state["enable_key_rotation"]:
            days = known(state["rotation_period_in_days"])
            kms.enable_key_rotation(KeyId=key, **({"RotationPeriodInDays": days} if days else {}))
        else:
            unless_gone(lambda: kms.disable_key_rotation(KeyId=key))

    def read(self, aws: Aws, state: State) -> State | None:
        kms, key = aws.client("kms"), state["id"]
        found = kms.describe_key(KeyId=key)["KeyMetadata"]
        if found["KeyState"] == "PendingDeletion":
            return None
        rotation = kms.get_key_rotation_status(KeyId=key)
        return {
            **self.wire.back(found, "arn", "key_id"),
            "enable_key_rotation": rotation["KeyRotationEnabled"],
            "rotation_period_in_days": rotation.get("RotationPeriodInDays"),
            "policy": kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"],
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

    def delete(self, aws: Aws, state: State) -> None:
        days = state["deletion_window_in_days"] or DELETION_WINDOW_DAYS
        aws.client("kms").schedule_key_deletion(KeyId=state["id"], PendingWindowInDays=days)
