"""The data sources: who and where we are, and policy documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from local.terraform.standin.cloud import Aws
from local.terraform.standin.policy_document import policy_document
from local.terraform.standin.values import State


def caller_identity(aws: Aws, config: State) -> State:
    answer = aws.client("sts").get_caller_identity()
    account = answer["Account"]
    return {
        "id": account,
        "account_id": account,
        "arn": answer["Arn"],
        "user_id": answer["UserId"],
    }


def region(aws: Aws, config: State) -> State:
    name = config.get("region") or config.get("name") or aws.region
    return {
        "id": name,
        "region": name,
        "name": name,
        "endpoint": f"ec2.{name}.{aws.dns_suffix}",
        "description": name,  # the real provider has a table of places, as "Europe (Frankfurt)"
    }


def partition(aws: Aws, config: State) -> State:
    return {
        "id": aws.partition,
        "partition": aws.partition,
        "dns_suffix": aws.dns_suffix,
        "reverse_dns_prefix": ".".join(reversed(aws.dns_suffix.split("."))),
    }


READ: Mapping[str, Callable[[Aws, State], State]] = {
    "aws_caller_identity": caller_identity,
    "aws_iam_policy_document": lambda aws, config: policy_document(config),
    "aws_partition": partition,
    "aws_region": region,
}
