"""Default quotas of one account in a large and in a small region. docs/scale.md has the sources."""

from __future__ import annotations

from dataclasses import replace

from measure.simulate.model import Quotas, Rate
from upload_workflow.ops.rates import S3_WRITES_PER_SECOND

# us-east-1, us-west-2, eu-west-1.
LARGE = Quotas(
    invocations=Rate(18_750, 18_750),
    starts=Rate(1_300, 300),
    transitions=Rate(5_000, 5_000),
    announcements=Rate(10_000, 10_000),
    s3_writes=Rate(S3_WRITES_PER_SECOND, S3_WRITES_PER_SECOND),
    conversions=1_000,
    environments=Rate(1_000, 100),
)
# Regions that no table of the guides names.
SMALL = replace(
    LARGE,
    invocations=Rate(1_100, 1_100),
    starts=Rate(800, 150),
    transitions=Rate(800, 800),
    announcements=Rate(600, 600),
)


def raised(quotas: Quotas, uploads_per_second: float, seconds_each: float) -> Quotas:
    """What has to be asked for (or sharded) so that this many uploads pass: 30 % over the need."""
    need = uploads_per_second * 1.3

    def at_least(rate: Rate, per_second: float) -> Rate:
        return Rate(max(rate.size, per_second), max(rate.per_second, per_second))

    return Quotas(
        invocations=at_least(quotas.invocations, need),
        starts=at_least(quotas.starts, need),
        transitions=at_least(quotas.transitions, 2 * need),
        announcements=at_least(quotas.announcements, need),
        s3_writes=at_least(quotas.s3_writes, 7 * need),
        conversions=max(quotas.conversions, round(need * seconds_each)),
        environments=at_least(quotas.environments, need * seconds_each / 10),
    )
