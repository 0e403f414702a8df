"""Where the stand-in and the real provider say different things, and why that is left so.

A line that is true no more fails a test.
"""

from __future__ import annotations

from collections.abc import Mapping

from local.terraform.standin import facts

_LIFECYCLE = "aws_s3_bucket_lifecycle_configuration.rule"
_NOT_SENT = (
    "the real one plans an empty value and sends none; the stand-in asks afterwards what is there"
)


def is_made(attribute: str) -> bool:
    """Does the stand-in make the type of an attribute; of others it has a schema and no facts.

    The local AWS has neither GuardDuty nor CloudFront.
    """
    return attribute.partition(".")[0] in facts.load()


# Attributes of which a first plan says something else.
PLANS: Mapping[str, str] = {
    "aws_s3_bucket.region": (
        "in version 5 where the bucket is found to be, in version 6 where it was asked to be"
    ),
    f"{_LIFECYCLE}.expiration.days": _NOT_SENT,
    f"{_LIFECYCLE}.expiration.expired_object_delete_marker": _NOT_SENT,
    f"{_LIFECYCLE}.filter.prefix": _NOT_SENT,
    f"{_LIFECYCLE}.prefix": _NOT_SENT,
    "aws_sqs_queue.kms_data_key_reuse_period_seconds": _NOT_SENT,
}

# Changes of which the verdict is another.
VERDICTS: Mapping[str, str] = {
    "aws_guardduty_malware_protection_plan.uploads.protected_resource.s3_bucket.bucket_name": (
        "the local AWS has no GuardDuty"
    ),
}
