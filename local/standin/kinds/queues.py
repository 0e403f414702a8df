"""SQS: queues and their policies."""

from __future__ import annotations

from collections.abc import Mapping

from local.standin.cloud import Aws, unless_gone
from local.standin.crud import Crud, choose_name, name_prefix, terraform, texts
from local.standin.values import State, known
from local.standin.wire import pascal


@terraform(
    "aws_sqs_queue",
    names={
        "arn": "QueueArn",
        "kms_data_key_reuse_period_seconds": "KmsDataKeyReusePeriodSeconds",
        "max_message_size": "MaximumMessageSize",
        "message_retention_seconds": "MessageRetentionPeriod",
        "receive_wait_time_seconds": "ReceiveMessageWaitTimeSeconds",
        "visibility_timeout_seconds": "VisibilityTimeout",
    },
)
class Queue(Crud):
    arguments = (
        "content_based_deduplication",
        "deduplication_scope",
        "delay_seconds",
        "fifo_queue",
        "fifo_throughput_limit",
        "kms_data_key_reuse_period_seconds",
        "kms_master_key_id",
        "max_message_size",
        "message_retention_seconds",
        "policy",
        "receive_wait_time_seconds",
        "redrive_allow_policy",
        "redrive_policy",
        "sqs_managed_sse_enabled",
        "visibility_timeout_seconds",
    )
    # What SetQueueAttributes wants to hear to take a setting away.
    absent = ("kms_master_key_id", "policy", "redrive_allow_policy", "redrive_policy")

    def _wanted(self, state: State) -> dict[str, str]:
        wanted = self.wire.out(state, *self.arguments)
        if not state["fifo_queue"]:  # SQS refuses the attribute on a standard queue, even as false
            wanted.pop("FifoQueue", None)
            wanted.pop("ContentBasedDeduplication", None)
        return texts({name: value for name, value in wanted.items() if value != ""})

    def create(self, aws: Aws, state: State) -> None:
        name = choose_name(state)
        request = {"QueueName": name, "Attributes": self._wanted(state)}
        if state["tags_all"]:
            request["tags"] = state["tags_all"]
        state["id"] = aws.client("sqs").create_queue(**request)["QueueUrl"]

    def read(self, aws: Aws, state: State) -> State | None:
        sqs, url = aws.client("sqs"), state["id"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        name = url.rpartition("/")[2]
        return {
            **self.wire.back(found, *self.arguments, "arn"),
            "id": url,
            "url": url,
            "name": name,
            "name_prefix": name_prefix(name),
            "tags_all": sqs.list_queue_tags(QueueUrl=url).get("Tags", {}),
        }

    def update(self, aws: Aws, prior: State, state: State) -> None:
        cleared = {pascal(n): "" for n in self.absent if prior[n] and not state[n]}
        aws.client("sqs").set_queue_attributes(
            QueueUrl=state["id"], Attributes={**self._wanted(state), **cleared}
        )

    def tag(self, aws: Aws, state: State, tags: Mapping[str, str], removed: list[str]) -> None:
        sqs, url = aws.client("sqs"), state["id"]
        if removed:
            sqs.untag_queue(QueueUrl=url, TagKeys=removed)
        if tags:
            sqs.tag_queue(QueueUrl=url, Tags=dict(tags))

    def delete(self, aws: Aws, state: State) -> None:
        aws.client("sqs").delete_queue(QueueUrl=state["id"])

    def check_plan(self, prior: State | None, state: State, config: State) -> None:
        name, fifo = known(config["name"]), bool(known(state["fifo_queue"]))
        if name and fifo != name.endswith(".fifo"):
            raise ValueError(f"invalid queue name: {name} (.fifo is for FIFO queues)")


@terraform("aws_sqs_queue_policy")
class QueuePolicy(Crud):
    def create(self, aws: Aws, state: State) -> None:
        state["id"] = state["queue_url"]
        self.update(aws, state, state)

    def update(self, aws: Aws, prior: State, state: State) -> None:
        attributes = {"Policy": state["policy"]}
        aws.client("sqs").set_queue_attributes(QueueUrl=state["id"], Attributes=attributes)

    def read(self, aws: Aws, state: State) -> State | None:
        url = state["id"]
        answer = unless_gone(
            lambda: aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])
        )
        policy = (answer or {}).get("Attributes", {}).get("Policy")
        return {"id": url, "queue_url": url, "policy": policy} if policy else None

    def delete(self, aws: Aws, state: State) -> None:
        aws.client("sqs").set_queue_attributes(QueueUrl=state["id"], Attributes={"Policy": ""})
