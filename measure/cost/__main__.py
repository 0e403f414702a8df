"""`python -m measure.cost`: uploads through the local AWS, counts what AWS would bill, adds it up.

With --keep the facts replace the committed ones, which docs/cost.md tells.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median

from local import paths
from local.aws.server import local_aws
from local.stack import apply, configured
from measure.bench.photos import photos
from measure.bench.sample import SIZES
from measure.cost.bill import table
from measure.cost.counted_run import count
from upload_workflow.ops.rates import FACTS, PRICES

_RUNS = 7  # of the converter in a warm process

RENDITIONS = {
    f"px-{edge}": {"width_px": edge, "height_px": edge, "format": "jpeg"} for edge in SIZES
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m measure.cost", description=__doc__)
    parser.add_argument("--uploads", type=int, default=20)
    parser.add_argument("--photo", type=Path, help="one of yours; the bench's of 12 megapixels")
    parser.add_argument("--keep", action="store_true", help="replace the committed facts")
    options = parser.parse_args()
    if options.photo and not options.photo.is_file():
        parser.error(f"{options.photo} is no file")
    try:
        photo = options.photo or photos(paths.BUILD / "bench" / "photos")["12mp"]
    except (RuntimeError, subprocess.CalledProcessError) as problem:
        print(f"{problem}\nOr name a photograph of your own: --photo FILE", file=sys.stderr)
        return 1
    with ExitStack() as resources:
        print("Starting the local AWS and applying the module ...", flush=True)
        aws = resources.enter_context(local_aws())
        variables = {
            "name": "cost",
            "renditions": RENDITIONS,
            "upload_api": {"authorization": "NONE"},
        }
        root = resources.enter_context(configured(aws, aws.folder / "stack", variables))
        stack = apply(aws, root)
        print(f"Uploading {photo.name} {options.uploads} times ...\n", flush=True)
        try:
            facts = count(stack, photo, options.uploads)
        except RuntimeError as problem:
            print(problem, file=sys.stderr)
            return 1
    facts = replace(facts, stock_ms=stock_ms(photo))
    text = json.dumps(asdict(facts), indent=2) + "\n"
    if options.keep:
        FACTS.write_text(text, "utf-8")
    print(text)
    print(table(facts, PRICES))
    return 0


def stock_ms(photo: Path) -> float:
    """What the stock resampler takes longer, in a warm process."""
    stock, ours = (_warm_ms(contestant, photo) for contestant in ("ours, stock Pillow", "ours"))
    return round(stock - ours, 1)


def _warm_ms(contestant: str, photo: Path) -> float:
    done = subprocess.run(
        [sys.executable, "-m", "measure.bench.sample", contestant, str(photo), str(1 + _RUNS)],
        cwd=paths.REPOSITORY,
        capture_output=True,
        check=True,
        text=True,
    )
    cpu_ms: list[float] = json.loads(done.stdout)["cpu_ms"]
    return median(cpu_ms[1:])


if __name__ == "__main__":
    sys.exit(main())
