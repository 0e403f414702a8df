"""SQS: queues and their policies."""

from __future__ import annotations

from local.terraform.standin.cloud import Aws
from local.terraform.standin.crud import Crud, Tags, choose_name, terraform, texts
from local.terraform.standin.values import State, known
from local.terraform.standin.wire import pascal

# What SetQueueAttributes wants to hear as "" to take it away.
REMOVABLE = ("kms_master_key_id", "policy", "redrive_allow_policy", "redrive_policy")


class QueueTags(Tags):
    """SQS has its own names for tagging, and mixes its cases."""

    def read(self, aws: Aws, state: State) -> dict[str, str]:
        return dict(aws.client("sqs").list_queue_tags(QueueUrl=state["id"]).get("Tags") or {})


@terraform(
    "aws_sqs_queue",
    names={
        "arn": "QueueArn",
        "max_message_size": "MaximumMessageSize",
        "message_retention_seconds": "MessageRetentionPeriod",
        "name": None,
        "receive_wait_time_seconds": "ReceiveMessageWaitTimeSeconds",
        "visibility_timeout_seconds": "VisibilityTimeout",
    },
)
class Queue(Crud):
    tags = QueueTags("sqs", "QueueUrl", "id", "queue")

    def _wanted(self, state: State) -> dict[str, str]:
        wanted = self.wire.out(state)
        if not state["fifo_queue"]:  # SQS refuses the attribute on a standard queue, even as false
            wanted.pop("FifoQueue", None)
            wanted.pop("ContentBasedDeduplication", None)
        return texts({name: value for name, value in wanted.items() if value != ""})

    def create(self, aws: Aws, state: State) -> None:
        name, attributes = choose_name(state), self._wanted(state)
        answer = aws.client("sqs").create_queue(QueueName=name, Attributes=attributes)
        state["id"] = answer["QueueUrl"]

    def read(self, aws: Aws, state: State) -> State | None:
        url = state["id"]
        answer = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        seen = self.wire.back(answer["Attributes"], "arn")
        return {**seen, "url": url, "name": url.rpartition("/")[2]}

    def update(self, aws: Aws, prior: State, state: State) -> None:
        cleared = {pascal(name): "" for name in REMOVABLE if prior[name] and not state[name]}
        aws.client("sqs").set_queue_attributes(
            QueueUrl=state["id"], Attributes={**self._wanted(state), **cleared}
        )

    def delete(self, aws: Aws, state: State) -> None:
        aws.client("sqs").delete_queue(QueueUrl=state["id"])

    def check_plan(self, prior: State | None, state: State, config: State) -> None:
        name, fifo = known(config["name"]), bool(known(state["fifo_queue"]))
        if name and fifo != name.endswith(".fifo"):
            raise ValueError(f"invalid queue name: {name} (.fifo is for FIFO queues)")


@terraform("aws_sqs_queue_policy")
class QueuePolicy(Crud):
    identity = "{queue_url}"

    def put(self, aws: Aws, state: State) -> None:
        self._set(aws, state["queue_url"], state["policy"])

    @staticmethod
    def _set(aws: Aws, url: str, policy: str) -> None:
        aws.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})

    def read(self, aws: Aws, state: State) -> State | None:
        url = state["id"]
        answer = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])
        policy = answer.get("Attributes", {}).get("Policy")
        return {"queue_url": url, "policy": policy} if policy else None

    def delete(self, aws: Aws, state: State) -> None:
        self._set(aws, state["id"], "")
