"""SNS: topics, their policies and who listens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from local.standin.cloud import Aws
from local.standin.crud import Crud, choose_name, name_prefix, pairs, terraform, texts, unpairs
from local.standin.values import State


@terraform("aws_sns_topic", names={"arn": "TopicArn"})
class Topic(Crud):
    arguments = (
        "content_based_deduplication",
        "delivery_policy",
        "display_name",
        "fifo_topic",
        "kms_master_key_id",
        "policy",
        "signature_version",
        "tracing_config",
    )

    def _wanted(self, state: State) -> dict[str, str]:
        wanted = self.wire.out(state, *self.arguments)
        if not state["fifo_topic"]:  # SNS knows these of a FIFO topic only
            wanted.pop("FifoTopic", None)
            wanted.pop("ContentBasedDeduplication", None)
        return texts(wanted)

    def create(self, aws: Aws, state: State) -> None:
        answer = aws.client("sns").create_topic(
            Name=choose_name(state), Attributes=self._wanted(state), Tags=pairs(state["tags_all"])
        )
        state["id"] = answer["TopicArn"]

    def read(self, aws: Aws, state: State) -> State | None:
        sns, arn = aws.client("sns"), state["id"]
        found = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
        name = arn.rpartition(":")[2]
        return {
            **self.wire.back(found, *self.arguments, "arn", "owner"),
            "id": arn,
            "name": name,
            "name_prefix": name_prefix(name),
            "tags_all": unpairs(sns.list_tags_for_resource(ResourceArn=arn).get("Tags")),
        }

    def update(self, aws: Aws, prior: State, state: State) -> None:
        before, after = self._wanted(prior), self._wanted(state)
        for name in {*before, *after}:
            if before.get(name) != after.get(name):
                aws.client("sns").set_topic_attributes(
                    TopicArn=state["id"], AttributeName=name, AttributeValue=after.get(name, "")
                )

    def tag(self, aws: Aws, state: State, tags: Mapping[str, str], removed: list[str]) -> None:
        sns, arn = aws.client("sns"), state["id"]
        if removed:
            sns.untag_resource(ResourceArn=arn, TagKeys=removed)
        if tags:
            sns.tag_resource(ResourceArn=arn, Tags=pairs(tags))

    def delete(self, aws: Aws, state: State) -> None:
        aws.client("sns").delete_topic(TopicArn=state["id"])


@terraform("aws_sns_topic_policy")
class TopicPolicy(Crud):
    def create(self, aws: Aws, state: State) -> None:
        state["id"] = state["arn"]
        self.update(aws, state, state)

    def update(self, aws: Aws, prior: State, state: State) -> None:
        self._set(aws, state["id"], state["policy"])

    @staticmethod
    def _set(aws: Aws, arn: str, policy: str) -> None:
        aws.client("sns").set_topic_attributes(
            TopicArn=arn, AttributeName="Policy", AttributeValue=policy
        )

    def read(self, aws: Aws, state: State) -> State | None:
        arn = state["id"]
        found = aws.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
        if not found.get("Policy"):
            return None
        return {"id": arn, "arn": arn, "owner": found.get("Owner"), "policy": found["Policy"]}

    def delete(self, aws: Aws, state: State) -> None:
        """A topic always has a policy; the default one lets only its owner in."""
        aws.client("sns").set_topic_attributes(
            TopicArn=state["id"],
            AttributeName="Policy",
            AttributeValue=_default_policy(state["id"], aws.account),
        )


def _default_policy(arn: str, account: str) -> str:
    actions = "AddPermission DeleteTopic GetTopicAttributes ListSubscriptionsByTopic Publish"
    actions += " RemovePermission SetTopicAttributes Subscribe"
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{action}" for action in actions.split()],
        "Resource": arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": account}},
    }
    policy = {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}
    return json.dumps(policy)


@terraform("aws_sns_topic_subscription", names={"arn": "SubscriptionArn", "owner_id": "Owner"})
class Subscription(Crud):
    arguments = (
        "delivery_policy",
        "filter_policy",
        "filter_policy_scope",
        "raw_message_delivery",
        "redrive_policy",
        "replay_policy",
        "subscription_role_arn",
    )

    def _wanted(self, state: State) -> dict[str, str]:
        wanted: dict[str, Any] = self.wire.out(state, *self.arguments)
        if not state["filter_policy"]:  # a scope without a policy is refused
            wanted.pop("FilterPolicyScope", None)
        return texts(wanted)

    def create(self, aws: Aws, state: State) -> None:
        answer = aws.client("sns").subscribe(
            **self.wire.out(state, "topic_arn", "protocol", "endpoint"),
            Attributes=self._wanted(state),
            ReturnSubscriptionArn=True,
        )
        state["id"] = answer["SubscriptionArn"]

    def read(self, aws: Aws, state: State) -> State | None:
        arn = state["id"]
        found = aws.client("sns").get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        names = ("arn", "endpoint", "owner_id", "pending_confirmation", "protocol", "topic_arn")
        return {
            **self.wire.back(found, *names, "confirmation_was_authenticated", *self.arguments),
            "id": arn,
        }

    def update(self, aws: Aws, prior: State, state: State) -> None:
        before, after = self._wanted(prior), self._wanted(state)
        for name in {*before, *after}:
            if before.get(name) != after.get(name):
                aws.client("sns").set_subscription_attributes(
                    SubscriptionArn=state["id"],
                    AttributeName=name,
                    AttributeValue=after.get(name, "{}" if name == "FilterPolicy" else ""),
                )

    def delete(self, aws: Aws, state: State) -> None:
        aws.client("sns").unsubscribe(SubscriptionArn=state["id"])
