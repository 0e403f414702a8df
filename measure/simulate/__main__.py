"""`python -m measure.simulate [--check]`: the plots and the table of docs/scale.md.

With --check the model is held against the local AWS first; exits with 1 if it is off by more than
a quarter.
"""

from __future__ import annotations

import argparse
import sys
from statistics import median

from local import paths
from measure.simulate.aws import LARGE, SMALL, raised
from measure.simulate.model import Outcome, Quotas, Region, Work
from measure.simulate.plot import Line, plot

PICTURES = paths.REPOSITORY / "docs" / "pictures"
SECONDS = 300  # of arrivals; then everything runs to its end
PART_PER_SECOND = 40  # uploads a second that are simulated, whatever the rate of the region
TOLERANCE = 0.25


def lived(quotas: Quotas, per_second: float, seed: int = 1) -> Outcome:
    by = max(1.0, per_second / PART_PER_SECOND)
    region = Region(quotas.divided(by), Work(), seed)
    region.env.process(region.live(per_second / by, SECONDS, rise=60))
    region.env.run(SECONDS * 20)
    return region.outcome


def remade(at_once: int, per_second: float, seed: int = 1) -> Outcome:
    """Live traffic while a million objects are made anew, this many at a time."""
    by = 50.0
    region = Region(LARGE.divided(by), Work(), seed)
    region.env.process(region.live(per_second / by, SECONDS))
    region.env.process(region.remake(round(1_000_000 / by), max(1, round(at_once / by))))
    region.env.run(SECONDS)
    return region.outcome


def row(name: str, outcome: Outcome) -> str:
    took = outcome.seconds("live")
    first = max(outcome.refused, key=lambda quota: outcome.refused[quota], default="nothing")
    p99 = took[int(len(took) * 0.99)]
    return f"| {name} | {median(took):.1f} | {p99:.1f} | {first} | {outcome.lost} |"


def check(rounds: int = 5, uploads: int = 100) -> int:
    """Prints how far the model is off in each round, and whether it is by more than a quarter in
    the middle one."""
    # The local AWS is not needed for the tables.
    from local.aws.server import local_aws  # noqa: PLC0415
    from local.stack import apply, configured  # noqa: PLC0415
    from measure.load.cargo import RENDITIONS  # noqa: PLC0415
    from measure.simulate.local_check import Laboratory, foretold  # noqa: PLC0415

    found: list[tuple[float, float]] = []
    with local_aws() as aws:
        variables = {"renditions": RENDITIONS, "name": "simulated"}
        with configured(aws, aws.folder / "stack", variables) as root:
            laboratory = Laboratory(apply(aws, root))
            for _ in range(rounds):
                work = laboratory.work(uploads // 5)
                real, left = laboratory.burst(uploads)
                told = foretold(work, uploads, left)
                found.append(
                    (told.per_second / real.per_second, told.median_seconds / real.median_seconds)
                )
                print(
                    f"{left:.0%} of the cores left: {real.per_second:.1f} uploads a second, "
                    f"foretold {told.per_second:.1f}; median {real.median_seconds:.2f} s, "
                    f"foretold {told.median_seconds:.2f}",
                    flush=True,
                )
    ratios = [median(ratio) for ratio in zip(*found, strict=True)]
    print("foretold / measured, median: {:.2f} of the rate, {:.2f} of the latency".format(*ratios))
    return int(any(abs(ratio - 1) > TOLERANCE for ratio in ratios))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m measure.simulate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="against the local AWS, two minutes")
    if parser.parse_args().check and check():
        return 1
    print("| uploads a second, quotas | median s | p99 s | refuses most | lost |")
    print("|---|---|---|---|---|")
    for per_second in (10, 100, 300, 1_000, 100_000):
        for name, quotas in (("large region", LARGE), ("small region", SMALL)):
            if per_second <= 1_000:
                print(row(f"{per_second:,}, {name} as it comes", lived(quotas, per_second)))
        if per_second >= 1_000:
            wanted = raised(LARGE, per_second, Work().conversion + Work().cold_start)
            print(row(f"{per_second:,}, raised or sharded", lived(wanted, per_second)))
    rates = (10, 50, 100, 150, 200, 250, 300, 350, 400, 500)
    lines = [
        Line(name, [(rate, median(lived(quotas, rate).seconds("live"))) for rate in rates])
        for name, quotas in (("large region", LARGE), ("small region", SMALL))
    ]
    plot(PICTURES / "scale-rate.svg", lines, "uploads a second", "median seconds to the result")
    shares = (0, 100, 200, 400, 600, 800, 1_000)
    live = [(n, median(remade(max(n, 1), 100).seconds("live"))) for n in shares]
    done = [(n, len(remade(n, 100).seconds("remake")) * 50 / SECONDS) for n in shares if n]
    plot(
        PICTURES / "scale-remake.svg",
        [Line("live uploads, median seconds", live)],
        "objects made anew at a time, beside 100 live uploads a second",
        "median seconds to the result",
    )
    for at_once, speed in done:
        print(f"remake of {at_once} at a time: {speed:.0f} objects a second")
    return 0


if __name__ == "__main__":
    sys.exit(main())
