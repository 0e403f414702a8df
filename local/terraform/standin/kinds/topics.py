"""SNS: topics, their policies and who listens."""

from __future__ import annotations

import json

from local.terraform.standin.cloud import Aws
from local.terraform.standin.crud import Crud, Tags, choose_name, terraform, texts
from local.terraform.standin.values import State

NAMED = ("topic_arn", "protocol", "endpoint")


@terraform("aws_sns_topic", names={"arn": "TopicArn", "name": None})
class Topic(Crud):
    tags = Tags("sns", "ResourceArn", "id", pair=("Key", "Value"))

    def _wanted(self, state: State) -> dict[str, str]:
        wanted = self.wire.out(state)
        if not state["fifo_topic"]:  # SNS knows these of a FIFO topic only
            wanted.pop("FifoTopic", None)
            wanted.pop("ContentBasedDeduplication", None)
        return texts(wanted)

    def create(self, aws: Aws, state: State) -> None:
        name, attributes = choose_name(state), self._wanted(state)
        answer = aws.client("sns").create_topic(Name=name, Attributes=attributes)
        state["id"] = answer["TopicArn"]

    def read(self, aws: Aws, state: State) -> State | None:
        arn = state["id"]
        found = aws.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
        return {**self.wire.back(found, "arn", "owner"), "name": arn.rpartition(":")[2]}

    def update(self, aws: Aws, prior: State, state: State) -> None:
        before, after = self._wanted(prior), self._wanted(state)
        for name in {*before, *after}:
            if before.get(name) != after.get(name):
                aws.client("sns").set_topic_attributes(
                    TopicArn=state["id"], AttributeName=name, AttributeValue=after.get(name, "")
                )

    def delete(self, aws: Aws, state: State) -> None:
        aws.client("sns").delete_topic(TopicArn=state["id"])


@terraform("aws_sns_topic_policy")
class TopicPolicy(Crud):
    identity = "{arn}"

    def put(self, aws: Aws, state: State) -> None:
        self._set(aws, state["arn"], state["policy"])

    @staticmethod
    def _set(aws: Aws, arn: str, policy: str) -> None:
        aws.client("sns").set_topic_attributes(
            TopicArn=arn, AttributeName="Policy", AttributeValue=policy
        )

    def read(self, aws: Aws, state: State) -> State | None:
        arn = state["id"]
        found = aws.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
        return {"arn": arn, "owner": found.get("Owner"), "policy": found["Policy"]}

    def delete(self, aws: Aws, state: State) -> None:
        """A topic always has a policy; the default one lets only its owner in."""
        actions = ("GetTopicAttributes", "Publish", "SetTopicAttributes", "Subscribe")
        statement = {
            "Sid": "__default_statement_ID",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": [f"SNS:{action}" for action in actions],
            "Resource": state["id"],
            "Condition": {"StringEquals": {"AWS:SourceOwner": aws.account}},
        }
        self._set(aws, state["id"], json.dumps({"Version": "2008-10-17", "Statement": [statement]}))


@terraform("aws_sns_topic_subscription", names={"arn": "SubscriptionArn", "owner_id": "Owner"})
class Subscription(Crud):
    def _wanted(self, state: State) -> dict[str, str]:
        named = self.wire.out(state, *NAMED)
        wanted = {n: value for n, value in self.wire.out(state).items() if n not in named}
        if not state["filter_policy"]:  # a scope without a policy is refused
            wanted.pop("FilterPolicyScope", None)
        return texts(wanted)

    def create(self, aws: Aws, state: State) -> None:
        answer = aws.client("sns").subscribe(
            **self.wire.out(state, *NAMED),
            Attributes=self._wanted(state),
            ReturnSubscriptionArn=True,
        )
        state["id"] = answer["SubscriptionArn"]

    def read(self, aws: Aws, state: State) -> State | None:
        answer = aws.client("sns").get_subscription_attributes(SubscriptionArn=state["id"])
        computed = ("arn", "confirmation_was_authenticated", "owner_id", "pending_confirmation")
        return self.wire.back(answer["Attributes"], *computed)

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
